/* Running other programs; see util/file.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <util/file.h>

char *program_find(const char *name)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/'))
        return access(name, X_OK) ? NULL : xstrdup(name);
    for (path = path ? path : "/usr/bin:/bin"; *path;) {
        size_t len = strcspn(path, ":");
        char *full = xprintf("%.*s/%s", (int)len, path, name);
        if (!access(full, X_OK))
            return full;
        free(full);
        path += len + (path[len] == ':');
    }
    return NULL;
}

static _Noreturn void become(char *const *argv, pid_t parent, const char *directory, int output)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(126);
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 || (directory && chdir(directory)))
        _exit(126);
    execvp(argv[0], argv);
    _exit(127);
}

/* The last lines of what a program printed, to quote in an error. */
static const char *tail(const char *text)
{
    size_t len = strlen(text);
    return len > 800 ? text + len - 800 : text;
}

struct error *program_run(char *const *argv, const char *directory, char **output, size_t *output_len)
{
    int pipe_fds[2], status = 0;
    if (pipe2(pipe_fds, O_CLOEXEC))
        return error_errno("making a pipe to run %s", argv[0]);
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(argv, parent, directory, pipe_fds[1]);
    close(pipe_fds[1]);
    struct buffer text = {0};
    char chunk[16384];
    ssize_t n;
    while (pid > 0 && ((n = read(pipe_fds[0], chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR)))
        buffer_add(&text, chunk, n > 0 ? (size_t)n : 0);
    close(pipe_fds[0]);
    buffer_add(&text, "", 1);
    struct error *err = NULL;
    if (pid < 0)
        err = error_errno("starting %s", argv[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!err && WIFEXITED(status) && WEXITSTATUS(status) == 127 && text.len == 1)
        err = error_new("the program %s is not installed", argv[0]);
    else if (!err && status)
        err = error_new("%s failed (status %d): %s", argv[0],
                        WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), tail(text.bytes));
    if (!err && output) {
        *output = text.bytes;
        if (output_len)
            *output_len = text.len - 1;
        return NULL;
    }
    buffer_free(&text);
    return err;
}
