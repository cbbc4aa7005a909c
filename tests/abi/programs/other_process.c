/* Calls on other processes, on memory nodes and on the clock's discipline: kcmp, process_madvise, process_mrelease,
 * process_vm_readv, move_pages, migrate_pages, adjtimex, sysfs, ustat. */
#include "show.h"
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { KCMP_FILE, KCMP_VM, KCMP_FILES, KCMP_FS, KCMP_SIGHAND, KCMP_EPOLL_TFD = 7 };

static long kcmp(int a, int b, int type, long x, long y)
{
    long result = syscall(SYS_kcmp, a, b, type, x, y);
    return result > 0 ? 1 : result; /* which is less is chance */
}

static void comparing(int child)
{
    int me = getpid(), other = dup(1), file = open("/", O_RDONLY);
    SHOW(kcmp(me, me, KCMP_VM, 0, 0));
    SHOW(kcmp(me, child, KCMP_VM, 0, 0));
    SHOW(kcmp(me, child, KCMP_FILES, 0, 0));
    SHOW(kcmp(me, child, KCMP_FS, 0, 0));
    SHOW(kcmp(me, child, KCMP_SIGHAND, 0, 0));
    SHOW(kcmp(me, me, KCMP_FILE, 1, other));
    SHOW(kcmp(me, child, KCMP_FILE, 1, 1));
    SHOW(kcmp(me, me, KCMP_FILE, 1, file));
    SHOW(kcmp(me, me, KCMP_FILE, 1, 99));
    SHOW(kcmp(me, me, KCMP_FILE, -1, 1));
    SHOW(kcmp(me, me, 77, 0, 0));
    SHOW(kcmp(me, 0, KCMP_VM, 0, 0));
    SHOW(kcmp(me, 999999, KCMP_VM, 0, 0));
    long ab = syscall(SYS_kcmp, me, me, KCMP_FILE, 1, file), ba = syscall(SYS_kcmp, me, me, KCMP_FILE, file, 1);
    SHOW(ab + ba);
    close(other);
    close(file);
}

static void comparing_with_epoll(void)
{
    struct slot {
        unsigned epoll, fd, index;
    };
    int me = getpid(), ends[2], epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    SHOW(pipe(ends));
    SHOW(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
    struct slot slot = {epoll, ends[0], 0}, second = {epoll, ends[0], 1}, other = {epoll, 1, 0}, none = {ends[0], 1, 0};
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, ends[0], (long)&slot));
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, ends[1], (long)&slot));
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, ends[0], (long)&second));
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, ends[0], (long)&other));
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, ends[0], (long)&none));
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, 99, (long)&slot));
    SHOW(kcmp(me, me, KCMP_EPOLL_TFD, ends[0], 0));
    close(epoll);
    close(ends[0]);
    close(ends[1]);
}

static void advising(int child, char *page)
{
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    struct iovec one = {page, 4096}, unmapped = {(void *)0x10000, 4096}, odd = {page + 1, 4096},
                 two[2] = {one, unmapped};
    SHOW(syscall(SYS_process_madvise, fd, &one, 1, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, &one, 1, MADV_COLD, 1));
    SHOW(syscall(SYS_process_madvise, fd, &one, 1, MADV_DONTNEED, 0));
    SHOW(syscall(SYS_process_madvise, fd, &odd, 1, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, &unmapped, 1, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, two, 2, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, 1, &one, 1, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, 99, &one, 1, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, (void *)8, 1, MADV_COLD, 0));
    SHOW(syscall(SYS_process_madvise, fd, &one, 1025, MADV_COLD, 0));
    SHOW(syscall(SYS_process_mrelease, fd, 0));
    SHOW(syscall(SYS_process_mrelease, fd, 1));
    SHOW(syscall(SYS_process_mrelease, 1, 0));
    close(fd);
}

static void reading(int child, char *page)
{
    char mine[16] = "";
    struct iovec local = {mine, 6}, remote = {page, 6};
    SHOW(process_vm_readv(child, &local, 1, &remote, 1, 0));
    puts(mine);
    SHOW(process_vm_readv(child, &local, 1, &remote, 1, 1));
    SHOW(process_vm_readv(999999, &local, 1, &remote, 1, 0));
    remote.iov_base = (void *)8;
    SHOW(process_vm_readv(child, &local, 1, &remote, 1, 0));
    remote.iov_base = page;
    local.iov_base = "HELLO";
    SHOW(process_vm_writev(child, &local, 1, &remote, 1, 0));
    local.iov_base = mine;
    SHOW(process_vm_readv(child, &local, 1, &remote, 1, 0));
    puts(mine);
    fflush(stdout);
    if (fork() == 0) {
        SHOW(setgroups(0, NULL));
        SHOW(setgid(4242));
        SHOW(setuid(4242));
        SHOW(process_vm_readv(child, &local, 1, &remote, 1, 0));
        SHOW(kcmp(child, getpid(), KCMP_VM, 0, 0));
        exit(0);
    }
    wait(NULL);
}

