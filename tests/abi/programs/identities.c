/* Ids, groups, capabilities, limits, priorities, prctl. Starts as root. */
#include "show.h"
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void show_ids(void)
{
    uid_t r, e, s;
    getresuid(&r, &e, &s);
    printf("  uid %u %u %u", r, e, s);
    getresgid(&r, &e, &s);
    printf(" gid %u %u %u\n", r, e, s);
    fflush(stdout);
}

static unsigned effective_capabilities(void)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    return syscall(SYS_capget, &header, data) ? 1 : data[0].effective != 0;
}

static void drop_for_good(void)
{
    gid_t groups[3] = {5, 6, 7}, back[8];
    SHOW(setgroups(3, groups));
    SHOW(getgroups(8, back));
    SHOW(getgroups(1, back));
    SHOW(setgid(1000));
    SHOW(setuid(1000));
    show_ids();
    SHOW(effective_capabilities());
    SHOW(setuid(0));
    SHOW(setgid(0));
    SHOW(setgroups(1, groups));
    SHOW(setpriority(PRIO_PROCESS, 0, -5));
    SHOW(kill(getppid(), 0));
    SHOW(sethostname("x", 1));
}

static void come_back(void)
{
    SHOW(setresuid(-1, 1000, 0));
    show_ids();
    SHOW(effective_capabilities());
    SHOW(setfsuid(-1));
    SHOW(seteuid(0));
    show_ids();
    SHOW(effective_capabilities());
    SHOW(setreuid(1000, 1001));
    show_ids();
    SHOW(setreuid(1001, 1000));
    show_ids();
    SHOW(setresuid(5, 5, 5));
}

static void keep_capabilities(void)
{
    SHOW(prctl(PR_SET_KEEPCAPS, 1));
    SHOW(setuid(1000));
    SHOW(effective_capabilities());
    SHOW(prctl(PR_GET_KEEPCAPS));
}

static void limits(void)
{
    struct rlimit limit = {100, 200}, back;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    SHOW(getrlimit(RLIMIT_NOFILE, &back));
    SHOW(back.rlim_cur);
    SHOW(back.rlim_max);
    limit.rlim_cur = 300;
    SHOW(setrlimit(RLIMIT_NOFILE, &limit));
    SHOW(getrlimit(77, &back));
    SHOW(dup2(1, 150));
    SHOW(dup2(1, 99));
    SHOW(prlimit(0, RLIMIT_NOFILE, NULL, &back));
    SHOW(prlimit(999999, RLIMIT_NOFILE, NULL, &back));
    SHOW(getrlimit(RLIMIT_STACK, &back));
}

static void options(void)
{
    char name[16];
    int value;
    SHOW(prctl(PR_SET_NAME, "a name that is too long"));
    SHOW(prctl(PR_GET_NAME, name));
    printf("  %s\n", name);
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 0));
    SHOW(prctl(PR_GET_DUMPABLE));
    SHOW(prctl(PR_SET_DUMPABLE, 5));
    SHOW(prctl(PR_SET_PDEATHSIG, 77));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    SHOW(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
    SHOW(prctl(PR_SET_TIMERSLACK, 12345));
    SHOW(prctl(PR_GET_TIMERSLACK));
    SHOW(prctl(PR_CAPBSET_READ, 0));
    SHOW(prctl(PR_CAPBSET_READ, 64));
    SHOW(prctl(PR_GET_CHILD_SUBREAPER, &value));
    SHOW(prctl(123456));
    SHOW(syscall(SYS_personality, 0xffffffff));
}

static void priorities(void)
{
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(setpriority(PRIO_PROCESS, 0, 50));
    SHOW(getpriority(PRIO_PROCESS, 0));
    SHOW(getpriority(9, 0));
    SHOW(getpriority(PRIO_PROCESS, 999999));
    struct rusage usage;
    SHOW(getrusage(RUSAGE_SELF, &usage));
    SHOW(usage.ru_maxrss > 100);
    SHOW(getrusage(RUSAGE_THREAD, &usage));
    SHOW(getrusage(RUSAGE_CHILDREN, &usage));
    SHOW(getrusage(7, &usage));
}

static void in_child(const char *name, void (*run)(void))
{
    printf("%s\n", name);
    fflush(stdout);
    if (!fork()) {
        run();
        _exit(0);
    }
    wait(NULL);
}

int main(void)
{
    show_ids();
    in_child("drop", drop_for_good);
    in_child("back", come_back);
    in_child("keep", keep_capabilities);
    in_child("limits", limits);
    in_child("options", options);
    in_child("priorities", priorities);
    return 0;
}
