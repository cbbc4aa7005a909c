/* Names of a directory in memory: two red-black trees, by (hash, length, bytes) and by cookie. */
#include <base/errno.h>
#include <base/string.h>
#include <mm/alloc.h>
#include <tmpfs/names.h>

static uint32_t hash_of(const char *name, size_t len)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    return hash;
}

static int compare(uint32_t hash, const char *name, size_t len, const struct memory_name *entry)
{
    if (hash != entry->hash)
        return hash < entry->hash ? -1 : 1;
    if (len != entry->len)
        return len < entry->len ? -1 : 1;
    return memcmp(name, entry->text, len);
}

static struct memory_name *name_entry(struct rb_node *node)
{
    return container_of(node, struct memory_name, by_name);
}

static struct memory_name *cookie_entry(struct rb_node *node)
{
    return container_of(node, struct memory_name, by_cookie);
}

void memory_names_init(struct memory_names *names)
{
    *names = (struct memory_names){.next_cookie = 1};
}

struct memory_name *memory_names_find(const struct memory_names *names, const char *name, size_t len)
{
    uint32_t hash = hash_of(name, len);
    for (struct rb_node *node = names->by_name.root; node;) {
        int order = compare(hash, name, len, name_entry(node));
        if (!order)
            return name_entry(node);
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

/* A new entry in the tree of names: a whiteout until it gets an inode. */
static struct memory_name *insert_name(struct memory_names *names, const char *name, size_t len, bool hides_lower)
{
    struct memory_name *entry = kzalloc(sizeof *entry + len, ALLOC_WAIT);
    if (!entry)
        return NULL;
    entry->hash = hash_of(name, len);
    entry->len = (uint8_t)len;
    entry->hides_lower = hides_lower;
    memcpy(entry->text, name, len);
    struct rb_node **link = &names->by_name.root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = compare(entry->hash, name, len, name_entry(parent)) < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&names->by_name, &entry->by_name, parent, link, NULL);
    return entry;
}

/* Cookies only grow: the new one goes to the right end of its tree. */
static void set_inode(struct memory_names *names, struct memory_name *entry, struct inode *inode)
{
    struct rb_node *last = rb_last(&names->by_cookie);
    entry->inode = inode;
    entry->cookie = names->next_cookie++;
    rb_insert(&names->by_cookie, &entry->by_cookie, last, last ? &last->right : &names->by_cookie.root, NULL);
    names->live++;
}

/* Takes the inode away, its reference is the caller's; the entry goes or stays as a whiteout. */
static struct inode *clear_inode(struct memory_names *names, struct memory_name *entry)
{
    struct inode *inode = entry->inode;
    rb_remove(&names->by_cookie, &entry->by_cookie, NULL);
    names->live--;
    entry->inode = NULL;
    if (!entry->hides_lower) {
        rb_remove(&names->by_name, &entry->by_name, NULL);
        kfree(entry);
    }
    return inode;
}

/* Link counts are read without a lock and changed under several directories' locks. */
static void add_links(struct inode *inode, int32_t n)
{
    if (n > 0 || load_relaxed(&inode->link_count) >= (uint32_t)-n)
        add_relaxed(&inode->link_count, (uint32_t)n);
}

int memory_names_add(struct inode *directory, struct memory_names *names, const char *name, size_t len,
                     struct inode *child, bool hides_lower)
{
    struct memory_name *entry = memory_names_find(names, name, len);
    if (entry && entry->inode)
        return -EEXIST;
    if (!entry)
        entry = insert_name(names, name, len, hides_lower);
    if (!entry)
        return -ENOMEM;
    inode_get(child);
    set_inode(names, entry, child);
    if (inode_is(child, S_IFDIR))
        add_links(directory, 1);
    inode_touch(directory, true);
    return 0;
}

int memory_names_adopt(struct memory_names *names, const char *name, size_t len, struct inode *child)
{
    struct memory_name *entry = insert_name(names, name, len, true);
    if (!entry)
        return -ENOMEM;
    inode_get(child);
    set_inode(names, entry, child);
    return 0;
}

/* Accounts for the loss of the name by which `child` stood in `directory`. */
static void count_unlink(struct inode *directory, struct inode *child)
{
    if (inode_is(child, S_IFDIR)) {
        store_relaxed(&child->link_count, 0u);
        add_links(directory, -1);
    } else {
        add_links(child, -1);
    }
    inode_touch(child, false);
}

void memory_names_unlink(struct inode *directory, struct memory_names *names, struct memory_name *entry)
{
    struct inode *child = clear_inode(names, entry);
    count_unlink(directory, child);
    inode_touch(directory, true);
    inode_put(child);
}

static struct rb_node *first_from(const struct memory_names *names, uint64_t cookie)
{
    struct rb_node *node = names->by_cookie.root, *found = NULL;
    while (node) {
        bool is_before = cookie_entry(node)->cookie < cookie;
        if (!is_before)
            found = node;
        node = is_before ? node->right : node->left;
    }
    return found;
}

bool memory_names_iterate(const struct memory_names *names, uint64_t base, uint64_t position,
                          struct directory_sink *sink)
{
    struct rb_node *node = first_from(names, position > base ? position - base : 0);
    for (; node; node = rb_next(node)) {
        const struct memory_name *entry = cookie_entry(node);
        if (!sink->entry(sink, entry->text, entry->len, entry->inode->number,
                         load_relaxed(&entry->inode->mode) & S_IFMT, base + entry->cookie + 1))
            return false;
    }
    return true;
}

static int check_replaced(const struct inode *moved, const struct inode *replaced)
{
    bool is_directory = inode_is(moved, S_IFDIR);
    if (is_directory == inode_is(replaced, S_IFDIR))
        return 0;
    return is_directory ? -ENOTDIR : -EISDIR;
}

int memory_names_move(struct memory_place from, struct memory_name *entry, struct memory_place to, const char *name,
                      size_t len, struct inode **victim)
{
    struct memory_name *target = memory_names_find(to.names, name, len);
    struct inode *old = target ? target->inode : NULL;
    *victim = NULL;
    if (old == entry->inode) /* two names of one file: nothing changes (rename(2)) */
        return 0;
    int err = old ? check_replaced(entry->inode, old) : 0;
    if (err)
        return err;
    if (!target)
        target = insert_name(to.names, name, len, false);
    if (!target)
        return -ENOMEM;
    if (old) {
        bool hides_lower = target->hides_lower;
        target->hides_lower = true; /* keeps the entry, which gets a new inode at once */
        clear_inode(to.names, target);
        target->hides_lower = hides_lower;
        count_unlink(to.directory, old);
    }
    struct inode *moved = clear_inode(from.names, entry);
    set_inode(to.names, target, moved);
    if (inode_is(moved, S_IFDIR)) {
        add_links(from.directory, -1);
        add_links(to.directory, 1);
    }
    inode_touch(from.directory, true);
    inode_touch(to.directory, true);
    inode_touch(moved, false);
    *victim = old;
    return 0;
}

void memory_names_exchange(struct memory_place a, struct memory_name *a_entry, struct memory_place b,
                           struct memory_name *b_entry)
{
    struct inode *a_inode = a_entry->inode, *b_inode = b_entry->inode;
    a_entry->inode = b_inode;
    b_entry->inode = a_inode;
    int32_t moved = (int32_t)inode_is(a_inode, S_IFDIR) - (int32_t)inode_is(b_inode, S_IFDIR);
    add_links(a.directory, -moved);
    add_links(b.directory, moved);
    inode_touch(a.directory, true);
    inode_touch(b.directory, true);
    inode_touch(a_inode, false);
    inode_touch(b_inode, false);
}

/* The list hangs together by by_cookie.left, which the tree no longer needs. */
static void push_doomed(struct memory_store *store, struct memory_name *entry)
{
    spin_lock(&store->doomed_lock);
    entry->by_cookie.left = store->doomed ? &store->doomed->by_cookie : NULL;
    store->doomed = entry;
    spin_unlock(&store->doomed_lock);
}

/* NULL: the list is empty, and whoever was dropping has ended; or another one is at it and will see all. */
static struct memory_name *pop_doomed(struct memory_store *store, bool is_first)
{
    struct memory_name *entry = NULL;
    spin_lock(&store->doomed_lock);
    if (!is_first || !store->is_dropping) {
        entry = store->doomed;
        store->is_dropping = entry;
        if (entry)
            store->doomed = entry->by_cookie.left ? cookie_entry(entry->by_cookie.left) : NULL;
    }
    spin_unlock(&store->doomed_lock);
    return entry;
}

void memory_names_drop(struct memory_names *names, struct memory_store *store)
{
    for (struct rb_node *node; (node = rb_first(&names->by_name));) {
        struct memory_name *entry = name_entry(node);
        rb_remove(&names->by_name, node, NULL);
        if (entry->inode)
            push_doomed(store, entry);
        else
            kfree(entry);
    }
    struct memory_name *entry = pop_doomed(store, true);
    while (entry) {
        inode_put(entry->inode); /* the names of a directory join the list */
        kfree(entry);
        entry = pop_doomed(store, false);
    }
}
