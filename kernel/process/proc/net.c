/* /proc/net: the network, which this module does not see, fills these through the table that boot hands over. */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <proc/proc.h>
#include "tables.h"

enum { TEXT_START = 4096, TEXT_MAX = 4 << 20 };
static const struct proc_net_file *net_files; /* written once at boot */

void proc_set_net_files(const struct proc_net_file *files)
{
    net_files = files;
}

static int show_file(const char *name, struct text *out)
{
    const struct proc_net_file *file = net_files;
    while (file && file->name && strcmp(file->name, name))
        file++;
    if (!file || !file->name)
        return 0;
    /* The table may grow between the two calls: once more, then what fits is shown. */
    for (size_t size = TEXT_START;;) {
        char *bytes = kmalloc(size, ALLOC_WAIT);
        if (!bytes)
            return -ENOMEM;
        size_t needed = file->print(bytes, size);
        if (needed <= size || size == TEXT_MAX) {
            text_append(out, bytes, MIN(needed, size));
            kfree(bytes);
            return 0;
        }
        kfree(bytes);
        size = MIN(needed + needed / 4, (size_t)TEXT_MAX);
    }
}

#define NET_FILES(X)                                                                                                   \
    X(arp) X(dev) X(fib_trie) X(if_inet6) X(igmp) X(ipv6_route) X(netlink) X(netstat) X(packet) X(pnp) X(raw) X(raw6) X(route)          \
        X(snmp) X(snmp6) X(sockstat) X(sockstat6) X(tcp) X(tcp6) X(udp) X(udp6) X(unix)
#define SHOW(id)                                                                                                       \
    static int show_##id(const struct pseudo_key *key, struct text *out)                                               \
    {                                                                                                                  \
        return show_file(#id, out);                                                                                    \
    }
#undef unix
NET_FILES(SHOW)
#define ROW(id) {.name = #id, .mode = 0444, .show = show_##id},
const struct pseudo_node proc_net_nodes[] = {NET_FILES(ROW){.name = NULL}};
