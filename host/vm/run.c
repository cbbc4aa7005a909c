/*
 * Runs a machine in the foreground: one loop that carries bytes between QEMU's sockets (launch.h) and our own
 * descriptors, and signals and the program's status over the control channel (contract/control.h). The loop never waits
 * for anything but poll(): a reader of our output that does not read, or a program that does not take its input, stops
 * only that stream.
 */
#include <contract/control.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <vm/vm.h>
#include "launch.h"
#include "pump.h"

enum { STOP_SECONDS = 15, END_SECONDS = 5, DUMP_SECONDS = 2 };
enum input_kind { INPUT_TERMINAL, INPUT_NULL, INPUT_PIPE };

struct line_reader {
    int fd; /* -1: closed */
    char bytes[1024];
    size_t len;
};
struct machine {
    const struct vm_options *options;
    struct qemu qemu;
    enum input_kind input_kind;
    struct pump input, output;
    struct line_reader log, control;
    int signals;
    bool is_up;                      /* "hello" came: the kernel hears us */
    bool is_end_told;                /* the program's input has ended, and the guest knows */
    bool is_pipe_told;               /* our output has nobody to read it, and the program knows */
    bool is_dump_asked;              /* before the power goes off */
    bool is_gone;                    /* QEMU has ended */
    int stop_signal;                 /* what we were asked to stop by; 0: not asked */
    int64_t started_ms, deadline_ms; /* deadline_ms: when the power goes off; INT64_MAX: not yet known */
    int status;                      /* the program's, once "exit" came; -1 before */
    char *failure;                   /* what the guest said about a failure of its own */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* ---- what the guest says ---- */

/* Reads once and gives each complete line to `take`; a line that is too long comes in pieces. */
static void read_lines(struct machine *m, struct line_reader *reader, void (*take)(struct machine *, char *))
{
    char bytes[4096];
    ssize_t n = read(reader->fd, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0)
        reader->fd = -1;
    for (ssize_t i = 0; i < n; i++) {
        if (bytes[i] != '\n' && reader->len < sizeof reader->bytes - 1) {
            if (bytes[i] != '\r')
                reader->bytes[reader->len++] = bytes[i];
            continue;
        }
        reader->bytes[reader->len] = '\0';
        take(m, reader->bytes);
        reader->len = 0;
    }
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
    if (!strncmp(line, "hello ", 6)) {
        m->is_up = true;
    } else if (sscanf(line, "exit %u", &status) == 1 && status < 256) {
        m->status = (int)status;
        m->deadline_ms = now_ms() + END_SECONDS * 1000;
    } else if (!strncmp(line, "panic ", 6)) {
        set_failure(m, line + 6);
    } else if (m->options->verbose && sscanf(line, "time %31s %llu", event, &ns) == 2) {
        fprintf(stderr, "skiff: %lld ms: %s (%llu us after the kernel was entered)\n",
                (long long)(now_ms() - m->started_ms), event, ns / 1000);
    } else if (m->options->verbose && strncmp(line, "error ", 6) && strncmp(line, "memory ", 7)) {
        fprintf(stderr, "skiff: guest: %s\n", line);
    }
}

/* ---- what we say ---- */

/* The guest reads its control channel at interrupt level, so the few short lines that we send never wait. */
static void tell(const struct machine *m, const char *what, unsigned long long value)
{
    char line[SKIFF_CONTROL_LINE_MAX];
    int n = snprintf(line, sizeof line, "%s %llu\n", what, value);
    if (write(m->qemu.control, line, (size_t)n) != n)
        fprintf(stderr, "skiff: the machine does not take \"%s %llu\"\n", what, value);
}

/* The first time SIGTERM for the program; the second time, or when there is no program yet, the power goes off. */
static void ask_to_stop(struct machine *m, int number)
{
    if (m->stop_signal || !m->is_up) {
        m->stop_signal = m->stop_signal ? SIGKILL : number;
        kill(m->qemu.pid, SIGKILL);
        return;
    }
    m->stop_signal = SIGKILL; /* unless the program ends by itself */
    m->deadline_ms = now_ms() + STOP_SECONDS * 1000;
    tell(m, "signal", SIGTERM);
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
        ask_to_stop(m, (int)info.ssi_signo);
        break;
    case SIGQUIT:
    case SIGUSR1:
    case SIGUSR2:
        if (m->is_up)
            tell(m, "signal", info.ssi_signo);
        break;
    case SIGCONT: /* perhaps the terminal is ours now */
        m->input.is_ended = m->input.is_ended && m->input_kind != INPUT_TERMINAL;
        break;
    }
}

