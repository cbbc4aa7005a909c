/*
 * The libraries that an ELF file needs: its DT_NEEDED names, and theirs, looked up as ld.so(8) does: DT_RPATH or
 * DT_RUNPATH with $ORIGIN, LD_LIBRARY_PATH, the directories of ld.so.conf, the built-in ones. The interpreter comes
 * along.
 *
 * In the image ld.so looks them up again, without LD_LIBRARY_PATH and ld.so.cache, and with another $ORIGIN when the
 * file moved. So each library is put where that second search finds it.
 */
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "elf_needs.h"
#include "stage.h"

enum { OBJECTS_MAX = 2048 };
#define GUEST_LIBRARIES "/usr/lib/x86_64-linux-gnu" /* in every ld.so's built-in list */

/* An ELF file, its $ORIGIN here and in the image. */
struct object {
    char *path, *origin, *guest_origin;
};
struct walk {
    struct stage *stage;
    struct object *objects;
    size_t count;
    struct elf_needs main; /* the first one's, whose DT_RPATH counts for all */
};
struct found {
    char *path, *guest; /* NULL: not found */
};

/* ---- names of places ---- */

static char *directory_of(const char *path)
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

static bool is_usable(const char *path)
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
    if (is_usable(path)) {
        out->path = path;
        return true;
    }
    free(path);
    return false;
}

static bool find_by_search(const char *search, const struct object *object, const char *name, struct found *out)
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

static bool find_in_system(const char *name, struct found *out)
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

static bool find_by_environment(const char *name, struct found *out)
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

static struct found find_library(const struct walk *walk, const struct object *object, const struct elf_needs *needs,
                                 const char *name)
{
    struct found found = {NULL, NULL};
    if (strchr(name, '/')) {
        if (name[0] == '/' && is_usable(name))
            found = (struct found){xstrdup(name), xstrdup(name)};
        return found;
    }
    if (find_by_search(needs->search, object, name, &found))
        return found;
    if (walk->main.is_rpath && find_by_search(walk->main.search, &walk->objects[0], name, &found))
        return found;
    if (!find_by_environment(name, &found))
        find_in_system(name, &found);
    return found;
}

/* ---- staging ---- */

static void add_object(struct walk *walk, const char *path, const char *guest)
{
    char *guest_origin = xstrdup(guest);
    *strrchr(guest_origin, '/') = '\0';
    walk->objects = xrealloc(walk->objects, walk->count + 1, sizeof *walk->objects);
    walk->objects[walk->count++] = (struct object){xstrdup(path), directory_of(path), guest_origin};
}

static struct error *stage_loader(struct stage *stage, const char *path, const char *loader)
{
    struct found found = {NULL, NULL};
    if (stage_has(stage, loader))
        return NULL;
    if (loader[0] != '/' || !path_exists(loader))
        return error_hint(error_new("%s needs the loader %s, which this host does not have", path, loader),
                          "install the C library that it was built for");
    struct error *err = stage_file(stage, STAGE_LIBRARY, loader, loader);
    /* The C library loads it when a thread is cancelled. */
    if (!err && find_in_system("libgcc_s.so.1", &found))
        err = stage_file(stage, STAGE_LIBRARY, found.path, found.guest);
    free(found.path);
    free(found.guest);
    return err;
}

static struct error *missing(const struct stage *stage, const char *path, const char *name)
{
    if (!stage->skip_missing)
        return error_hint(error_new("%s needs the library %s, which is not on this host", path, name),
                          "install the package that has it (apt-file search %s), name its directory in "
                          "LD_LIBRARY_PATH, or link the program "
                          "statically",
                          name);
    if (stage->verbose)
        fprintf(stderr, "skiff: %s needs %s, which is not on this host\n", path, name);
    return NULL;
}

/* Those that a runtime of its own brings are found there. */
static bool is_own(const struct stage *stage, const char *name)
{
    struct object nowhere = {NULL, (char *)"", (char *)""};
    struct found found = {NULL, NULL};
    bool is = find_by_search(stage->own_libraries, &nowhere, name, &found);
    free(found.path);
    free(found.guest);
    return is;
}

static struct error *stage_library(struct walk *walk, size_t object, const struct elf_needs *needs, const char *name)
{
    struct error *err = NULL;
    if (is_own(walk->stage, name))
        return NULL;
    struct found found = find_library(walk, &walk->objects[object], needs, name);
    if (!found.path)
        return missing(walk->stage, walk->objects[object].path, name);
    if (!stage_has(walk->stage, found.guest)) {
        err = stage_file(walk->stage, STAGE_LIBRARY, found.path, found.guest);
        add_object(walk, found.path, found.guest);
    }
    free(found.path);
    free(found.guest);
    return err;
}

static struct error *stage_needs(struct walk *walk, size_t object)
{
    struct elf_needs needs = {0};
    struct error *err = elf_read_needs(walk->objects[object].path, &needs);
    if (!err && needs.interpreter)
        err = stage_loader(walk->stage, walk->objects[object].path, needs.interpreter);
    for (size_t i = 0; !err && i < needs.names.count; i++)
        err = stage_library(walk, object, &needs, needs.names.items[i]);
    if (object == 0)
        walk->main = needs;
    else
        elf_needs_free(&needs);
    return err;
}

struct error *stage_libraries_of(struct stage *stage, const char *from, const char *guest)
{
    struct walk walk = {.stage = stage};
    struct error *err = NULL;
    add_object(&walk, from, guest);
    for (size_t i = 0; !err && i < walk.count && i < OBJECTS_MAX; i++)
        err = stage_needs(&walk, i);
    for (size_t i = 0; i < walk.count; i++) {
        free(walk.objects[i].path);
        free(walk.objects[i].origin);
        free(walk.objects[i].guest_origin);
    }
    free(walk.objects);
    elf_needs_free(&walk.main);
    return err;
}

struct below {
    struct stage *stage;
    const char *guest;
};

static struct error *libraries_of_entry(void *context, const char *full, const char *relative, mode_t mode)
{
    const struct below *below = context;
    if (!S_ISREG(mode) || !is_usable(full))
        return NULL;
    char *guest = xprintf("%s/%s", below->guest, relative);
    struct error *err = stage_libraries_of(below->stage, full, guest);
    free(guest);
    return err;
}

struct error *stage_libraries_below(struct stage *stage, const char *directory, const char *guest)
{
    struct below below = {stage, guest};
    bool outer = stage->skip_missing;
    stage->skip_missing = true;
    struct error *err = directory_walk(directory, libraries_of_entry, &below);
    stage->skip_missing = outer;
    return err;
}

struct error *stage_elf(struct stage *stage, enum stage_part part, const char *from, const char *guest)
{
    struct error *err = stage_file(stage, part, from, guest);
    return err ? err : stage_libraries_of(stage, from, guest);
}
