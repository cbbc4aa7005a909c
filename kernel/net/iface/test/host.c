/* See host.h. */
#include <string.h>
#include "host.h"

const uint8_t own_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56}, peer_mac[6] = {0x52, 0x55, 0, 1, 2, 3};
static size_t live_before;

/* The real generator of kernel/device is seeded alike in every run. */
void arch_random_seed(void *to, size_t n)
{
    memset(to, 7, n);
}

struct ip_address address(const char *text)
{
    struct ip_address out = {.halves = {0, 0}};
    if (!ip_parse(text, strlen(text), &out))
        test_fail(__FILE__, __LINE__, "%s is not an address", text);
    return out;
}

void host_start(struct host *host)
{
    fake_sched_reset();
    fake_clock_set(1000 * NS_PER_SECOND);
    live_before = fake_memory_live_objects();
    fake_netdev_init(&host->device, own_mac);
    host->stack = stack_core_create();
    host->iface = interface_add_device(host->stack, &host->device.device);
}

void host_stop(struct host *host)
{
    stack_core_destroy(host->stack);
    fake_netdev_destroy(&host->device);
    EXPECT_EQ(fake_memory_live_objects(), live_before);
}

void host_receive_ip(struct host *host, const struct ip_info *info, const void *payload, size_t len)
{
    uint8_t frame[FRAME_MAX];
    struct ip_info header = *info;
    header.is_v4 = ip_is_v4(&info->to);
    unsigned header_len = header.is_v4 ? IPV4_HEADER : IPV6_HEADER;
    header.payload_len = (uint16_t)len;
    memcpy(frame, own_mac, 6);
    memcpy(frame + 6, peer_mac, 6);
    store_be16(frame + 12, header.is_v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    wire_build_ip(frame + ETHERNET_HEADER, &header);
    memcpy(frame + ETHERNET_HEADER + header_len, payload, len);
    fake_netdev_receive(&host->device, frame, ETHERNET_HEADER + header_len + len);
}

bool host_next(struct host *host, uint8_t protocol, struct frame *out)
{
    while ((out->len = fake_netdev_take(&host->device, out->bytes, sizeof out->bytes))) {
        uint16_t type = load_be16(out->bytes + 12);
        if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
            continue;
        size_t left = out->len - ETHERNET_HEADER;
        if (!wire_parse_ip(out->bytes + ETHERNET_HEADER, left, left, &out->ip)) {
            test_fail(__FILE__, __LINE__, "sent a frame that is not IP");
            continue;
        }
        out->payload = out->bytes + ETHERNET_HEADER + out->ip.header_len;
        out->payload_len = out->ip.payload_len;
        if (out->ip.protocol == protocol)
            return true;
    }
    return false;
}

void host_forget_sent(struct host *host)
{
    fake_netdev_destroy(&host->device);
}
