/* The merged configuration; see settings.h and contract/config.h. */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <common/config.h>
#include <settings/settings.h>

void settings_init(struct settings *settings)
{
    *settings = (struct settings){.log_level = -1};
}

/* ---- values ---- */

static int parse_unsigned(const char **at, uint32_t *out)
{
    uint64_t value = 0;
    const char *p = *at;
    if (*p < '0' || *p > '9')
        return -EINVAL;
    for (; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (uint64_t)(*p - '0');
        if (value > UINT32_MAX)
            return -EINVAL;
    }
    *at = p;
    *out = (uint32_t)value;
    return 0;
}

static int set_user(struct settings *s, const char *value)
{
    uint32_t uid, gid;
    int err = parse_unsigned(&value, &uid);
    if (err)
        return err;
    gid = uid;
    if (*value == ':') {
        value++;
        err = parse_unsigned(&value, &gid);
    }
    if (err || *value)
        return -EINVAL;
    s->uid = uid;
    s->gid = gid;
    return 0;
}

static int set_log_level(struct settings *s, const char *value)
{
    uint32_t level;
    if (parse_unsigned(&value, &level) || *value)
        return -EINVAL;
    s->log_level = (int)MIN(level, 3u);
    return 0;
}

static size_t name_len(const char *variable)
{
    const char *end = strchr(variable, '=');
    return end ? (size_t)(end - variable) : strlen(variable);
}

static unsigned find_variable(const struct settings *s, const char *variable)
{
    size_t len = name_len(variable);
    unsigned i = 0;
    while (i < s->environment_count && (name_len(s->environment[i]) != len || memcmp(s->environment[i], variable, len)))
        i++;
    return i;
}

/* "NAME=VALUE" sets, "NAME" alone unsets. */
static int set_variable(struct settings *s, const char *variable)
{
    if (!name_len(variable))
        return -EINVAL;
    unsigned i = find_variable(s, variable);
    if (!strchr(variable, '=')) {
        if (i < s->environment_count)
            s->environment[i] = s->environment[--s->environment_count];
        return 0;
    }
    if (i == s->environment_count) {
        if (i == SETTINGS_ENVIRONMENT)
            return -E2BIG;
        s->environment_count++;
    }
    s->environment[i] = variable;
    return 0;
}

int settings_default_variable(struct settings *s, const char *variable)
{
    return find_variable(s, variable) < s->environment_count ? 0 : set_variable(s, variable);
}

static int add_argument(struct settings *s, const char *value)
{
    if (s->argument_count == SETTINGS_ARGUMENTS)
        return -E2BIG;
    s->arguments[s->argument_count++] = value;
    return 0;
}

static int reset_arguments(struct settings *s, const char *value)
{
    s->argument_count = 0;
    s->argument0 = NULL;
    return 0;
}

static int add_to(const char **list, unsigned *count, unsigned max, const char *value)
{
    if (*count == max)
        return -E2BIG;
    list[(*count)++] = value;
    return 0;
}

static int add_address(struct settings *s, const char *value)
{
    return add_to(s->addresses, &s->address_count, SETTINGS_ADDRESSES, value);
}

static int add_dns(struct settings *s, const char *value)
{
    return add_to(s->dns, &s->dns_count, SETTINGS_DNS, value);
}

#define SETTER(id, field, check)                                                                                       \
    static int set_##id(struct settings *s, const char *value)                                                         \
    {                                                                                                                  \
        if (!(check))                                                                                                  \
            return -EINVAL;                                                                                            \
        s->field = value;                                                                                              \
        return 0;                                                                                                      \
    }
SETTER(program, program, *value)
SETTER(argument0, argument0, true)
SETTER(directory, working_directory, *value == '/')
SETTER(hostname, hostname, *value &&strlen(value) <= 64)
SETTER(seed, seed, true)
SETTER(root, root, *value)

static int set_trace(struct settings *s, const char *value)
{
    s->trace = strcmp(value, "0") != 0;
    return 0;
}

static int set_input(struct settings *s, const char *value)
{
    static const char *const names[] = {
        [SETTINGS_INPUT_TERMINAL] = "terminal", [SETTINGS_INPUT_NULL] = "null", [SETTINGS_INPUT_PIPE] = "pipe"};
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        if (!strcmp(value, names[i])) {
            s->input = (enum settings_input)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* ---- sources ---- */

struct setting {
    const char *key;
    int (*set)(struct settings *settings, const char *value);
};
static const struct setting record_keys[] = {
    {"program", set_program}, {"arg0", set_argument0}, {"arg", add_argument}, {"args-reset", reset_arguments},
    {"env", set_variable},    {"cwd", set_directory},  {"user", set_user},    {"hostname", set_hostname},
    {"ip", add_address},      {"dns", add_dns},        {"seed", set_seed},    {"loglevel", set_log_level},
    {"trace", set_trace},     {"stdin", set_input},
};

int settings_add_records(struct settings *settings, const char *bytes, size_t len, const char **what)
{
    struct config_record record;
    size_t offset = 0;
    while (config_next(bytes, len, &offset, &record)) {
        const struct setting *row = record_keys, *end = record_keys + ARRAY_SIZE(record_keys);
        while (row < end && !config_key_is(&record, row->key))
            row++;
        *what = row < end ? row->key : record.key;
        int err = row < end ? row->set(settings, record.value) : -EINVAL;
        if (err)
            return err;
    }
    *what = offset < len ? bytes + offset : NULL;
    return offset < len ? -EINVAL : 0;
}

/* As on Linux: init=, root=, and single words with and without values; "--" begins the program's arguments. */
static const struct setting words[] = {
    {"init", set_program}, {"root", set_root},          {"hostname", set_hostname}, {"ip", add_address},
    {"dns", add_dns},      {"loglevel", set_log_level}, {"trace", set_trace},       {"cwd", set_directory},
};

/* The next word, ended in place; quotes group and are removed. NULL at the end. */
static char *next_word(char **at)
{
    char *from = *at;
    while (*from == ' ' || *from == '\t' || *from == '\n')
        from++;
    if (!*from)
        return NULL;
    char *word = from, *to = from;
    bool is_quoted = false;
    for (; *from && (is_quoted || (*from != ' ' && *from != '\t' && *from != '\n')); from++) {
        if (*from == '"')
            is_quoted = !is_quoted;
        else
            *to++ = *from;
    }
    *at = *from ? from + 1 : from;
    *to = '\0';
    return word;
}

static int add_word(struct settings *settings, char *word, const char **what)
{
    if (!strcmp(word, "ro")) {
        settings->read_only_root = true;
        return 0;
    }
    char *value = strchr(word, '=');
    size_t len = value ? (size_t)(value - word) : strlen(word);
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
        if (strlen(words[i].key) != len || memcmp(words[i].key, word, len))
            continue;
        *what = words[i].key;
        return words[i].set(settings, value ? value + 1 : "");
    }
    return 0;
}

int settings_add_command_line(struct settings *settings, char *line, const char **what)
{
    bool is_argument = false;
    int err = 0;
    for (char *word; !err && (word = next_word(&line));) {
        if (is_argument)
            err = add_argument(settings, word);
        else if (!strcmp(word, "--"))
            is_argument = true;
        else
            err = add_word(settings, word, what);
    }
    return err;
}
