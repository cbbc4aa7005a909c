/* The staging tree; see stage.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sources.h"
#include "stage.h"

struct error *stage_create(struct stage *stage)
{
    struct error *err = workspace_create(NULL, &stage->work);
    if (err)
        return err;
    stage->root = xprintf("%s/root", stage->work.path);
    return mkdir(stage->root, 0755) || chmod(stage->root, 0755) ? error_errno("making %s", stage->root) : NULL;
}

void stage_destroy(struct stage *stage)
{
    workspace_remove(&stage->work);
    free(stage->root);
    free(stage->own_libraries);
    buffer_free(&stage->sources);
    stage->root = stage->own_libraries = NULL;
}

void stage_depends(struct stage *stage, const char *path)
{
    source_add(&stage->sources, path);
}

/* Host path of a guest path, with the links of stage_base resolved. */
static char *place(const struct stage *stage, const char *guest)
{
    static const char *const links[][2] = {
        {"/lib64", "/usr/lib64"}, {"/lib", "/usr/lib"},       {"/bin", "/usr/bin"},
        {"/sbin", "/usr/sbin"},   {"/var/lock", "/run/lock"}, {"/var/run", "/run"},
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        size_t len = strlen(links[i][0]);
        if (!strncmp(guest, links[i][0], len) && guest[len] == '/')
            return xprintf("%s%s%s", stage->root, links[i][1], guest + len);
    }
    return xprintf("%s%s", stage->root, guest);
}

static bool is_below(const char *path, const char *root)
{
    size_t len = strlen(root);
    return !strncmp(path, root, len) && (path[len] == '/' || !path[len]);
}

/* The deepest directory of `path` that exists must be in the tree: a staged link could lead anywhere on this host. */
static struct error *check_inside(const struct stage *stage, const char *path)
{
    char *copy = xstrdup(path), *real = NULL;
    for (char *slash; !real && (slash = strrchr(copy, '/')) && slash > copy; *slash = '\0')
        real = realpath(copy, NULL);
    bool is_inside = real && is_below(real, stage->root);
    free(real);
    free(copy);
    return is_inside ? NULL : error_new("%s leads out of the image over a link", path + strlen(stage->root));
}

static struct error *make_parents(const struct stage *stage, char *path)
{
    char *slash = strrchr(path, '/');
    *slash = '\0';
    struct error *err = check_inside(stage, path);
    if (!err)
        err = directory_make(path, 0755);
    *slash = '/';
    return err;
}

bool stage_has(const struct stage *stage, const char *guest)
{
    char *path = place(stage, guest);
    bool has = path_exists(path);
    free(path);
    return has;
}

static void count(struct stage *stage, enum stage_part part, const char *path)
{
    struct stat s;
    if (!lstat(path, &s))
        stage->bytes[part] += (uint64_t)s.st_size;
    stage->file_count++;
}

static struct error *place_file(struct stage *stage, enum stage_part part, const char *from, const char *guest)
{
    char *path = place(stage, guest);
    struct error *err = make_parents(stage, path);
    if (!err && part == STAGE_APPLICATION)
        unlink(path); /* the system's, or nothing */
    if (!err && !path_exists(path)) {
        err = file_copy(from, path);
        if (!err)
            count(stage, part, path);
    }
    free(path);
    return err;
}

struct error *stage_file(struct stage *stage, enum stage_part part, const char *from, const char *guest)
{
    stage_depends(stage, from);
    return place_file(stage, part, from, guest);
}

struct error *stage_text(struct stage *stage, enum stage_part part, const void *bytes, size_t len, mode_t mode,
                         const char *guest)
{
    char *path = place(stage, guest);
    struct error *err = make_parents(stage, path);
    if (!err)
        err = file_write(path, bytes, len, mode);
    if (!err)
        count(stage, part, path);
    free(path);
    return err;
}

struct error *stage_symlink(struct stage *stage, const char *target, const char *guest)
{
    char *path = place(stage, guest);
    struct error *err = make_parents(stage, path);
    if (!err && symlink(target, path) && errno != EEXIST)
        err = error_errno("making the link %s", guest);
    free(path);
    return err;
}

struct error *stage_directory(struct stage *stage, const char *guest, mode_t mode)
{
    char *path = place(stage, guest);
    struct error *err = check_inside(stage, path);
    if (!err)
        err = directory_make(path, 0755);
    if (!err && chmod(path, mode))
        err = error_errno("setting the mode of %s", guest);
    free(path);
    return err;
}

struct tree {
    struct stage *stage;
    enum stage_part part;
    const char *root; /* real path on the host */
    const char *guest;
    bool (*wants)(const char *relative);
};

static struct error *stage_link(const struct tree *tree, const char *full, const char *guest)
{
    char target[4096];
    struct stat s;
    ssize_t n = readlink(full, target, sizeof target - 1);
    if (n < 0)
        return error_errno("reading the link %s", full);
    target[n] = '\0';
    char *real = realpath(full, NULL); /* NULL: it leads nowhere here as there */
    bool stays = !real || (target[0] != '/' && is_below(real, tree->root));
    bool is_file = real && !stat(real, &s) && S_ISREG(s.st_mode);
    struct error *err = NULL;
    if (stays)
        err = stage_symlink(tree->stage, target, guest);
    else if (is_file)
        err = stage_file(tree->stage, tree->part, real, guest);
    else
        fprintf(stderr, "skiff: %s leads to %s, out of %s: left out\n", full, real, tree->root);
    free(real);
    return err;
}

static struct error *stage_entry(void *context, const char *full, const char *relative, mode_t mode)
{
    const struct tree *tree = context;
    if (tree->wants && !tree->wants(relative))
        return NULL;
    char *guest = xprintf("%s/%s", tree->guest, relative);
    struct error *err = NULL;
    if (S_ISDIR(mode)) {
        err = stage_directory(tree->stage, guest, 0755);
        stage_depends(tree->stage, full);
    } else if (S_ISREG(mode) && tree->part == STAGE_APPLICATION) {
        err = stage_file(tree->stage, tree->part, full, guest);
    } else if (S_ISREG(mode)) { /* packages put new files in their place, which changes the directory */
        err = place_file(tree->stage, tree->part, full, guest);
    } else if (S_ISLNK(mode)) {
        err = stage_link(tree, full, guest);
    }
    free(guest);
    return err;
}

struct error *stage_tree(struct stage *stage, enum stage_part part, const char *from, const char *guest,
                         bool (*wants)(const char *))
{
    char *root = realpath(from, NULL);
    if (!root)
        return error_errno("reading the directory %s", from);
    struct tree tree = {.stage = stage, .part = part, .root = root, .guest = guest, .wants = wants};
    struct error *err = stage_directory(stage, guest, 0755);
    stage_depends(stage, root);
    if (!err)
        err = directory_walk(root, stage_entry, &tree);
    free(root);
    return err;
}
