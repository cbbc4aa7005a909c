/*
 * skiff.yaml, a project's description:
 *   program: ./server            what to start: a file of the project (jar, ELF, script)
 *   args: [--port, "8080"]
 *   env: {NAME: value}
 *   files: [config.yml, data:/srv/data]   more files or directories, HOST or HOST:GUEST; below /app as a rule
 *   runtime: auto | jvm | jvm-whole | native | ruby | python
 *   cwd: /app                    absolute, in the image
 *   memory: 512M
 *   cpus: 2
 *   ports: ["8080:8080"]
 */
#include <image/image.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <util/file.h>
#include <util/size.h>
#include <yaml.h>

enum { PROJECT_CPUS_MAX = 64 };

struct reader {
    yaml_document_t document;
    const char *path;
    const char *directory;
    struct image_options *options;
    struct project *project;
    struct strings *files;
    char **program, **runtime;
};

static struct error *wrong(const struct reader *r, const yaml_node_t *node, const char *key, const char *wanted)
{
    return error_new("%s, line %zu: %s must be %s", r->path, node->start_mark.line + 1, key, wanted);
}

static void set_text(char **to, const char *text)
{
    free(*to);
    *to = xstrdup(text);
}

static const char *scalar(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

static struct error *read_list(struct reader *r, yaml_node_t *node, const char *key, struct strings *out)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return wrong(r, node, key, "a list");
    for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
        const yaml_node_t *word = yaml_document_get_node(&r->document, *item);
        const char *text = scalar(word);
        if (!text)
            return wrong(r, word, key, "a list of words");
        strings_add(out, text);
    }
    return NULL;
}

static struct error *read_environment(struct reader *r, yaml_node_t *node)
{
    if (node->type == YAML_SEQUENCE_NODE)
        return read_list(r, node, "env", &r->options->environment);
    if (node->type != YAML_MAPPING_NODE)
        return wrong(r, node, "env", "a mapping of names to values");
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        const char *name = scalar(yaml_document_get_node(&r->document, pair->key));
        const char *value = scalar(yaml_document_get_node(&r->document, pair->value));
        if (!name || !value || !*name || strchr(name, '='))
            return wrong(r, yaml_document_get_node(&r->document, pair->key), "env", "a mapping of names to values");
        strings_addf(&r->options->environment, "%s=%s", name, value);
    }
    return NULL;
}

static struct error *read_size(struct reader *r, yaml_node_t *node, const char *key, unsigned *out)
{
    const char *text = scalar(node);
    if (!text || !size_parse_mib(text, out))
        return wrong(r, node, key, "a size such as 512M or 2G");
    return NULL;
}

static struct error *read_cpus(struct reader *r, yaml_node_t *node)
{
    const char *text = scalar(node);
    char *end = NULL;
    unsigned long n = text ? strtoul(text, &end, 10) : 0;
    if (!text || *text < '0' || *text > '9' || *end || n < 1 || n > PROJECT_CPUS_MAX)
        return wrong(r, node, "cpus", "a number from 1 to 64");
    r->project->cpus = (unsigned)n;
    return NULL;
}

static struct error *read_runtime(struct reader *r, yaml_node_t *node)
{
    static const char *const names[] = {"auto", "jvm", "jvm-whole", "native", "ruby", "python", "perl", "sh", "bash"};
    const char *text = scalar(node);
    for (size_t i = 0; text && i < sizeof names / sizeof *names; i++) {
        if (!strcmp(text, names[i])) {
            set_text(r->runtime, text);
            return NULL;
        }
    }
    return wrong(r, node, "runtime", "one of auto, jvm, jvm-whole, native, ruby, python, perl, sh, bash");
}

static struct error *read_text(struct reader *r, yaml_node_t *node, const char *key, char **out)
{
    const char *text = scalar(node);
    if (!text || !*text)
        return wrong(r, node, key, "a single value");
    set_text(out, text);
    return NULL;
}

static struct error *read_directory(struct reader *r, yaml_node_t *node)
{
    const char *text = scalar(node);
    if (!text || text[0] != '/')
        return wrong(r, node, "cwd", "an absolute path in the image");
    r->options->working_directory = xstrdup(text); /* kept as long as the process */
    return NULL;
}

static struct error *read_pair(struct reader *r, const yaml_node_t *name, const char *key, yaml_node_t *value)
{
    if (!strcmp(key, "program"))
        return read_text(r, value, key, r->program);
    if (!strcmp(key, "args"))
        return read_list(r, value, key, &r->options->arguments);
    if (!strcmp(key, "env"))
        return read_environment(r, value);
    if (!strcmp(key, "files"))
        return read_list(r, value, key, r->files);
    if (!strcmp(key, "ports"))
        return read_list(r, value, key, &r->project->ports);
    if (!strcmp(key, "memory"))
        return read_size(r, value, key, &r->project->memory_mib);
    if (!strcmp(key, "runtime"))
        return read_runtime(r, value);
    if (!strcmp(key, "cwd"))
        return read_directory(r, value);
    if (!strcmp(key, "cpus"))
        return read_cpus(r, value);
    return error_hint(error_new("%s, line %zu: the key \"%s\" is not known", r->path, name->start_mark.line + 1, key),
                      "known keys: program, args, env, files, runtime, cwd, memory, cpus, ports");
}

static struct error *read_document(struct reader *r)
{
    yaml_node_t *root = yaml_document_get_root_node(&r->document);
    if (!root || root->type != YAML_MAPPING_NODE)
        return error_hint(error_new("%s is not a mapping of keys to values", r->path),
                          "a line such as: program: app.jar");
    struct error *err = NULL;
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; !err && pair < root->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(&r->document, pair->key);
        const char *key = scalar(name);
        err = key ? read_pair(r, name, key, yaml_document_get_node(&r->document, pair->value))
                  : wrong(r, name, "a key", "a word");
    }
    if (!err && !*r->program)
        err = error_hint(error_new("%s does not say what to start", r->path), "add a line such as: program: app.jar");
    return err;
}

struct error *project_read(const char *directory, struct image_options *options, struct project *project,
                           struct strings *files, char **program, char **runtime)
{
    char *path = xprintf("%s/skiff.yaml", directory);
    struct reader r = {.path = path,
                       .directory = directory,
                       .options = options,
                       .project = project,
                       .files = files,
                       .program = program,
                       .runtime = runtime};
    yaml_parser_t parser;
    struct error *err = NULL;
    FILE *file = fopen(path, "re");
    if (!file) {
        err = error_hint(error_errno("opening %s", path),
                         "a directory needs a skiff.yaml; otherwise name the jar, program or script in it");
        free(path);
        return err;
    }
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_file(&parser, file);
    if (!yaml_parser_load(&parser, &r.document)) {
        err = error_new("%s, line %zu: %s", path, parser.problem_mark.line + 1,
                        parser.problem ? parser.problem : "not YAML");
    } else {
        err = read_document(&r);
        yaml_document_delete(&r.document);
    }
    yaml_parser_delete(&parser);
    fclose(file);
    free(path);
    return err;
}
