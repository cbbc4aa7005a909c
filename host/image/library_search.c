/*
 * See library_search.h. In the image ld.so looks without LD_LIBRARY_PATH and ld.so.cache, and with another $ORIGIN when
 * the file moved: what is found only by these goes to a directory that every ld.so knows.
 */
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "library_search.h"
#include "stage.h"

#define GUEST_LIBRARIES "/usr/lib/x86_64-linux-gnu" /* in every ld.so's built-in list */

/* ---- names of places ---- */

char *directory_of(const char *path)
{
    char *real = realpath(path, NULL), *copy = xstrdup(real ? real : path), *slash = strrchr(copy, '/');
    free(real);
    if (slash)
        *slash = '\0';
    return copy;
}

/* Takes "." and ".." out of an absolute path, in place. */
static void normalise(char *path)
{
    char *to = path;
    for (const char *at = path; *at;) {
        at += strspn(at, "/");
        size_t len = strcspn(at, "/");
        if (len == 2 && !strncmp(at, "..", 2)) {
            while (to > path && *--to != '/')
                continue;
        } else if (len && !(len == 1 && *at == '.')) {
            *to++ = '/';
            memmove(to, at, len);
            to += len;
        }
        at += len;
    }
    *to = '\0';
}

/* The same place in the image as here, with the links to directories on the way resolved. */
static char *same_place(const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    char *directory = xstrndup(path, (size_t)(name - 1 - path)), *resolved = realpath(directory, NULL);
    char *guest = xprintf("%s/%s", resolved ? resolved : directory, name);
    free(directory);
    free(resolved);
    return guest;
}

/* ---- search ---- */

static void add_conf(struct strings *list, const char *pattern)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "re");
        char line[PATH_MAX];
        while (file && fgets(line, sizeof line, file)) {
            line[strcspn(line, "# \t\n")] = '\0';
            if (line[0] == '/')
                strings_add(list, line);
        }
        if (file)
            fclose(file);
    }
    globfree(&found);
}

static const char *const built_in[] = {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib", "/usr/lib"};

static const struct strings *configured_directories(void)
{
    static struct strings list;
    if (list.count)
        return &list;
    add_conf(&list, "/etc/ld.so.conf");
    add_conf(&list, "/etc/ld.so.conf.d/*.conf");
    strings_add(&list, "/lib64");
    strings_add(&list, "/usr/lib64");
    return &list;
}

bool is_usable_library(const char *path)
{
    const char *what;
    return elf_probe(path, &what) == ELF_X86_64;
}

/* `directory` of `len` characters, with $ORIGIN replaced; NULL when it has none. */
static char *put_origin(const char *directory, size_t len, const char *origin)
{
    static const char *const words[] = {"$ORIGIN", "${ORIGIN}"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(words[i]);
        if (len >= n && !strncmp(directory, words[i], n))
            return xprintf("%s%.*s", origin, (int)(len - n), directory + n);
    }
    return NULL;
}

static bool find_in_directory(const char *directory, const char *name, struct found *out)
{
    char *path = xprintf("%s/%s", directory, name);
    if (is_usable_library(path)) {
        out->path = path;
        return true;
    }
    free(path);
    return false;
}

bool find_by_search(const char *search, const struct object *object, const char *name, struct found *out)
{
    for (const char *at = search; at && *at;) {
        size_t len = strcspn(at, ":");
        char *moved = put_origin(at, len, object->origin), *directory = moved ? moved : xstrndup(at, len);
        bool is_found = len && find_in_directory(directory, name, out);
        free(directory);
        if (is_found && moved) {
            char *guest = put_origin(at, len, object->guest_origin);
            out->guest = xprintf("%s/%s", guest, name);
            normalise(out->guest);
            free(guest);
        } else if (is_found) {
            out->guest = same_place(out->path);
        }
        if (is_found)
            return true;
        at += len + (at[len] == ':');
    }
    return false;
}

bool find_in_system(const char *name, struct found *out)
{
    const struct strings *configured = configured_directories();
    bool is_found = false;
    for (size_t i = 0; !is_found && i < sizeof built_in / sizeof *built_in; i++)
        is_found = find_in_directory(built_in[i], name, out);
    if (is_found) {
        out->guest = same_place(out->path);
        return true;
    }
    for (size_t i = 0; !is_found && i < configured->count; i++)
        is_found = find_in_directory(configured->items[i], name, out);
    if (is_found)
        out->guest = xprintf(GUEST_LIBRARIES "/%s", name);
    return is_found;
}

bool find_by_environment(const char *name, struct found *out)
{
    const char *path = getenv("LD_LIBRARY_PATH");
    for (const char *at = path; at && *at;) {
        size_t len = strcspn(at, ":;");
        char *directory = xstrndup(at, len);
        bool is_found = len && find_in_directory(directory, name, out);
        free(directory);
        if (is_found) {
            out->guest = xprintf(GUEST_LIBRARIES "/%s", name);
            return true;
        }
        at += len + (at[len] != '\0');
    }
    return false;
}
