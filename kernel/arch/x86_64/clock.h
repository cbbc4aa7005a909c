/* The clock's parts within this module. Boot order: clock_begin, anything that takes time, clock_finish. */
#pragma once
#include <base/types.h>

/* How a TSC value becomes time: ns = base_ns + (tsc - base_tsc) * mult / 2^32. Fixed once clock_finish has run. */
struct clock_scale {
    uint64_t base_tsc, base_ns, mult;
};
extern struct clock_scale clock_scale;
/* True: all CPUs' TSCs agree, so clock_scale is all there is to the clock, also for programs. */
extern bool clock_is_tsc;

void clock_note_entry(void);  /* the zero of the monotonic clock */
void clock_begin(void);       /* LAPIC is up: starts measuring if nothing tells the rates */
void clock_finish(void);      /* rates known; the clock runs from here on */
void clock_init_cpu(void);    /* each other CPU, before it takes interrupts */

/* kvmclock.c: false when the host has none. ns of the host's clock by this CPU's page. */
bool kvmclock_init(uint64_t *mult, bool *is_stable);
void kvmclock_init_cpu(void);
uint64_t kvmclock_read(void);
bool kvmclock_wall_ns(int64_t *at_zero); /* real time at the zero of kvmclock_read */

/* reference.c: a counter of known frequency to measure the others by. */
struct reference_sample {
    uint64_t tsc;
    uint32_t count;
    uint32_t lapic; /* the LAPIC timer's count, which goes down */
};
bool reference_find(void);
void reference_sample(struct reference_sample *sample);
/* ns between two samples, at most some seconds apart. */
uint64_t reference_elapsed_ns(const struct reference_sample *from, const struct reference_sample *to);

/* rtc.c: seconds since 1970 by the CMOS clock; false: there is none. */
bool rtc_read(int64_t *seconds);

void vdso_update(void); /* after a change of the clock */
