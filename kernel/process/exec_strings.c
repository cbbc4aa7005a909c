/* Collecting the strings of a new program; see exec.h. */
#include <base/errno.h>
#include "exec.h"
#include "private.h"

static int add_bytes(struct exec_strings *strings, const char *bytes, size_t n)
{
    while (n) {
        size_t page = strings->len / PAGE_SIZE, at = strings->len % PAGE_SIZE;
        if (page >= EXEC_PAGES_MAX)
            return -E2BIG;
        if (!strings->pages[page] && !(strings->pages[page] = kmalloc(PAGE_SIZE, ALLOC_WAIT)))
            return -ENOMEM;
        size_t part = MIN(n, PAGE_SIZE - at);
        memcpy(strings->pages[page] + at, bytes, part);
        strings->len += part;
        bytes += part;
        n -= part;
    }
    return 0;
}

static int count_one(struct exec_strings *strings)
{
    strings->count++;
    return strings->len + (size_t)strings->count * sizeof(uint64_t) > strings->limit ? -E2BIG : 0;
}

int exec_strings_add(struct exec_strings *strings, const char *string)
{
    int err = add_bytes(strings, string, strlen(string) + 1);
    return err ? err : count_one(strings);
}

/* Copied piece by piece: up to the next page border of program memory, where the first fault can be. */
static int add_user_string(struct exec_strings *strings, const struct user *from, char *buffer)
{
    size_t done = 0;
    for (;;) {
        size_t part = PAGE_SIZE - (user_address(from) + done) % PAGE_SIZE;
        size_t got = copy_from_user_partly(buffer, user_offset(from, done), part);
        const char *end = memchr(buffer, '\0', got);
        size_t n = end ? (size_t)(end - buffer) + 1 : got;
        int err = add_bytes(strings, buffer, n);
        done += n;
        if (err || end)
            return err ? err : count_one(strings);
        if (got < part)
            return -EFAULT;
        if (done > EXEC_STRING_MAX || strings->len > strings->limit)
            return -E2BIG;
    }
}

int exec_strings_add_user(struct exec_strings *strings, const struct user *vector, uint32_t skip)
{
    char *buffer = kmalloc(PAGE_SIZE, ALLOC_WAIT);
    int err = buffer ? 0 : -ENOMEM;
    /* Bounded by the limit: each string takes at least nine bytes of it. */
    for (uint32_t i = 0; vector && !err; i++) {
        uint64_t address;
        err = copy_from_user(&address, user_offset(vector, i * sizeof address), sizeof address);
        if (err || !address)
            break;
        if (i >= skip)
            err = add_user_string(strings, user_pointer(address), buffer);
    }
    kfree(buffer);
    return err;
}

void exec_strings_free(struct exec_strings *strings)
{
    if (!strings)
        return;
    for (size_t i = 0; i < EXEC_PAGES_MAX && strings->pages[i]; i++)
        kfree(strings->pages[i]);
    kfree(strings);
}
