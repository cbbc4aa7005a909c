/* The machine's names. */
#include <base/errno.h>
#include <base/spinlock.h>
#include <base/string.h>
#include <process/machine.h>

static struct spinlock lock = SPINLOCK_INIT;
static char hostname[MACHINE_NAME_MAX + 1] = "skiff"; /* GUARDED_BY(&lock) */
static char domain[MACHINE_NAME_MAX + 1] = "(none)";  /* GUARDED_BY(&lock) */

static void get(const char *from, char *to)
{
    spin_lock(&lock);
    memcpy(to, from, MACHINE_NAME_MAX + 1);
    spin_unlock(&lock);
}

static int set(char *to, const char *name, size_t len)
{
    if (len > MACHINE_NAME_MAX)
        return -EINVAL;
    spin_lock(&lock);
    memset(to, 0, MACHINE_NAME_MAX + 1);
    memcpy(to, name, len);
    spin_unlock(&lock);
    return 0;
}

void machine_get_hostname(char to[MACHINE_NAME_MAX + 1])
{
    get(hostname, to);
}

void machine_get_domain(char to[MACHINE_NAME_MAX + 1])
{
    get(domain, to);
}

int machine_set_hostname(const char *name, size_t len)
{
    return set(hostname, name, len);
}

int machine_set_domain(const char *name, size_t len)
{
    return set(domain, name, len);
}
