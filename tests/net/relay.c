/*
 * A bad wire between two TAP devices: drops, duplicates, delays and reorders whole frames, by a seed, so that a run can be
 * repeated. For kernels without sch_netem.
 * usage: relay TAP TAP [loss=P] [duplicate=P] [reorder=P] [delay=MS] [jitter=MS] [queue=FRAMES] [seed=N]   P: per cent, may have a point
 * A frame that is reordered is held back for two milliseconds more than the others. SIGTERM: prints what happened and ends.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 65600, NS_PER_MS = 1000000, HELD_BACK_NS = 2 * NS_PER_MS };
struct frame {
    struct frame *next;
    uint64_t due_ns;
    size_t len;
    char bytes[];
};
struct direction {
    int from, to;
    struct frame *first; /* by due_ns */
    struct frame *last;
    unsigned long queued, passed, dropped, duplicated, reordered, overflowed;
};
static double loss, duplicate, reorder, delay_ms, jitter_ms, queue_max = 10000;
static uint64_t state = 1;
static volatile sig_atomic_t is_over;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static double draw(void) /* [0, 1) */
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static bool happens(double per_cent)
{
    return per_cent > 0 && draw() * 100 < per_cent;
}

static int open_tap(const char *name)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (fd < 0 || ioctl(fd, TUNSETIFF, &request)) {
        fprintf(stderr, "relay: %s: %s\n", name, strerror(errno));
        exit(1);
    }
    return fd;
}

static void insert(struct direction *d, struct frame *frame)
{
    struct frame **at = &d->first;
    if (d->last && d->last->due_ns <= frame->due_ns)
        at = &d->last->next;
    while (*at && (*at)->due_ns <= frame->due_ns)
        at = &(*at)->next;
    frame->next = *at;
    *at = frame;
    if (!frame->next)
        d->last = frame;
    d->queued++;
}

static void add(struct direction *d, const char *bytes, size_t len)
{
    if (d->queued >= (unsigned long)queue_max) {
        d->overflowed++;
        return;
    }
    struct frame *frame = malloc(sizeof *frame + len);
    if (!frame)
        exit(1);
    frame->len = len;
    memcpy(frame->bytes, bytes, len);
    frame->due_ns = now_ns() + (uint64_t)((delay_ms + (jitter_ms > 0 ? draw() * jitter_ms : 0)) * NS_PER_MS);
    if (happens(reorder)) {
        frame->due_ns += HELD_BACK_NS;
        d->reordered++;
    }
    insert(d, frame);
}

static void take_in(struct direction *d)
{
    static char bytes[FRAME_MAX];
    ssize_t n;
    for (unsigned i = 0; i < 64 && (n = read(d->from, bytes, sizeof bytes)) > 0; i++) {
        if (happens(loss)) {
            d->dropped++;
            continue;
        }
        add(d, bytes, (size_t)n);
        if (happens(duplicate)) {
            add(d, bytes, (size_t)n);
            d->duplicated++;
        }
    }
}

static void put_out(struct direction *d, uint64_t now)
{
    while (d->first && d->first->due_ns <= now) {
        struct frame *frame = d->first;
        if (write(d->to, frame->bytes, frame->len) < 0 && errno == EAGAIN)
            return;
        d->first = frame->next;
        if (!d->first)
            d->last = NULL;
        d->queued--;
        d->passed++;
        free(frame);
    }
}

static void set(const char *word)
{
    const struct {
        const char *name;
        double *value;
    } names[] = {{"loss", &loss}, {"duplicate", &duplicate}, {"reorder", &reorder}, {"delay", &delay_ms}, {"jitter", &jitter_ms},
                 {"queue", &queue_max}};
    const char *equals = strchr(word, '=');
    for (unsigned i = 0; equals && i < sizeof names / sizeof names[0]; i++)
        if (!strncmp(names[i].name, word, (size_t)(equals - word)) && !names[i].name[equals - word]) {
            *names[i].value = strtod(equals + 1, NULL);
            return;
        }
    if (!strncmp(word, "seed=", 5) && (state = strtoull(word + 5, NULL, 10) * 2654435769u + 1))
        return;
    fprintf(stderr, "relay: what is \"%s\"?\n", word);
    exit(2);
}

static void end(int signal_number)
{
    (void)signal_number;
    is_over = 1;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    for (int i = 3; i < argc; i++)
        set(argv[i]);
    int a = open_tap(argv[1]), b = open_tap(argv[2]);
    struct direction directions[] = {{.from = a, .to = b}, {.from = b, .to = a}};
    signal(SIGTERM, end);
    signal(SIGINT, end);
    while (!is_over) {
        uint64_t now = now_ns(), next = UINT64_MAX;
        for (int i = 0; i < 2; i++) {
            put_out(&directions[i], now);
            if (directions[i].first && directions[i].first->due_ns < next)
                next = directions[i].first->due_ns;
        }
        struct pollfd polled[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
        struct timespec wait = {0, 0};
        if (next != UINT64_MAX && next > now) {
            wait.tv_sec = (time_t)((next - now) / 1000000000);
            wait.tv_nsec = (long)((next - now) % 1000000000);
        }
        ppoll(polled, 2, next == UINT64_MAX ? NULL : &wait, NULL);
        for (int i = 0; i < 2; i++)
            if (polled[i].revents & POLLIN)
                take_in(&directions[i]);
    }
    for (int i = 0; i < 2; i++)
        printf("%s: %lu passed, %lu dropped, %lu duplicated, %lu reordered, %lu overflowed\n", argv[1 + i], directions[i].passed,
               directions[i].dropped, directions[i].duplicated, directions[i].reordered, directions[i].overflowed);
    return 0;
}
