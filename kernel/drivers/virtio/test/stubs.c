/* The kernel around the drivers, for a host: memory by malloc, work that runs at once, no interrupts. */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/irq.h>
#include <arch/mmu.h>
#include <base/assert.h>
#include <base/atomic.h>
#include <base/log.h>
#include <device/block.h>
#include <device/console.h>
#include <device/entropy.h>
#include <device/netdev.h>
#include <mm/alloc.h>
#include <sched/work.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fake_device.h"

__thread unsigned host_cpu_index;
__thread struct thread *host_current_thread;
unsigned stub_pages_left, stub_kmallocs_left, stub_error_lines, stub_live_pages;

void (*stub_clock_hook)(void);

uint64_t clock_monotonic_ns(void)
{
    static uint64_t now_ns;
    if (stub_clock_hook)
        stub_clock_hook();
    return now_ns += 1000000;
}

void arch_device_barrier(void)
{
    memory_barrier();
}

void panic(const char *format, ...)
{
    fputs(format, stderr);
    abort();
}

void log_print(enum log_level level, const char *format, ...)
{
    stub_error_lines += level == LOG_ERROR;
}

void *kmalloc(size_t size, unsigned flags)
{
    if (!stub_kmallocs_left)
        return NULL;
    stub_kmallocs_left--;
    return flags & ALLOC_ZERO ? calloc(1, size) : malloc(size);
}

void kfree(void *p)
{
    free(p);
}

/* A block's struct page stands behind its memory. */
struct page *page_alloc(unsigned order, unsigned flags)
{
    if (!stub_pages_left)
        return NULL;
    stub_pages_left--;
    stub_live_pages++;
    size_t size = PAGE_SIZE << order;
    char *memory = aligned_alloc(PAGE_SIZE << 3, (PAGE_SIZE << 4));
    if (!memory || size > PAGE_SIZE << 3)
        abort();
    memset(memory, flags & ALLOC_ZERO ? 0 : 0xee, size);
    return (struct page *)(memory + (PAGE_SIZE << 3));
}

void *page_address(const struct page *page)
{
    return (char *)page - (PAGE_SIZE << 3);
}

struct page *page_of_address(const void *address)
{
    return (struct page *)(((uintptr_t)address & ~((PAGE_SIZE << 3) - 1)) + (PAGE_SIZE << 3));
}

void page_put(struct page *page)
{
    stub_live_pages--;
    free(page_address(page));
}

void memory_count(struct memory_counters *out)
{
    *out = (struct memory_counters){.total_pages = 16384};
}

uint64_t virtual_to_physical(const void *p)
{
    return (uint64_t)p;
}

void *arch_map_device(uint64_t physical, size_t size)
{
    return NULL;
}

int irq_claim_line(uint32_t gsi, bool is_level, bool is_low, unsigned cpu, irq_handler *handler, void *context)
{
    return 0;
}

int irq_claim_message(unsigned cpu, irq_handler *handler, void *context, uint64_t *address, uint32_t *data)
{
    return 0;
}

unsigned cpu_count(void)
{
    return 1;
}

/* As a safe point that comes at once; work that raises itself runs again when it has returned. */
void work_raise(struct work *work)
{
    static struct work *running;
    if (running == work) {
        work->is_raised = 1;
        return;
    }
    struct work *outer = running;
    running = work;
    do {
        work->is_raised = 0;
        work->run(work);
    } while (work->is_raised);
    running = outer;
}

void random_bytes(void *to, size_t n)
{
    memset(to, 7, n);
}

void entropy_add(const void *bytes, size_t n)
{
}

void entropy_set_source(void (*request)(void))
{
}

void block_device_register(struct block_device *device)
{
}

void console_device_register(struct console_device *device)
{
}

void netdev_register(struct netdev *device)
{
}

struct packet *packet_alloc(uint32_t size, unsigned flags)
{
    struct packet *packet = kmalloc(sizeof *packet + PACKET_HEADROOM + size, flags | ALLOC_ZERO);
    if (!packet)
        return NULL;
    packet->refs.count = 1;
    packet->buffer = (uint8_t *)(packet + 1);
    packet->capacity = PACKET_HEADROOM + size;
    packet->data = packet->buffer + PACKET_HEADROOM;
    return packet;
}

void packet_free(struct packet *packet)
{
    while (packet) {
        struct packet *next = packet->next;
        if (packet->release)
            packet->release(packet);
        else
            free(packet);
        packet = next;
    }
}

uint32_t packet_total_len(const struct packet *packet)
{
    uint32_t len = 0;
    for (; packet; packet = packet->next)
        len += packet->len;
    return len;
}

/* Drivers never give a device back: what is attached stays. Pages are counted instead (stub_live_pages). */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* No firmware tables: the fixed places are looked at. */
bool boot_find_device(const char *hardware_id, unsigned n, struct boot_device *out)
{
    return false;
}
