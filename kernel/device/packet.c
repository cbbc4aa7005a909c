/* Packet buffers. packet_alloc makes one allocation: the struct, the headroom and the bytes. */
#include <base/string.h>
#include <device/netdev.h>
#include <mm/alloc.h>

struct packet *packet_alloc(uint32_t size, unsigned alloc_flags)
{
    struct packet *packet = kmalloc(sizeof *packet + PACKET_HEADROOM + (size_t)size, alloc_flags);
    if (!packet)
        return NULL;
    memset(packet, 0, sizeof *packet);
    list_init(&packet->link);
    refcount_init(&packet->refs, 1);
    packet->buffer = (uint8_t *)(packet + 1);
    packet->capacity = PACKET_HEADROOM + size;
    packet->data = packet->buffer + PACKET_HEADROOM;
    return packet;
}

void packet_free(struct packet *packet)
{
    if (!packet || !refcount_put(&packet->refs))
        return;
    while (packet) {
        struct packet *next = packet->next;
        if (packet->release)
            packet->release(packet);
        else
            kfree(packet);
        packet = next;
    }
}

uint8_t *packet_push(struct packet *packet, uint32_t n)
{
    if ((size_t)(packet->data - packet->buffer) < n)
        return NULL;
    packet->data -= n;
    packet->len += n;
    return packet->data;
}

uint8_t *packet_pull(struct packet *packet, uint32_t n)
{
    if (packet->len < n)
        return NULL;
    packet->data += n;
    packet->len -= n;
    return packet->data;
}

uint32_t packet_total_len(const struct packet *packet)
{
    uint32_t len = 0;
    for (; packet; packet = packet->next)
        len += packet->len;
    return len;
}
