/*
 * User and group ids, capabilities, personality. Ids belong to the process: what glibc does in every thread (setxid) is
 * then done once and repeated without effect. Rules: credentials(7), capabilities(7).
 */
#include <base/string.h>
#include <linux/syscalls.h>
#include <mm/alloc.h>
#include <process/process.h>

#define UNCHANGED UINT32_MAX
enum { GROUPS_MAX = 32 };

/* ---- ids ---- */

/* One of the two families: user or group ids. */
struct ids {
    uint32_t *real, *effective, *saved, *file;
    unsigned capability;
};

static struct ids user_ids(struct credentials *c)
{
    return (struct ids){&c->uid, &c->euid, &c->suid, &c->fsuid, CAPABILITY_SETUID};
}

static struct ids group_ids(struct credentials *c)
{
    return (struct ids){&c->gid, &c->egid, &c->sgid, &c->fsgid, CAPABILITY_SETGID};
}

/* A user id change moves capabilities with it: capabilities(7), "Effect of user ID changes on capabilities". */
static void adjust_capabilities(struct process *process, const struct credentials *old)
{
    struct credentials *c = &process->credentials;
    bool was_root = !old->uid || !old->euid || !old->suid;
    bool is_root = !c->uid || !c->euid || !c->suid;
    if (was_root && !is_root && !process->keeps_capabilities)
        c->capabilities_permitted = c->capabilities_effective = 0;
    if (!old->euid && c->euid)
        c->capabilities_effective = 0;
    if (old->euid && !c->euid)
        c->capabilities_effective = c->capabilities_permitted;
}

/* Whether the id is one of those that the caller may take without privilege; `which`: bits real 1, effective 2,
 * saved 4. */
static bool is_own(const struct ids *ids, uint32_t id, unsigned which)
{
    return id == UNCHANGED || ((which & 1) && id == *ids->real) || ((which & 2) && id == *ids->effective) ||
           ((which & 4) && id == *ids->saved);
}

/* Runs `change` on the ids under the lock and lets the consequences follow. */
static long change_ids(bool is_group, long (*change)(struct ids *ids, bool is_privileged, const uint32_t *to),
                       const uint32_t *to)
{
    struct process *process = process_current();
    spin_lock(&process->lock);
    struct credentials old = process->credentials;
    struct ids ids = is_group ? group_ids(&process->credentials) : user_ids(&process->credentials);
    long result = change(&ids, process->credentials.capabilities_effective >> ids.capability & 1, to);
    if (!is_group)
        adjust_capabilities(process, &old);
    spin_unlock(&process->lock);
    return result;
}

static long set_one(struct ids *ids, bool is_privileged, const uint32_t *to)
{
    if (to[0] == UNCHANGED)
        return -EINVAL;
    if (is_privileged)
        *ids->real = *ids->saved = to[0];
    else if (!is_own(ids, to[0], 1 | 4))
        return -EPERM;
    *ids->effective = *ids->file = to[0];
    return 0;
}

static long set_real_effective(struct ids *ids, bool is_privileged, const uint32_t *to)
{
    if (!is_privileged && (!is_own(ids, to[0], 1 | 2) || !is_own(ids, to[1], 1 | 2 | 4)))
        return -EPERM;
    uint32_t old_real = *ids->real;
    if (to[0] != UNCHANGED)
        *ids->real = to[0];
    if (to[1] != UNCHANGED)
        *ids->effective = to[1];
    if (to[0] != UNCHANGED || (to[1] != UNCHANGED && to[1] != old_real))
        *ids->saved = *ids->effective;
    *ids->file = *ids->effective;
    return 0;
}

