/* The machine's network: making it, configuring it, and the resolver file's text. */
#include <base/log.h>
#include <base/string.h>
#include <mm/alloc.h>
#include "private.h"

static struct net *machine; /* written once at boot; nothing but net_machine() and /proc's tables looks at it */

static void add_devices(struct net_stack *stack)
{
    for (struct netdev *device = netdev_first(); device; device = netdev_next(device)) {
        if (!interface_add_device(stack, device)) {
            log_error("net: %s: no memory or too many interfaces", device->name);
            continue;
        }
        int err = device->ops->open(device);
        if (err)
            log_error("net: %s does not open: error %d", device->name, -err);
    }
}

int net_create(const struct unix_hooks *hooks, struct net **out)
{
    int err = -ENOMEM;
    struct net *net = kzalloc(sizeof *net, ALLOC_WAIT);
    if (!net)
        return -ENOMEM;
    net->next_port_id = 1;
    net->stack = stack_core_create();
    if (!net->stack)
        goto free_net;
    net->local = unix_domain_create(hooks);
    if (!net->local)
        goto destroy_stack;
    err = udp_init(net->stack);
    if (err)
        goto destroy_local;
    err = tcp_init(net->stack);
    if (err)
        goto destroy_udp;
    add_devices(net->stack);
    *out = net;
    return 0;

destroy_udp:
    udp_destroy(net->stack);
destroy_local:
    unix_domain_destroy(net->local);
destroy_stack:
    stack_core_destroy(net->stack);
free_net:
    kfree(net);
    return err;
}

void net_destroy(struct net *net)
{
    tcp_destroy(net->stack);
    udp_destroy(net->stack);
    stack_core_destroy(net->stack);
    unix_domain_destroy(net->local);
    kfree(net);
}

struct net_stack *net_stack(struct net *net)
{
    return net->stack;
}

int net_init(const struct unix_hooks *hooks)
{
    return net_create(hooks, &machine);
}

struct net *net_machine(void)
{
    return machine;
}

static bool parse_number(const char *text, size_t len, unsigned max, unsigned *out)
{
    unsigned value = 0;
    if (!len || len > 3)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *out = value;
    return value <= max;
}

/* ADDRESS/PREFIX[,GATEWAY] */
static int configure_static(struct net_interface *iface, const char *how)
{
    struct ip_address address, gateway = {.halves = {0, 0}};
    unsigned prefix;
    const char *comma = strchr(how, ','), *slash = strchr(how, '/');
    size_t len = comma ? (size_t)(comma - how) : strlen(how);
    if (!slash || (comma && slash > comma) || !ip_parse(how, (size_t)(slash - how), &address))
        return -EINVAL;
    bool is_v4 = ip_is_v4(&address);
    if (!parse_number(slash + 1, len - (size_t)(slash + 1 - how), is_v4 ? 32 : 128, &prefix))
        return -EINVAL;
    if (comma && (!ip_parse(comma + 1, strlen(comma + 1), &gateway) || ip_is_v4(&gateway) != is_v4))
        return -EINVAL;
    unsigned base = is_v4 ? 96 : 0;
    int err = interface_add_address(iface, &address, prefix + base);
    if (err || !comma)
        return err;
    struct ip_address any = is_v4 ? ip_from_v4(0) : (struct ip_address){.halves = {0, 0}};
    if (!ip_matches(&gateway, &address, prefix + base) && !ip_is_link_local(&gateway)) {
        struct route_entry on_link = {.network = gateway, .prefix = 128, .iface = iface};
        err = route_add(iface->stack, &on_link);
    }
    struct route_entry all = {.network = any, .gateway = gateway, .prefix = (uint8_t)base, .iface = iface};
    return err ? err : route_add(iface->stack, &all);
}

int net_configure(struct net *net, const char *name, const char *how)
{
    struct net_interface *iface =
        name && name[0] ? interface_by_name(net->stack, name) : interface_by_index(net->stack, 2);
    if (!iface)
        return -ENODEV;
    if (!strcmp(how, "none"))
        return 0;
    int err = strcmp(how, "dhcp") ? configure_static(iface, how) : dhcp_start(iface);
    if (!err && strcmp(how, "dhcp") && iface->device)
        for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
            if (iface->addresses[i].is_valid && ip_is_v4(&iface->addresses[i].address))
                arp_announce(iface, ip_to_v4(&iface->addresses[i].address));
    return err;
}

int net_add_dns(struct net *net, const char *text)
{
    struct ip_address address;
    if (!ip_parse(text, strlen(text), &address))
        return -EINVAL;
    stack_add_resolver(net->stack, &address);
    return 0;
}

void net_set_names(struct net *net, const char *hostname, const char *domain)
{
    struct net_stack *stack = net->stack;
    spin_lock(&stack->config_lock);
    if (hostname)
        snprintf(stack->hostname, sizeof stack->hostname, "%s", hostname);
    if (domain)
        snprintf(stack->domain, sizeof stack->domain, "%s", domain);
    spin_unlock(&stack->config_lock);
}

void net_get_hostname(struct net *net, char to[64])
{
    spin_lock(&net->stack->config_lock);
    memcpy(to, net->stack->hostname, 64);
    spin_unlock(&net->stack->config_lock);
}

size_t net_resolver_text(struct net *net, char *to, size_t size)
{
    enum { LINES = RESOLVER_MAX + 1 };
    char lines[LINES][160];
    unsigned count = 0;
    size_t used = 0;
    struct net_stack *stack = net->stack;
    spin_lock(&stack->config_lock);
    if (stack->domain[0])
        snprintf(lines[count++], sizeof lines[0], "search %s\n", stack->domain);
    for (unsigned i = 0; i < stack->resolver_count; i++) {
        char text[46];
        ip_format(&stack->resolvers[i], text);
        snprintf(lines[count++], sizeof lines[0], "nameserver %s\n", text);
    }
    spin_unlock(&stack->config_lock);
    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(lines[i]);
        if (used < size)
            memcpy(to + used, lines[i], MIN(len, size - used));
        used += len;
    }
    return used;
}
