/* Which accelerator this host has (design.md, "Facts about hosts"). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <vm/vm.h>

/* VT-x or AMD-V among the CPU's flags. */
static bool cpu_has_virtualization(void)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    char line[8192];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = !strncmp(line, "flags", 5) && (strstr(line, " vmx") || strstr(line, " svm"));
    if (file)
        fclose(file);
    return found;
}

enum vm_kvm vm_probe_kvm(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == EACCES || errno == EPERM ? VM_KVM_NO_PERMISSION : VM_KVM_ABSENT;
    close(fd);
    return cpu_has_virtualization() ? VM_KVM_HARDWARE : VM_KVM_SOFTWARE;
}

struct error *vm_choose_accel(enum vm_accel wanted, enum vm_accel *chosen, const char **why)
{
    enum vm_kvm kvm = vm_probe_kvm();
    *why = NULL;
    *chosen = wanted;
    if (wanted == VM_ACCEL_TCG)
        return NULL;
    if (wanted == VM_ACCEL_KVM && kvm == VM_KVM_NO_PERMISSION)
        return error_hint(
            error_new("/dev/kvm cannot be opened: permission denied"),
            "add yourself to the group kvm (sudo usermod -aG kvm $USER, then log in again), or use --accel tcg");
    if (wanted == VM_ACCEL_KVM && kvm == VM_KVM_ABSENT)
        return error_hint(
            error_new("this host has no /dev/kvm"),
            "enable virtualization in its firmware and load the module kvm_intel or kvm_amd, or use --accel tcg");
    if (wanted == VM_ACCEL_KVM)
        return NULL;
    *chosen = kvm == VM_KVM_HARDWARE ? VM_ACCEL_KVM : VM_ACCEL_TCG;
    if (kvm == VM_KVM_SOFTWARE)
        *why = "this host's KVM is a software one, which emulates the kernel's instructions slowly and not all of them";
    else if (kvm == VM_KVM_NO_PERMISSION)
        *why = "/dev/kvm cannot be opened: permission denied (add yourself to the group kvm)";
    else if (kvm == VM_KVM_ABSENT)
        *why = "this host has no /dev/kvm";
    return NULL;
}