static long set_all(struct ids *ids, bool is_privileged, const uint32_t *to)
{
    for (unsigned i = 0; i < 3; i++)
        if (!is_privileged && !is_own(ids, to[i], 1 | 2 | 4))
            return -EPERM;
    uint32_t *fields[] = {ids->real, ids->effective, ids->saved};
    for (unsigned i = 0; i < 3; i++)
        if (to[i] != UNCHANGED)
            *fields[i] = to[i];
    *ids->file = *ids->effective;
    return 0;
}

/* Always returns the old id, changed or not. */
static long set_file(struct ids *ids, bool is_privileged, const uint32_t *to)
{
    long old = *ids->file;
    if (to[0] != UNCHANGED && (is_privileged || to[0] == *ids->file || is_own(ids, to[0], 1 | 2 | 4)))
        *ids->file = to[0];
    return old;
}

long sys_setuid(unsigned uid)
{
    return change_ids(false, set_one, &uid);
}

long sys_setgid(unsigned gid)
{
    return change_ids(true, set_one, &gid);
}

long sys_setreuid(unsigned ruid, unsigned euid)
{
    return change_ids(false, set_real_effective, (const uint32_t[]){ruid, euid});
}

long sys_setregid(unsigned rgid, unsigned egid)
{
    return change_ids(true, set_real_effective, (const uint32_t[]){rgid, egid});
}

long sys_setresuid(unsigned ruid, unsigned euid, unsigned suid)
{
    return change_ids(false, set_all, (const uint32_t[]){ruid, euid, suid});
}

long sys_setresgid(unsigned rgid, unsigned egid, unsigned sgid)
{
    return change_ids(true, set_all, (const uint32_t[]){rgid, egid, sgid});
}

long sys_setfsuid(unsigned uid)
{
    return change_ids(false, set_file, &uid);
}

long sys_setfsgid(unsigned gid)
{
    return change_ids(true, set_file, &gid);
}

long sys_getuid(void)
{
    return process_current()->credentials.uid;
}

long sys_geteuid(void)
{
    return process_current()->credentials.euid;
}

long sys_getgid(void)
{
    return process_current()->credentials.gid;
}

long sys_getegid(void)
{
    return process_current()->credentials.egid;
}

static long write_three(struct user *const to[3], const uint32_t values[3])
{
    for (unsigned i = 0; i < 3; i++)
        if (copy_to_user(to[i], &values[i], sizeof values[i]))
            return -EFAULT;
    return 0;
}

long sys_getresuid(struct user *ruid, struct user *euid, struct user *suid)
{
    const struct credentials *c = &process_current()->credentials;
    return write_three((struct user *const[]){ruid, euid, suid}, (const uint32_t[]){c->uid, c->euid, c->suid});
}

long sys_getresgid(struct user *rgid, struct user *egid, struct user *sgid)
{
    const struct credentials *c = &process_current()->credentials;
    return write_three((struct user *const[]){rgid, egid, sgid}, (const uint32_t[]){c->gid, c->egid, c->sgid});
}

/* ---- supplementary groups ---- */

long sys_getgroups(int size, struct user *list)
{
    struct process *process = process_current();
    uint32_t groups[GROUPS_MAX], count;
    spin_lock(&process->lock);
    count = process->credentials.group_count;
    memcpy(groups, process->credentials.groups, sizeof groups);
    spin_unlock(&process->lock);
    if (size < 0 || (size && (uint32_t)size < count))
        return -EINVAL;
    int err = size ? copy_to_user(list, groups, count * sizeof *groups) : 0;
    return err ? err : (long)count;
}

long sys_setgroups(size_t size, struct user *list)
{
    struct process *process = process_current();
    uint32_t groups[GROUPS_MAX] = {0};
    if (!process_is_capable(CAPABILITY_SETGID))
        return -EPERM;
    if (size > GROUPS_MAX)
        return -EINVAL;
    if (copy_from_user(groups, list, size * sizeof *groups))
        return -EFAULT;
    spin_lock(&process->lock);
    memcpy(process->credentials.groups, groups, sizeof groups);
    process->credentials.group_count = (uint32_t)size;
    spin_unlock(&process->lock);
    return 0;
}

