#include <test/test.h>
#include "fake_device.h"

static struct fake_device fake;
static struct virtqueue *queue;
static char bytes[64][16];

static void start(uint64_t features, uint16_t size)
{
    fake_init(&fake, 99, features, size);
    virtio_negotiate(&fake.virtio, 0);
    virtqueue_create(&fake.virtio, 0, 256, NULL, 0, &queue);
}

static int add(unsigned i, unsigned out, unsigned in)
{
    struct virtqueue_buffer buffers[8];
    for (unsigned n = 0; n < out + in; n++)
        buffers[n] = (struct virtqueue_buffer){bytes[i], 16};
    return virtqueue_add(queue, buffers, out, in, bytes[i]);
}

TEST(negotiation_refuses_a_legacy_device)
{
    fake_init(&fake, 99, 0, 8);
    fake.offered = 0;
    EXPECT_EQ(virtio_negotiate(&fake.virtio, 0), -19);
}

TEST(sizes_are_rounded_down_to_a_power_of_two)
{
    start(0, 100);
    EXPECT_EQ(queue->size, 64);
    fake_destroy(&fake);
}

TEST(requests_come_back_in_the_devices_order)
{
    start(0, 8);
    EXPECT_EQ(add(0, 1, 1), 0);
    EXPECT_EQ(add(1, 1, 1), 0);
    int first = fake_pop(&fake, 0), second = fake_pop(&fake, 0);
    EXPECT_EQ(fake_pop(&fake, 0), -1);
    fake_use(&fake, 0, (uint32_t)second, 16);
    fake_use(&fake, 0, (uint32_t)first, 3);
    uint32_t len;
    EXPECT(virtqueue_take(queue, &len) == bytes[1]);
    EXPECT_EQ(len, 16);
    EXPECT(virtqueue_take(queue, &len) == bytes[0]);
    EXPECT_EQ(len, 3);
    EXPECT(!virtqueue_take(queue, &len));
    EXPECT_EQ(queue->free_count, 8);
    fake_destroy(&fake);
}

TEST(full_queue_refuses_and_keeps_its_state)
{
    start(0, 4);
    EXPECT_EQ(add(0, 2, 1), 0);
    EXPECT_EQ(add(1, 1, 1), -28);
    EXPECT_EQ(queue->free_count, 1);
    EXPECT_EQ(add(2, 0, 1), 0);
    EXPECT_EQ(add(3, 0, 1), -28);
    fake_destroy(&fake);
}

TEST(long_chains_use_a_table_when_the_ring_is_short)
{
    start(VIRTIO_RING_INDIRECT, 8);
    for (unsigned i = 0; i < 8; i++)
        EXPECT_EQ(add(i, 2, 2), 0);
    for (unsigned i = 0; i < 8; i++) {
        int head = fake_pop(&fake, 0);
        uint32_t len;
        bool is_writable;
        EXPECT(fake_buffer(&fake, 0, head, 3, &len, &is_writable) == bytes[i]);
        EXPECT(is_writable);
        EXPECT(!fake_buffer(&fake, 0, head, 4, NULL, NULL));
        fake_use(&fake, 0, (uint32_t)head, 0);
    }
    for (unsigned i = 0; i < 8; i++)
        EXPECT(virtqueue_take(queue, NULL) == bytes[i]);
    fake_destroy(&fake);
}

TEST(written_length_is_never_more_than_the_buffers)
{
    start(0, 8);
    add(0, 1, 1);
    fake_use(&fake, 0, (uint32_t)fake_pop(&fake, 0), 0xffffffff);
    uint32_t len;
    EXPECT(virtqueue_take(queue, &len) == bytes[0]);
    EXPECT_EQ(len, 16);
    fake_destroy(&fake);
}

static void expect_broken(void)
{
    EXPECT(!virtqueue_take(queue, NULL));
    EXPECT(queue->is_broken);
    EXPECT_EQ(stub_error_lines, 1);
    EXPECT_EQ(add(5, 1, 0), -5);
    EXPECT(!virtqueue_has_used(queue));
    fake_destroy(&fake);
}

TEST(used_id_out_of_range_breaks_the_queue)
{
    start(0, 8);
    add(0, 1, 1);
    fake_use(&fake, 0, 8, 0);
    expect_broken();
}

TEST(used_id_in_the_middle_of_a_chain_breaks_the_queue)
{
    start(0, 8);
    add(0, 1, 1);
    fake_use(&fake, 0, queue->slots[fake_pop(&fake, 0)].next, 0);
    expect_broken();
}

TEST(same_id_used_twice_breaks_the_queue)
{
    start(0, 8);
    add(0, 1, 1);
    uint32_t head = (uint32_t)fake_pop(&fake, 0);
    fake_use(&fake, 0, head, 0);
    fake_use(&fake, 0, head, 0);
    EXPECT(virtqueue_take(queue, NULL) == bytes[0]);
    expect_broken();
}

