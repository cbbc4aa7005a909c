/*
 * The text of /proc/net. Tables are visited under the transports' spinlocks, so lines are printed straight into the
 * caller's buffer; what does not fit is only counted, and the caller comes again with more room.
 */
#include <base/string.h>
#include "private.h"

struct output {
    char *to;
    size_t size, used;
    unsigned line;
    bool is_v6;
    int kind; /* udp: enum udp_kind */
};

__attribute__((format(printf, 2, 3))) static void print(struct output *out, const char *format, ...)
{
    char line[320];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : MIN((size_t)n, sizeof line - 1);
    if (out->used < out->size)
        memcpy(out->to + out->used, line, MIN(len, out->size - out->used));
    out->used += len;
}

/* As Linux prints addresses: 32-bit words in the CPU's order. */
static void format_address(char to[40], const struct ip_address *address, uint16_t port, bool is_v6)
{
    if (is_v6) {
        bool is_any_v4 = ip_is_v4(address) && !address->words[3];
        uint32_t words[4] = {address->words[0], address->words[1], is_any_v4 ? 0 : address->words[2],
                             address->words[3]};
        snprintf(to, 40, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2], words[3], port);
    } else
        snprintf(to, 40, "%08X:%04X", ip_is_v4(address) ? address->words[3] : 0, port);
}

static void print_socket(struct output *out, const struct ip_address *local, uint16_t local_port,
                         const struct ip_address *peer, uint16_t peer_port, unsigned state, uint32_t sent,
                         uint32_t received, uint32_t drops)
{
    char local_text[40], peer_text[40];
    format_address(local_text, local, local_port, out->is_v6);
    format_address(peer_text, peer, peer_port, out->is_v6);
    print(out, "%4u: %s %s %02X %08X:%08X 00:00000000 00000000     0        0 0 1 0000000000000000 %u\n", out->line++,
          local_text, peer_text, state, sent, received, drops);
}

static void print_socket_header(struct output *out, const char *tail)
{
    const char *pad = out->is_v6 ? "                        " : "";
    print(out, "  sl  local_address %s%sst tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%s\n", pad,
          out->is_v6 ? "remote_address                        " : "rem_address   ", tail);
}

static void visit_tcp(const struct tcp_summary *summary, void *argument)
{
    struct output *out = argument;
    if (summary->is_v6 == out->is_v6)
        print_socket(out, &summary->local.address, summary->local.port, &summary->peer.address, summary->peer.port,
                     summary->state, summary->unacked, summary->readable, 0);
}

static size_t print_tcp(char *to, size_t size, bool is_v6)
{
    struct output out = {.to = to, .size = size, .is_v6 = is_v6};
    print_socket_header(&out, "");
    tcp_for_each(net_machine()->stack, visit_tcp, &out);
    return out.used;
}

static size_t print_tcp4(char *to, size_t size)
{
    return print_tcp(to, size, false);
}

static size_t print_tcp6(char *to, size_t size)
{
    return print_tcp(to, size, true);
}

static void visit_udp(const struct udp_summary *summary, void *argument)
{
    struct output *out = argument;
    enum { ESTABLISHED = 1, CLOSED = 7 };
    if (summary->is_v6 == out->is_v6 && (int)summary->kind == out->kind)
        print_socket(out, &summary->local.address, summary->local.port, &summary->peer.address, summary->peer.port,
                     summary->is_connected ? ESTABLISHED : CLOSED, 0, summary->queued, summary->drops);
}

static size_t print_udp_kind(char *to, size_t size, bool is_v6, enum udp_kind kind)
{
    struct output out = {.to = to, .size = size, .is_v6 = is_v6, .kind = (int)kind};
    print_socket_header(&out, " ref pointer drops");
    udp_for_each(net_machine()->stack, visit_udp, &out);
    return out.used;
}

static size_t print_udp4(char *to, size_t size)
{
    return print_udp_kind(to, size, false, UDP_KIND_UDP);
}

static size_t print_udp6(char *to, size_t size)
{
    return print_udp_kind(to, size, true, UDP_KIND_UDP);
}

static size_t print_raw4(char *to, size_t size)
{
    return print_udp_kind(to, size, false, UDP_KIND_RAW);
}

static size_t print_raw6(char *to, size_t size)
{
    return print_udp_kind(to, size, true, UDP_KIND_RAW);
}