static void block_signals(sigset_t *taken, sigset_t *old)
{
    sigemptyset(taken);
    const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(taken, numbers[i]);
    sigprocmask(SIG_BLOCK, taken, old);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTIN, SIG_IGN); /* in the background reading fails instead of stopping us */
}

/* ---- standard input and output ---- */

static enum input_kind find_input_kind(void)
{
    struct stat s;
    if (isatty(STDIN_FILENO))
        return INPUT_TERMINAL;
    if (fstat(STDIN_FILENO, &s) || (S_ISCHR(s.st_mode) && s.st_rdev == makedev(1, 3)))
        return INPUT_NULL;
    return INPUT_PIPE;
}

static void add_input_record(enum input_kind kind, struct buffer *config)
{
    static const char *const records[] = {
        [INPUT_TERMINAL] = "stdin=terminal", [INPUT_NULL] = "stdin=null", [INPUT_PIPE] = "stdin=pipe"};
    buffer_add(config, records[kind], strlen(records[kind]) + 1);
}

/* The end of a pipe is told with its length, which no byte of it can pretend. A terminal's end of file (Ctrl-D) is one
 * of the guest's terminal, and more may follow. */
static void take_input_end(struct machine *m, bool is_hung_up)
{
    static const char end_of_file = 4;
    if (m->input_kind == INPUT_PIPE && m->is_up && !m->is_end_told) {
        m->is_end_told = true;
        tell(m, "stdin-end", m->input.total);
    } else if (m->input_kind == INPUT_TERMINAL && !is_hung_up && !errno) {
        m->input.is_ended = false;
        m->input.bytes[0] = end_of_file;
        m->input.start = 0;
        m->input.len = 1;
    }
}

static void read_input(struct machine *m, bool is_hung_up)
{
    errno = 0;
    pump_read(&m->input);
    if (m->input.is_ended)
        take_input_end(m, is_hung_up);
}

/* As for a program that writes into a pipe without a reader: once, since it is its business what it makes of it. */
static void take_refused_output(struct machine *m)
{
    if (!m->output.is_refused || m->is_pipe_told || !m->is_up)
        return;
    m->is_pipe_told = true;
    tell(m, "signal", SIGPIPE);
}

/* ---- the loop ---- */

static int time_left_ms(const struct machine *m)
{
    if (m->deadline_ms == INT64_MAX)
        return -1;
    int64_t left = m->deadline_ms - now_ms();
    return left > 0 ? (int)left : 0;
}

/* Somebody who looks on may want to know why. */
static void ask_for_dump(struct machine *m)
{
    static const char line[] = "dump\n";
    m->is_dump_asked = true;
    m->deadline_ms = now_ms() + DUMP_SECONDS * 1000;
    fprintf(stderr, "skiff: the program has not ended; its threads:\n");
    if (write(m->qemu.control, line, sizeof line - 1) < 0)
        m->deadline_ms = now_ms();
}

static void take_deadline(struct machine *m)
{
    if (m->is_gone || m->deadline_ms > now_ms())
        return;
    if (m->status < 0 && m->options->verbose && !m->is_dump_asked) {
        ask_for_dump(m);
        return;
    }
    if (m->status < 0)
        fprintf(stderr, "skiff: the program did not end within %d s of SIGTERM: power off\n", STOP_SECONDS);
    kill(m->qemu.pid, SIGKILL);
    m->deadline_ms = INT64_MAX;
}

static bool is_over(const struct machine *m)
{
    return m->is_gone && m->output.is_ended && pump_is_empty(&m->output) && m->control.fd < 0 && m->log.fd < 0;
}

enum {
    POLL_INPUT,
    POLL_CONSOLE_IN,
    POLL_CONSOLE_OUT,
    POLL_OUTPUT,
    POLL_LOG,
    POLL_CONTROL,
    POLL_SIGNALS,
    POLL_QEMU,
    POLLS
};

