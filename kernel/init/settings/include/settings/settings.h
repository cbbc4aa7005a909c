/*
 * What the machine is to run: the merged configuration (contract/config.h). Pure: bytes in, strings that point into them
 * out, so all sources must outlive the settings. Limits are this machine's, not the format's.
 */
#pragma once
#include <base/types.h>

enum { SETTINGS_ARGUMENTS = 512, SETTINGS_ENVIRONMENT = 512, SETTINGS_ADDRESSES = 8, SETTINGS_DNS = 3, SETTINGS_WORD = 16 };

enum settings_input { SETTINGS_INPUT_TERMINAL, SETTINGS_INPUT_NULL, SETTINGS_INPUT_PIPE };

struct settings {
    const char *program, *argument0, *working_directory, *hostname, *seed, *root;
    const char *arguments[SETTINGS_ARGUMENTS]; /* without argv[0] */
    unsigned argument_count;
    const char *environment[SETTINGS_ENVIRONMENT]; /* NAME=VALUE, names once */
    unsigned environment_count;
    const char *addresses[SETTINGS_ADDRESSES]; /* values of ip= */
    unsigned address_count;
    const char *dns[SETTINGS_DNS];
    unsigned dns_count;
    uint32_t uid, gid;
    int log_level; /* -1: not set */
    enum settings_input input;
    bool trace, read_only_root;
};

void settings_init(struct settings *settings);
/* One source's records. 0; -EINVAL with *what naming the part that is wrong (a key or the text there); -E2BIG. */
int settings_add_records(struct settings *settings, const char *bytes, size_t len, const char **what);
/* The kernel's command line, which is cut into words in place. Unknown words are for others and pass. */
int settings_add_command_line(struct settings *settings, char *line, const char **what);
/* A variable that is not set yet. */
int settings_default_variable(struct settings *settings, const char *name_and_value);