static void visit_unix(const struct unix_summary *summary, void *argument)
{
    struct output *out = argument;
    enum { ACCEPTS = 0x10000, UNCONNECTED = 1, CONNECTED = 3 };
    char name[UNIX_PATH_MAX + 2] = "";
    unsigned n = 0;
    if (summary->name.len)
        name[n++] = ' ';
    for (unsigned i = 0; i < summary->name.len && (summary->name.bytes[i] || !summary->name.bytes[0]); i++)
        name[n++] = summary->name.bytes[i] ? summary->name.bytes[i] : '@';
    name[n] = 0;
    print(out, "%016llx: %08X 00000000 %08X %04X %02X %5llu%s\n", 0ull, summary->refs,
          summary->is_listening ? ACCEPTS : 0, summary->type, summary->is_connected ? CONNECTED : UNCONNECTED,
          (unsigned long long)summary->inode, name);
}

static size_t print_unix(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    print(&out, "Num       RefCount Protocol Flags    Type St Inode Path\n");
    unix_for_each(net_machine()->local, visit_unix, &out);
    return out.used;
}

static size_t print_dev(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    print(&out, "Inter-|   Receive                                                |  Transmit\n");
    print(&out,
          " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
          "carrier compressed\n");
    for (unsigned i = 1; i <= INTERFACE_MAX; i++) {
        struct net_interface *iface = interface_by_index(net_machine()->stack, i);
        if (!iface)
            continue;
        unsigned long long in[4] = {iface->loopback_bytes, iface->loopback_packets}, sent[4] = {in[0], in[1]};
        if (iface->device) {
            const struct netdev *device = iface->device;
            in[0] = device->received.bytes, in[1] = device->received.packets;
            in[2] = device->received.errors, in[3] = device->received.dropped;
            sent[0] = device->sent.bytes, sent[1] = device->sent.packets;
            sent[2] = device->sent.errors, sent[3] = device->sent.dropped;
        }
        print(&out,
              "%6s: %7llu %7llu %4llu %4llu    0     0          0         0 %8llu %7llu %4llu %4llu    0     0       0 "
              "         0\n",
              iface->name, in[0], in[1], in[2], in[3], sent[0], sent[1], sent[2], sent[3]);
    }
    return out.used;
}

