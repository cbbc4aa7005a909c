/* Files, directories and child processes of the host side. Paths are ordinary strings; results are the caller's to
 * free. */
#pragma once
#include <stdint.h>
#include <sys/types.h>
#include <util/alloc.h>
#include <util/error.h>

/* The whole file, NUL-terminated behind *len bytes; at most `max` bytes. */
struct error *file_read(const char *path, size_t max, char **bytes, size_t *len);
struct error *file_write(const char *path, const void *bytes, size_t len, mode_t mode); /* made anew */
/* Contents and permission bits; a clone where the file system can. Parents must exist. */
struct error *file_copy(const char *from, const char *to);
/* mkdir -p. */
struct error *directory_make(const char *path, mode_t mode);
/* rm -rf, never following links; failures are ignored. */
void directory_remove(const char *path);
/* Calls visit for each entry below `path` in sorted order, directories before what they hold; `relative` begins without
 * a slash. Symlinks are told as such. Stops at the first error. At most 64 levels deep. */
struct error *directory_walk(const char *path,
                             struct error *(*visit)(void *context, const char *full, const char *relative, mode_t mode),
                             void *context);
bool path_exists(const char *path);
bool path_leads_up(const char *path); /* has ".." among its elements */
/* $XDG_CACHE_HOME/skiff or ~/.cache/skiff, with `name` below it, made. */
struct error *cache_directory(const char *name, char **out);

/* Runs argv to its end; its standard output and, when `errors` is not NULL, standard error come back as text. The error
 * says which program failed, how, and quotes the end of what it printed. `directory` NULL: here. */
struct error *program_run(char *const *argv, const char *directory, char **output, size_t *output_len);
/* Where PATH has it; NULL. */
char *program_find(const char *name);
