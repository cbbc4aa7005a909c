/*
 * The libraries that an ELF file needs: its DT_NEEDED names, and theirs, looked up as ld.so(8) does (library_search.h):
 * DT_RPATH or DT_RUNPATH, LD_LIBRARY_PATH, the system's directories. The interpreter comes along.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "elf_needs.h"
#include "library_search.h"
#include "stage.h"

enum { OBJECTS_MAX = 2048 };

struct walk {
    struct stage *stage;
    struct object *objects;
    size_t count;
    struct elf_needs main; /* the first one's, whose DT_RPATH counts for all */
};

static struct found find_library(const struct walk *walk, const struct object *object, const struct elf_needs *needs,
                                 const char *name)
{
    struct found found = {NULL, NULL};
    if (strchr(name, '/')) {
        if (name[0] == '/' && is_usable_library(name))
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
    if (!S_ISREG(mode) || !is_usable_library(full))
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
