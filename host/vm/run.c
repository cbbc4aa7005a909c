/*
 * Runs a machine in the foreground: QEMU as a child that dies with us, three sockets into it (console, kernel log, control
 * channel), and one loop that carries bytes and signals between them and our own descriptors.
 */
#include <contract/control.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vm/vm.h>

enum { CHUNK = 16384, STOP_SECONDS = 15, STOP_NONE = -1, STATUS_FAILED = 125 };

/* The far end of a socket into QEMU, and a line that is still incomplete. */
struct line_buffer {
    char bytes[1024];
    size_t len;
};
struct machine {
    const struct vm_options *options;
    pid_t pid;
    int console, log, control, pidfd, signals, console_log;
    struct line_buffer log_line, control_line;
    bool input_ended, stop_asked, is_gone;
    int64_t started_ms, stop_deadline_ms;
    int status;      /* the program's, once "exit" came; -1 before */
    char *failure;   /* what the guest said about a failure of its own */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* ---- starting ---- */

static struct error *make_config_file(const struct buffer *config, int *fd)
{
    *fd = -1;
    if (!config->len)
        return NULL;
    *fd = memfd_create("skiff-config", 0); /* QEMU inherits it */
    if (*fd < 0 || write(*fd, config->bytes, config->len) != (ssize_t)config->len)
        return error_errno("making the machine's configuration");
    return NULL;
}

/* In the child: QEMU ends when we do, gets no signals of our terminal, and keeps only the descriptors meant for it. */
static void become_qemu(char **argv, pid_t parent, const sigset_t *mask)
{
    setsid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(STATUS_FAILED);
    sigprocmask(SIG_SETMASK, mask, NULL);
    signal(SIGPIPE, SIG_DFL);
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

static struct error *start_qemu(struct machine *m, const sigset_t *old_mask)
{
    struct vm_channels theirs = {-1, -1, -1, -1};
    struct strings command = {0};
    struct error *err = make_channel(&m->console, &theirs.console);
    if (!err)
        err = make_channel(&m->log, &theirs.log);
    if (!err)
        err = make_channel(&m->control, &theirs.control);
    if (!err)
        err = make_config_file(&m->options->config, &theirs.config);
    if (!err)
        err = vm_command(m->options, &theirs, &command);
    if (!err) {
        pid_t parent = getpid();
        m->pid = fork();
        if (m->pid == 0)
            become_qemu(command.items, parent, old_mask);
        if (m->pid < 0)
            err = error_errno("starting QEMU");
        else
            m->pidfd = (int)syscall(SYS_pidfd_open, m->pid, 0);
    }
    const int inherited[] = {theirs.console, theirs.log, theirs.control, theirs.config};
    for (size_t i = 0; i < sizeof inherited / sizeof *inherited; i++)
        if (inherited[i] >= 0)
            close(inherited[i]);
    strings_free(&command);
    return err;
}

/* ---- bytes ---- */

static void write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EAGAIN) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            poll(&wait, 1, -1);
        } else if (done < 0 && errno != EINTR) {
            return; /* nobody reads any more: the program's output goes nowhere, as with a closed pipe */
        }
        bytes += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
}

/* Reads once. False: the other side is closed. */
static bool carry_output(struct machine *m)
{
    char bytes[CHUNK];
    ssize_t n = read(m->console, bytes, sizeof bytes);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    write_all(STDOUT_FILENO, bytes, (size_t)n);
    if (m->console_log >= 0)
        write_all(m->console_log, bytes, (size_t)n);
    return n > 0;
}

static void carry_input(struct machine *m)
{
    char bytes[CHUNK];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n > 0) {
        write_all(m->console, bytes, (size_t)n);
    } else if (n == 0 || errno != EINTR) {
        static const char end_of_file = 4; /* the terminal's Ctrl-D */
        write_all(m->console, &end_of_file, 1);
        m->input_ended = true;
    }
}

/* Gives each complete line to `take`. False: closed. */
static bool read_lines(struct machine *m, int fd, struct line_buffer *line, void (*take)(struct machine *, char *))
{
    char bytes[CHUNK];
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN;
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n' && line->len < sizeof line->bytes - 1) {
            if (bytes[i] != '\r')
                line->bytes[line->len++] = bytes[i];
            continue;
        }
        line->bytes[line->len] = '\0';
        take(m, line->bytes);
        line->len = 0;
    }
    return n > 0;
}

static void take_log_line(struct machine *m, char *line)
{
    (void)m;
    fprintf(stderr, "%s\n", line);
}

static void set_failure(struct machine *m, const char *text)
{
    free(m->failure);
    m->failure = xstrdup(text);
}

static void take_control_line(struct machine *m, char *line)
{
    unsigned status;
    char event[32];
    unsigned long long ns;
    if (sscanf(line, "exit %u", &status) == 1 && status < 256)
        m->status = (int)status;
    else if (!strncmp(line, "panic ", 6))
        set_failure(m, line + 6);
    else if (m->options->verbose && sscanf(line, "time %31s %llu", event, &ns) == 2)
        fprintf(stderr, "skiff: %lld ms: %s (%llu us after the kernel was entered)\n", (long long)(now_ms() - m->started_ms), event, ns / 1000);
    else if (m->options->verbose && strncmp(line, "error ", 6) && strncmp(line, "memory ", 7))
        fprintf(stderr, "skiff: guest: %s\n", line);
}

