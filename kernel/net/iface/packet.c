/* Operations on packets that only the stack needs. */
#include <iface/iface.h>
#include <mm/alloc.h>

struct packet *packet_make_contiguous(struct packet *packet, uint32_t n)
{
    if (packet->len >= n)
        return packet;
    uint32_t total = packet_total_len(packet);
    struct packet *flat = total >= n ? packet_alloc(total, ALLOC_ATOMIC) : NULL;
    if (flat) {
        packet_copy_out(packet, 0, flat->data, total);
        flat->len = total;
        flat->offload = packet->offload;
        flat->segment_size = packet->segment_size;
        flat->checksum_start = packet->checksum_start;
        flat->checksum_offset = packet->checksum_offset;
    }
    packet_free(packet);
    return flat;
}

void packet_trim(struct packet *packet, uint32_t len)
{
    for (; packet; packet = packet->next) {
        if (packet->len > len)
            packet->len = len;
        len -= packet->len;
    }
}

uint64_t packet_checksum_add(uint64_t sum, const struct packet *packet, uint32_t skip)
{
    bool is_odd = false;
    for (; packet; packet = packet->next) {
        if (skip >= packet->len) {
            skip -= packet->len;
            continue;
        }
        uint32_t len = packet->len - skip;
        uint64_t part = checksum_add(0, packet->data + skip, len);
        if (is_odd) /* its bytes stand in the other halves of the 16-bit words */
            part = (uint64_t)__builtin_bswap16((uint16_t)~checksum_fold(part));
        sum += part;
        is_odd ^= len & 1;
        skip = 0;
    }
    return sum;
}

void packet_copy_out(const struct packet *packet, uint32_t offset, void *to, uint32_t n)
{
    uint8_t *out = to;
    for (; packet && n; packet = packet->next) {
        if (offset >= packet->len) {
            offset -= packet->len;
            continue;
        }
        uint32_t part = packet->len - offset < n ? packet->len - offset : n;
        memcpy(out, packet->data + offset, part);
        out += part;
        n -= part;
        offset = 0;
    }
}

bool transport_checksum_is_good(const struct packet *packet, const struct ip_info *info, uint8_t protocol)
{
    if (packet->offload & (PACKET_CHECKSUM_VALID | PACKET_CHECKSUM_NEEDED))
        return true;
    uint64_t sum = checksum_pseudo(&info->from, &info->to, protocol, info->payload_len);
    return checksum_fold(packet_checksum_add(sum, packet, 0)) == 0;
}

void transport_checksum_set(struct net_interface *iface, struct packet *packet, const struct ip_info *info, unsigned offset)
{
    uint32_t len = packet_total_len(packet);
    uint64_t sum = checksum_pseudo(&info->from, &info->to, info->protocol, len);
    if (iface->can_checksum) {
        store_le16(packet->data + offset, (uint16_t)~checksum_fold(sum));
        packet->offload |= PACKET_CHECKSUM_NEEDED;
        packet->checksum_start = 0;
        packet->checksum_offset = (uint16_t)offset;
        return;
    }
    store_le16(packet->data + offset, 0);
    uint16_t folded = checksum_fold(packet_checksum_add(sum, packet, 0));
    store_le16(packet->data + offset, folded ? folded : 0xffff);
}