static void nodes(char *page)
{
    char *area = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *pages[3] = {page, area + 4096, (void *)0x10000};
    int status[3] = {7, 7, 7}, to[3] = {0, 0, 0}, bad[3] = {0, 1000000, 0};
    unsigned long zero = 1, none = 0;
    *(volatile char *)page = 'h';
    SHOW(syscall(SYS_move_pages, 0, 3, pages, NULL, status, 0));
    printf("%d %d %d\n", status[0], status[1], status[2]);
    SHOW(syscall(SYS_move_pages, 0, 1, pages, to, status, MAP_PRIVATE));
    SHOW(status[0]);
    SHOW(syscall(SYS_move_pages, 0, 3, pages, bad, status, MAP_PRIVATE));
    SHOW(syscall(SYS_move_pages, 0, 3, pages, NULL, status, 1));
    SHOW(syscall(SYS_move_pages, 0, 3, (void *)8, NULL, status, 0));
    SHOW(syscall(SYS_move_pages, 0, 1, pages, NULL, (void *)8, 0));
    SHOW(syscall(SYS_move_pages, 999999, 1, pages, NULL, status, 0));
    SHOW(syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0));
    SHOW(syscall(SYS_migrate_pages, 0, 64, &zero, &zero));
    SHOW(syscall(SYS_migrate_pages, 0, 64, &zero, &none));
    SHOW(syscall(SYS_migrate_pages, 999999, 64, &zero, &zero));
    SHOW(syscall(SYS_migrate_pages, 0, 64, (void *)8, &zero));
    SHOW(syscall(SYS_set_mempolicy_home_node, area, 4096, 0, 0));
    SHOW(syscall(SYS_set_mempolicy_home_node, area + 1, 4096, 0, 0));
    SHOW(syscall(SYS_set_mempolicy_home_node, area, 4096, 0, 1));
    SHOW(syscall(SYS_set_mempolicy_home_node, area, 0, 0, 0));
}

static void the_clock(void)
{
    struct timex t = {0};
    SHOW(adjtimex(&t) >= 0);
    SHOW(t.tick);
    SHOW(t.precision);
    SHOW(t.time.tv_sec - time(NULL) <= 1);
    SHOW(adjtimex((void *)8));
    SHOW(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &t) >= 0);
    SHOW(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &t));
    SHOW(syscall(SYS_clock_adjtime, 77, &t));
    if (fork() == 0) {
        SHOW(setuid(4242));
        t.modes = ADJ_FREQUENCY;
        SHOW(adjtimex(&t));
        t.modes = 0;
        SHOW(adjtimex(&t) >= 0);
        exit(0);
    }
    wait(NULL);
}

static void file_systems(void)
{
    char name[64], ustat[32];
    struct stat st;
    long count = syscall(SYS_sysfs, 3);
    SHOW(count > 3);
    long index = syscall(SYS_sysfs, 1, "tmpfs");
    SHOW(index >= 0 && index < count);
    SHOW(syscall(SYS_sysfs, 2, index, name));
    puts(name);
    SHOW(syscall(SYS_sysfs, 2, count, name));
    SHOW(syscall(SYS_sysfs, 1, "nothing"));
    SHOW(syscall(SYS_sysfs, 1, (void *)8));
    SHOW(syscall(SYS_sysfs, 4));
    SHOW(stat("/proc", &st));
    SHOW(syscall(SYS_ustat, (unsigned)st.st_dev, ustat));
    SHOW(syscall(SYS_ustat, (unsigned)st.st_dev, (void *)8));
    SHOW(syscall(SYS_ustat, 0xfffff, ustat));
}

int main(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(page, "hello");
    int child = fork();
    if (!child) {
        pause();
        _exit(0);
    }
    comparing(child);
    comparing_with_epoll();
    advising(child, page);
    reading(child, page);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    nodes(page);
    fflush(stdout);
    the_clock();
    file_systems();
}
