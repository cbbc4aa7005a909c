/* Interpreters for scripts: which one a script wants, and what it needs of its standard library. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "stage.h"

struct interpreter {
    const char *name, *suffix;
    /* Prints, a line each: its own path, then the directories to take; NULL: the program alone. */
    const char *query[3];
    const char *package;
};
static const struct interpreter interpreters[] = {
    {"ruby", ".rb",
     {"ruby", "-e", "require 'rubygems'; puts RbConfig.ruby; puts \"ruby-#{RUBY_VERSION[/\\d+\\.\\d+/]}\"; puts($:.reject { |d| d.include?('/local/') } + [Gem.default_dir, RbConfig::CONFIG['rubyarchdir'], RbConfig::CONFIG['rubylibdir']])"},
     "ruby"},
    {"python3", ".py",
     {"python3", "-c", "import sys, os; print(os.path.realpath(sys.executable)); print('python-%d.%d' % sys.version_info[:2]); print('\\n'.join(p for p in sys.path if os.path.isdir(p) and 'local' not in p))"},
     "python3"},
    {"bash", ".bash", {NULL}, "bash"},
    {"sh", ".sh", {NULL}, "dash"},
    {"perl", ".pl", {"perl", "-e", "print \"$^X\\nperl-$]\\n\", join(\"\\n\", grep { -d } @INC)"}, "perl"},
};

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n > m && !strcmp(path + n - m, suffix);
}

/* The program of a #! line, without its directory and without env(1); NULL. */
static char *name_in_first_line(const char *path)
{
    FILE *file = fopen(path, "re");
    char line[256] = "";
    if (!file || !fgets(line, sizeof line, file))
        line[0] = '\0';
    if (file)
        fclose(file);
    if (strncmp(line, "#!", 2))
        return NULL;
    char *save, *word = strtok_r(line + 2, " \t\r\n", &save);
    char *name = word && strrchr(word, '/') ? strrchr(word, '/') + 1 : word;
    if (name && !strcmp(name, "env"))
        name = strtok_r(NULL, " \t\r\n", &save);
    return name ? xstrdup(name) : NULL;
}

static const struct interpreter *interpreter_of(const char *script)
{
    const struct interpreter *end = interpreters + sizeof interpreters / sizeof *interpreters;
    char *name = name_in_first_line(script);
    const struct interpreter *found = interpreters;
    if (name)
        while (found < end && (strncmp(name, found->name, strlen(found->name)) || strspn(name + strlen(found->name), "0123456789.") != strlen(name + strlen(found->name))))
            found++;
    else
        while (found < end && !has_suffix(script, found->suffix))
            found++;
    free(name);
    return found < end ? found : NULL;
}

bool script_probe(const char *path)
{
    return interpreter_of(path) != NULL;
}

static bool is_library_file(const char *relative)
{
    return !strstr(relative, "/__pycache__") && !strstr(relative, "/test/") && !has_suffix(relative, ".ri") && !has_suffix(relative, ".a");
}

/* Directories below another one of the list come with it. */
static struct error *stage_directories(struct stage *stage, char *lines)
{
    struct error *err = NULL;
    char *save;
    for (char *line = strtok_r(lines, "\n", &save); !err && line; line = strtok_r(NULL, "\n", &save)) {
        if (line[0] != '/' || !path_exists(line))
            continue;
        err = stage_tree(stage, STAGE_RUNTIME, line, line, is_library_file);
        if (!err)
            err = stage_libraries_below(stage, line);
    }
    return err;
}

struct error *stage_interpreter(struct stage *stage, const char *script, char **interpreter, char runtime[32])
{
    const struct interpreter *kind = interpreter_of(script);
    char *program = program_find(kind->name), *output = NULL, *guest = NULL;
    if (!program)
        return error_hint(error_new("%s is a %s script, and this host has no %s to put into the image", script, kind->name, kind->name),
                          "apt install %s", kind->package);
    struct error *err = NULL;
    char *libraries = NULL;
    snprintf(runtime, 32, "%s", kind->name);
    if (kind->query[0]) {
        char *argv[] = {(char *)kind->query[0], (char *)kind->query[1], (char *)kind->query[2], NULL};
        err = program_run(argv, NULL, &output, NULL);
        char *save, *first = err ? NULL : strtok_r(output, "\n", &save), *version = first ? strtok_r(NULL, "\n", &save) : NULL;
        if (!err && !version)
            err = error_new("asking %s where its library is gave no answer", kind->name);
        if (!err) {
            snprintf(runtime, 32, "%.31s", version);
            guest = xstrdup(first);
            libraries = save;
        }
    }
    if (!err && !guest) {
        char *real = realpath(program, NULL);
        guest = xstrdup(real ? real : program);
        free(real);
    }
    if (!err)
        err = stage_elf(stage, STAGE_RUNTIME, guest, guest);
    if (!err && libraries)
        err = stage_directories(stage, libraries);
    if (!err) { /* the name that a #! line or the script itself calls it by */
        char *link = xprintf("/usr/bin/%s", kind->name);
        if (!stage_has(stage, link))
            err = stage_symlink(stage, guest, link);
        free(link);
    }
    if (err)
        free(guest);
    else
        *interpreter = guest;
    free(program);
    free(output);
    return err;
}