/* ---- signals ---- */

static void send_signal(struct machine *m, int number)
{
    char line[SKIFF_CONTROL_LINE_MAX];
    int n = snprintf(line, sizeof line, "signal %d\n", number);
    write_all(m->control, line, (size_t)n);
}

/* First SIGTERM to the program; the second time, or after the deadline, the power goes off. */
static void ask_to_stop(struct machine *m)
{
    if (m->stop_asked) {
        kill(m->pid, SIGKILL);
        return;
    }
    m->stop_asked = true;
    m->stop_deadline_ms = now_ms() + STOP_SECONDS * 1000;
    send_signal(m, SIGTERM);
}

static void take_signal(struct machine *m)
{
    struct signalfd_siginfo info;
    if (read(m->signals, &info, sizeof info) != sizeof info)
        return;
    switch (info.ssi_signo) {
    case SIGINT:
    case SIGTERM:
    case SIGHUP:
        ask_to_stop(m);
        break;
    case SIGQUIT:
    case SIGUSR1:
    case SIGUSR2:
        send_signal(m, (int)info.ssi_signo);
        break;
    }
}

static void block_signals(sigset_t *taken, sigset_t *old)
{
    sigemptyset(taken);
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(taken, numbers[i]);
    sigprocmask(SIG_BLOCK, taken, old);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- the loop ---- */

static int time_left_ms(struct machine *m)
{
    if (!m->stop_asked)
        return -1;
    int64_t left = m->stop_deadline_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

static void close_channel(int *fd)
{
    close(*fd);
    *fd = -1;
}

static void carry(struct machine *m)
{
    while (!m->is_gone || m->console >= 0 || m->control >= 0 || m->log >= 0) {
        struct pollfd fds[] = {
            {.fd = m->console, .events = POLLIN},
            {.fd = m->log, .events = POLLIN},
            {.fd = m->control, .events = POLLIN},
            {.fd = m->input_ended || m->console < 0 ? -1 : STDIN_FILENO, .events = POLLIN},
            {.fd = m->signals, .events = POLLIN},
            {.fd = m->is_gone ? -1 : m->pidfd, .events = POLLIN},
        };
        int n = poll(fds, sizeof fds / sizeof *fds, time_left_ms(m));
        if (n == 0) {
            fprintf(stderr, "skiff: the program did not end within %d s of SIGTERM: power off\n", STOP_SECONDS);
            kill(m->pid, SIGKILL);
            m->stop_deadline_ms = INT64_MAX / 2;
        }
        if (fds[0].revents && !carry_output(m))
            close_channel(&m->console);
        if (fds[1].revents && !read_lines(m, m->log, &m->log_line, take_log_line))
            close_channel(&m->log);
        if (fds[2].revents && !read_lines(m, m->control, &m->control_line, take_control_line))
            close_channel(&m->control);
        if (fds[3].revents && m->console >= 0)
            carry_input(m);
        if (fds[4].revents)
            take_signal(m);
        if (fds[5].revents)
            m->is_gone = true;
    }
}

static struct error *explain_end(struct machine *m, int wait_status, int *status)
{
    if (m->failure)
        return error_hint(error_new("the kernel stopped: %s", m->failure), "this is a bug in Skiff: please report it with the lines above");
    if (m->status >= 0) {
        *status = m->status;
        return NULL;
    }
    if (m->stop_asked) {
        *status = 128 + SIGKILL;
        return NULL;
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127)
        return error_hint(error_new("QEMU (%s) is not installed", m->options->qemu), "apt install qemu-system-x86");
    if (WIFSIGNALED(wait_status))
        return error_new("QEMU was killed by signal %d (%s)", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    return error_new("the machine ended without the program's status (QEMU's own: %d)", WEXITSTATUS(wait_status));
}

struct error *vm_run(const struct vm_options *options, int *status)
{
    sigset_t taken, old;
    struct machine m = {
        .options = options, .console = -1, .log = -1, .control = -1, .pidfd = -1, .console_log = -1, .status = -1, .started_ms = now_ms(),
    };
    if (options->console_log) {
        m.console_log = open(options->console_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (m.console_log < 0)
            return error_errno("--console-log %s", options->console_log);
    }
    block_signals(&taken, &old);
    m.signals = signalfd(-1, &taken, SFD_CLOEXEC);
    struct error *err = start_qemu(&m, &old);
    if (!err) {
        int wait_status = 0;
        carry(&m);
        waitpid(m.pid, &wait_status, 0);
        err = explain_end(&m, wait_status, status);
    }
    const int fds[] = {m.console, m.log, m.control, m.pidfd, m.signals, m.console_log};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    sigprocmask(SIG_SETMASK, &old, NULL);
    free(m.failure);
    return err;
}
