/* fork, vfork, exec, wait in all forms, groups and sessions, process descriptors. */
#include "show.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void show_status(int status)
{
    if (WIFEXITED(status))
        printf("  exited %d\n", WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        printf("  killed %d\n", WTERMSIG(status));
    else if (WIFSTOPPED(status))
        printf("  stopped %d\n", WSTOPSIG(status));
    else if (WIFCONTINUED(status))
        printf("  continued\n");
    fflush(stdout);
}

static pid_t child_that_waits(void)
{
    pid_t child = fork();
    while (!child)
        pause();
    return child;
}

static void exits(void)
{
    int status;
    struct rusage usage;
    pid_t child = fork();
    if (!child)
        _exit(300 + 7);
    SHOW(wait4(child, &status, 0, &usage) == child);
    show_status(status);
    SHOW(waitpid(-1, &status, 0));
    SHOW(waitpid(-1, &status, 12345678));
    SHOW(waitpid(999999, &status, 0));
    child = vfork();
    if (!child)
        _exit(5);
    waitpid(child, &status, 0);
    show_status(status);
    child = child_that_waits();
    SHOW(waitpid(child, &status, WNOHANG));
    kill(child, SIGKILL);
    SHOW(waitpid(child, &status, 0) == child);
    show_status(status);
}

static void stops(void)
{
    int status;
    siginfo_t info;
    pid_t child = child_that_waits();
    kill(child, SIGSTOP);
    SHOW(waitpid(child, &status, WUNTRACED) == child);
    show_status(status);
    SHOW(waitpid(child, &status, WUNTRACED | WNOHANG));
    kill(child, SIGCONT);
    SHOW(waitpid(child, &status, WCONTINUED) == child);
    show_status(status);
    kill(child, SIGTERM);
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT));
    SHOW(info.si_pid == child && info.si_signo == SIGCHLD);
    SHOW(info.si_code);
    SHOW(info.si_status);
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED));
    SHOW(waitid(P_PID, (id_t)child, &info, WEXITED));
    SHOW(waitid(P_ALL, 0, &info, 0));
}

static void descriptors(void)
{
    siginfo_t info;
    pid_t child = child_that_waits();
    int fd = (int)syscall(SYS_pidfd_open, child, 0);
    SHOW(fd >= 0);
    struct pollfd poll_fd = {fd, POLLIN, 0};
    SHOW(poll(&poll_fd, 1, 0));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
    SHOW(poll(&poll_fd, 1, 5000));
    SHOW(poll_fd.revents);
    SHOW(waitid(3, (id_t)fd, &info, WEXITED));
    SHOW(info.si_status);
    SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
    close(fd);
    SHOW(syscall(SYS_pidfd_open, 999999, 0));
    SHOW(syscall(SYS_pidfd_open, getpid(), 1));
    SHOW(syscall(SYS_pidfd_send_signal, 0, 0, NULL, 0));
}

static int run(const char *path, char *const arguments[])
{
    int status;
    pid_t child = fork();
    if (!child) {
        execv(path, arguments);
        _exit(100 + errno);
    }
    waitpid(child, &status, 0);
    return WEXITSTATUS(status);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
    if (write(fd, text, strlen(text)) < 0)
        perror(path);
    close(fd);
}

static void programs(void)
{
    char *const child[] = {"program", "child", "with words", NULL};
    SHOW(run("/proc/self/exe", child));
    SHOW(run("/nonexistent/program", child) - 100 == ENOENT);
    SHOW(run("/", child) - 100 == EACCES);
    write_file("plain", "echo", 0644);
    SHOW(run("./plain", child) - 100 == EACCES);
    write_file("garbage", "garbage", 0755);
    SHOW(run("./garbage", child) - 100 == ENOEXEC);
    write_file("half", "\177ELF\2\1\1", 0755);
    SHOW(run("./half", child) - 100 == ENOEXEC);
    write_file("script", "#! /proc/self/exe child with\n", 0755);
    SHOW(run("./script", child));
    write_file("lost", "#!/nonexistent/interpreter\n", 0755);
    SHOW(run("./lost", child) - 100 == ENOENT);
    write_file("loop", "#!./loop\n", 0755);
    SHOW(run("./loop", child) - 100 == ELOOP);
    char *big = malloc(200000);
    memset(big, 'a', 199999);
    big[199999] = 0;
    char *const long_word[] = {"program", "child", big, NULL};
    SHOW(run("/proc/self/exe", long_word) - 100 == E2BIG);
    int fd = open("/proc/self/exe", O_RDONLY);
    pid_t pid = fork();
    if (!pid) {
        syscall(SYS_execveat, fd, "", child, (char *[]){NULL}, AT_EMPTY_PATH);
        _exit(100 + errno);
    }
    int status;
    waitpid(pid, &status, 0);
    show_status(status);
    close(fd);
}

static void *exec_in_thread(void *argument)
{
    execl("/proc/self/exe", "program", "id", (char *)NULL);
    _exit(99);
}

static void threads_and_exec(void)
{
    int status;
    pid_t child = fork();
    if (!child) {
        pthread_t thread;
        char id[16];
        snprintf(id, sizeof id, "%d", getpid());
        setenv("WANTED", id, 1);
        pthread_create(&thread, NULL, exec_in_thread, NULL);
        for (;;)
            pause();
    }
    waitpid(child, &status, 0);
    show_status(status); /* the thread took over the process's id */
}

static void groups(void)
{
    pid_t child = child_that_waits();
    int status;
    SHOW(getpgid(child) == getpgid(0));
    SHOW(setpgid(child, child));
    SHOW(getpgid(child) == child);
    SHOW(getsid(child) == getsid(0));
    SHOW(setpgid(child, 999999));
    SHOW(setpgid(999999, 0));
    SHOW(kill(-child, 0));
    SHOW(kill(-999999, 0));
    kill(-child, SIGTERM);
    SHOW(waitpid(-child, &status, 0) == child);
    child = fork();
    if (!child) {
        int ok = setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid() && setsid() == -1;
        _exit(ok);
    }
    waitpid(child, &status, 0);
    show_status(status);
}

static void orphans(void)
{
    int ends[2], status, parent = -1;
    if (pipe(ends))
        return;
    SHOW(prctl(PR_SET_CHILD_SUBREAPER, 1));
    pid_t child = fork();
    if (!child) {
        if (!fork()) {
            usleep(50000);
            parent = getppid();
            _exit(write(ends[1], &parent, sizeof parent) == sizeof parent ? 21 : 22);
        }
        _exit(20);
    }
    waitpid(child, &status, 0);
    show_status(status);
    SHOW(read(ends[0], &parent, sizeof parent));
    SHOW(parent == getpid());
    SHOW(waitpid(-1, &status, 0) > 0);
    show_status(status);
    child = fork();
    if (!child) {
        prctl(PR_SET_PDEATHSIG, SIGUSR1);
        int number;
        prctl(PR_GET_PDEATHSIG, &number);
        _exit(number);
    }
    waitpid(child, &status, 0);
    show_status(status);
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "child"))
        return 40 + argc;
    if (argc > 1 && !strcmp(argv[1], "child with"))
        return 50 + argc;
    if (argc > 1 && !strcmp(argv[1], "id"))
        return getpid() == atoi(getenv("WANTED")) && syscall(SYS_gettid) == getpid() ? 33 : 34;
    exits();
    stops();
    descriptors();
    programs();
    threads_and_exec();
    groups();
    orphans();
    signal(SIGCHLD, SIG_IGN);
    if (!fork())
        _exit(1);
    SHOW(wait(NULL));
    return 0;
}
