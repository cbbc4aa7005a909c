/* What the verbs share. A verb gets its own words (argv[0] is the verb) and returns an error or sets *status. */
#pragma once
#include <image/image.h>
#include <util/error.h>
#include <vm/vm.h>

typedef struct error *verb_function(int argc, char **argv, int *status);
verb_function verb_run, verb_build, verb_doctor, verb_inspect, verb_help;

struct verb {
    const char *name, *summary, *usage;
    verb_function *function;
};
extern const struct verb verbs[];
const struct verb *verb_find(const char *name);
void print_usage(const struct verb *verb);
/* The error for a wrong option: getopt has returned `found` ('?' or ':'). */
struct error *bad_option(const char *verb, int found, char **argv);
/* "12.3 MiB". */
char *format_size(uint64_t bytes);
/* The kernel that belongs to this skiff: $SKIFF_KERNEL, next to the program, or where it was installed. */
struct error *find_kernel(char **path);
/* Prints what went into an image, on stderr. */
void print_build(const char *path, const struct image_info *info, long long elapsed_ms);
long long cli_now_ms(void);
