/*
 * The machine's end. The program's status goes to the host over the control channel (contract/control.h) and, as far as
 * QEMU can carry it, as QEMU's own status; the console is written out first.
 */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <contract/control.h>
#include <contract/exit.h>
#include <device/control.h>
#include <devfs/devfs.h>
#include <mm/page.h>
#include <process/process.h>
#include <sched/thread.h>
#include <sched/work.h>
#include "dump.h"
#include "machine_end.h"

enum { SIGTERM = 15, STATUS_SIGNAL_BASE = 128 };

_Noreturn static void end(unsigned status, bool may_sleep)
{
    char line[SKIFF_CONTROL_LINE_MAX];
    console_drain(may_sleep);
    snprintf(line, sizeof line, "exit %u", status);
    control_send(line);
    machine_power_off(status);
}

_Noreturn void machine_fail(unsigned status, const char *format, ...)
{
    char text[SKIFF_CONTROL_LINE_MAX - 24], line[SKIFF_CONTROL_LINE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log_error("%s", text);
    snprintf(line, sizeof line, "error %u %s", status, text);
    control_send(line);
    end(status, true);
}

/* A wait status as a shell says it. */
static void program_ended(int wait_status)
{
    unsigned signal = (unsigned)wait_status & 0x7f;
    end(signal ? STATUS_SIGNAL_BASE + signal : (unsigned)wait_status >> 8 & 0xff, true);
}

static uint64_t resident_bytes(struct process *process)
{
    struct address_space_counters counters = {0};
    spin_lock(&process->lock);
    struct address_space *space = process->space;
    if (space)
        address_space_get(space);
    spin_unlock(&process->lock);
    if (!space)
        return 0;
    address_space_count(space, &counters);
    address_space_put(space);
    return counters.resident_bytes;
}

struct largest {
    char name[sizeof((struct process *)NULL)->name];
    uint32_t id;
    uint64_t bytes;
};

static void compare_with_largest(struct process *process, void *context)
{
    struct largest *largest = context;
    uint64_t bytes = resident_bytes(process);
    if (bytes < largest->bytes)
        return;
    memcpy(largest->name, process->name, sizeof largest->name);
    largest->id = process->id;
    largest->bytes = bytes;
}

/* Who asked for the page that was not there is often not who has the others: the largest is named. */
static void find_largest(struct process *caller, struct largest *largest)
{
    process_for_each(0, true, compare_with_largest, largest);
    struct process *first = process_find(1);
    if (first) {
        compare_with_largest(first, largest);
        process_put(first);
    }
    compare_with_largest(caller, largest);
}

static unsigned long long mebibytes(uint64_t pages)
{
    return pages * PAGE_SIZE >> 20;
}

/* One thread tells it and ends the machine; others that find no memory meanwhile wait for that. */
static void memory_ended(struct process *process, uintptr_t address)
{
    static uint32_t has_ended;
    struct memory_counters m;
    struct largest largest = {0};
    char text[SKIFF_CONTROL_LINE_MAX - 8], line[SKIFF_CONTROL_LINE_MAX];
    while (atomic_exchange(&has_ended, 1u)) {
        thread_prepare_sleep();
        thread_sleep(UINT64_MAX);
    }
    find_largest(process, &largest);
    memory_count(&m);
    snprintf(text, sizeof text,
             "out of memory: %s (pid %u) uses %llu MiB, the machine has %llu MiB: programs %llu MiB, files %llu MiB, "
             "kernel %llu MiB; give the machine more (skiff run -m) or the program less",
             largest.name, largest.id, (unsigned long long)(largest.bytes >> 20), mebibytes(m.total_pages),
             mebibytes(m.anonymous_pages), mebibytes(m.cached_pages), mebibytes(m.slab_pages + m.table_pages));
    log_error("%s", text);
    snprintf(line, sizeof line, "memory %s", text);
    control_send(line);
    end(SKIFF_EXIT_OUT_OF_MEMORY, true);
}

/* Bit N - 1: signal N came and has not been sent. Who finds the program takes the bits. */
static uint64_t waiting_signals;

static void send_waiting_signals(void)
{
    struct process *process = process_find(1);
    if (!process)
        return;
    uint64_t signals = atomic_exchange(&waiting_signals, UINT64_C(0));
    for (int number = 1; number <= SIGNAL_COUNT; number++)
        if (signals >> (number - 1) & 1)
            signal_send_process(process, number, NULL);
    process_put(process);
}

static void signal_program(int number)
{
    atomic_fetch_or(&waiting_signals, UINT64_C(1) << (number - 1));
    send_waiting_signals();
}

void machine_end_program_started(void)
{
    send_waiting_signals();
}

static void power_button_pressed(void)
{
    signal_program(SIGTERM);
}

/* Digits and nothing else. */
static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return !*text;
}

static void handle_command(const char *line)
{
    uint64_t number;
    if (!strncmp(line, "signal ", 7)) {
        if (parse_number(line + 7, SIGNAL_COUNT, &number) && number)
            signal_program((int)number);
    } else if (!strncmp(line, "stdin-end ", 10)) {
        if (parse_number(line + 10, UINT64_MAX - 1, &number))
            console_input_end(number);
    } else if (!strcmp(line, "dump")) {
        dump_threads();
    } else if (!strcmp(line, "poweroff")) {
        end(SKIFF_EXIT_FAILED, false); /* at once */
    }
}

void machine_end_init(void)
{
    process_set_machine_end(program_ended);
    process_set_out_of_memory(memory_ended);
    control_set_handler(handle_command);
    boot_set_power_button_handler(power_button_pressed);
}
