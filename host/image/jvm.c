/*
 * A Java runtime for an application: the modules that jdeps finds, put together by jlink, with a class-data archive; the
 * whole JDK's modules where jdeps cannot tell. Runtimes are kept in the cache by JDK and module list.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stage.h"

/* What programs reach only by reflection or by service look-up, which jdeps does not see. */
#define ALWAYS                                                                                                         \
    "java.base,java.logging,java.management,java.naming,java.net.http,java.sql,java.xml,java.security.jgss,java.instrument," \
    "java.desktop,java.prefs,jdk.unsupported,jdk.crypto.ec,jdk.zipfs,jdk.charsets,jdk.localedata,jdk.management,jdk.jfr,jdk.net,"  \
    "jdk.naming.dns,jdk.httpserver,jdk.management.agent,jdk.jcmd,jdk.attach"
#define WHOLE "ALL-MODULE-PATH"

static struct error *find_jdk(char **home)
{
    char *jlink = program_find("jlink"), *real = jlink ? realpath(jlink, NULL) : NULL;
    struct error *err = NULL;
    if (!real) {
        err = error_hint(error_new("no JDK was found (jlink is not in PATH), so there is no Java runtime to put into the image"),
                         "apt install openjdk-17-jdk-headless");
    } else {
        *strrchr(real, '/') = '\0';
        *strrchr(real, '/') = '\0';
        *home = xstrdup(real);
    }
    free(jlink);
    free(real);
    return err;
}

/* JAVA_VERSION="17.0.15" of the JDK's release file: "17.0.15" and 17. */
static unsigned jdk_version(const char *home, char text[32])
{
    char *path = xprintf("%s/release", home), *bytes = NULL;
    size_t len;
    struct error *err = file_read(path, 65536, &bytes, &len);
    const char *at = err ? NULL : strstr(bytes, "JAVA_VERSION=\"");
    snprintf(text, 32, "%.*s", at ? (int)strcspn(at + 14, "\"") : 0, at ? at + 14 : "");
    error_free(err);
    free(bytes);
    free(path);
    return (unsigned)strtoul(text, NULL, 10);
}

/* ---- modules ---- */

/* A plain jar is given to jdeps as it is; the nested jars of a Spring Boot one are unpacked for it. NULL: unknown. */
static char *modules_by_jdeps(const char *home, const char *jar, unsigned version)
{
    char *jdeps = xprintf("%s/bin/jdeps", home), *release = xprintf("%u", version), *output = NULL, *modules = NULL;
    char *argv[] = {jdeps, (char *)"--ignore-missing-deps", (char *)"--print-module-deps", (char *)"--multi-release", release, (char *)"-q", (char *)jar, NULL};
    struct error *err = program_run(argv, NULL, &output, NULL);
    if (!err) {
        /* The list is the last line: names of modules and commas, nothing else. */
        char *line = output;
        for (char *next; (next = strchr(line, '\n')) && next[1];)
            line = next + 1;
        line[strcspn(line, "\n")] = '\0';
        bool is_list = *line;
        for (char *c = line; *c; c++)
            is_list &= isalnum((unsigned char)*c) || *c == '.' || *c == ',';
        if (is_list)
            modules = xstrdup(line);
    }
    error_free(err);
    free(output);
    free(jdeps);
    free(release);
    return modules;
}

static char *choose_modules(struct stage *stage, const char *home, const char *jar, const struct jar_info *info, bool whole, unsigned version)
{
    if (whole)
        return xstrdup(WHOLE);
    char *found = info->is_spring_boot ? xstrdup("java.base") : modules_by_jdeps(home, jar, version);
    if (!found) {
        if (stage->verbose)
            fprintf(stderr, "skiff: jdeps could not tell the modules of %s: the whole runtime is taken\n", jar);
        return xstrdup(WHOLE);
    }
    /* Spring and what it brings look classes up at run time; jdeps of the nested jars names what ALWAYS has, and more. */
    char *modules = xprintf("%s,%s%s", ALWAYS, found, info->is_spring_boot ? ",java.sql.rowset,java.scripting,java.rmi,java.compiler,jdk.xml.dom" : "");
    free(found);
    return modules;
}

