/*
 * A Java runtime for an application, put together by jlink, with a class-data archive: all of Java SE, the JDK's
 * modules that programs reach by reflection or services, and what else jdeps finds. One that is made is kept in the
 * cache by JDK and module list, and since most lists come to the same, most builds make none.
 * docs/decisions/0002-java-runtime.md.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stage.h"

/* java.se stands for every java.* module but java.smartcardio. */
static const char base_modules[] = "java.se,jdk.accessibility,jdk.attach,jdk.charsets,jdk.crypto.cryptoki,jdk.crypto."
                                   "ec,jdk.dynalink,jdk.httpserver,jdk.jcmd,jdk.jfr,"
                                   "jdk.jsobject,jdk.localedata,jdk.management,jdk.management.agent,jdk.naming.dns,jdk."
                                   "naming.rmi,jdk.net,jdk.nio.mapmode,jdk.sctp,"
                                   "jdk.security.auth,jdk.security.jgss,jdk.unsupported,jdk.xml.dom,jdk.zipfs";
#define WHOLE "ALL-MODULE-PATH"

static struct error *find_jdk(char **home)
{
    const char *wanted = getenv("JAVA_HOME");
    char *own = wanted && *wanted ? xprintf("%s/bin/jlink", wanted) : NULL, *jlink = program_find(own ? own : "jlink");
    if (!jlink && own)
        jlink = program_find("jlink"); /* JAVA_HOME is a JRE */
    char *real = jlink ? realpath(jlink, NULL) : NULL;
    struct error *err = NULL;
    if (!real) {
        err = error_hint(error_new("no JDK was found (jlink is neither in JAVA_HOME nor in PATH), so there is no Java "
                                   "runtime for the image"),
                         "apt install openjdk-17-jdk-headless");
    } else {
        *strrchr(real, '/') = '\0';
        *strrchr(real, '/') = '\0';
        *home = xstrdup(real);
    }
    free(own);
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

/* The modules that the classes of a jar name; NULL: unknown. */
static char *modules_by_jdeps(const char *home, const char *jar, unsigned version)
{
    char *jdeps = xprintf("%s/bin/jdeps", home), *release = xprintf("%u", version), *output = NULL, *modules = NULL;
    char *argv[] = {jdeps,
                    (char *)"--ignore-missing-deps",
                    (char *)"--print-module-deps",
                    (char *)"--multi-release",
                    release,
                    (char *)"-q",
                    (char *)jar,
                    NULL};
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

/* Whether the module comes with base_modules. */
static bool is_in_base(const char *name, size_t len)
{
    if (!strncmp(name, "java.", 5))
        return strncmp(name, "java.smartcardio", len);
    for (const char *at = base_modules; *at; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ','))
        if (strcspn(at, ",") == len && !strncmp(at, name, len))
            return true;
    return false;
}

/* The nested jars of a Spring Boot application are not looked through: with dozens of them that takes longer than all
 * else, and finds nothing that base_modules lacks. */
static char *choose_modules(struct stage *stage, const char *home, const char *jar, const struct jar_info *info,
                            bool whole, unsigned version)
{
    if (whole)
        return xstrdup(WHOLE);
    char *found = info->is_spring_boot ? xstrdup("") : modules_by_jdeps(home, jar, version),
         *modules = xstrdup(base_modules);
    if (!found && stage->verbose)
        fprintf(stderr, "skiff: jdeps could not tell the modules of %s: the whole runtime is taken\n", jar);
    if (!found) {
        free(modules);
        return xstrdup(WHOLE);
    }
    for (const char *at = found; *at;) {
        size_t len = strcspn(at, ",");
        if (!is_in_base(at, len)) {
            char *more = xprintf("%s,%.*s", modules, (int)len, at);
            free(modules);
            modules = more;
        }
        at += len + (at[len] == ',');
    }
    free(found);
    return modules;
}

/* ---- the runtime ---- */

/* The archive holds heap objects only when it is made with G1; it serves the other collectors as well. Java starts
 * without it, too, only slower. */
static void dump_archive(const char *runtime)
{
    char *java = xprintf("%s/bin/java", runtime);
    char *argv[] = {java, (char *)"-Xshare:dump", (char *)"-XX:+UseG1GC", (char *)"-Xmx128m", NULL};
    error_free(program_run(argv, NULL, NULL, NULL));
    free(java);
}

static struct error *link_runtime(const char *home, const char *modules, const char *cache, const char *output)
{
    struct workspace work;
    struct error *err = workspace_create(cache, &work);
    if (err)
        return err;
    char *jlink = xprintf("%s/bin/jlink", home), *partial = xprintf("%s/runtime", work.path);
    char *argv[] = {jlink,
                    (char *)"--add-modules",
                    (char *)modules,
                    (char *)"--strip-debug",
                    (char *)"--no-header-files",
                    (char *)"--no-man-pages",
                    (char *)"--output",
                    partial,
                    NULL};
    err = program_run(argv, NULL, NULL, NULL);
    if (!err)
        dump_archive(partial);
    if (!err && rename(partial, output) && !path_exists(output))
        err = error_errno("keeping the Java runtime as %s", output);
    free(partial);
    free(jlink);
    workspace_remove(&work);
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

static struct error *cached_runtime(const char *home, const char *version, const char *modules, char **path)
{
    char *cache;
    struct error *err = cache_directory("runtimes", &cache);
    if (err)
        return err;
    *path = xprintf("%s/jvm-%s-%016llx", cache, version, (unsigned long long)hash_words(home, modules));
    if (!path_exists(*path)) {
        fprintf(stderr, "skiff: making a Java %s runtime, which takes some seconds; it is kept for the next build\n",
                version);
        err = link_runtime(home, modules, cache, *path);
        if (err && strcmp(modules, WHOLE)) { /* a module that this JDK lacks */
            error_free(err);
            err = link_runtime(home, WHOLE, cache, *path);
        }
    }
    free(cache);
    return err;
}

static bool is_needed_at_run_time(const char *relative)
{
    return strcmp(relative, "legal") && strncmp(relative, "legal/", 6) && strcmp(relative, "lib/ct.sym") &&
           strcmp(relative, "lib/src.zip");
}

/* The certificates that this host's Java trusts rather than those that the JDK was built with: the first file stays. */
static struct error *stage_trust(struct stage *stage, const char *home)
{
    char *path = xprintf("%s/lib/security/cacerts", home), *real = realpath(path, NULL);
    struct error *err = real ? stage_file(stage, STAGE_RUNTIME, real, JVM_GUEST_HOME "/lib/security/cacerts") : NULL;
    free(path);
    free(real);
    return err;
}

struct error *stage_jvm(struct stage *stage, const char *jar, const struct jar_info *info, bool whole, char runtime[32])
{
    char *home = NULL, *path = NULL, version[32];
    struct error *err = find_jdk(&home);
    if (err)
        return err;
    unsigned major = jdk_version(home, version);
    char *release = xprintf("%s/release", home);
    stage_depends(stage, release);
    free(release);
    char *modules = choose_modules(stage, home, jar, info, whole, major);
    snprintf(runtime, 32, "jvm-%u", major);
    err = cached_runtime(home, version, modules, &path);
    if (!err)
        err = stage_trust(stage, home);
    if (!err)
        err = stage_tree(stage, STAGE_RUNTIME, path, JVM_GUEST_HOME, is_needed_at_run_time);
    if (!err) {
        free(stage->own_libraries);
        stage->own_libraries = xprintf("%s/lib:%s/lib/server", path, path);
    }
    if (!err)
        err = stage_libraries_below(stage, path, JVM_GUEST_HOME);
    free(modules);
    free(home);
    free(path);
    return err;
}
