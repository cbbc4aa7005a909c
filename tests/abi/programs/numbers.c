/* Calls that tell or set a few numbers: ids, capabilities, scheduling, the machine, random bytes, memory keys. */
#include "show.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/reboot.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void in_child(void (*test)(void))
{
    int status;
    fflush(stdout);
    if (fork() == 0) {
        test();
        exit(0);
    }
    wait(&status);
    SHOW(status);
}

static void ids(void)
{
    unsigned r, e, s;
    SHOW(syscall(SYS_setregid, 11, 22));
    SHOW(getresgid(&r, &e, &s));
    printf("%u %u %u\n", r, e, s);
    SHOW(syscall(SYS_setresgid, -1, 33, 44));
    SHOW(getresgid(&r, &e, &s));
    printf("%u %u %u\n", r, e, s);
    SHOW(syscall(SYS_setfsgid, 55));
    SHOW(syscall(SYS_setfsgid, -1));
    SHOW(setuid(4242));
    SHOW(syscall(SYS_setregid, 44, 11));
    SHOW(syscall(SYS_setregid, 99, -1));
    SHOW(syscall(SYS_setresgid, 99, -1, -1));
    SHOW(syscall(SYS_setfsgid, 99));
    SHOW(syscall(SYS_setfsgid, -1) != 99);
    SHOW(getresgid(&r, (void *)8, &s));
}

static void capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0}, wrong = {1, 0};
    struct __user_cap_data_struct data[2];
    SHOW(syscall(SYS_capget, &header, data));
    unsigned kill = 1u << CAP_KILL;
    SHOW((data[0].effective & kill) != 0);
    data[0].effective &= ~kill;
    SHOW(syscall(SYS_capset, &header, data));
    SHOW(syscall(SYS_capget, &header, data));
    SHOW((data[0].effective & kill) != 0);
    SHOW((data[0].permitted & kill) != 0);
    data[0].effective |= kill;
    SHOW(syscall(SYS_capset, &header, data));
    data[0].permitted &= ~kill;
    SHOW(syscall(SYS_capset, &header, data)); /* effective beyond permitted */
    data[0].effective &= ~kill;
    SHOW(syscall(SYS_capset, &header, data));
    data[0].permitted |= kill;
    SHOW(syscall(SYS_capset, &header, data));
    SHOW(syscall(SYS_capset, &wrong, data));
    SHOW(wrong.version == _LINUX_CAPABILITY_VERSION_3);
    header.pid = 1;
    SHOW(syscall(SYS_capset, &header, data));
    SHOW(syscall(SYS_capset, (void *)8, data));
}

static void scheduling(void)
{
    struct sched_param parameter;
    struct timespec quantum;
    struct {
        unsigned size, policy;
        unsigned long long flags;
        int nice;
        unsigned priority;
        unsigned long long runtime, deadline, period;
        unsigned util_min, util_max;
    } attr = {0};
    SHOW(sched_getparam(0, &parameter));
    SHOW(parameter.sched_priority);
    SHOW(sched_getparam(-1, &parameter));
    SHOW(sched_getparam(999999, &parameter));
    SHOW(syscall(SYS_sched_getparam, 0, NULL));
    SHOW(sched_rr_get_interval(0, &quantum));
    SHOW(quantum.tv_sec);
    SHOW(sched_rr_get_interval(-1, &quantum));
    SHOW(sched_rr_get_interval(999999, &quantum));
    SHOW(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0));
    printf("%u %llu %d %u\n", attr.policy, attr.flags, attr.nice, attr.priority);
    SHOW(setpriority(PRIO_PROCESS, 0, 5));
    SHOW(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0));
    SHOW(attr.nice);
    SHOW(syscall(SYS_sched_getattr, 0, &attr, 10, 0));
    SHOW(syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 1));
    SHOW(syscall(SYS_sched_getattr, -1, &attr, sizeof attr, 0));
    SHOW(syscall(SYS_sched_getattr, 999999, &attr, sizeof attr, 0));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 6));
    SHOW(syscall(SYS_ioprio_get, 1, 0));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 8));
    SHOW(syscall(SYS_ioprio_set, 1, 0, 4 << 13));
    SHOW(syscall(SYS_ioprio_set, 9, 0, 0));
    SHOW(syscall(SYS_ioprio_get, 9, 0));
    SHOW(syscall(SYS_ioprio_get, 1, 999999));
}

