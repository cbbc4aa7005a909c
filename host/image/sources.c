/* See sources.h. A line is "SIZE SECONDS.NANOSECONDS INODE PATH", ended by a NUL byte, as a path may hold anything
 * else. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "sources.h"

static char *identify(const char *path)
{
    struct stat s;
    if (stat(path, &s))
        return xprintf("- %s", path);
    return xprintf("%lld %lld.%09ld %llu %s", S_ISDIR(s.st_mode) ? 0LL : (long long)s.st_size,
                   (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec, (unsigned long long)s.st_ino, path);
}

void source_add(struct buffer *list, const char *path)
{
    char *real = realpath(path, NULL), *line = identify(real ? real : path);
    buffer_add(list, line, strlen(line) + 1);
    free(real);
    free(line);
}

bool sources_are_current(const char *list, size_t len)
{
    bool are = !len || !list[len - 1];
    for (size_t at = 0; are && at < len; at += strlen(list + at) + 1) {
        const char *path = strchr(list + at, '/');
        char *now = path ? identify(path) : NULL;
        are = now && !strcmp(now, list + at);
        free(now);
    }
    return are;
}
