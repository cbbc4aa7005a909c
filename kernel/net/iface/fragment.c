/*
 * Fragments, both families. Reassembly (RFC 791, RFC 8200 4.5) keeps at most QUEUES datagrams, MEMORY_MAX bytes of
 * buffers and LIFETIME_NS each; the oldest makes room. An overlap condemns the datagram (RFC 5722): its queue stays,
 * empty, to swallow what is still to come. Exact duplicates are ignored.
 */
#include <arch/cpu.h>
#include <device/entropy.h>
#include <iface/iface.h>
#include <mm/alloc.h>

enum { QUEUES = 64, PARTS_MAX = 128, MEMORY_MAX = 1 << 20, FRAGMENT6_HEADER = 8, DATAGRAM_MAX = 65535 };
#define LIFETIME_NS (30 * NS_PER_SECOND)

struct fragment_queue {
    bool is_used, is_condemned, has_first;
    struct ip_info first; /* of the fragment at offset 0; before that arrives, of any: the key */
    struct list parts;    /* packets by offset */
    unsigned count;
    uint32_t memory, received, total; /* bytes; total 0: the last fragment is not here yet */
    uint64_t deadline_ns;
};
struct fragment_table {
    struct spinlock lock; /* a leaf; guards all below */
    struct fragment_queue queues[QUEUES];
    uint32_t memory;
    uint32_t next_id;
};
enum { PART_OFFSET, PART_LEN, PART_MEMORY }; /* packet->private_data of a queued part */

struct fragment_table *fragment_table_create(struct net_stack *stack)
{
    struct fragment_table *table = kzalloc(sizeof *table, ALLOC_WAIT);
    if (!table)
        return NULL;
    random_bytes(&table->next_id, sizeof table->next_id);
    for (unsigned i = 0; i < QUEUES; i++)
        list_init(&table->queues[i].parts);
    return table;
}

static void drop_parts(struct fragment_table *table, struct fragment_queue *queue)
{
    while (!list_is_empty(&queue->parts)) {
        struct packet *part = list_first(&queue->parts, struct packet, link);
        list_remove(&part->link);
        packet_free(part);
    }
    table->memory -= queue->memory;
    queue->memory = queue->count = 0;
}

static void drop_queue(struct fragment_table *table, struct fragment_queue *queue)
{
    drop_parts(table, queue);
    queue->is_used = false;
}

void fragment_table_destroy(struct fragment_table *table)
{
    for (unsigned i = 0; table && i < QUEUES; i++)
        drop_parts(table, &table->queues[i]);
    kfree(table);
}

static bool same_datagram(const struct ip_info *a, const struct ip_info *b)
{
    return a->is_v4 == b->is_v4 && a->fragment_id == b->fragment_id && ip_equal(&a->from, &b->from) &&
           ip_equal(&a->to, &b->to) && (!a->is_v4 || a->protocol == b->protocol);
}

/* Expires on the way: time only matters when somebody wants a place. */
static struct fragment_queue *find_queue(struct fragment_table *table, const struct ip_info *info, uint64_t now)
{
    struct fragment_queue *unused = NULL, *oldest = NULL;
    for (unsigned i = 0; i < QUEUES; i++) {
        struct fragment_queue *queue = &table->queues[i];
        if (queue->is_used && queue->deadline_ns <= now)
            drop_queue(table, queue);
        if (queue->is_used && same_datagram(&queue->first, info))
            return queue;
        if (!queue->is_used)
            unused = queue;
        else if (!oldest || queue->deadline_ns < oldest->deadline_ns)
            oldest = queue;
    }
    if (!unused) {
        drop_queue(table, oldest);
        unused = oldest;
    }
    *unused = (struct fragment_queue){.is_used = true, .first = *info, .deadline_ns = now + LIFETIME_NS};
    list_init(&unused->parts);
    return unused;
}

static uint32_t memory_of(const struct packet *packet)
{
    uint32_t memory = 0;
    for (; packet; packet = packet->next)
        memory += packet->capacity + (uint32_t)sizeof *packet;
    return memory;
}

static void make_room(struct fragment_table *table, const struct fragment_queue *keep)
{
    for (unsigned tries = 0; tries < QUEUES && table->memory > MEMORY_MAX; tries++) {
        struct fragment_queue *oldest = NULL;
        for (unsigned i = 0; i < QUEUES; i++) {
            struct fragment_queue *queue = &table->queues[i];
            if (queue->is_used && queue != keep && queue->memory &&
                (!oldest || queue->deadline_ns < oldest->deadline_ns))
                oldest = queue;
        }
        if (!oldest)
            return;
        drop_queue(table, oldest);
    }
}

enum outcome { TAKEN, DUPLICATE, CONDEMNED };

/* Puts the packet at its place in the list. */
static enum outcome insert(struct fragment_queue *queue, struct packet *packet, uint32_t offset, uint32_t len,
                           bool is_last)
{
    struct packet *part, *after = NULL;
    uint32_t end = offset + len;
    if (queue->count == PARTS_MAX || (queue->total && end > queue->total))
        return CONDEMNED;
    if (is_last && queue->total && queue->total != end)
        return CONDEMNED;
    list_for_each(part, &queue->parts, link)
    {
        uint32_t part_offset = (uint32_t)part->private_data[PART_OFFSET],
                 part_len = (uint32_t)part->private_data[PART_LEN];
        if (part_offset == offset && part_len == len)
            return DUPLICATE;
        if (offset < part_offset + part_len && part_offset < end)
            return CONDEMNED;
        if (part_offset + part_len > end && is_last)
            return CONDEMNED;
        if (part_offset < offset)
            after = part;
    }
    packet->private_data[PART_OFFSET] = offset;
    packet->private_data[PART_LEN] = len;
    list_add_first(after ? &after->link : &queue->parts, &packet->link);
    queue->count++;
    queue->received += len;
    if (is_last)
        queue->total = end;
    return TAKEN;
}

