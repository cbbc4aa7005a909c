/* Data over wires of all kinds. */
#include "wire.h"

static struct wire wire;
enum { MEGABYTE = 1 << 20 };

TEST(tcp_connects_and_carries_data_both_ways)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    for (int is_v4 = 0; is_v4 < 2; is_v4++) {
        struct pair pair = wire_connect(&wire, is_v4);
        REQUIRE(pair.server && pair.client);
        EXPECT(transfer(&pair, 4 * MEGABYTE, MEGABYTE, 60 * NS_PER_SECOND));
        EXPECT_EQ(tcp_get_counters(wire.a.stack)->retransmitted, 0);
        pair_close(&pair);
    }
    wire_close(&wire);
}
