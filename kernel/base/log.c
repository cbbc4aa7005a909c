/*
 * The log: each line goes into a ring in memory, and to the sink when its level asks for it. One lock keeps lines
 * whole; a CPU that cannot get it for long (it was stopped, or a panic interrupted its holder) goes on without: a torn
 * line is better than a silent machine.
 */
#include <arch/cpu.h>
#include <base/log.h>
#include <base/spinlock.h>
#include <base/string.h>

enum {
    RING_SIZE = 16384, /* a power of two */
    LINE_MAX = 512,
    LOCK_TRIES = 2000000,
};

/* A leaf: nothing is called under it but the sink. Taken with interrupts masked. */
static struct spinlock log_lock = SPINLOCK_INIT;
static char ring[RING_SIZE] GUARDED_BY(&log_lock);
static uint64_t ring_end GUARDED_BY(&log_lock); /* bytes ever written; the ring holds the last RING_SIZE of them */
static void (*log_sink)(const char *bytes, size_t len);
static uint32_t log_level = LOG_WARNING;
static uint32_t is_lock_lost; /* somebody waited for it in vain once: nobody waits again */

static uint64_t lock_log(bool *is_held)
{
    uint64_t state = arch_irq_save();
    unsigned tries = load_relaxed(&is_lock_lost) ? 1 : LOCK_TRIES;
    *is_held = spin_trylock(&log_lock);
    for (unsigned i = 1; i < tries && !*is_held; i++) {
        arch_cpu_relax();
        *is_held = spin_trylock(&log_lock);
    }
    if (!*is_held)
        store_relaxed(&is_lock_lost, 1u);
    return state;
}

static void unlock_log(uint64_t state, bool is_held)
{
    if (is_held)
        spin_unlock(&log_lock);
    arch_irq_restore(state);
}

static void ring_append(const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ring[(ring_end + i) % RING_SIZE] = bytes[i];
    store_release(&ring_end, ring_end + n);
}

/* The line with its time before it and one newline at its end; its length. */
static size_t format_line(char line[LINE_MAX], const char *format, va_list args)
{
    uint64_t us = clock_monotonic_ns() / NS_PER_US;
    size_t len = (size_t)snprintf(line, LINE_MAX, "[%5llu.%06llu] ", (unsigned long long)(us / 1000000),
                                  (unsigned long long)(us % 1000000));
    size_t text = (size_t)vsnprintf(line + len, LINE_MAX - 1 - len, format, args);
    len = text < LINE_MAX - 1 - len ? len + text : LINE_MAX - 2;
    while (len && line[len - 1] == '\n')
        len--;
    line[len++] = '\n';
    return len;
}

void log_print(enum log_level level, const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;
    va_start(args, format);
    size_t len = format_line(line, format, args);
    va_end(args);

    bool is_held;
    uint64_t state = lock_log(&is_held);
    ring_append(line, len);
    void (*sink)(const char *, size_t) = load_acquire(&log_sink);
    if (sink && level <= load_relaxed(&log_level))
        sink(line, len);
    unlock_log(state, is_held);
}

void log_set_level(enum log_level level)
{
    store_relaxed(&log_level, level);
}

void log_set_sink(void (*write)(const char *bytes, size_t len))
{
    store_release(&log_sink, write);
}

size_t log_read(uint64_t *position, char *to, size_t size)
{
    bool is_held;
    uint64_t state = lock_log(&is_held);
    uint64_t oldest = ring_end > RING_SIZE ? ring_end - RING_SIZE : 0;
    if (*position < oldest)
        *position = oldest;
    size_t n = 0;
    for (; n < size && *position < ring_end; n++)
        to[n] = ring[(*position)++ % RING_SIZE];
    unlock_log(state, is_held);
    return n;
}

uint64_t log_end(void)
{
    return load_acquire(&ring_end);
}