TEST(used_index_ahead_of_the_ring_breaks_the_queue)
{
    start(0, 8);
    add(0, 1, 1);
    fake.queues[0].used->index = 9;
    expect_broken();
}

TEST(device_that_rewrites_descriptors_does_not_reach_the_free_list)
{
    start(0, 8);
    add(0, 2, 2);
    uint32_t head = (uint32_t)fake_pop(&fake, 0);
    for (unsigned i = 0; i < 8; i++)
        fake.queues[0].descriptors[i] = (struct ring_descriptor){0, 0, 0xffff, 0xffff};
    fake_use(&fake, 0, head, 0);
    EXPECT(virtqueue_take(queue, NULL) == bytes[0]);
    EXPECT_EQ(queue->free_count, 8);
    for (unsigned i = 0; i < 8; i++)
        EXPECT_EQ(add(i, 1, 0), 0);
    fake_destroy(&fake);
}

TEST(abandon_gives_back_everything_outstanding)
{
    start(VIRTIO_RING_INDIRECT, 8);
    for (unsigned i = 0; i < 5; i++)
        add(i, 1, 2);
    unsigned count = 0;
    while (virtqueue_abandon(queue))
        count++;
    EXPECT_EQ(count, 5);
    EXPECT_EQ(queue->free_count, 8);
    fake_destroy(&fake);
}

TEST(device_is_notified_only_when_it_asks_by_event_index)
{
    start(VIRTIO_RING_EVENT_INDEX, 8);
    uint16_t *event = (uint16_t *)&fake.queues[0].used->ring[8];
    add(0, 1, 0);
    virtqueue_kick(queue);
    EXPECT_EQ(fake.queues[0].notified, 1);
    add(1, 1, 0); /* the event still says 0: passed */
    virtqueue_kick(queue);
    EXPECT_EQ(fake.queues[0].notified, 1);
    *event = 2;
    add(2, 1, 0);
    virtqueue_kick(queue);
    EXPECT_EQ(fake.queues[0].notified, 2);
    virtqueue_kick(queue);
    EXPECT_EQ(fake.queues[0].notified, 2);
    fake_destroy(&fake);
}

TEST(device_is_not_notified_when_its_flag_forbids)
{
    start(0, 8);
    fake.queues[0].used->flags = 1;
    add(0, 1, 0);
    virtqueue_kick(queue);
    EXPECT_EQ(fake.queues[0].notified, 0);
    fake_destroy(&fake);
}

TEST(disabled_interrupts_are_not_wanted_and_enabled_ones_are)
{
    static const uint64_t features[] = {0, VIRTIO_RING_EVENT_INDEX};
    for (unsigned i = 0; i < 2; i++) {
        start(features[i], 8);
        add(0, 1, 0);
        add(1, 1, 0);
        virtqueue_disable_interrupts(queue);
        fake_use(&fake, 0, (uint32_t)fake_pop(&fake, 0), 0);
        EXPECT(!fake_wants_interrupt(&fake, 0));
        EXPECT(!virtqueue_interrupt_shared(queue)); /* another queue's, on the same line */
        EXPECT(!virtqueue_enable_interrupts(queue)); /* one is there already */
        virtqueue_take(queue, NULL);
        EXPECT(virtqueue_enable_interrupts(queue));
        EXPECT(!virtqueue_interrupt_shared(queue));
        fake_use(&fake, 0, (uint32_t)fake_pop(&fake, 0), 0);
        EXPECT(fake_wants_interrupt(&fake, 0));
        EXPECT(virtqueue_interrupt_shared(queue));
        fake_destroy(&fake);
    }
}

/* The queue against a plain list of what is outstanding, over many wraps of the 16-bit indices. */
TEST(random_traffic_agrees_with_a_model)
{
    start(VIRTIO_RING_INDIRECT | VIRTIO_RING_EVENT_INDEX, 16);
    int heads[16], owners[16];
    unsigned outstanding = 0;
    for (unsigned step = 0; step < 200000; step++) {
        if (test_random() & 1) {
            unsigned i = (unsigned)(test_random() % 64), out = (unsigned)(test_random() % 4), in = (unsigned)(test_random() % 4);
            if (out + in && !add(i, out, in)) {
                owners[outstanding] = (int)i;
                heads[outstanding++] = fake_pop(&fake, 0);
            }
        } else if (outstanding) {
            unsigned pick = (unsigned)(test_random() % outstanding);
            fake_use(&fake, 0, (uint32_t)heads[pick], 1);
            REQUIRE(virtqueue_take(queue, NULL) == bytes[owners[pick]]);
            heads[pick] = heads[--outstanding];
            owners[pick] = owners[outstanding];
        }
    }
    REQUIRE(!queue->is_broken);
    while (virtqueue_abandon(queue))
        ;
    EXPECT_EQ(queue->free_count, 16);
    fake_destroy(&fake);
}
