#include <base/string.h>
#include <test/test.h>
#include "fake_device.h"
#include "net.h"

static struct fake_device fake;
static struct virtio_net *net;
static struct packet *received[64];
static unsigned received_count, batches, space_calls;

static void client_receive(struct netdev *device, struct packet *packet)
{
    received[received_count++] = packet;
}

static void client_done(struct netdev *device)
{
    batches++;
}

static void client_space(struct netdev *device, unsigned queue)
{
    space_calls++;
}

static const struct netdev_client client = {
    .receive = client_receive,
    .receive_done = client_done,
    .transmit_space = client_space,
};

static void start(uint16_t ring)
{
    fake_init(&fake, VIRTIO_ID_NET, VIRTIO_FEATURE(NET_MERGED_BUFFERS) | VIRTIO_FEATURE(NET_GUEST_CSUM) |
                                        VIRTIO_FEATURE(NET_CSUM) | VIRTIO_FEATURE(NET_MAC) | VIRTIO_RING_EVENT_INDEX, ring);
    virtio_net_attach(&fake.virtio);
    net = fake.virtio.driver_data;
    net->device.client = &client;
    received_count = batches = space_calls = 0;
    net->device.ops->open(&net->device);
}

static void deliver(uint16_t buffer_count, uint8_t flags, uint32_t len, int *heads, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        heads[i] = fake_pop(&fake, 0);
        uint8_t *bytes = fake_buffer(&fake, 0, heads[i], 0, NULL, NULL);
        memset(bytes, (int)i + 1, 100);
        if (i == 0)
            memcpy(bytes, &(struct net_header){.flags = flags, .buffer_count = buffer_count}, sizeof(struct net_header));
        fake_use(&fake, 0, (uint32_t)heads[i], len);
    }
    fake_interrupt(&fake, 0);
}

TEST(net_takes_no_memory_before_it_is_opened)
{
    fake_init(&fake, VIRTIO_ID_NET, VIRTIO_FEATURE(NET_MERGED_BUFFERS), 64);
    unsigned before = stub_live_pages;
    virtio_net_attach(&fake.virtio);
    EXPECT_EQ(stub_live_pages, before);
}

TEST(net_short_packet_is_copied_and_its_page_goes_back)
{
    int heads[1];
    start(64);
    unsigned pages = stub_live_pages, posted = net->pairs[0].receive.posted;
    deliver(1, HEADER_DATA_VALID, 12 + 60, heads, 1);
    REQUIRE(received_count == 1);
    EXPECT_EQ(received[0]->len, 60);
    EXPECT(received[0]->offload & PACKET_CHECKSUM_VALID);
    EXPECT_EQ(stub_live_pages, pages);
    EXPECT_EQ(net->pairs[0].receive.posted, posted);
    EXPECT_EQ(batches, 1);
    packet_free(received[0]);
}

TEST(net_bursts_of_short_packets_get_more_buffers)
{
    start(256);
    net->pairs[0].receive.target_max = 256;
    unsigned posted = net->pairs[0].receive.posted;
    for (unsigned i = 0; i < posted / 2 + 1; i++) {
        int head = fake_pop(&fake, 0);
        memcpy(fake_buffer(&fake, 0, head, 0, NULL, NULL), &(struct net_header){.buffer_count = 1}, sizeof(struct net_header));
        fake_use(&fake, 0, (uint32_t)head, 12 + 60);
    }
    fake_interrupt(&fake, 0);
    EXPECT_EQ(received_count, posted / 2 + 1);
    EXPECT_EQ(net->pairs[0].receive.posted, 2 * posted);
    for (unsigned i = 0; i < received_count; i++)
        packet_free(received[i]);
}

TEST(net_merged_buffers_become_one_chain)
{
    int heads[3];
    start(64);
    deliver(3, 0, 1000, heads, 3);
    REQUIRE(received_count == 1);
    EXPECT_EQ(packet_total_len(received[0]), 2988);
    REQUIRE(received[0]->next && received[0]->next->next && !received[0]->next->next->next);
    EXPECT_EQ(received[0]->next->data[0], 2);
    packet_free(received[0]);
}

TEST(net_packet_that_promises_more_buffers_than_came_is_dropped)
{
    int heads[2];
    start(64);
    deliver(5, 0, 1000, heads, 2);
    EXPECT_EQ(received_count, 0);
    EXPECT_EQ(net->device.received.errors, 1);
    EXPECT_EQ(net->pairs[0].receive.posted, net->pairs[0].receive.target);
}

TEST(net_runts_and_zero_buffer_counts_are_dropped)
{
    int heads[1];
    start(64);
    deliver(1, 0, 11, heads, 1);
    deliver(1, 0, 25, heads, 1);
    deliver(0, 0, 100, heads, 1);
    EXPECT_EQ(received_count, 0);
    EXPECT_EQ(net->device.received.dropped, 3);
    EXPECT_EQ(net->pairs[0].receive.posted, net->pairs[0].receive.target);
}

TEST(net_survives_running_out_of_memory)
{
    int heads[1];
    start(64);
    stub_kmallocs_left = stub_pages_left = 0;
    for (unsigned i = 0; i < 40; i++)
        deliver(1, 0, 1000, heads, 1);
    EXPECT_EQ(received_count, 0);
    EXPECT_EQ(net->device.received.dropped, 40);
    stub_kmallocs_left = stub_pages_left = 1000;
    deliver(1, 0, 1000, heads, 1);
    REQUIRE(received_count == 1);
    packet_free(received[0]);
}

TEST(net_transmit_puts_the_header_before_the_packet)
{
    start(64);
    struct packet *packet = packet_alloc(100, 0);
    packet->len = 100;
    packet->offload = PACKET_CHECKSUM_NEEDED;
    packet->checksum_start = 34;
    packet->checksum_offset = 16;
    EXPECT_EQ(net->device.ops->transmit(&net->device, packet, 0, true), 0);
    EXPECT_EQ(fake.queues[1].notified, 0);
    net->device.ops->transmit_flush(&net->device, 0);
    EXPECT_EQ(fake.queues[1].notified, 1);
    int head = fake_pop(&fake, 1);
    uint32_t len;
    const struct net_header *header = fake_buffer(&fake, 1, head, 0, &len, NULL);
    EXPECT_EQ(len, 112);
    EXPECT_EQ(header->flags, HEADER_NEEDS_CHECKSUM);
    EXPECT_EQ(header->checksum_start, 34);
    fake_use(&fake, 1, (uint32_t)head, 0);
    net_transmit_reclaim(&net->pairs[0].transmit);
    EXPECT_EQ(net->pairs[0].transmit.ring->free_count, 64);
}

TEST(net_full_ring_refuses_and_calls_back_when_there_is_room)
{
    start(64);
    struct packet *packet;
    unsigned sent = 0;
    for (;;) {
        packet = packet_alloc(60, 0);
        packet->len = 60;
        if (net->device.ops->transmit(&net->device, packet, 0, false))
            break;
        sent++;
    }
    packet_free(packet);
    EXPECT_EQ(sent, 64);
    int head;
    while ((head = fake_pop(&fake, 1)) >= 0)
        fake_use(&fake, 1, (uint32_t)head, 0);
    fake_interrupt(&fake, 1);
    EXPECT_EQ(space_calls, 1);
    EXPECT_EQ(net->pairs[0].transmit.ring->free_count, 64);
}