static void machine(void)
{
    struct utsname system;
    struct sysinfo info;
    unsigned cpu = 999, node = 999;
    SHOW(uname(&system));
    puts(system.sysname);
    puts(system.machine);
    SHOW(syscall(SYS_uname, (void *)8));
    SHOW(sysinfo(&info));
    SHOW(info.totalram > 0 && info.freeram < info.totalram);
    SHOW(info.mem_unit);
    SHOW(info.procs > 0);
    SHOW(info.uptime >= 0);
    SHOW(syscall(SYS_sysinfo, (void *)8));
    SHOW(syscall(SYS_getcpu, &cpu, &node, NULL));
    SHOW(cpu < 64 && node == 0);
    SHOW(syscall(SYS_getcpu, NULL, NULL, NULL));
    SHOW(syscall(SYS_getcpu, (void *)8, NULL, NULL));
    SHOW(klogctl(10, NULL, 0) > 0);
    SHOW(klogctl(99, NULL, 0));
    SHOW(klogctl(2, NULL, -1));
    SHOW(syscall(SYS_reboot, 1, 2, 3, NULL));
    SHOW(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, 2, LINUX_REBOOT_CMD_CAD_OFF, NULL));
    SHOW(syscall(SYS_setdomainname, (void *)8, 3));
    SHOW(syscall(SYS_setdomainname, "x", 65));
    SHOW(syscall(SYS_sethostname, "x", -1));
    SHOW(syscall(SYS_settimeofday, (void *)8, NULL));
    SHOW(setuid(4242));
    SHOW(syscall(SYS_setdomainname, "x", 1));
    SHOW(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART, NULL));
    struct timeval now = {1, 1};
    SHOW(syscall(SYS_settimeofday, &now, NULL));
}

static void random_bytes(void)
{
    unsigned char a[300] = {0}, b[300] = {0};
    SHOW(getrandom(a, sizeof a, 0));
    SHOW(getrandom(b, sizeof b, GRND_NONBLOCK));
    SHOW(memcmp(a, b, sizeof a) != 0);
    SHOW(getrandom(a, 16, GRND_RANDOM));
    SHOW(getrandom(a, 0, 0));
    SHOW(syscall(SYS_getrandom, a, 16, 8));
    SHOW(syscall(SYS_getrandom, a, 16, GRND_RANDOM | 4));
    SHOW(syscall(SYS_getrandom, (void *)8, 16, 0));
}

static void memory(void)
{
    char *page = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char resident[3];
    SHOW(syscall(SYS_mlock2, page, 4096, 0));
    SHOW(mincore(page, 3 * 4096, resident));
    printf("%d %d\n", resident[0] & 1, resident[1] & 1);
    SHOW(syscall(SYS_mlock2, page, 3 * 4096, 1));
    SHOW(mincore(page, 3 * 4096, resident));
    printf("%d %d\n", resident[0] & 1, resident[1] & 1);
    SHOW(syscall(SYS_mlock2, page, 4096, 2));
    SHOW(munlock(page, 3 * 4096));
    SHOW(munmap(page + 4096, 4096));
    SHOW(syscall(SYS_mlock2, page, 3 * 4096, 0));
    SHOW(syscall(SYS_pkey_mprotect, page, 4096, PROT_READ, -1));
    SHOW(syscall(SYS_pkey_mprotect, page, 4096, PROT_READ, 99));
    SHOW(syscall(SYS_pkey_alloc, 1, 0));
    SHOW(syscall(SYS_pkey_alloc, 0, 4));
    SHOW(syscall(SYS_pkey_free, 99));
    SHOW(syscall(SYS_pkey_free, -1));
    unsigned long base = 0;
    SHOW(syscall(SYS_arch_prctl, 0x1003, &base)); /* ARCH_GET_FS */
    SHOW(base != 0);
    SHOW(syscall(SYS_arch_prctl, 0x1001, 0x1234ul)); /* ARCH_SET_GS */
    SHOW(syscall(SYS_arch_prctl, 0x1004, &base));
    SHOW(base);
    SHOW(syscall(SYS_arch_prctl, 0x1001, 1ul << 63));
    SHOW(syscall(SYS_arch_prctl, 0x1003, (void *)8));
    SHOW(syscall(SYS_arch_prctl, 0x9999, 0));
}

int main(void)
{
    in_child(ids);
    in_child(capabilities);
    in_child(scheduling);
    in_child(machine);
    in_child(random_bytes);
    in_child(memory);
}
