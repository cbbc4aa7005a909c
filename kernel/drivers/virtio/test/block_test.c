#include <base/string.h>
#include <device/block.h>
#include <test/test.h>
#include "fake_device.h"

static struct fake_device fake;
static struct block_device *disk;
static uint8_t sectors[8][512];

struct result {
    struct block_request request;
    struct block_segment segment;
    int err, count;
};

static void done(struct block_request *request, int err)
{
    struct result *result = request->owner;
    result->err = err;
    result->count++;
}

static void submit(struct result *result, enum block_operation operation, uint64_t sector, unsigned n)
{
    memset(result, 0, sizeof *result);
    result->segment = (struct block_segment){sectors, n * 512};
    result->request = (struct block_request){
        .operation = operation,
        .sector = sector,
        .segments = &result->segment,
        .segment_count = 1,
        .done = done,
        .owner = result,
    };
    disk->ops->submit(disk, &result->request);
}

/* 100 sectors, flush, ring of 8. driver_data begins with the block device. */
static void start(uint64_t features)
{
    fake_init(&fake, VIRTIO_ID_BLOCK, VIRTIO_FEATURE(9) | VIRTIO_FEATURE(2) | features, 8);
    fake.config[0] = 100;
    fake.config[12] = 4;
    virtio_block_attach(&fake.virtio);
    disk = fake.virtio.driver_data;
}

static void answer(int head, uint8_t status)
{
    unsigned n = 0;
    while (fake_buffer(&fake, 0, head, n + 1, NULL, NULL))
        n++;
    *(uint8_t *)fake_buffer(&fake, 0, head, n, NULL, NULL) = status;
    fake_use(&fake, 0, (uint32_t)head, 1);
}

TEST(block_reads_and_reports_the_devices_status)
{
    struct result result;
    start(0);
    EXPECT_EQ(disk->sector_count, 100);
    EXPECT_EQ(disk->segment_max, 4);
    submit(&result, BLOCK_READ, 3, 1);
    int head = fake_pop(&fake, 0);
    REQUIRE(head >= 0);
    uint32_t len;
    bool is_writable;
    const uint8_t *header = fake_buffer(&fake, 0, head, 0, &len, &is_writable);
    EXPECT_EQ(len, 16);
    EXPECT_EQ(header[0], 0);
    EXPECT_EQ(header[8], 3);
    EXPECT(fake_buffer(&fake, 0, head, 1, &len, &is_writable) == sectors);
    EXPECT(is_writable);
    answer(head, 0);
    fake_interrupt(&fake, 0);
    EXPECT_EQ(result.count, 1);
    EXPECT_EQ(result.err, 0);
    submit(&result, BLOCK_WRITE, 3, 1);
    head = fake_pop(&fake, 0);
    fake_buffer(&fake, 0, head, 1, &len, &is_writable);
    EXPECT(!is_writable);
    answer(head, 1);
    fake_interrupt(&fake, 0);
    EXPECT_EQ(result.err, -5);
}

TEST(block_status_that_was_not_written_is_an_error)
{
    struct result result;
    start(0);
    submit(&result, BLOCK_READ, 0, 1);
    fake_use(&fake, 0, (uint32_t)fake_pop(&fake, 0), 513);
    fake_interrupt(&fake, 0);
    EXPECT_EQ(result.err, -5);
}

TEST(block_refuses_what_lies_past_the_end)
{
    struct result result;
    start(0);
    submit(&result, BLOCK_READ, 99, 2);
    EXPECT_EQ(result.err, -5);
    submit(&result, BLOCK_READ, UINT64_MAX, 1);
    EXPECT_EQ(result.err, -5);
    EXPECT_EQ(fake_pop(&fake, 0), -1);
}

TEST(block_read_only_refuses_writes)
{
    struct result result;
    start(VIRTIO_FEATURE(5));
    submit(&result, BLOCK_WRITE, 0, 1);
    EXPECT_EQ(result.err, -30);
}

TEST(block_requests_wait_when_the_ring_is_full)
{
    struct result results[12];
    start(0);
    for (unsigned i = 0; i < 12; i++)
        submit(&results[i], BLOCK_READ, i, 1);
    for (unsigned answered = 0; answered < 12;) {
        int head;
        while ((head = fake_pop(&fake, 0)) >= 0) {
            answer(head, 0);
            answered++;
        }
        fake_interrupt(&fake, 0);
    }
    for (unsigned i = 0; i < 12; i++) {
        EXPECT_EQ(results[i].count, 1);
        EXPECT_EQ(results[i].err, 0);
    }
}

TEST(block_broken_queue_fails_all_requests_once)
{
    struct result results[12];
    start(0);
    for (unsigned i = 0; i < 12; i++)
        submit(&results[i], BLOCK_READ, i, 1);
    fake_use(&fake, 0, 77, 0);
    fake_interrupt(&fake, 0);
    for (unsigned i = 0; i < 12; i++) {
        EXPECT_EQ(results[i].count, 1);
        EXPECT_EQ(results[i].err, -5);
    }
    struct result late;
    submit(&late, BLOCK_READ, 0, 1);
    EXPECT_EQ(late.err, -5);
}

TEST(block_flush_without_the_feature_is_done_at_once)
{
    struct result result;
    start(0);
    submit(&result, BLOCK_FLUSH, 0, 0);
    EXPECT_EQ(result.count, 0);
    EXPECT_EQ(*(uint8_t *)fake_buffer(&fake, 0, fake_pop(&fake, 0), 0, NULL, NULL), 4);
    fake_init(&fake, VIRTIO_ID_BLOCK, 0, 8);
    virtio_block_attach(&fake.virtio);
    disk = fake.virtio.driver_data;
    submit(&result, BLOCK_FLUSH, 0, 0);
    EXPECT_EQ(result.count, 1);
    EXPECT_EQ(result.err, 0);
}