static size_t print_route(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    enum { FLAG_UP = 1, FLAG_GATEWAY = 2 };
    const struct route_table *table = load_acquire(&net_machine()->stack->routes);
    print(&out, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n");
    for (unsigned i = 0; table && i < table->count; i++) {
        const struct route_entry *entry = &table->entries[i];
        if (!ip_is_v4(&entry->network) || !entry->iface->device)
            continue;
        unsigned bits = entry->prefix - 96u;
        uint32_t mask = bits ? __builtin_bswap32(0xffffffffu << (32 - bits)) : 0;
        bool has_gateway = !ip_is_any(&entry->gateway);
        print(&out, "%s\t%08X\t%08X\t%04X\t0\t0\t%u\t%08X\t0\t0\t0\n", entry->iface->name,
              entry->network.words[3] & mask, has_gateway ? entry->gateway.words[3] : 0,
              FLAG_UP | (has_gateway ? FLAG_GATEWAY : 0), entry->metric, mask);
    }
    return out.used;
}

static void put_hex(char to[33], const struct ip_address *address)
{
    for (unsigned i = 0; i < 16; i++)
        snprintf(to + 2 * i, 3, "%02x", address->bytes[i]);
}

static size_t print_route6(char *to, size_t size)
{
    static const struct ip_address none;
    struct output out = {.to = to, .size = size};
    enum { FLAG_UP = 1, FLAG_GATEWAY = 2 };
    const struct route_table *table = load_acquire(&net_machine()->stack->routes);
    for (unsigned i = 0; table && i < table->count; i++) {
        const struct route_entry *entry = &table->entries[i];
        char network[33], gateway[33], any[33];
        if (ip_is_v4(&entry->network))
            continue;
        bool has_gateway = !ip_is_any(&entry->gateway);
        struct ip_address masked = route_network(entry);
        put_hex(network, &masked);
        put_hex(gateway, has_gateway ? &entry->gateway : &none);
        put_hex(any, &none);
        print(&out, "%s %02x %s 00 %s %08x %08x %08x %08x %8s\n", network, entry->prefix, any, gateway, entry->metric,
              1u, 0u, FLAG_UP | (has_gateway ? FLAG_GATEWAY : 0u), entry->iface->name);
    }
    return out.used;
}

static size_t print_if_inet6(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    enum { SCOPE_HOST = 0x10, SCOPE_LINK = 0x20, FLAG_PERMANENT = 0x80 };
    for (unsigned i = 1; i <= INTERFACE_MAX; i++) {
        struct net_interface *iface = interface_by_index(net_machine()->stack, i);
        for (unsigned k = 0; iface && k < INTERFACE_ADDRESSES; k++) {
            const struct interface_address *own = &iface->addresses[k];
            char text[33];
            if (!load_acquire(&own->is_valid) || ip_is_v4(&own->address))
                continue;
            put_hex(text, &own->address);
            unsigned scope = ip_is_loopback(&own->address)     ? SCOPE_HOST
                             : ip_is_link_local(&own->address) ? SCOPE_LINK
                                                               : 0;
            print(&out, "%s %02x %02x %02x %02x %8s\n", text, i, own->prefix, scope, FLAG_PERMANENT, iface->name);
        }
    }
    return out.used;
}

static size_t print_arp(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    print(&out, "IP address       HW type     Flags       HW address            Mask     Device\n");
    for (unsigned i = 0; i < NEIGHBOUR_BUCKETS; i++) {
        struct neighbour_bucket *bucket = &net_machine()->stack->neighbours[i];
        struct neighbour *entry;
        spin_lock(&bucket->lock);
        list_for_each(entry, &bucket->entries, link)
        {
            char text[46];
            const uint8_t *mac = entry->mac;
            if (!ip_is_v4(&entry->address))
                continue;
            ip_format(&entry->address, text);
            print(&out, "%-16s 0x1         0x%x         %02x:%02x:%02x:%02x:%02x:%02x     *        %s\n", text,
                  load_acquire(&entry->state) == NEIGHBOUR_REACHABLE ? 2 : 0, mac[0], mac[1], mac[2], mac[3], mac[4],
                  mac[5], entry->iface->name);
        }
        spin_unlock(&bucket->lock);
    }
    return out.used;
}

struct counts {
    unsigned tcp, time_wait, udp, raw;
    bool is_v6;
};

static void count_tcp(const struct tcp_summary *summary, void *argument)
{
    struct counts *counts = argument;
    counts->tcp += summary->is_v6 == counts->is_v6 && summary->state != TCP_TIME_WAIT;
    counts->time_wait += summary->state == TCP_TIME_WAIT;
}

static void count_udp(const struct udp_summary *summary, void *argument)
{
    struct counts *counts = argument;
    if (summary->is_v6 != counts->is_v6)
        return;
    counts->udp += summary->kind == UDP_KIND_UDP;
    counts->raw += summary->kind == UDP_KIND_RAW;
}

static struct counts count_all(bool is_v6)
{
    struct counts counts = {.is_v6 = is_v6};
    tcp_for_each(net_machine()->stack, count_tcp, &counts);
    udp_for_each(net_machine()->stack, count_udp, &counts);
    return counts;
}

static size_t print_sockstat(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    struct counts counts = count_all(false);
    print(&out, "sockets: used %u\n", load_relaxed(&net_machine()->socket_count));
    print(&out, "TCP: inuse %u orphan 0 tw %u alloc %u mem 0\n", counts.tcp, counts.time_wait, counts.tcp);
    print(&out, "UDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse %u\nFRAG: inuse 0 memory 0\n", counts.udp,
          counts.raw);
    return out.used;
}

static size_t print_sockstat6(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    struct counts counts = count_all(true);
    print(&out, "TCP6: inuse %u\nUDP6: inuse %u\nUDPLITE6: inuse 0\nRAW6: inuse %u\nFRAG6: inuse 0 memory 0\n",
          counts.tcp, counts.udp, counts.raw);
    return out.used;
}

static size_t print_snmp(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    const struct net_stack *stack = net_machine()->stack;
    const struct tcp_counters *tcp = tcp_get_counters(stack);
    const struct udp_counters *udp = udp_get_counters(stack);
    print(
        &out,
        "Ip: Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards "
        "InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails "
        "FragCreates\n");
    print(&out, "Ip: 2 64 %llu %llu 0 0 0 0 %llu %llu 0 %llu 0 0 %llu 0 0 %llu 0\n",
          (unsigned long long)stack->ip_counters.received, (unsigned long long)stack->ip_counters.bad_header,
          (unsigned long long)stack->ip_counters.delivered, (unsigned long long)stack->ip_counters.sent,
          (unsigned long long)stack->ip_counters.no_route, (unsigned long long)stack->ip_counters.reassembled,
          (unsigned long long)stack->ip_counters.fragments_failed);
    print(&out,
          "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs "
          "OutSegs RetransSegs InErrs OutRsts InCsumErrors\n");
    print(&out, "Tcp: 1 200 120000 -1 %llu %llu %llu %llu 0 %llu %llu %llu %llu %llu 0\n",
          (unsigned long long)tcp->active_opens, (unsigned long long)tcp->passive_opens,
          (unsigned long long)tcp->attempt_fails, (unsigned long long)tcp->established_resets,
          (unsigned long long)tcp->segments_in, (unsigned long long)tcp->segments_out,
          (unsigned long long)tcp->retransmitted, (unsigned long long)tcp->bad_segments,
          (unsigned long long)tcp->resets_out);
    print(&out, "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti\n");
    print(&out, "Udp: %llu %llu %llu %llu %llu 0 0 0\n", (unsigned long long)udp->received,
          (unsigned long long)udp->no_port, (unsigned long long)udp->bad, (unsigned long long)udp->sent,
          (unsigned long long)udp->buffer_full);
    return out.used;
}

static size_t print_netstat(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    const struct tcp_counters *tcp = tcp_get_counters(net_machine()->stack);
    print(&out, "TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed ListenOverflows TCPTimeouts TCPChallengeACK "
                "PAWSEstab TCPOFOQueue TCPLossProbes TCPSpuriousRTOs\n");
    print(&out, "TcpExt: %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu\n", (unsigned long long)tcp->cookies_sent,
          (unsigned long long)tcp->cookies_received, (unsigned long long)tcp->cookies_failed,
          (unsigned long long)tcp->listen_overflows, (unsigned long long)tcp->timeouts,
          (unsigned long long)tcp->challenge_acks, (unsigned long long)tcp->paws_rejected,
          (unsigned long long)tcp->out_of_order, (unsigned long long)tcp->tail_probes,
          (unsigned long long)tcp->spurious_recoveries);
    return out.used;
}

static size_t print_igmp(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    struct net_stack *stack = net_machine()->stack;
    print(&out, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n");
    for (unsigned i = 1; i <= INTERFACE_MAX; i++) {
        struct net_interface *iface = interface_by_index(stack, i);
        if (!iface)
            continue;
        print(&out, "%u\t%-10s: %5u      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n", i, iface->name, 1u);
        spin_lock(&stack->config_lock);
        for (unsigned k = 0; k < MEMBERSHIP_MAX; k++)
            if (iface->memberships[k].users && ip_is_v4(&iface->memberships[k].group))
                print(&out, "\t\t\t\t%08X %5u 0:00000000\t\t0\n", iface->memberships[k].group.words[3],
                      iface->memberships[k].users);
        spin_unlock(&stack->config_lock);
    }
    return out.used;
}

static size_t print_netlink(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    print(&out, "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
    return out.used;
}

static size_t print_packet(char *to, size_t size)
{
    struct output out = {.to = to, .size = size};
    print(&out, "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n");
    return out.used;
}

const struct net_proc_file net_proc_files[] = {
    {"arp", print_arp},           {"dev", print_dev},
    {"if_inet6", print_if_inet6}, {"igmp", print_igmp},
    {"ipv6_route", print_route6}, {"netlink", print_netlink},
    {"netstat", print_netstat},   {"packet", print_packet},
    {"raw", print_raw4},          {"raw6", print_raw6},
    {"route", print_route},       {"snmp", print_snmp},
    {"sockstat", print_sockstat}, {"sockstat6", print_sockstat6},
    {"tcp", print_tcp4},          {"tcp6", print_tcp6},
    {"udp", print_udp4},          {"udp6", print_udp6},
    {"unix", print_unix},         {NULL, NULL},
};
