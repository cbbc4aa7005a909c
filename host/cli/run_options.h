/* The options of skiff run. */
#pragma once
#include "cli.h"

struct run {
    struct vm_options vm;
    struct image_options image;
    bool dry_run, help;
    bool memory_given, cpus_given;
};
/* Takes the options from argv; what to run stands at argv[optind] then. */
struct error *run_parse_options(struct run *run, int argc, char **argv);
/* A record for the machine's configuration (contract/config.h). */
void run_add_record(struct run *run, const char *key, const char *value);
/* [ADDR:]HOST:GUEST[/tcp|/udp] */
struct error *run_add_forward(struct vm_options *vm, const char *text);
