/* The machine's names, the log and the end: uname, sethostname, setdomainname, syslog, reboot. */
#include <base/errno.h>
#include <base/string.h>
#include <device/control.h>
#include <devfs/devfs.h>
#include <linux/syscalls.h>
#include <process/machine.h>
#include <process/process.h>

struct linux_utsname {
    char system[65], node[65], release[65], version[65], machine[65], domain[65];
};
static_assert(sizeof(struct linux_utsname) == 390, "struct new_utsname");

enum {
    SYSLOG_SIZE_BUFFER = 10,
    SYSLOG_BUFFER_SIZE = 16384,
    CAPABILITY_SYS_BOOT = 22,
    CAPABILITY_SYS_ADMIN = 21,
};
#define REBOOT_MAGIC1    0xfee1deadu
#define REBOOT_RESTART   0x01234567u
#define REBOOT_HALT      0xcdef0123u
#define REBOOT_POWER_OFF 0x4321fedcu
#define REBOOT_CAD_ON    0x89abcdefu
#define REBOOT_CAD_OFF   0x00000000u

static bool is_capable(unsigned capability)
{
    return process_current()->credentials.capabilities_effective >> capability & 1;
}

long sys_uname(struct user *out)
{
    struct linux_utsname names = {
        .system = MACHINE_SYSTEM,
        .release = MACHINE_RELEASE,
        .version = MACHINE_VERSION,
        .machine = MACHINE_CPU,
    };
    machine_get_hostname(names.node);
    machine_get_domain(names.domain);
    return copy_struct_to_user(out, &names);
}

static long set_name(struct user *name, size_t len, int (*set)(const char *name, size_t len))
{
    char copy[MACHINE_NAME_MAX];
    if (!is_capable(CAPABILITY_SYS_ADMIN))
        return -EPERM;
    if (len > sizeof copy)
        return -EINVAL;
    int err = copy_from_user(copy, name, len);
    return err ? err : set(copy, len);
}

long sys_sethostname(struct user *name, size_t len)
{
    return set_name(name, len, machine_set_hostname);
}

long sys_setdomainname(struct user *name, size_t len)
{
    return set_name(name, len, machine_set_domain);
}

/* The log is the host's to read; the program finds an empty one. */
long sys_syslog(int type, struct user *buf, int len)
{
    if (type < 0 || type > SYSLOG_SIZE_BUFFER || len < 0)
        return -EINVAL;
    return type == SYSLOG_SIZE_BUFFER ? SYSLOG_BUFFER_SIZE : 0;
}

/* A machine runs one program: each way of ending it is a power-off with status 0. */
long sys_reboot(int magic1, int magic2, unsigned command, struct user *argument)
{
    static const unsigned magic[] = {672274793, 85072278, 369367448, 537993216};
    bool is_magic = false;
    for (unsigned i = 0; i < sizeof magic / sizeof *magic; i++)
        is_magic |= (unsigned)magic2 == magic[i];
    if (!is_capable(CAPABILITY_SYS_BOOT))
        return -EPERM;
    if ((unsigned)magic1 != REBOOT_MAGIC1 || !is_magic)
        return -EINVAL;
    switch (command) {
    case REBOOT_CAD_ON:
    case REBOOT_CAD_OFF:
        return 0;
    case REBOOT_RESTART:
    case REBOOT_HALT:
    case REBOOT_POWER_OFF:
        console_drain(true);
        control_send("exit 0");
        machine_power_off(0);
    default:
        return -EINVAL;
    }
}
