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
    {"ruby",
     ".rb",
     {"ruby", "-e",
      "require 'rubygems'; puts RbConfig.ruby; puts \"ruby-#{RUBY_VERSION[/\\d+\\.\\d+/]}\"; puts($:.reject { |d| "
      "d.include?('/local/') } + Gem.path.reject { |d| d.include?('local/') } + [RbConfig::CONFIG['rubyarchdir'], "
      "RbConfig::CONFIG['rubylibdir']])"},
     "ruby"},
    {"python3",
     ".py",
     {"python3", "-c",
      "import sys, os; print(os.path.realpath(sys.executable)); print('python-%d.%d' % sys.version_info[:2]); "
      "print('\\n'.join(p for p in sys.path if os.path.isdir(p) and 'local' not in p))"},
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

/* The words of a #! line, env(1) with its options and assignments passed over; none without such a line. */
static void first_line_words(const char *path, struct strings *words)
{
    FILE *file = fopen(path, "re");
    char line[256] = "", *save = NULL;
    if (!file || !fgets(line, sizeof line, file))
        line[0] = '\0';
    if (file)
        fclose(file);
    bool is_after_env = false;
    for (char *word = strncmp(line, "#!", 2) ? NULL : strtok_r(line + 2, " \t\r\n", &save); word;
         word = strtok_r(NULL, " \t\r\n", &save)) {
        const char *slash = strrchr(word, '/');
        if (!words->count && !is_after_env && !strcmp(slash ? slash + 1 : word, "env"))
            is_after_env = true;
        else if (words->count || !is_after_env || (word[0] != '-' && !strchr(word, '=')))
            strings_add(words, word);
    }
}

/* "python3.11" is a python3. */
static bool is_name_of(const char *name, const struct interpreter *interpreter)
{
    size_t len = strlen(interpreter->name);
    return !strncmp(name, interpreter->name, len) && !name[len + strspn(name + len, "0123456789.")];
}

static const struct interpreter *interpreter_of(const char *script, struct strings *words)
{
    const struct interpreter *end = interpreters + sizeof interpreters / sizeof *interpreters;
    first_line_words(script, words);
    const char *program = words->count ? words->items[0] : NULL, *slash = program ? strrchr(program, '/') : NULL;
    const char *name = slash ? slash + 1 : program;
    for (const struct interpreter *i = interpreters; i < end; i++)
        if (name ? is_name_of(name, i) || (!strcmp(name, "python") && i->name[0] == 'p' && i->name[1] == 'y')
                 : has_suffix(script, i->suffix))
            return i;
    return NULL;
}

bool script_probe(const char *path)
{
    struct strings words = {0};
    bool is = interpreter_of(path, &words) != NULL;
    strings_free(&words);
    return is;
}

static bool is_library_file(const char *relative)
{
    return !strstr(relative, "/__pycache__") && !strstr(relative, "/test/") && !has_suffix(relative, ".ri") &&
           !has_suffix(relative, ".a");
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
            err = stage_libraries_below(stage, line, line);
    }
    return err;
}

/* Asks the interpreter where it and its library are. *output holds what *libraries points into. */
static struct error *ask_interpreter(const struct interpreter *kind, char runtime[32], char **path, char **output,
                                     char **libraries)
{
    char *argv[] = {(char *)kind->query[0], (char *)kind->query[1], (char *)kind->query[2], NULL}, *save = NULL;
    struct error *err = program_run(argv, NULL, output, NULL);
    if (err)
        return err;
    char *first = strtok_r(*output, "\n", &save), *version = first ? strtok_r(NULL, "\n", &save) : NULL;
    if (!version)
        return error_new("asking %s where its library is gave no answer", kind->name);
    snprintf(runtime, 32, "%.31s", version);
    *path = xstrdup(first);
    *libraries = save;
    return NULL;
}

/* The names that a #! line or the script itself calls it by. */
static struct error *add_names(struct stage *stage, const char *name, const char *guest)
{
    char *link = xprintf("/usr/bin/%s", name);
    struct error *err = stage_has(stage, link) ? NULL : stage_symlink(stage, guest, link);
    free(link);
    return err;
}

struct error *stage_interpreter(struct stage *stage, const char *script, struct interpreter_use *use, char runtime[32])
{
    struct strings words = {0};
    const struct interpreter *kind = interpreter_of(script, &words);
    char *program = program_find(kind->name), *output = NULL, *libraries = NULL;
    struct error *err = NULL;
    snprintf(runtime, 32, "%s", kind->name);
    if (!program)
        err = error_hint(error_new("%s is a %s script, and this host has no %s to put into the image", script,
                                   kind->name, kind->name),
                         "apt install %s", kind->package);
    else if (kind->query[0])
        err = ask_interpreter(kind, runtime, &use->path, &output, &libraries);
    else
        use->path = realpath(program, NULL);
    if (!err && !use->path)
        err = error_errno("looking for %s", program);
    if (!err)
        err = stage_elf(stage, STAGE_RUNTIME, use->path, use->path);
    if (!err && libraries)
        err = stage_directories(stage, libraries);
    if (!err)
        err = add_names(stage, kind->name, use->path);
    for (size_t i = 1; !err && i < words.count; i++)
        strings_add(&use->arguments, words.items[i]);
    strings_free(&words);
    free(program);
    free(output);
    return err;
}
