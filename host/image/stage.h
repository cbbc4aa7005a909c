/*
 * The tree that becomes the image: made in a temporary directory, file by file. Guest paths are absolute and
 * normalised: /lib, /bin, /sbin, /lib64 are links into /usr as on Debian 12, so a library has one place.
 */
#pragma once
#include <util/file.h>
#include <util/workspace.h>

enum stage_part { STAGE_APPLICATION, STAGE_RUNTIME, STAGE_LIBRARY, STAGE_PARTS };
struct stage {
    struct workspace work;
    char *root;            /* the tree, in the workspace */
    struct buffer sources; /* lines: identity and path of everything on the host that went in (sources.h) */
    uint64_t bytes[STAGE_PARTS], file_count;
    /* Host directories (colons between) whose libraries are staged as part of a runtime and find each other there. */
    char *own_libraries;
    bool verbose;
    bool skip_missing; /* a library that this host lacks is passed over, as the file needs it here too and cannot have
                          it */
};

struct error *stage_create(struct stage *stage);
void stage_destroy(struct stage *stage); /* removes the directory */
/* Something on the host that the image depends on without holding it. What is staged is noted by itself. */
void stage_depends(struct stage *stage, const char *path);
/* Parents are made. A file that is there already is left (the same library twice), but the application's own files take
 * the place of others. No guest path leads out of the tree, also not over links that are in it. */
struct error *stage_file(struct stage *stage, enum stage_part part, const char *from, const char *guest);
struct error *stage_text(struct stage *stage, enum stage_part part, const void *bytes, size_t len, mode_t mode,
                         const char *guest);
struct error *stage_symlink(struct stage *stage, const char *target, const char *guest);
struct error *stage_directory(struct stage *stage, const char *guest, mode_t mode);
/* A directory with all below it. Symlinks within stay symlinks; what leads out of it to a file becomes that file, to a
 * directory is left out with a warning. Files that nobody needs at run time can be left out. */
struct error *stage_tree(struct stage *stage, enum stage_part part, const char *from, const char *guest,
                         bool (*wants)(const char *relative));
bool stage_has(const struct stage *stage, const char *guest);
/* base.c: what every program expects: /etc files, mount points, the C.UTF-8 locale. */
struct error *stage_base(struct stage *stage);

/* libraries.c: a program and every library it needs, where ld.so will find them in the image. */
struct error *stage_elf(struct stage *stage, enum stage_part part, const char *from, const char *guest);
struct error *stage_libraries_of(struct stage *stage, const char *from, const char *guest); /* only the libraries */
/* For all ELF files below a directory that stands (or will stand) at `guest`; what is missing is passed over. */
struct error *stage_libraries_below(struct stage *stage, const char *directory, const char *guest);

/* elf.c */
enum elf_kind { ELF_NONE, ELF_X86_64, ELF_OTHER };
/* Programs and libraries for x86-64, by the first bytes. *what: for ELF_OTHER, whom it is for. */
enum elf_kind elf_probe(const char *path, const char **what);
enum elf_kind elf_probe_bytes(const unsigned char *header, size_t n, const char **what);

/* jar.c */
struct jar_info {
    char *main_class, *start_class, *class_path; /* start_class: Spring Boot's own */
    bool is_spring_boot;
};
bool jar_probe(const char *path);
struct error *jar_read(const char *path, struct jar_info *out);
void jar_free(struct jar_info *info);

/* jvm.c: the runtime for a jar, staged; its java command. */
#define JVM_GUEST_HOME "/usr/lib/jvm/runtime"
struct error *stage_jvm(struct stage *stage, const char *jar, const struct jar_info *info, bool whole,
                        char runtime[32]);

/* script.c: interpreter and standard library for a script. */
struct interpreter_use {
    char *path;               /* in the image */
    struct strings arguments; /* of the script's #! line */
};
struct error *stage_interpreter(struct stage *stage, const char *script, struct interpreter_use *use, char runtime[32]);
bool script_probe(const char *path);

/* erofs.c: the finished tree as an image file with its trailer. */
struct error *image_pack(const struct stage *stage, const char *runtime, unsigned memory_mib, const char *output);

/* build.c: as image_build; *sources (NULL allowed) gets what went in (sources.h). */
struct image_options;
struct image_info;
struct error *image_build_noting(const struct image_options *options, const char *output, struct image_info *info,
                                 struct buffer *sources);
