/* skiff build and skiff inspect. */
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <util/size.h>
#include "cli.h"

enum { OPT_WHOLE = 256, OPT_JSON };
static const struct option long_options[] = {
    {"output", required_argument, NULL, 'o'},
    {"env", required_argument, NULL, 'e'},
    {"workdir", required_argument, NULL, 'w'},
    {"memory", required_argument, NULL, 'm'},
    {"whole-runtime", no_argument, NULL, OPT_WHOLE},
    {"json", no_argument, NULL, OPT_JSON},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

void print_build(const char *path, const struct image_info *info, long long elapsed_ms)
{
    char *sizes[] = {format_size(info->application_bytes), format_size(info->runtime_bytes),
                     format_size(info->library_bytes), format_size(info->size)};
    fprintf(stderr,
            "skiff: image %s: %s (application %s, runtime %s %s, system %s; %llu files), built in %lld.%03lld s\n",
            path, sizes[3], sizes[0], info->runtime, sizes[1], sizes[2], (unsigned long long)info->file_count,
            elapsed_ms / 1000, elapsed_ms % 1000);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        free(sizes[i]);
}

static void print_json(const char *path, const struct image_info *info, bool is_build)
{
    json_t *object = json_pack("{s:s, s:s, s:I, s:i}", "image", path, "runtime", info->runtime, "size_bytes",
                               (json_int_t)info->size, "memory_mib", (int)info->memory_mib);
    if (is_build) {
        json_object_set_new(object, "files", json_integer((json_int_t)info->file_count));
        json_object_set_new(object, "application_bytes", json_integer((json_int_t)info->application_bytes));
        json_object_set_new(object, "runtime_bytes", json_integer((json_int_t)info->runtime_bytes));
        json_object_set_new(object, "system_bytes", json_integer((json_int_t)info->library_bytes));
    }
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

/* Unlike run, build takes no values from here: an image is the same wherever it is built. */
static struct error *check_variable(const char *text)
{
    if (*text && *text != '=' && strchr(text, '='))
        return NULL;
    return error_new("-e \"%s\": a variable is written NAME=VALUE", text);
}

static char *default_output(const char *source)
{
    size_t len = strlen(source);
    while (len > 1 && source[len - 1] == '/')
        len--;
    const char *name = source;
    for (size_t i = 0; i + 1 < len; i++)
        if (source[i] == '/')
            name = source + i + 1;
    int name_len = (int)(source + len - name);
    const char *dot = memrchr(name, '.', (size_t)name_len);
    return xprintf("%.*s.img", dot > name ? (int)(dot - name) : name_len, name);
}

struct error *verb_build(int argc, char **argv, int *status)
{
    struct image_options o = {0};
    struct image_info info;
    struct error *err = NULL;
    const char *output = NULL;
    bool as_json = false;
    int option;
    *status = 0;
    /* Options may stand before or after the source; "--" ends them for the program's own arguments. */
    while (!err && (option = getopt_long(argc, argv, ":o:e:w:m:vh", long_options, NULL)) != -1) {
        switch (option) {
        case 'o':
            output = optarg;
            break;
        case 'e':
            err = check_variable(optarg);
            strings_add(&o.environment, optarg);
            break;
        case 'w':
            o.working_directory = optarg;
            err = optarg[0] == '/' ? NULL
                                   : error_new("-w %s: the working directory is an absolute path in the image", optarg);
            break;
        case 'm':
            err = size_parse_mib(optarg, &o.memory_mib) ? NULL
                                                        : error_new("-m %s: a size is written as 512M or 2G", optarg);
            break;
        case OPT_WHOLE:
            o.whole_runtime = true;
            break;
        case OPT_JSON:
            as_json = true;
            break;
        case 'v':
            o.verbose = true;
            break;
        case 'h':
            print_usage(verb_find("build"));
            return NULL;
        default:
            err = bad_option("build", option, argv);
        }
    }
    if (!err && optind == argc)
        err = error_hint(error_new("build: what to build from is missing"), "skiff build SOURCE -o FILE");
    if (err)
        return err;
    o.source = argv[optind];
    for (int i = optind + 1; i < argc; i++)
        strings_add(&o.arguments, argv[i]);
    char *path = output ? xstrdup(output) : default_output(o.source);
    long long start_ms = cli_now_ms();
    err = image_build(&o, path, &info);
    if (!err && as_json)
        print_json(path, &info, true);
    else if (!err)
        print_build(path, &info, cli_now_ms() - start_ms);
    free(path);
    strings_free(&o.arguments);
    strings_free(&o.environment);
    return err;
}

struct error *verb_inspect(int argc, char **argv, int *status)
{
    struct image_info info;
    bool as_json = argc > 1 && !strcmp(argv[1], "--json");
    *status = 0;
    if (argc != 2 + as_json)
        return error_hint(error_new("inspect: one image is wanted"), "skiff inspect [--json] IMAGE");
    const char *path = argv[1 + as_json];
    struct error *err = image_check(path, &info);
    if (err)
        return err;
    if (as_json) {
        print_json(path, &info, false);
        return NULL;
    }
    char *size = format_size(info.size);
    printf("image    %s\nruntime  %s\nsize     %s\nmemory   %u MiB\nstate    whole\n", path, info.runtime, size,
           info.memory_mib);
    free(size);
    return NULL;
}
