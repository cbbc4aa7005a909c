/*
 * One direction of a byte stream between two descriptors. What was read waits here until the other side takes it, and
 * nothing is read meanwhile: a slow reader stops its writer, and never the loop around them.
 */
#pragma once
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pump {
    int from, to;      /* -1: closed. The pump closes neither */
    int copy_to;       /* everything read goes here as well, without waiting; -1 */
    size_t start, len; /* what waits, in bytes[] */
    uint64_t total;    /* bytes read */
    bool is_ended;     /* nothing more comes: the end of `from`, or an error */
    bool is_refused;   /* `to` does not exist any more: what comes is dropped */
    char bytes[16384];
};

/* What poll() should look for now. Both may be off (fd -1). */
struct pollfd pump_poll_from(const struct pump *pump);
struct pollfd pump_poll_to(const struct pump *pump);
/* To be called when poll() reported something on the side. Neither waits. */
void pump_read(struct pump *pump);
void pump_write(struct pump *pump);
bool pump_is_empty(const struct pump *pump);