static struct packet *join(const struct fragment_queue *queue)
{
    struct packet *whole = packet_alloc(queue->total, ALLOC_ATOMIC), *part;
    if (!whole)
        return NULL;
    list_for_each(part, &queue->parts, link)
        packet_copy_out(part, 0, whole->data + part->private_data[PART_OFFSET], (uint32_t)part->private_data[PART_LEN]);
    whole->len = queue->total;
    return whole;
}

/* Takes the fragment; the whole datagram when this one completed it (info is then the datagram's), else NULL. */
struct packet *fragment_receive(struct net_stack *stack, struct packet *packet, struct ip_info *info)
{
    struct fragment_table *table = stack->fragments;
    uint32_t len = info->payload_len, offset = info->fragment_offset, memory = memory_of(packet);
    struct packet *whole = NULL;
    if (!len || (info->more_fragments && len % 8) || offset + len > DATAGRAM_MAX) {
        packet_free(packet);
        return NULL;
    }
    spin_lock(&table->lock);
    struct fragment_queue *queue = find_queue(table, info, clock_monotonic_ns());
    enum outcome outcome = queue->is_condemned ? CONDEMNED : insert(queue, packet, offset, len, !info->more_fragments);
    if (outcome == CONDEMNED) {
        drop_parts(table, queue);
        queue->is_condemned = true;
    } else if (outcome == TAKEN) {
        packet = NULL;
        queue->memory += memory;
        table->memory += memory;
        if (!offset) {
            queue->first = *info;
            queue->has_first = true;
        }
        if (queue->has_first && queue->total && queue->received == queue->total) {
            whole = join(queue);
            *info = queue->first;
            drop_queue(table, queue);
        } else
            make_room(table, queue);
    }
    spin_unlock(&table->lock);
    packet_free(packet);
    if (whole) {
        info->payload_len = (uint16_t)whole->len;
        info->more_fragments = false;
        info->fragment_offset = 0;
        add_relaxed(&stack->ip_counters.reassembled, 1u);
    }
    return whole;
}

/* A checksum that was left to the device must be in place before the datagram is cut. */
static void finish_checksum(struct packet *packet)
{
    if (!(packet->offload & PACKET_CHECKSUM_NEEDED))
        return;
    uint16_t sum = checksum_fold(packet_checksum_add(0, packet, packet->checksum_start));
    store_le16(packet->data + packet->checksum_start + packet->checksum_offset, sum ? sum : 0xffff);
    packet->offload &= (uint16_t)~PACKET_CHECKSUM_NEEDED;
}

static int send_part(const struct route *route, struct packet *part)
{
    bool is_v4 = part->data[0] >> 4 == 4;
    if (route->is_local)
        return interface_transmit(route->iface, part);
    if (route->neighbour)
        return neighbour_send(route->neighbour, part);
    return interface_send_ethernet(route->iface, part, route->mac, is_v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

static struct packet *make_part(const struct packet *packet, uint32_t offset, uint32_t n, bool is_last,
                                const struct ip_info *info)
{
    struct packet *part = packet_alloc(n, ALLOC_ATOMIC);
    if (!part)
        return NULL;
    packet_copy_out(packet, offset, part->data, n);
    part->len = n;
    struct ip_info header = *info;
    header.payload_len = (uint16_t)n;
    if (info->is_v4) {
        header.fragment_offset = (uint16_t)offset;
        header.more_fragments = !is_last;
        wire_build_ip(packet_push(part, IPV4_HEADER), &header);
        return part;
    }
    uint8_t *extension = packet_push(part, FRAGMENT6_HEADER);
    extension[0] = info->protocol;
    extension[1] = 0;
    store_be16(extension + 2, (uint16_t)(offset | !is_last));
    store_be32(extension + 4, info->fragment_id);
    header.payload_len = (uint16_t)(n + FRAGMENT6_HEADER);
    header.protocol = PROTOCOL_FRAGMENT6;
    wire_build_ip(packet_push(part, IPV6_HEADER), &header);
    return part;
}

/* Takes the packet, transport header first. -EMSGSIZE, -ENOBUFS. */
int fragment_send(struct net_stack *stack, const struct route *route, struct packet *packet, struct ip_info *info)
{
    uint32_t len = packet_total_len(packet), header = info->is_v4 ? IPV4_HEADER : IPV6_HEADER + FRAGMENT6_HEADER;
    int err = -EMSGSIZE;
    if (route->mtu < header + 8 || len > DATAGRAM_MAX - (info->is_v4 ? IPV4_HEADER : 0u))
        goto out;
    finish_checksum(packet);
    info->fragment_id = atomic_fetch_add(&stack->fragments->next_id, 1u);
    uint32_t room = (route->mtu - header) & ~7u;
    err = 0;
    for (uint32_t offset = 0; offset < len && !err; offset += room) {
        uint32_t n = len - offset < room ? len - offset : room;
        struct packet *part = make_part(packet, offset, n, offset + n == len, info);
        err = part ? send_part(route, part) : -ENOBUFS;
    }
    add_relaxed(err ? &stack->ip_counters.fragments_failed : &stack->ip_counters.sent, 1u);
out:
    packet_free(packet);
    return err;
}
