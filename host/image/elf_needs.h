/* What an ELF file says about itself: pure reading, hostile bytes allowed. */
#pragma once
#include <stdbool.h>
#include <util/alloc.h>
#include <util/error.h>

struct elf_needs {
    char *interpreter; /* PT_INTERP; NULL: none */
    char *search;      /* DT_RUNPATH, else DT_RPATH, colons between; NULL: none */
    bool is_rpath;
    struct strings names; /* DT_NEEDED */
};
struct error *elf_read_needs(const char *path, struct elf_needs *out); /* *out is to be freed also after an error */
void elf_needs_free(struct elf_needs *needs);
