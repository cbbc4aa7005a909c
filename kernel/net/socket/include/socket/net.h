/*
 * The machine's network: its one stack with the transports, its configuration at boot, and what /proc/net and
 * /etc/resolv.conf say of it. Thread context; nothing here waits for the network.
 */
#pragma once
#include <base/types.h>

struct net;
struct net_stack;  /* iface/iface.h */
struct unix_hooks; /* unix/unix.h */
/* A network with loopback and every registered network device, opened. hooks must stay. For unit tests, too. */
int net_create(const struct unix_hooks *hooks, struct net **out);
void net_destroy(struct net *net); /* no sockets any more */
struct net_stack *net_stack(struct net *net);

/* Boot: makes the machine's network, once. */
int net_init(const struct unix_hooks *hooks);
struct net *net_machine(void);

/* iface NULL or "": the first device. how: "dhcp", "none", or ADDRESS/PREFIX[,GATEWAY] of either family (may be called
 * again for more). -ENODEV, -EINVAL. DHCP runs by itself; sockets wait for it when they need it. */
int net_configure(struct net *net, const char *iface, const char *how);
int net_add_dns(struct net *net, const char *address); /* at most RESOLVER_MAX are kept; before DHCP's */
void net_set_names(struct net *net, const char *hostname, const char *domain); /* NULL: as it is; DHCP fills what is empty */
void net_get_hostname(struct net *net, char to[64]); /* "" : not known */
/* The text of resolv.conf as it is now: at most size bytes without a NUL; what it would have taken. */
size_t net_resolver_text(struct net *net, char *to, size_t size);

/* /proc/net of the machine's network: as struct proc_net_file of proc/proc.h. Ends with a NULL name. */
struct net_proc_file {
    const char *name;
    size_t (*print)(char *to, size_t size);
};
extern const struct net_proc_file net_proc_files[];
