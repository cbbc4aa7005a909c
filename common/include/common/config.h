/* Parser of the configuration records of contract/config.h: pure, for kernel and host. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
struct config_record {
    const char *key; /* key_len bytes, not NUL-terminated */
    size_t key_len;
    const char *value; /* NUL-terminated, within the input */
};
/* Reads the record at *offset and moves *offset behind it. False at the end or at a malformed record (no '=', empty key,
 * no NUL): then *offset < len tells where. */
bool config_next(const char *bytes, size_t len, size_t *offset, struct config_record *out);
bool config_key_is(const struct config_record *record, const char *key);
