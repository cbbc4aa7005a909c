/* Files and directories; see util/file.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <util/file.h>

enum { DEPTH_MAX = 64 };

bool path_exists(const char *path)
{
    struct stat s;
    return !lstat(path, &s);
}

bool path_leads_up(const char *path)
{
    for (; *path; path += strspn(path, "/")) {
        size_t len = strcspn(path, "/");
        if (len == 2 && path[0] == '.' && path[1] == '.')
            return true;
        path += len;
    }
    return false;
}

struct error *file_read(const char *path, size_t max, char **bytes, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno("opening %s", path);
    struct buffer buffer = {0};
    char chunk[65536];
    ssize_t n;
    while ((n = read(fd, chunk, sizeof chunk)) > 0 && buffer.len + (size_t)n <= max)
        buffer_add(&buffer, chunk, (size_t)n);
    struct error *err = n < 0   ? error_errno("reading %s", path)
                        : n > 0 ? error_new("%s is larger than %zu bytes", path, max)
                                : NULL;
    close(fd);
    if (err) {
        buffer_free(&buffer);
        return err;
    }
    buffer_add(&buffer, "", 1);
    *bytes = buffer.bytes;
    *len = buffer.len - 1;
    return NULL;
}

struct error *file_write(const char *path, const void *bytes, size_t len, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return error_errno("creating %s", path);
    struct error *err = NULL;
    for (size_t done = 0; !err && done < len;) {
        ssize_t n = write(fd, (const char *)bytes + done, len - done);
        if (n < 0 && errno != EINTR)
            err = error_errno("writing %s", path);
        done += n > 0 ? (size_t)n : 0;
    }
    if (!err && fchmod(fd, mode))
        err = error_errno("setting the mode of %s", path);
    if (close(fd) && !err)
        err = error_errno("writing %s", path);
    return err;
}

static int copy_bytes(int from, int to)
{
    if (!ioctl(to, FICLONE, from))
        return 0;
    ssize_t n;
    while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
        continue;
    if (n == 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS))
        return (int)n;
    static char chunk[1 << 18];
    while ((n = read(from, chunk, sizeof chunk)) > 0)
        for (ssize_t done = 0, w; done < n; done += w)
            if ((w = write(to, chunk + done, (size_t)(n - done))) < 0)
                return -1;
    return (int)n;
}

struct error *file_copy(const char *from, const char *to)
{
    struct stat s;
    struct error *err = NULL;
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1;
    if (in < 0 || fstat(in, &s))
        err = error_errno("opening %s", from);
    else if (!S_ISREG(s.st_mode))
        err = error_new("%s is not a regular file", from);
    else if ((out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
        err = error_errno("creating %s", to);
    else if (copy_bytes(in, out) || fchmod(out, s.st_mode & 0777))
        err = error_errno("copying %s to %s", from, to);
    if (out >= 0 && close(out) && !err)
        err = error_errno("writing %s", to);
    if (in >= 0)
        close(in);
    return err;
}

struct error *directory_make(const char *path, mode_t mode)
{
    char *copy = xstrdup(path);
    struct error *err = NULL;
    for (char *slash = copy + 1; !err && slash;) {
        slash = strchr(slash, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(copy, mode) && errno != EEXIST)
            err = error_errno("making the directory %s", copy);
        if (slash)
            *slash++ = '/';
    }
    free(copy);
    return err;
}

static void remove_at(int parent, const char *name, unsigned depth)
{
    if (!unlinkat(parent, name, 0) || depth == DEPTH_MAX)
        return;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *directory = fd < 0 ? NULL : fdopendir(fd);
    if (!directory) {
        if (fd >= 0)
            close(fd);
        return;
    }
    fchmod(fd, 0700);
    struct dirent *entry;
    while ((entry = readdir(directory)))
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            remove_at(fd, entry->d_name, depth + 1);
    closedir(directory);
    unlinkat(parent, name, AT_REMOVEDIR);
}

void directory_remove(const char *path)
{
    remove_at(AT_FDCWD, path, 0);
}

struct walk {
    struct error *(*visit)(void *context, const char *full, const char *relative, mode_t mode);
    void *context;
};

static struct error *walk_level(const struct walk *walk, const char *full, const char *relative, unsigned depth)
{
    struct dirent **entries;
    if (depth > DEPTH_MAX)
        return error_new("%s is nested more than %d directories deep", full, DEPTH_MAX);
    int n = scandir(full, &entries, NULL, alphasort);
    if (n < 0)
        return error_errno("reading the directory %s", full);
    struct error *err = NULL;
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        struct stat s;
        if (!err && strcmp(name, ".") && strcmp(name, "..")) {
            char *child = xprintf("%s/%s", full, name),
                 *below = xprintf("%s%s%s", relative, *relative ? "/" : "", name);
            if (lstat(child, &s))
                err = error_errno("looking at %s", child);
            else
                err = walk->visit(walk->context, child, below, s.st_mode);
            if (!err && S_ISDIR(s.st_mode))
                err = walk_level(walk, child, below, depth + 1);
            free(child);
            free(below);
        }
        free(entries[i]);
    }
    free(entries);
    return err;
}

struct error *directory_walk(const char *path, struct error *(*visit)(void *, const char *, const char *, mode_t),
                             void *context)
{
    struct walk walk = {.visit = visit, .context = context};
    return walk_level(&walk, path, "", 0);
}

struct error *cache_directory(const char *name, char **out)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (base && base[0] == '/')
        path = xprintf("%s/skiff/%s", base, name);
    else if (home && home[0] == '/')
        path = xprintf("%s/.cache/skiff/%s", home, name);
    else
        return error_hint(error_new("neither XDG_CACHE_HOME nor HOME is set, so there is no place for the cache"),
                          "set HOME");
    struct error *err = directory_make(path, 0700);
    if (err) {
        free(path);
        return err;
    }
    *out = path;
    return NULL;
}
