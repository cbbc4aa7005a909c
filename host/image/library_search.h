/* Where ld.so(8) finds a library here, and where it has to stand in the image to be found there. */
#pragma once
#include <stdbool.h>
#include "elf_needs.h"

/* An ELF file, its $ORIGIN here and in the image. */
struct object {
    char *path, *origin, *guest_origin;
};
struct found {
    char *path, *guest; /* NULL: not found */
};

/* By DT_RUNPATH or DT_RPATH of `object`: colons between, $ORIGIN is put in. */
bool find_by_search(const char *search, const struct object *object, const char *name, struct found *out);
bool find_by_environment(const char *name, struct found *out); /* LD_LIBRARY_PATH */
bool find_in_system(const char *name, struct found *out);      /* ld.so.conf and the built-in directories */
bool is_usable_library(const char *path);                      /* ELF for this CPU */
char *directory_of(const char *path);
