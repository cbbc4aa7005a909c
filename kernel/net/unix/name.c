/* Names: in the file system through the hooks, abstract in the domain's table. */
#include <base/string.h>
#include <mm/alloc.h>
#include "private.h"

static struct list *bucket_of(struct unix_domain *domain, const struct unix_name *name)
{
    uint32_t hash = name->len;
    for (unsigned i = 0; i < name->len; i++)
        hash = hash * 31 + (uint8_t)name->bytes[i];
    return &domain->abstract[hash % UNIX_ABSTRACT_BUCKETS];
}

static bool is_abstract(const struct unix_name *name)
{
    return name->len && !name->bytes[0];
}

static bool same_name(const struct unix_name *a, const struct unix_name *b)
{
    return a->len == b->len && !memcmp(a->bytes, b->bytes, a->len);
}

static struct unix_socket *find_abstract_locked(struct unix_domain *domain, const struct unix_name *name)
{
    struct unix_socket *socket, *found = NULL;
    list_for_each(socket, bucket_of(domain, name), name_link) {
        if (same_name(&socket->name, name))
            found = socket;
    }
    return found;
}

static int bind_abstract(struct unix_socket *socket, const struct unix_name *name)
{
    struct unix_domain *domain = socket->domain;
    spin_lock(&domain->lock);
    bool is_taken = find_abstract_locked(domain, name);
    if (!is_taken) {
        socket->name = *name;
        store_release(&socket->has_name, 1u);
        list_add_first(bucket_of(domain, name), &socket->name_link);
    }
    spin_unlock(&domain->lock);
    return is_taken ? -EADDRINUSE : 0;
}

/* Five hexadecimal digits after the NUL, as Linux names them. */
static int bind_automatically(struct unix_socket *socket)
{
    for (unsigned i = 0; i < 1u << 20; i++) {
        uint32_t number = atomic_fetch_add(&socket->domain->next_auto_name, 1u) & 0xfffff;
        struct unix_name name = {.len = 6};
        snprintf(name.bytes + 1, 6, "%05x", (unsigned)number);
        int err = bind_abstract(socket, &name);
        if (err != -EADDRINUSE)
            return err;
    }
    return -ENOSPC;
}

static int bind_path(struct unix_socket *socket, const struct unix_name *name, const void *caller, uint32_t mode)
{
    const struct unix_hooks *hooks = socket->domain->hooks;
    if (!hooks || !hooks->bind_path)
        return -EOPNOTSUPP;
    socket->name = *name; /* before anybody can find it */
    int err = hooks->bind_path(caller, name->bytes, mode, socket, &socket->node);
    if (err) {
        socket->node = NULL;
        return err == -EEXIST ? -EADDRINUSE : err;
    }
    store_release(&socket->has_name, 1u);
    return 0;
}

/* Linux makes the file's name first, so one that exists is what it complains of. */
static int refuse_second_name(struct unix_socket *socket, const struct unix_name *name, const void *caller)
{
    struct unix_socket *found;
    if (is_abstract(name))
        return -EINVAL;
    int err = unix_find(socket->domain, name, caller, &found);
    if (!err)
        unix_put(found);
    return err == -ENOENT ? -EINVAL : -EADDRINUSE;
}

int unix_bind(struct unix_socket *socket, const struct unix_name *name, const void *caller, uint32_t mode)
{
    int err;
    mutex_lock(&socket->bind_lock);
    if (socket->has_name)
        err = name->len ? refuse_second_name(socket, name, caller) : 0;
    else if (!name->len)
        err = bind_automatically(socket);
    else if (is_abstract(name))
        err = bind_abstract(socket, name);
    else
        err = bind_path(socket, name, caller, mode);
    mutex_unlock(&socket->bind_lock);
    return err;
}

int unix_autobind(struct unix_socket *socket)
{
    static const struct unix_name none;
    return load_acquire(&socket->has_name) ? 0 : unix_bind(socket, &none, NULL, 0);
}

/* Closing: nobody finds it by name any more. */
void unix_drop_name(struct unix_socket *socket)
{
    spin_lock(&socket->domain->lock);
    list_remove(&socket->name_link);
    spin_unlock(&socket->domain->lock);
    if (socket->node)
        socket->domain->hooks->forget_path(socket->node);
    socket->node = NULL;
}

/* The socket of that name, referenced. */
int unix_find(struct unix_domain *domain, const struct unix_name *name, const void *caller, struct unix_socket **out)
{
    if (!name->len)
        return -EINVAL;
    if (!is_abstract(name)) {
        void *found = NULL;
        if (!domain->hooks || !domain->hooks->find_path)
            return -ECONNREFUSED;
        int err = domain->hooks->find_path(caller, name->bytes, unix_get_live, &found);
        if (!err)
            *out = found;
        return err;
    }
    spin_lock(&domain->lock);
    struct unix_socket *socket = find_abstract_locked(domain, name);
    bool is_live = socket && refcount_get_unless_zero(&socket->refs);
    spin_unlock(&domain->lock);
    if (!is_live)
        return -ECONNREFUSED;
    *out = socket;
    return 0;
}