static void take_events(struct machine *m, const struct pollfd fds[POLLS])
{
    if (fds[POLL_INPUT].revents)
        read_input(m, fds[POLL_INPUT].revents & POLLHUP);
    if (fds[POLL_CONSOLE_IN].revents)
        pump_write(&m->input);
    if (fds[POLL_CONSOLE_OUT].revents)
        pump_read(&m->output);
    if (fds[POLL_OUTPUT].revents)
        pump_write(&m->output);
    if (fds[POLL_LOG].revents)
        read_lines(m, &m->log, take_log_line);
    if (fds[POLL_CONTROL].revents)
        read_lines(m, &m->control, take_control_line);
    if (fds[POLL_SIGNALS].revents)
        take_signal(m);
    if (fds[POLL_QEMU].revents)
        m->is_gone = true;
}

static void carry(struct machine *m)
{
    while (!is_over(m)) {
        struct pollfd fds[POLLS] = {
            [POLL_INPUT] = pump_poll_from(&m->input),
            [POLL_CONSOLE_IN] = pump_poll_to(&m->input),
            [POLL_CONSOLE_OUT] = pump_poll_from(&m->output),
            [POLL_OUTPUT] = pump_poll_to(&m->output),
            [POLL_LOG] = {.fd = m->log.fd, .events = POLLIN},
            [POLL_CONTROL] = {.fd = m->control.fd, .events = POLLIN},
            [POLL_SIGNALS] = {.fd = m->signals, .events = POLLIN},
            [POLL_QEMU] = {.fd = m->is_gone ? -1 : m->qemu.pidfd, .events = POLLIN},
        };
        if (poll(fds, POLLS, time_left_ms(m)) > 0)
            take_events(m, fds);
        if (m->input.is_ended)
            take_input_end(m, true); /* the end may have come before "hello" */
        if (m->is_gone || m->input.is_refused)
            m->input.is_ended = m->is_end_told = true;
        take_refused_output(m);
        take_deadline(m);
    }
}

static struct error *explain_end(const struct machine *m, int wait_status, int *status)
{
    if (m->failure)
        return error_hint(error_new("the kernel stopped: %s", m->failure),
                          "this is a bug in Skiff: please report it with the lines above");
    if (m->status >= 0) {
        *status = m->status;
        return NULL;
    }
    if (m->stop_signal) {
        *status = 128 + m->stop_signal;
        return NULL;
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 127)
        return error_hint(error_new("QEMU (%s) is not installed", m->options->qemu), "apt install qemu-system-x86");
    if (WIFSIGNALED(wait_status))
        return error_new("QEMU was killed by signal %d (%s)", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    return error_hint(
        error_new("the machine ended without the program's status (QEMU's own: %d)", WEXITSTATUS(wait_status)),
        "see QEMU's own words above; skiff doctor says what this host lacks");
}

static void connect(struct machine *m, int console_log)
{
    m->input =
        (struct pump){.from = m->input_kind == INPUT_NULL ? -1 : STDIN_FILENO, .to = m->qemu.console, .copy_to = -1};
    m->output = (struct pump){.from = m->qemu.console, .to = STDOUT_FILENO, .copy_to = console_log};
    m->log.fd = m->qemu.log;
    m->control.fd = m->qemu.control;
}

struct error *vm_run(const struct vm_options *options, int *status)
{
    sigset_t taken, old;
    struct machine *m = xcalloc(1, sizeof *m);
    struct buffer config = {0};
    int console_log = -1, wait_status = 0;
    m->options = options;
    m->started_ms = now_ms();
    m->deadline_ms = INT64_MAX;
    m->status = -1;
    m->input_kind = find_input_kind();
    if (options->console_log) {
        console_log = open(options->console_log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        if (console_log < 0) {
            free(m);
            return error_errno("--console-log %s", options->console_log);
        }
    }
    buffer_add(&config, options->config.bytes, options->config.len);
    add_input_record(m->input_kind, &config);
    block_signals(&taken, &old);
    m->signals = signalfd(-1, &taken, SFD_CLOEXEC);
    struct error *err = qemu_start(options, &config, &old, &m->qemu);
    if (!err) {
        connect(m, console_log);
        carry(m);
        waitpid(m->qemu.pid, &wait_status, 0);
        err = explain_end(m, wait_status, status);
    }
    qemu_close(&m->qemu);
    close(m->signals);
    if (console_log >= 0)
        close(console_log);
    sigprocmask(SIG_SETMASK, &old, NULL);
    buffer_free(&config);
    free(m->failure);
    free(m);
    return err;
}
