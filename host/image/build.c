/*
 * From a source to an image: what it is decides the runtime; the program stands in /app, its configuration in
 * /.skiff/config (contract/config.h).
 */
#include <contract/config.h>
#include <errno.h>
#include <image/image.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stage.h"

enum { MEMORY_NATIVE_MIB = 128, MEMORY_SCRIPT_MIB = 256, MEMORY_JVM_MIB = 512 };

/* The records of the image's configuration, as they gather. */
static void add_record(struct buffer *config, const char *key, const char *value)
{
    buffer_add(config, key, strlen(key));
    buffer_add(config, "=", 1);
    buffer_add(config, value, strlen(value) + 1);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Class-Path of the manifest: places relative to the jar, which Java looks up beside it in the image as well. Those
 * that are not there it passes over, and so do we; others lead out of /app. */
static struct error *add_class_path(struct stage *stage, const char *jar, const char *class_path)
{
    struct error *err = NULL;
    const char *name = base_name(jar);
    for (const char *at = class_path; !err && at && *at;) {
        size_t len = strcspn(at, " ");
        char *entry = xstrndup(at, len), *from = xprintf("%.*s%s", (int)(name - jar), jar, entry),
             *guest = xprintf("/app/%s", entry);
        struct stat s;
        bool is_inside = len && entry[0] != '/' && !strchr(entry, ':') && !path_leads_up(guest);
        if (is_inside && !stat(from, &s))
            err = S_ISDIR(s.st_mode) ? stage_tree(stage, STAGE_APPLICATION, from, guest, NULL)
                                     : stage_file(stage, STAGE_APPLICATION, from, guest);
        free(entry);
        free(from);
        free(guest);
        at += len + strspn(at + len, " ");
    }
    return err;
}

static struct error *add_jar(struct stage *stage, const struct image_options *o, const char *source,
                             struct buffer *config, char runtime[32])
{
    struct jar_info jar;
    struct error *err = jar_read(source, &jar);
    if (err)
        return err;
    char *guest = xprintf("/app/%s", base_name(source));
    err = stage_file(stage, STAGE_APPLICATION, source, guest);
    if (!err)
        err = add_class_path(stage, source, jar.class_path);
    if (!err)
        err = stage_jvm(stage, source, &jar, o->whole_runtime, runtime);
    /* Heap by the machine's memory; the archive at its own address saves its relocation; nobody reads perf data here.
     */
    static const char *const flags[] = {
        "-XX:MaxRAMPercentage=60",     "-XX:-UsePerfData", "-XX:+UnlockDiagnosticVMOptions",
        "-XX:ArchiveRelocationMode=0", "-Xshare:auto",
    };
    add_record(config, "program", JVM_GUEST_HOME "/bin/java");
    add_record(config, "arg0", "java");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        add_record(config, "arg", flags[i]);
    add_record(config, "arg", "-jar");
    add_record(config, "arg", guest);
    add_record(config, "env", "JAVA_HOME=" JVM_GUEST_HOME);
    free(guest);
    jar_free(&jar);
    return err;
}

static struct error *add_program(struct stage *stage, const char *source, struct buffer *config, char runtime[32])
{
    char *guest = xprintf("/app/%s", base_name(source));
    struct error *err = stage_elf(stage, STAGE_APPLICATION, source, guest);
    snprintf(runtime, 32, "native");
    add_record(config, "program", guest);
    free(guest);
    return err;
}

static struct error *add_script(struct stage *stage, const char *source, struct buffer *config, char runtime[32])
{
    struct interpreter_use use = {0};
    char *guest = xprintf("/app/%s", base_name(source));
    struct error *err = stage_file(stage, STAGE_APPLICATION, source, guest);
    if (!err)
        err = stage_interpreter(stage, source, &use, runtime);
    if (!err) {
        add_record(config, "program", use.path);
        for (size_t i = 0; i < use.arguments.count; i++)
            add_record(config, "arg", use.arguments.items[i]);
        add_record(config, "arg", guest);
    }
    strings_free(&use.arguments);
    free(use.path);
    free(guest);
    return err;
}

static struct error *unknown_source(const char *source)
{
    return error_hint(
        error_new("%s is not a jar, a Linux x86-64 program, a script with a known interpreter or an image", source),
        "known scripts: .rb, .py, .sh, .bash, .pl, or a #! line that names ruby, python3, sh, bash or perl; "
        "a directory needs a skiff.yaml");
}

static struct error *add_source(struct stage *stage, const struct image_options *o, const char *source,
                                struct buffer *config, char runtime[32])
{
    struct stat s;
    const char *what = NULL;
    if (stat(source, &s))
        return error_status(error_errno("%s", source), errno == ENOENT ? 127 : 126);
    if (!S_ISREG(s.st_mode))
        return error_status(unknown_source(source), 126);
    if (access(source, R_OK))
        return error_status(error_errno("reading %s", source), 126);
    if (jar_probe(source))
        return add_jar(stage, o, source, config, runtime);
    switch (elf_probe(source, &what)) {
    case ELF_X86_64:
        if (!(s.st_mode & 0111))
            return error_status(error_hint(error_new("%s is not executable", source), "chmod +x %s", source), 126);
        return add_program(stage, source, config, runtime);
    case ELF_OTHER:
        return error_status(error_hint(error_new("%s is a program for %s; Skiff runs x86-64", source, what),
                                       "build it for x86-64 Linux"),
                            126);
    case ELF_NONE:
        break;
    }
    if (script_probe(source))
        return add_script(stage, source, config, runtime);
    return error_status(unknown_source(source), 126);
}

/* Programs and libraries among them bring the libraries that they need. */
static struct error *stage_project_path(struct stage *stage, const char *from, const char *guest, mode_t mode)
{
    const char *what;
    if (S_ISDIR(mode)) {
        struct error *err = stage_tree(stage, STAGE_APPLICATION, from, guest, NULL);
        return err ? err : stage_libraries_below(stage, from, guest);
    }
    bool is_elf = elf_probe(from, &what) == ELF_X86_64;
    return is_elf ? stage_elf(stage, STAGE_APPLICATION, from, guest)
                  : stage_file(stage, STAGE_APPLICATION, from, guest);
}

/* "HOST" or "HOST:GUEST", relative to the project; a relative or missing GUEST stands below /app. */
static struct error *add_project_file(struct stage *stage, const char *directory, const char *entry)
{
    const char *colon = strchr(entry, ':');
    char *host = colon ? xstrndup(entry, (size_t)(colon - entry)) : xstrdup(entry);
    char *from = host[0] == '/' ? xstrdup(host) : xprintf("%s/%s", directory, host);
    const char *to = colon ? colon + 1 : host;
    char *guest = to[0] == '/' ? xstrdup(to) : xprintf("/app/%s", to);
    struct stat s;
    struct error *err;
    if (path_leads_up(guest))
        err = error_new("files: \"%s\" leads out of the image", entry);
    else if (stat(from, &s))
        err = error_errno("files: %s", from);
    else
        err = stage_project_path(stage, from, guest, s.st_mode);
    free(host);
    free(from);
    free(guest);
    return err;
}

/* "ruby" of a skiff.yaml is any "ruby-3.1". */
static struct error *check_runtime(const char *wanted, const char *program, const char *runtime)
{
    size_t len = wanted ? strcspn(wanted, "-") : 0;
    if (!wanted || !strcmp(wanted, "auto") || !strncmp(runtime, wanted, len))
        return NULL;
    return error_new("skiff.yaml wants the runtime %s, but %s is for %s", wanted, program, runtime);
}

static struct error *add_project(struct stage *stage, struct image_options *o, struct buffer *config, char runtime[32])
{
    struct project project = {0};
    struct strings files = {0};
    char *program = NULL, *wanted = NULL, *description = xprintf("%s/skiff.yaml", o->source);
    stage_depends(stage, description);
    free(description);
    struct error *err = project_read(o->source, o, &project, &files, &program, &wanted);
    char *source = err ? NULL : program[0] == '/' ? xstrdup(program) : xprintf("%s/%s", o->source, program);
    if (!err) {
        o->whole_runtime |= wanted && !strcmp(wanted, "jvm-whole");
        err = add_source(stage, o, source, config, runtime);
    }
    if (!err)
        err = check_runtime(wanted, program, runtime);
    for (size_t i = 0; !err && i < files.count; i++)
        err = add_project_file(stage, o->source, files.items[i]);
    if (!err && !o->memory_mib)
        o->memory_mib = project.memory_mib;
    free(source);
    free(program);
    free(wanted);
    strings_free(&files);
    strings_free(&project.ports);
    return err;
}

static unsigned default_memory(const char *runtime)
{
    if (!strncmp(runtime, "jvm", 3))
        return MEMORY_JVM_MIB;
    return strcmp(runtime, "native") ? MEMORY_SCRIPT_MIB : MEMORY_NATIVE_MIB;
}

static struct error *add_config(struct stage *stage, const struct image_options *o, struct buffer *config)
{
    for (size_t i = 0; i < o->arguments.count; i++)
        add_record(config, "arg", o->arguments.items[i]);
    add_record(config, "env", "LANG=C.UTF-8");
    for (size_t i = 0; i < o->environment.count; i++)
        add_record(config, "env", o->environment.items[i]);
    add_record(config, "cwd", o->working_directory ? o->working_directory : "/app");
    if (config->len > SKIFF_CONFIG_MAX)
        return error_new("arguments and environment take %zu bytes, more than the %d that an image can hold",
                         config->len, SKIFF_CONFIG_MAX);
    return stage_text(stage, STAGE_LIBRARY, config->bytes, config->len, 0644, SKIFF_CONFIG_PATH);
}

struct error *image_build_noting(const struct image_options *given, const char *output, struct image_info *info,
                                 struct buffer *sources)
{
    struct image_options o = *given;
    struct stage stage = {.verbose = given->verbose};
    struct buffer config = {0};
    struct stat s;
    struct error *err = stage_create(&stage);
    *info = (struct image_info){0};
    if (!err)
        err = stage_base(&stage);
    if (!err)
        err = !stat(o.source, &s) && S_ISDIR(s.st_mode) ? add_project(&stage, &o, &config, info->runtime)
                                                        : add_source(&stage, &o, o.source, &config, info->runtime);
    if (!err)
        err = add_config(&stage, &o, &config);
    if (!err) {
        info->memory_mib = o.memory_mib ? o.memory_mib : default_memory(info->runtime);
        err = image_pack(&stage, info->runtime, info->memory_mib, output);
    }
    if (!err && !stat(output, &s))
        info->size = (uint64_t)s.st_size;
    info->file_count = stage.file_count;
    info->application_bytes = stage.bytes[STAGE_APPLICATION];
    info->runtime_bytes = stage.bytes[STAGE_RUNTIME];
    info->library_bytes = stage.bytes[STAGE_LIBRARY];
    if (sources)
        buffer_add(sources, stage.sources.bytes, stage.sources.len);
    stage_destroy(&stage);
    buffer_free(&config);
    return err;
}

struct error *image_build(const struct image_options *options, const char *output, struct image_info *info)
{
    return image_build_noting(options, output, info, NULL);
}
