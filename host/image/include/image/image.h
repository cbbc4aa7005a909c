/*
 * Images: an application with all that it runs on, as one EROFS file (contract/image.h). Building needs neither root
 * nor a container engine; the same input gives the same bytes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <util/alloc.h>
#include <util/error.h>

struct image_options {
    const char *source;         /* jar, ELF, script, directory with skiff.yaml */
    struct strings arguments;   /* the program's, kept in the image */
    struct strings environment; /* NAME=VALUE */
    const char *working_directory;
    unsigned memory_mib; /* default of the image; 0: chosen by runtime */
    bool whole_runtime;  /* the whole JRE instead of the modules in use */
    bool verbose;        /* say on stderr what is being done */
};

/* What an image holds, as its trailer and the build tell. */
struct image_info {
    char runtime[32];
    unsigned memory_mib;
    uint64_t size;                                                        /* bytes of the file */
    uint64_t file_count, application_bytes, runtime_bytes, library_bytes; /* of a build */
};

/* Builds to `output`, which appears only when it is complete. */
struct error *image_build(const struct image_options *options, const char *output, struct image_info *info);
/* The image of these options in the cache, built when it is not there or the source has changed. */
struct error *image_build_cached(const struct image_options *options, char **path, struct image_info *info);
/* Whether the file says that it is an image (its last block); then image_check says whether it is whole. */
bool image_is_image(const char *path);
struct error *image_check(const char *path, struct image_info *info);
/* Only the last block: for an image of our own cache. */
struct error *image_read_trailer(const char *path, struct image_info *info);

/* A project's settings that concern running rather than building. */
struct project {
    struct strings ports; /* as -p takes them */
    unsigned memory_mib, cpus;
};
struct error *project_read(const char *directory, struct image_options *options, struct project *project,
                           struct strings *files, char **program, char **runtime);