/* ---- the runtime ---- */

static struct error *link_runtime(const char *home, const char *modules, const char *output)
{
    char *jlink = xprintf("%s/bin/jlink", home), *partial = xprintf("%s.%ld", output, (long)getpid());
    char *argv[] = {jlink, (char *)"--add-modules", (char *)modules, (char *)"--strip-debug", (char *)"--no-header-files",
                    (char *)"--no-man-pages", (char *)"--output", partial, NULL};
    directory_remove(partial);
    struct error *err = program_run(argv, NULL, NULL, NULL);
    if (!err) {
        char *java = xprintf("%s/bin/java", partial);
        char *dump[] = {java, (char *)"-Xshare:dump", (char *)"-XX:+UseSerialGC", NULL};
        error_free(program_run(dump, NULL, NULL, NULL)); /* without the archive Java starts as well, only slower */
        free(java);
    }
    if (!err && rename(partial, output) && !path_exists(output))
        err = error_errno("keeping the Java runtime as %s", output);
    directory_remove(partial);
    free(partial);
    free(jlink);
    return err;
}

/* A name for the cache: FNV-1a over the words. */
static uint64_t hash_words(const char *a, const char *b)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (const char *words[] = {a, b}, **w = words; w < words + 2; w++)
        for (const char *c = *w;; c++) {
            hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
            if (!*c)
                break;
        }
    return hash;
}

static struct error *cached_runtime(struct stage *stage, const char *home, const char *version, const char *modules, char **path)
{
    char *cache;
    struct error *err = cache_directory("runtimes", &cache);
    if (err)
        return err;
    *path = xprintf("%s/jvm-%s-%016llx", cache, version, (unsigned long long)hash_words(home, modules));
    free(cache);
    if (path_exists(*path))
        return NULL;
    if (stage->verbose)
        fprintf(stderr, "skiff: making a Java %s runtime (kept for the next build)\n", version);
    err = link_runtime(home, modules, *path);
    if (err && strcmp(modules, WHOLE)) { /* a module that this JDK lacks */
        error_free(err);
        err = link_runtime(home, WHOLE, *path);
    }
    return err;
}

static bool is_needed_at_run_time(const char *relative)
{
    return strcmp(relative, "legal") && strncmp(relative, "legal/", 6) && strcmp(relative, "lib/ct.sym") && strcmp(relative, "lib/src.zip");
}

static struct error *stage_native(void *context, const char *full, const char *relative, mode_t mode)
{
    const char *what;
    (void)relative;
    bool is_elf = S_ISREG(mode) && elf_probe(full, &what) == ELF_X86_64;
    return is_elf ? stage_libraries_of(context, full) : NULL;
}

struct error *stage_jvm(struct stage *stage, const char *jar, const struct jar_info *info, bool whole, char runtime[32])
{
    char *home = NULL, *path = NULL, version[32];
    struct error *err = find_jdk(&home);
    if (err)
        return err;
    unsigned major = jdk_version(home, version);
    char *modules = choose_modules(stage, home, jar, info, whole, major);
    snprintf(runtime, 32, "jvm-%u", major);
    err = cached_runtime(stage, home, version, modules, &path);
    if (!err)
        err = stage_tree(stage, STAGE_RUNTIME, path, JVM_GUEST_HOME, is_needed_at_run_time);
    if (!err) {
        free(stage->own_libraries);
        stage->own_libraries = xprintf("%s/lib:%s/lib/server", path, path);
    }
    if (!err)
        err = directory_walk(path, stage_native, stage);
    free(modules);
    free(home);
    free(path);
    return err;
}
