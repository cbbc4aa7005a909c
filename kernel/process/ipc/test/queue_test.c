/* Message queues, System V's and POSIX's. */
#include "world.h"
#include <base/string.h>
#include <file/poll.h>

static int id;
static long result;
static struct {
    long type;
    char text[32];
} got;

static long send(long type, const char *text, int flags)
{
    return msg_send(id, type, (const struct user *)text, strlen(text), flags);
}

static long receive(long type, int flags)
{
    memset(&got, 0, sizeof got);
    return msg_receive(id, (struct user *)&got, sizeof got.text, type, flags);
}

TEST(msg_types_choose_the_message)
{
    world_begin();
    id = (int)msg_get(IPC_PRIVATE, 0600);
    EXPECT_EQ(send(3, "c", 0), 0);
    EXPECT_EQ(send(1, "a", 0), 0);
    EXPECT_EQ(send(2, "b", 0), 0);
    EXPECT_EQ(receive(-2, 0), 1);
    EXPECT_EQ(got.type, 1);
    EXPECT_EQ(receive(3, MSG_EXCEPT), 1);
    EXPECT_EQ(got.type, 2);
    EXPECT_EQ(receive(7, IPC_NO_WAIT), -ENOMSG);
    EXPECT_EQ(receive(0, 0), 1);
    EXPECT_STR(got.text, "c");
    msg_remove(id);
}

static void receiver(void)
{
    result = receive(5, 0);
}

TEST(msg_receiver_waits_for_its_type)
{
    world_begin();
    id = (int)msg_get(IPC_PRIVATE, 0666);
    result = 99;
    world_start(receiver);
    world_run();
    send(4, "no", 0);
    world_run();
    EXPECT_EQ(result, 99);
    send(5, "yes", 0);
    world_run();
    EXPECT_EQ(result, 3);
    EXPECT_STR(got.text, "yes");
    result = 99;
    world_start(receiver);
    world_run();
    EXPECT_EQ(msg_remove(id), 0);
    world_run();
    EXPECT_EQ(result, -EIDRM);
}

static void sender(void)
{
    result = send(1, "waited", 0);
}

TEST(msg_sender_waits_for_room)
{
    world_begin();
    id = (int)msg_get(IPC_PRIVATE, 0666);
    struct ipc_change change = {.mode = 0666};
    EXPECT_EQ(msg_set(id, &change, 8), 0);
    EXPECT_EQ(send(1, "12345", 0), 0);
    EXPECT_EQ(send(1, "123456", IPC_NO_WAIT), -EAGAIN);
    result = 99;
    world_start(sender);
    world_run();
    EXPECT_EQ(result, 99);
    EXPECT_EQ(receive(0, 0), 5);
    world_run();
    EXPECT_EQ(result, 0);
    EXPECT_EQ(receive(0, 0), 6);
    msg_remove(id);
}

TEST(msg_memory_comes_back)
{
    world_begin();
    id = (int)msg_get(IPC_PRIVATE, 0600);
    size_t before = fake_memory_live_objects();
    EXPECT_EQ(send(1, "stays", 0), 0);
    EXPECT_EQ(send(0, "wrong", 0), -EINVAL);
    EXPECT_EQ(msg_send(id, 1, (const struct user *)8, 5, 0), -EFAULT);
    msg_remove(id);
    EXPECT_EQ(fake_memory_live_objects(), before - 1);
}

/* ---- POSIX ---- */

enum { O_RDWR = 2, O_CREAT = 0100, O_NONBLOCK = 04000 };
static struct file *queue;

static struct file *open_queue(int64_t messages)
{
    struct posix_queue_attributes attributes = {.max_messages = messages, .message_size = 16};
    struct file *file;
    return posix_queue_open("q", O_RDWR | O_CREAT, 0666, &attributes, &file) ? NULL : file;
}

static long put(const char *text, unsigned priority)
{
    return posix_queue_send(queue, (const struct user *)text, strlen(text), priority, 1);
}

TEST(posix_queue_gives_the_highest_priority_first)
{
    unsigned priority;
    char text[16] = "";
    world_begin();
    queue = open_queue(3);
    REQUIRE(queue);
    EXPECT_EQ(put("a", 1), 0);
    EXPECT_EQ(put("b", 2), 0);
    EXPECT_EQ(put("c", 2), 0);
    EXPECT_EQ(put("d", 9), -ETIMEDOUT);
    EXPECT_EQ(file_poll(queue, NULL), POLL_IN | POLL_RDNORM);
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_EQ(posix_queue_receive(queue, (struct user *)text, sizeof text, &priority, 1), 1);
        EXPECT_EQ(text[0], "bca"[i]);
        EXPECT_EQ(priority, i < 2 ? 2 : 1);
    }
    EXPECT_EQ(posix_queue_receive(queue, (struct user *)text, 15, &priority, 1), -EMSGSIZE);
    EXPECT_EQ(posix_queue_unlink("q"), 0);
    file_put(queue);
}

TEST(posix_queue_tells_once_and_only_when_it_was_empty)
{
    struct posix_queue_notice notice = {.notify = 0, .number = 10, .value = 42};
    unsigned priority;
    char text[16];
    world_begin();
    queue = open_queue(3);
    EXPECT_EQ(put("a", 0), 0);
    EXPECT_EQ(posix_queue_notify(queue, &notice), 0);
    EXPECT_EQ(posix_queue_notify(queue, &notice), -EBUSY);
    EXPECT_EQ(put("b", 0), 0);
    EXPECT_EQ(world_signal, 0);
    for (unsigned i = 0; i < 2; i++)
        posix_queue_receive(queue, (struct user *)text, sizeof text, &priority, 1);
    EXPECT_EQ(put("c", 0), 0);
    EXPECT_EQ(world_signal, 10);
    EXPECT_EQ(world_signal_code, -3);
    EXPECT_EQ(world_signal_value, 42);
    EXPECT_EQ(posix_queue_notify(queue, &notice), 0);
    EXPECT_EQ(posix_queue_notify(queue, NULL), 0);
    posix_queue_unlink("q");
    file_put(queue);
}

TEST(posix_queue_memory_comes_back_with_the_last_file)
{
    world_begin();
    size_t before = fake_memory_live_objects();
    for (unsigned n = 1; n < 10; n++) {
        fake_memory_fail_nth(n);
        queue = open_queue(3);
        fake_memory_fail_nth(0);
        if (queue)
            break;
        posix_queue_unlink("q");
        EXPECT_EQ(fake_memory_live_objects(), before);
    }
    REQUIRE(queue);
    put("left behind", 0);
    EXPECT_EQ(posix_queue_unlink("q"), 0);
    EXPECT_EQ(posix_queue_unlink("q"), -ENOENT);
    file_put(queue);
    EXPECT_EQ(fake_memory_live_objects(), before);
}
