/* Packets that the device has no room for. */
#include "host.h"

static void send_one(struct host *host)
{
    uint8_t mac[6] = {0x52, 0x55, 0, 1, 2, 3};
    struct packet *packet = packet_alloc(100, ALLOC_WAIT);
    memset(packet->data, 7, 100);
    packet->len = 100;
    EXPECT_EQ(interface_send_ethernet(host->iface, packet, mac, 0x88b5), 0);
}

TEST(packets_wait_for_room_and_keep_their_order)
{
    struct host host;
    host_start(&host);
    host_forget_sent(&host);
    host.device.is_full = true;
    for (unsigned i = 0; i < 5; i++)
        send_one(&host);
    EXPECT_EQ(host.device.sent_count, 0);
    EXPECT_EQ(host.iface->backlog_count, 5);
    host.device.is_full = false;
    host.device.device.client->transmit_space(&host.device.device, 0);
    EXPECT_EQ(host.device.sent_count, 5);
    EXPECT_EQ(host.iface->backlog_count, 0);
    host_stop(&host);
}

TEST(room_that_comes_while_a_packet_is_refused_is_not_missed)
{
    struct host host;
    host_start(&host);
    host_forget_sent(&host);
    host.device.refusals = 1;
    send_one(&host);
    EXPECT_EQ(host.device.sent_count, 1);
    send_one(&host);
    EXPECT_EQ(host.device.sent_count, 2);
    EXPECT_EQ(host.iface->backlog_count, 0);
    host_stop(&host);
}
