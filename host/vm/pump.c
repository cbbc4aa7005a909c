/* See pump.h. */
#include <errno.h>
#include <limits.h>
#include <sys/socket.h>
#include <unistd.h>
#include "pump.h"

bool pump_is_empty(const struct pump *pump)
{
    return !pump->len;
}

struct pollfd pump_poll_from(const struct pump *pump)
{
    bool wants = !pump->is_ended && pump_is_empty(pump);
    return (struct pollfd){.fd = wants ? pump->from : -1, .events = POLLIN};
}

struct pollfd pump_poll_to(const struct pump *pump)
{
    return (struct pollfd){.fd = pump_is_empty(pump) ? -1 : pump->to, .events = POLLOUT};
}

static void copy(int fd, const char *bytes, size_t n)
{
    while (fd >= 0 && n) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno != EINTR)
            return;
        bytes += done > 0 ? done : 0;
        n -= done > 0 ? (size_t)done : 0;
    }
}

void pump_read(struct pump *pump)
{
    ssize_t n = read(pump->from, pump->bytes, sizeof pump->bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        pump->is_ended = true;
        return;
    }
    pump->start = 0;
    pump->len = pump->is_refused ? 0 : (size_t)n;
    pump->total += (uint64_t)n;
    copy(pump->copy_to, pump->bytes, (size_t)n);
}

/* A pipe or terminal that poll() calls writable takes PIPE_BUF bytes without waiting; a socket can be asked not to
 * wait. Our descriptors may be shared with other processes, so O_NONBLOCK is not ours to set. */
static ssize_t write_some(int fd, const char *bytes, size_t n)
{
    ssize_t done = send(fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    return done < 0 && errno == ENOTSOCK ? write(fd, bytes, n < PIPE_BUF ? n : PIPE_BUF) : done;
}

void pump_write(struct pump *pump)
{
    ssize_t n = write_some(pump->to, pump->bytes + pump->start, pump->len);
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        pump->is_refused = true;
        pump->len = 0;
    } else if (n > 0) {
        pump->start += (size_t)n;
        pump->len -= (size_t)n;
    }
}
