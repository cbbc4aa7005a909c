/* skiff doctor: what this host has, what it lacks, and what to do about it. */
#include <grp.h>
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <util/file.h>
#include "cli.h"

enum level { GOOD, LIMITED, MISSING };
struct finding {
    const char *subject;
    enum level level;
    char *text;
    const char *advice;
};

/* Why this user may not open /dev/kvm: what its group is, and whether being in it needs only a new session. */
static struct finding explain_permission(void)
{
    struct stat s;
    struct group *group = stat("/dev/kvm", &s) || !(s.st_mode & 0060) ? NULL : getgrgid(s.st_gid);
    struct passwd *user = getpwuid(geteuid());
    bool is_member = false;
    for (char **name = group ? group->gr_mem : NULL; name && *name && user; name++)
        is_member |= !strcmp(*name, user->pw_name);
    struct finding f = {"kvm", LIMITED, NULL, NULL};
    f.text = xprintf("/dev/kvm is there, but this user may not open it (%s%s%s); machines run under TCG, slower",
                     group ? "group " : "root only", group ? group->gr_name : "",
                     is_member ? ", which you are in since your last login" : "");
    f.advice = !group      ? "chgrp kvm /dev/kvm && chmod g+rw /dev/kvm, as root"
               : is_member ? "log in again, or: newgrp kvm"
                           : "sudo usermod -aG kvm $USER, then log in again";
    return f;
}

static struct finding check_kvm(void)
{
    switch (vm_probe_kvm()) {
    case VM_KVM_HARDWARE:
        return (struct finding){"kvm", GOOD,
                                xstrdup("hardware virtualization: /dev/kvm opens and the CPU has VT-x or AMD-V"), NULL};
    case VM_KVM_SOFTWARE:
        return (struct finding){
            "kvm", LIMITED,
            xstrdup(
                "software KVM: /dev/kvm opens, but the CPU shows neither VT-x nor AMD-V, so the kernel's instructions "
                "would be emulated one by one; --accel auto uses TCG"),
            "run on bare metal, or on a host with nested virtualization"};
    case VM_KVM_NO_PERMISSION:
        return explain_permission();
    default:
        return (struct finding){"kvm", LIMITED, xstrdup("no /dev/kvm; machines run under TCG, slower"),
                                "enable virtualization in the firmware and load kvm_intel or kvm_amd"};
    }
}

static bool has_microvm(void)
{
    char *argv[] = {(char *)"qemu-system-x86_64", (char *)"-M", (char *)"help", NULL}, *output = NULL;
    struct error *err = program_run(argv, NULL, &output, NULL);
    bool has = !err && strstr(output, "microvm");
    error_free(err);
    free(output);
    return has;
}

static struct finding check_qemu(void)
{
    char *argv[] = {(char *)"qemu-system-x86_64", (char *)"--version", NULL}, *output = NULL;
    struct error *err = program_run(argv, NULL, &output, NULL);
    if (err) {
        error_free(err);
        return (struct finding){"qemu", MISSING, xstrdup("qemu-system-x86_64 is not installed"),
                                "apt install qemu-system-x86"};
    }
    const char *at = strstr(output, "version ");
    unsigned major = at ? (unsigned)strtoul(at + 8, NULL, 10) : 0;
    char *text = xprintf("QEMU %.*s", at ? (int)strcspn(at + 8, " (\n") : 1, at ? at + 8 : "?");
    free(output);
    if (!has_microvm())
        return (struct finding){"qemu", LIMITED, text, "its machine type microvm is missing: skiff run --machine q35"};
    if (major < 7)
        return (struct finding){"qemu", LIMITED, text, "QEMU 7.2 or newer is what Skiff is tested with"};
    return (struct finding){"qemu", GOOD, text, NULL};
}

static struct finding check_tool(const char *name, const char *what_for, const char *advice, enum level when_missing)
{
    char *path = program_find(name);
    if (path)
        return (struct finding){name, GOOD, path, NULL};
    return (struct finding){name, when_missing, xprintf("not installed: %s", what_for), advice};
}

static struct finding check_kernel(void)
{
    char *path = NULL;
    struct error *err = find_kernel(&path);
    if (!err)
        return (struct finding){"kernel", GOOD, path, NULL};
    struct finding finding = {"kernel", MISSING, xstrdup(err->text), "make"};
    error_free(err);
    return finding;
}

static void print_finding(const struct finding *f)
{
    static const char *const marks[] = {"ok", "limited", "missing"};
    printf("%-10s %-8s %s\n", f->subject, marks[f->level], f->text);
    if (f->advice)
        printf("%-19s try: %s\n", "", f->advice);
}

struct error *verb_doctor(int argc, char **argv, int *status)
{
    static const char *const levels[] = {"ok", "limited", "missing"};
    bool as_json = argc == 2 && !strcmp(argv[1], "--json");
    if (argc > 1 + as_json)
        return error_hint(error_new("doctor: \"%s\" is not an option", argv[1]), "skiff doctor [--json]");
    struct finding findings[] = {
        check_kvm(),
        check_qemu(),
        check_kernel(),
        check_tool("mkfs.erofs", "images cannot be built (existing ones run)", "apt install erofs-utils", MISSING),
        check_tool("jdeps", "jars get the whole Java runtime", "apt install openjdk-17-jdk-headless", LIMITED),
        check_tool("jlink", "jars cannot be made into images", "apt install openjdk-17-jdk-headless", LIMITED),
        check_tool("ruby", "Ruby scripts cannot be made into images", "apt install ruby", LIMITED),
        check_tool("python3", "Python scripts cannot be made into images", "apt install python3", LIMITED),
    };
    json_t *list = json_array();
    *status = 0;
    for (size_t i = 0; i < sizeof findings / sizeof *findings; i++) {
        struct finding *f = &findings[i];
        if (f->level == MISSING)
            *status = 1;
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "subject", f->subject, "state", levels[f->level],
                                              "text", f->text, "advice", f->advice));
        if (!as_json)
            print_finding(f);
        free(f->text);
    }
    if (as_json) {
        json_dumpf(list, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        printf("%s\n", *status ? "This host is not ready." : "This host is ready.");
    }
    json_decref(list);
    return NULL;
}
