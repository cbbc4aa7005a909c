/*
 * The network at boot: where the stack meets the file system (names of unix sockets, /proc/net) and the settings. The
 * resolver's configuration is /proc/net/pnp, which /etc/resolv.conf links to as on a Linux that is configured by DHCP at
 * boot; reading it waits for a lease that is on its way.
 */
#include <arch/cpu.h>
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <contract/exit.h>
#include <iface/iface.h>
#include <proc/proc.h>
#include <process/process.h>
#include <sched/wait.h>
#include <socket/net.h>
#include <unix/unix.h>
#include <vfs/vfs.h>
#include "machine_end.h"
#include "network.h"

enum { NET_FILES_MAX = 40, LEASE_WAIT_S = 5 };

/* ---- unix sockets ---- */

static int bind_path(const void *caller, const char *path, uint32_t mode, void *socket, void **node)
{
    struct dentry *dentry;
    int err = vfs_bind_socket(caller, path, mode, socket, &dentry);
    if (!err)
        *node = dentry;
    return err;
}

static int find_path(const void *caller, const char *path, bool (*get)(void *socket), void **out)
{
    return vfs_find_socket(caller, path, get, out);
}

static void forget_path(void *node)
{
    vfs_forget_socket(node);
}

static void identify(struct unix_credentials *out)
{
    struct process *process = process_current();
    if (process)
        *out = (struct unix_credentials){.pid = process->id, .uid = process->credentials.euid, .gid = process->credentials.egid};
}

static const struct unix_hooks unix_hooks = {
    .bind_path = bind_path,
    .find_path = find_path,
    .forget_path = forget_path,
    .identify = identify,
};

/* ---- /proc/net ---- */

static size_t print_resolver(char *to, size_t size)
{
    struct net_stack *stack = net_stack(net_machine());
    wait_event(&stack->configured, !load_acquire(&stack->wants_address), WAIT_INTERRUPTIBLE,
               clock_monotonic_ns() + LEASE_WAIT_S * NS_PER_SECOND);
    return net_resolver_text(net_machine(), to, size);
}

static void publish_proc_files(void)
{
    static struct proc_net_file files[NET_FILES_MAX];
    unsigned n = 0;
    for (const struct net_proc_file *file = net_proc_files; file->name && n < NET_FILES_MAX - 2; file++)
        files[n++] = (struct proc_net_file){.name = file->name, .print = file->print};
    files[n++] = (struct proc_net_file){.name = "pnp", .print = print_resolver};
    proc_set_net_files(files);
}

/* ---- configuration ---- */

/* "dhcp", "none", ADDRESS/PREFIX[,GATEWAY], each with "ethN:" before it where another device is meant. */
static void configure(const char *value)
{
    char iface[16] = "";
    const char *colon = strchr(value, ':');
    size_t len = colon ? (size_t)(colon - value) : 0;
    if (!strncmp(value, "eth", 3) && len && len < sizeof iface) {
        memcpy(iface, value, len);
        iface[len] = '\0';
        value = colon + 1;
    }
    int err = net_configure(net_machine(), iface, value);
    if (err == -ENODEV)
        log_warning("ip=%s: the machine has no network device%s%s", value, *iface ? " " : "", iface);
    else if (err)
        machine_fail(SKIFF_EXIT_FAILED, "ip=%s is not dhcp, none or ADDRESS/PREFIX[,GATEWAY]", value);
}

void network_start(const struct settings *settings)
{
    int err = net_init(&unix_hooks);
    if (err)
        machine_fail(SKIFF_EXIT_FAILED, "the network could not be made (error %d): give the machine more memory", -err);
    publish_proc_files();
    net_set_names(net_machine(), settings->hostname, NULL);
    for (unsigned i = 0; i < settings->dns_count; i++)
        if (net_add_dns(net_machine(), settings->dns[i]))
            machine_fail(SKIFF_EXIT_FAILED, "dns=%s is not an address", settings->dns[i]);
    for (unsigned i = 0; i < settings->address_count; i++)
        configure(settings->addresses[i]);
    if (!settings->address_count)
        net_configure(net_machine(), NULL, "dhcp");
}
