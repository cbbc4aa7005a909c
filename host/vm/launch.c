/* QEMU as a child process; see launch.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "launch.h"

static struct error *make_config_file(const struct buffer *config, int *fd)
{
    if (!config->len)
        return NULL;
    *fd = memfd_create("skiff-config", 0); /* QEMU inherits it */
    if (*fd < 0 || write(*fd, config->bytes, config->len) != (ssize_t)config->len)
        return error_errno("making the machine's configuration");
    return NULL;
}

static _Noreturn void become_qemu(char **argv, pid_t parent, const sigset_t *mask)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(125);
    sigprocmask(SIG_SETMASK, mask, NULL);
    const int restored[] = {SIGPIPE, SIGTTIN};
    for (size_t i = 0; i < sizeof restored / sizeof *restored; i++)
        signal(restored[i], SIG_DFL);
    int null = open("/dev/null", O_RDWR);
    dup2(null, 0);
    dup2(null, 1);
    execvp(argv[0], argv);
    fprintf(stderr, "skiff: %s cannot be started: %s\n", argv[0], strerror(errno));
    _exit(127);
}

static struct error *make_channel(int *ours, int *theirs)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
        return error_errno("making a channel to QEMU");
    *ours = pair[0];
    *theirs = pair[1];
    fcntl(*theirs, F_SETFD, 0);
    return NULL;
}

static struct error *start_process(char **argv, const sigset_t *mask, struct qemu *out)
{
    pid_t parent = getpid();
    out->pid = fork();
    if (out->pid == 0)
        become_qemu(argv, parent, mask);
    if (out->pid < 0)
        return error_errno("starting QEMU");
    out->pidfd = (int)syscall(SYS_pidfd_open, out->pid, 0);
    if (out->pidfd >= 0)
        return NULL;
    struct error *err = error_errno("watching QEMU");
    kill(out->pid, SIGKILL);
    waitpid(out->pid, NULL, 0);
    out->pid = -1;
    return err;
}

struct error *qemu_start(const struct vm_options *options, const struct buffer *config, const sigset_t *mask,
                         struct qemu *out)
{
    struct vm_channels theirs = {-1, -1, -1, -1};
    struct strings command = {0};
    *out = (struct qemu){-1, -1, -1, -1, -1};
    struct error *err = make_channel(&out->console, &theirs.console);
    if (!err)
        err = make_channel(&out->log, &theirs.log);
    if (!err)
        err = make_channel(&out->control, &theirs.control);
    if (!err)
        err = make_config_file(config, &theirs.config);
    if (!err)
        err = vm_command(options, &theirs, &command);
    if (!err)
        err = start_process(command.items, mask, out);
    const int inherited[] = {theirs.console, theirs.log, theirs.control, theirs.config};
    for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++)
        if (inherited[i] >= 0)
            close(inherited[i]);
    strings_free(&command);
    return err;
}

void qemu_close(struct qemu *qemu)
{
    const int fds[] = {qemu->pidfd, qemu->console, qemu->log, qemu->control};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}