/* ---- capabilities ---- */

#define CAPABILITY_VERSION1 0x19980330u
#define CAPABILITY_VERSION2 0x20071026u
#define CAPABILITY_VERSION3 0x20080522u
struct capability_header {
    uint32_t version;
    int32_t pid;
};
struct capability_words {
    uint32_t effective, permitted, inheritable;
};

/* How many words the version has; 0: unknown, and the header then says which one is known. */
static int read_header(struct user *from, struct capability_header *header, unsigned *words)
{
    if (copy_struct_from_user(header, from))
        return -EFAULT;
    *words = header->version == CAPABILITY_VERSION1                                             ? 1
             : header->version == CAPABILITY_VERSION2 || header->version == CAPABILITY_VERSION3 ? 2
                                                                                                : 0;
    if (*words)
        return 0;
    header->version = CAPABILITY_VERSION3;
    return copy_struct_to_user(from, header);
}

long sys_capget(struct user *user_header, struct user *data)
{
    struct capability_header header;
    struct capability_words words[2];
    unsigned count;
    int err = read_header(user_header, &header, &count);
    if (err)
        return err;
    if (!count)
        return data ? -EINVAL : 0;
    if (!data)
        return 0;
    if (header.pid < 0)
        return -EINVAL;
    struct process *process = process_find(header.pid ? (uint32_t)header.pid : process_current()->id);
    if (!process)
        return -ESRCH;
    spin_lock(&process->lock);
    const struct credentials *c = &process->credentials;
    for (unsigned i = 0; i < 2; i++)
        words[i] = (struct capability_words){
            (uint32_t)(c->capabilities_effective >> 32 * i),
            (uint32_t)(c->capabilities_permitted >> 32 * i),
            (uint32_t)(c->capabilities_inheritable >> 32 * i),
        };
    spin_unlock(&process->lock);
    process_put(process);
    return copy_to_user(data, words, count * sizeof *words);
}

static long set_capabilities(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
    struct process *process = process_current();
    struct credentials *c = &process->credentials;
    spin_lock(&process->lock);
    bool may_add = c->capabilities_effective >> CAPABILITY_SETPCAP & 1;
    uint64_t inheritable_limit =
        c->capabilities_inheritable | (may_add ? c->capabilities_bounding : c->capabilities_permitted);
    long result = -EPERM;
    if (!(permitted & ~c->capabilities_permitted) && !(effective & ~permitted) && !(inheritable & ~inheritable_limit)) {
        c->capabilities_permitted = permitted;
        c->capabilities_effective = effective;
        c->capabilities_inheritable = inheritable;
        result = 0;
    }
    spin_unlock(&process->lock);
    return result;
}

long sys_capset(struct user *user_header, struct user *data)
{
    struct capability_header header;
    struct capability_words words[2] = {{0}};
    unsigned count;
    int err = read_header(user_header, &header, &count);
    if (err || !count)
        return err ? err : -EINVAL;
    if (header.pid && (uint32_t)header.pid != process_current()->id)
        return -EPERM;
    if (copy_from_user(words, data, count * sizeof *words))
        return -EFAULT;
    return set_capabilities((words[0].effective | (uint64_t)words[1].effective << 32) & CAPABILITIES_ALL,
                            (words[0].permitted | (uint64_t)words[1].permitted << 32) & CAPABILITIES_ALL,
                            (words[0].inheritable | (uint64_t)words[1].inheritable << 32) & CAPABILITIES_ALL);
}

/* ---- personality: kept and told back; only 64-bit Linux programs run ---- */

long sys_personality(unsigned persona)
{
    enum { QUERY = -1 };
    struct process *process = process_current();
    uint32_t old = load_relaxed(&process->personality);
    if (persona != (unsigned)QUERY)
        store_relaxed(&process->personality, persona);
    return old;
}
