/* mmap and its family: errors, protections, sharing, growth and shrinking of what is mapped, faults by signal. */
#include "show.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };
static sigjmp_buf back;
static volatile int code, number;

static void on_fault(int n, siginfo_t *info, void *context)
{
    (void)context;
    number = n;
    code = info->si_code;
    siglongjmp(back, 1);
}

/* What touching a byte does: 0, or signal * 100 + code. */
static int touch(volatile char *p, int write)
{
    if (sigsetjmp(back, 1))
        return number * 100 + code;
    if (write)
        *p = 1;
    else
        (void)*p;
    return 0;
}

static char *map(size_t len, int protection, int flags, int fd, off_t offset)
{
    return mmap(NULL, len, protection, flags, fd, offset);
}
#define FAILS(call) SHOW((call) == MAP_FAILED ? -1 : 0)

static void errors(int fd, int reader)
{
    FAILS(map(0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    FAILS(map(PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
    FAILS(map(PAGE, PROT_READ, MAP_PRIVATE, -1, 0));
    FAILS(map(PAGE, PROT_READ, MAP_PRIVATE, fd, 100));
    FAILS(map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
    FAILS(map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0));
    FAILS(map(1ul << 48, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    FAILS(mmap((void *)123, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    char *p = map(4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    FAILS(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW(munmap(p + 1, PAGE));
    SHOW(munmap(p, 0));
    SHOW(munmap(p + PAGE, PAGE));
    SHOW(munmap(p + PAGE, PAGE));
    SHOW(mprotect(p, 4 * PAGE, PROT_READ));
    SHOW(mprotect(p + 1, PAGE, PROT_READ));
    SHOW(mprotect(p, 0, PROT_READ));
    char *s = map(PAGE, PROT_READ, MAP_SHARED, reader, 0);
    SHOW(mprotect(s, PAGE, PROT_READ | PROT_WRITE));
    SHOW(madvise(p + 1, PAGE, MADV_DONTNEED));
    SHOW(madvise(p, PAGE, 12345));
    SHOW(madvise(p, 4 * PAGE, MADV_DONTNEED));
    SHOW(msync(p, PAGE, MS_SYNC | MS_ASYNC));
    SHOW(msync(p + PAGE, PAGE, MS_SYNC));
    unsigned char vector[4];
    SHOW(mincore(p, 4 * PAGE, vector));
    SHOW(mincore(p, PAGE, vector));
    SHOW(mlock(p, PAGE));
    SHOW(munlock(p, PAGE));
}

static void faults(int fd)
{
    char *p = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(touch(p, 1));
    SHOW(mprotect(p, PAGE, PROT_READ));
    SHOW(touch(p, 0));
    SHOW(touch(p, 1));
    SHOW(mprotect(p, PAGE, PROT_NONE));
    SHOW(touch(p, 0));
    SHOW(munmap(p, PAGE));
    SHOW(touch(p, 0));
    SHOW(touch(p + PAGE, 1));
    SHOW(touch((char *)8, 0));
    SHOW(touch((char *)0xffff800000000000, 0));
    ftruncate(fd, 100);
    char *f = map(3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(touch(f + 200, 0));
    SHOW(touch(f + PAGE, 0));
    SHOW(ftruncate(fd, 2 * PAGE));
    SHOW(touch(f + PAGE, 1));
    SHOW(ftruncate(fd, 10));
    SHOW(touch(f + PAGE, 0));
    SHOW(f[20]);
    munmap(f, 3 * PAGE);
}

static void sharing(int fd)
{
    ftruncate(fd, 0);
    ftruncate(fd, 2 * PAGE);
    char *shared = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *private = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    char *anonymous = map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *own = map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char byte = 0;
    shared[0] = 1;
    SHOW(private[0]);
    private[0] = 2;
    shared[0] = 3;
    SHOW(private[0]);
    pread(fd, &byte, 1, 0);
    SHOW(byte);
    pwrite(fd, "\7", 1, 0);
    SHOW(shared[0]);
    own[0] = 1;
    if (!fork()) {
        anonymous[0] = 5;
        shared[1] = 6;
        own[0] = 9;
        _exit(0);
    }
    wait(NULL);
    SHOW(anonymous[0] * 100 + shared[1] * 10 + own[0]);
    SHOW(madvise(own, PAGE, MADV_DONTNEED));
    SHOW(own[0]);
    SHOW(madvise(private, PAGE, MADV_DONTNEED));
    SHOW(private[0]);
    close(fd);
    SHOW(shared[0]);
}

static void moving(void)
{
    char *p = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 4; i++)
        p[i * PAGE] = (char)(i + 1);
    char *q = mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
    SHOW(q[3 * PAGE] + q[7 * PAGE]);
    SHOW(mremap(q, 8 * PAGE, 2 * PAGE, 0) == q);
    SHOW(touch(q + 2 * PAGE, 0));
    char *target = map(4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
    SHOW(target[PAGE]);
    SHOW(touch(q, 0));
    FAILS(mremap(q, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    FAILS(mremap(target + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    FAILS(mremap(target, PAGE, 0, MREMAP_MAYMOVE));
    FAILS(mremap(target, PAGE, PAGE, 77));
    char *end = sbrk(0);
    SHOW(sbrk(3 * PAGE) == end);
    end[PAGE] = 1;
    SHOW(brk(end));
    SHOW(sbrk(0) == (void *)end);
    int memory = memfd_create("m", MFD_ALLOW_SEALING);
    SHOW(ftruncate(memory, PAGE));
    SHOW(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
    SHOW(ftruncate(memory, 0));
    SHOW(ftruncate(memory, 2 * PAGE));
    SHOW(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE));
    SHOW(pwrite(memory, "x", 1, 0));
    FAILS(map(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0));
    SHOW(fcntl(memory, F_GET_SEALS));
}

int main(void)
{
    char path[] = "/tmp/memoryXXXXXX";
    int fd = mkstemp(path), reader = open(path, O_RDONLY);
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    unlink(path);
    ftruncate(fd, PAGE);
    errors(fd, reader);
    faults(fd);
    sharing(fd);
    moving();
    return 0;
}
