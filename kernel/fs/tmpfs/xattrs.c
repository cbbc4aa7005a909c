/* Extended attributes in memory: a short list; at most 64 KiB a value, 128 KiB an inode. */
#include <base/string.h>
#include <mm/alloc.h>
#include <tmpfs/xattrs.h>

#define VALUE_MAX     65536u
#define TOTAL_MAX     131072u
#define XATTR_CREATE  1
#define XATTR_REPLACE 2

struct memory_xattr {
    struct memory_xattr *next;
    size_t name_len, size; /* name without its NUL */
    char bytes[];          /* the name, a NUL, the value */
};

void memory_xattrs_init(struct memory_xattrs *xattrs)
{
    *xattrs = (struct memory_xattrs){0};
    spin_init(&xattrs->lock);
}

void memory_xattrs_destroy(struct memory_xattrs *xattrs)
{
    while (xattrs->first) {
        struct memory_xattr *xattr = xattrs->first;
        xattrs->first = xattr->next;
        kfree(xattr);
    }
}

static bool is_supported(const char *name)
{
    static const char *const prefixes[] = {"user.", "trusted.", "security."};
    for (unsigned i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i]);
        if (!strncmp(name, prefixes[i], len) && name[len])
            return true;
    }
    return false;
}

/* The link that points to the attribute, or the last link. */
static struct memory_xattr **find_locked(struct memory_xattrs *xattrs, const char *name)
{
    struct memory_xattr **link = &xattrs->first;
    while (*link && strcmp((*link)->bytes, name))
        link = &(*link)->next;
    return link;
}

ssize_t memory_xattrs_get(struct memory_xattrs *xattrs, const char *name, void *to, size_t size)
{
    ssize_t result = is_supported(name) ? -ENODATA : -EOPNOTSUPP;
    spin_lock(&xattrs->lock);
    const struct memory_xattr *xattr = *find_locked(xattrs, name);
    if (xattr) {
        result = size && size < xattr->size ? -ERANGE : (ssize_t)xattr->size;
        if (size && result > 0)
            memcpy(to, xattr->bytes + xattr->name_len + 1, xattr->size);
    }
    spin_unlock(&xattrs->lock);
    return result;
}

static size_t weight(const struct memory_xattr *xattr)
{
    return xattr ? xattr->name_len + 1 + xattr->size : 0;
}

/* Puts `new` (NULL: nothing) in the place of what *link has; the old one, to be freed. */
static struct memory_xattr *replace_locked(struct memory_xattrs *xattrs, struct memory_xattr **link,
                                           struct memory_xattr *new)
{
    struct memory_xattr *old = *link;
    xattrs->total = xattrs->total - weight(old) + weight(new);
    if (new)
        new->next = old ? old->next : NULL;
    *link = new ? new : old->next;
    return old;
}

int memory_xattrs_set(struct memory_xattrs *xattrs, const char *name, const void *value, size_t size, int flags)
{
    if (!is_supported(name))
        return -EOPNOTSUPP;
    if (size > VALUE_MAX)
        return -E2BIG;
    size_t name_len = strlen(name);
    struct memory_xattr *new = kmalloc(sizeof *new + name_len + 1 + size, ALLOC_WAIT), *unused = new;
    if (!new)
        return -ENOMEM;
    *new = (struct memory_xattr){.name_len = name_len, .size = size};
    memcpy(new->bytes, name, name_len + 1);
    if (size)
        memcpy(new->bytes + name_len + 1, value, size);
    int err = 0;
    spin_lock(&xattrs->lock);
    struct memory_xattr **link = find_locked(xattrs, name);
    if (*link && (flags & XATTR_CREATE))
        err = -EEXIST;
    else if (!*link && (flags & XATTR_REPLACE))
        err = -ENODATA;
    else if (xattrs->total - weight(*link) + weight(new) > TOTAL_MAX)
        err = -ENOSPC;
    else
        unused = replace_locked(xattrs, link, new);
    spin_unlock(&xattrs->lock);
    kfree(unused);
    return err;
}

int memory_xattrs_remove(struct memory_xattrs *xattrs, const char *name)
{
    struct memory_xattr *old = NULL;
    spin_lock(&xattrs->lock);
    struct memory_xattr **link = find_locked(xattrs, name);
    if (*link)
        old = replace_locked(xattrs, link, NULL);
    spin_unlock(&xattrs->lock);
    kfree(old);
    return old ? 0 : is_supported(name) ? -ENODATA : -EOPNOTSUPP;
}

ssize_t memory_xattrs_list(struct memory_xattrs *xattrs, char *to, size_t size)
{
    size_t total = 0;
    ssize_t result = 0;
    spin_lock(&xattrs->lock);
    for (const struct memory_xattr *xattr = xattrs->first; xattr && !result; xattr = xattr->next) {
        size_t len = xattr->name_len + 1;
        if (size && len > size - total)
            result = -ERANGE;
        else if (size)
            memcpy(to + total, xattr->bytes, len);
        total += len;
    }
    spin_unlock(&xattrs->lock);
    return result ? result : (ssize_t)total;
}
