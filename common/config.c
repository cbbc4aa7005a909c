/* Configuration records; see common/config.h. */
#include <common/config.h>

/* Freestanding: the kernel and the host both build this file, so it brings no libc. */
static size_t length_until(const char *bytes, size_t max, char end)
{
    size_t n = 0;
    while (n < max && bytes[n] != end)
        n++;
    return n;
}

bool config_next(const char *bytes, size_t len, size_t *offset, struct config_record *out)
{
    size_t left = len - *offset;
    const char *start = bytes + *offset;
    size_t record_len = length_until(start, left, '\0');
    if (record_len == left)
        return false;
    size_t key_len = length_until(start, record_len, '=');
    if (key_len == 0 || key_len == record_len)
        return false;
    out->key = start;
    out->key_len = key_len;
    out->value = start + key_len + 1;
    *offset += record_len + 1;
    return true;
}

bool config_key_is(const struct config_record *record, const char *key)
{
    for (size_t i = 0; i < record->key_len; i++)
        if (key[i] == '\0' || key[i] != record->key[i])
            return false;
    return key[record->key_len] == '\0';
}
