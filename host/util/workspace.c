/*
 * See util/workspace.h. The helper holds one end of a socket whose other end only this process has; it gets the paths
 * through it, and at its end removes them. The programs that this process ran are being ended by then (program_run),
 * but may still make a file or two: what is not gone is removed again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <util/file.h>
#include <util/workspace.h>

#define PREFIX ".skiff-work-"
enum { ATTEMPTS = 8, REMOVALS = 100, REMOVAL_INTERVAL_US = 20000 };

static struct {
    pid_t pid;
    int socket;
    unsigned users; /* workspaces; 0: no helper */
} helper;

static void remove_surely(const char *path)
{
    for (unsigned i = 0; i < REMOVALS && path_exists(path); i++) {
        if (i)
            usleep(REMOVAL_INTERVAL_US);
        directory_remove(path);
    }
}

static _Noreturn void remove_at_end(int socket)
{
    const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    setsid(); /* no signals of the terminal */
    for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
        signal(ignored[i], SIG_IGN);
    dup2(socket, STDIN_FILENO);
    close_range(STDIN_FILENO + 1, ~0u, 0); /* whoever waits for the end of our output must not wait for this */
    struct buffer paths = {0};
    char chunk[PIPE_BUF];
    ssize_t n;
    while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
        buffer_add(&paths, chunk, n > 0 ? (size_t)n : 0);
    for (size_t at = 0; at < paths.len; at += strlen(paths.bytes + at) + 1)
        remove_surely(paths.bytes + at);
    _exit(0);
}

static struct error *start_helper(void)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return error_errno("making a socket");
    helper.pid = fork();
    if (helper.pid == 0) {
        close(ends[1]);
        remove_at_end(ends[0]);
    }
    close(ends[0]);
    helper.socket = ends[1];
    if (helper.pid > 0)
        return NULL;
    close(ends[1]);
    return error_errno("starting a process");
}

static void stop_helper(void)
{
    close(helper.socket);
    while (waitpid(helper.pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* Directories whose maker was killed together with its helper: nobody holds their lock. */
static void remove_forgotten(const char *parent)
{
    DIR *directory = opendir(parent);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        struct stat s;
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
            continue;
        int fd = openat(dirfd(directory), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && !fstat(fd, &s) && s.st_uid == geteuid() && !flock(fd, LOCK_EX | LOCK_NB)) {
            char *path = xprintf("%s/%s", parent, entry->d_name);
            directory_remove(path);
            free(path);
        }
        if (fd >= 0)
            close(fd);
    }
    if (directory)
        closedir(directory);
}

/* NULL when somebody who looked for forgotten directories was faster than our lock. */
static char *make_locked(const char *parent, int *lock)
{
    struct stat s;
    char *path = xprintf("%s/%sXXXXXX", parent, PREFIX);
    if (mkdtemp(path)) {
        *lock = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (*lock >= 0 && !flock(*lock, LOCK_SH) && !fstat(*lock, &s) && s.st_nlink)
            return path;
        if (*lock >= 0)
            close(*lock);
        errno = EAGAIN;
    }
    free(path);
    return NULL;
}

static void tell_helper(const char *path)
{
    size_t len = strlen(path) + 1;
    if (send(helper.socket, path, len, MSG_NOSIGNAL) != (ssize_t)len)
        return; /* then workspace_remove is all there is */
}

struct error *workspace_create(const char *parent, struct workspace *out)
{
    const char *wanted = parent ? parent : getenv("TMPDIR");
    char *real = realpath(wanted && *wanted ? wanted : "/tmp", NULL);
    if (!real)
        return error_hint(error_errno("the directory %s for temporary files", wanted), "make it, or set TMPDIR");
    remove_forgotten(real);
    struct error *err = helper.users ? NULL : start_helper();
    *out = (struct workspace){0};
    errno = EAGAIN;
    for (unsigned i = 0; !err && !out->path && errno == EAGAIN && i < ATTEMPTS; i++)
        out->path = make_locked(real, &out->lock);
    if (!err && !out->path) {
        err = error_errno("making a temporary directory in %s", real);
        if (!helper.users)
            stop_helper();
    }
    if (!err) {
        helper.users++;
        tell_helper(out->path);
    }
    free(real);
    return err;
}

void workspace_remove(struct workspace *workspace)
{
    if (!workspace->path)
        return;
    directory_remove(workspace->path);
    close(workspace->lock);
    free(workspace->path);
    *workspace = (struct workspace){0};
    if (!--helper.users)
        stop_helper();
}
