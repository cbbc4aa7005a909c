/* select and pselect6: three sets of bits turned into the file module's array. */
#include <base/string.h>
#include <common/checked.h>
#include <file/poll_core.h>
#include <linux/syscalls.h>
#include "deadline.h"
#include "paths.h"

enum { ENTRIES_SHORT = 16, WORDS_SHORT = 4, DESCRIPTORS_MAX = 1048576, WORD_BITS = 64 };
#define READ_BITS   (POLL_RDNORM | POLL_RDBAND | POLL_IN | POLL_HUP | POLL_ERR)
#define WRITE_BITS  (POLL_WRBAND | POLL_WRNORM | POLL_OUT | POLL_ERR)
#define EXCEPT_BITS POLL_PRI

/* The three sets of one call, copied, and one entry for each descriptor that is in any of them. */
struct select_call {
    unsigned count; /* descriptors looked at */
    uint64_t *sets[3];
    uint64_t *words; /* the memory of all three */
    struct poll_entry *entries;
    size_t entry_count;
    uint64_t short_words[3 * WORDS_SHORT];
    struct poll_entry short_entries[ENTRIES_SHORT];
};
static const uint32_t set_bits[3] = {READ_BITS, WRITE_BITS, EXCEPT_BITS};

static size_t words_of(const struct select_call *call)
{
    return (call->count + WORD_BITS - 1) / WORD_BITS;
}

static bool has_bit(const uint64_t *set, unsigned fd)
{
    return set[fd / WORD_BITS] >> fd % WORD_BITS & 1;
}

static int read_sets(struct select_call *call, struct user *const sets[3])
{
    size_t words = words_of(call);
    call->words = call->short_words;
    if (words * 3 > ARRAY_SIZE(call->short_words))
        call->words = kmalloc_array(words * 3, sizeof(uint64_t), ALLOC_WAIT);
    if (!call->words)
        return -ENOMEM;
    memset(call->words, 0, words * 3 * sizeof(uint64_t));
    int err = 0;
    for (unsigned i = 0; i < 3; i++) {
        call->sets[i] = call->words + i * words;
        if (sets[i] && !err)
            err = copy_from_user(call->sets[i], sets[i], words * sizeof(uint64_t));
    }
    if (call->count % WORD_BITS) /* bits past the last descriptor do not count */
        for (unsigned i = 0; i < 3; i++)
            call->sets[i][words - 1] &= (UINT64_C(1) << call->count % WORD_BITS) - 1;
    return err;
}

static uint32_t wanted_of(const struct select_call *call, unsigned fd)
{
    uint32_t wanted = 0;
    for (unsigned i = 0; i < 3; i++)
        if (has_bit(call->sets[i], fd))
            wanted |= set_bits[i];
    return wanted;
}

static size_t count_wanted(const struct select_call *call)
{
    size_t n = 0;
    for (size_t word = 0; word < words_of(call); word++)
        n += (size_t)__builtin_popcountll(call->sets[0][word] | call->sets[1][word] | call->sets[2][word]);
    return n;
}

static int make_entries(struct select_call *call)
{
    size_t n = count_wanted(call);
    call->entries = n <= ENTRIES_SHORT ? call->short_entries : kmalloc_array(n, sizeof *call->entries, ALLOC_WAIT);
    if (!call->entries)
        return -ENOMEM;
    for (unsigned fd = 0; fd < call->count; fd++) {
        uint32_t wanted = wanted_of(call, fd);
        if (!wanted)
            continue;
        struct file *file = descriptor_file(process_current()->descriptors, (int)fd);
        if (!file)
            return -EBADF;
        call->entries[call->entry_count++] = (struct poll_entry){.file = file, .wanted = wanted};
    }
    return 0;
}

/* Leaves in the sets what was found; how many bits that is. */
static int keep_found(struct select_call *call)
{
    int bits = 0;
    size_t at = 0;
    for (unsigned fd = 0; fd < call->count; fd++) {
        if (!wanted_of(call, fd))
            continue;
        uint32_t found = call->entries[at++].found;
        for (unsigned i = 0; i < 3; i++) {
            if (!has_bit(call->sets[i], fd))
                continue;
            if (found & set_bits[i])
                bits++;
            else
                call->sets[i][fd / WORD_BITS] &= ~(UINT64_C(1) << fd % WORD_BITS);
        }
    }
    return bits;
}

static int write_sets(const struct select_call *call, struct user *const sets[3])
{
    int err = 0;
    for (unsigned i = 0; i < 3 && !err; i++)
        if (sets[i])
            err = copy_to_user(sets[i], call->sets[i], words_of(call) * sizeof(uint64_t));
    return err;
}

static void select_call_free(struct select_call *call)
{
    for (size_t i = 0; i < call->entry_count; i++)
        file_put(call->entries[i].file);
    if (call->entries != call->short_entries)
        kfree(call->entries);
    if (call->words != call->short_words)
        kfree(call->words);
}

static long select_until(int count, struct user *const sets[3], uint64_t deadline)
{
    struct select_call call;
    if (count < 0)
        return -EINVAL;
    call.count = MIN((unsigned)count, (unsigned)DESCRIPTORS_MAX);
    call.entry_count = 0;
    call.entries = call.short_entries;
    long result = read_sets(&call, sets);
    if (!result)
        result = make_entries(&call);
    if (!result)
        result = poll_files(call.entries, call.entry_count, deadline);
    if (result >= 0) {
        int bits = keep_found(&call), err = write_sets(&call, sets);
        result = err ? err : bits;
    }
    select_call_free(&call);
    return result == -ERESTARTSYS ? -ERESTARTNOHAND : result;
}

long sys_select(int count, struct user *read_set, struct user *write_set, struct user *except_set, struct user *timeout)
{
    struct user *const sets[3] = {read_set, write_set, except_set};
    uint64_t deadline;
    int err = deadline_read(timeout, NS_PER_US, &deadline);
    if (err)
        return err;
    long result = select_until(count, sets, deadline);
    deadline_write_left(timeout, NS_PER_US, deadline);
    return result;
}

long sys_pselect6(int count, struct user *read_set, struct user *write_set, struct user *except_set,
                  struct user *timeout, struct user *mask)
{
    struct user *const sets[3] = {read_set, write_set, except_set};
    struct {
        uint64_t address, size;
    } set = {0, 0};
    uint64_t deadline;
    long result = mask ? copy_struct_from_user(&set, mask) : 0;
    if (!result)
        result = deadline_read(timeout, 1, &deadline);
    if (!result)
        result = signal_mask_swap_from_user(user_pointer(set.address), set.size);
    if (result)
        return result;
    result = select_until(count, sets, deadline);
    signal_mask_restore();
    deadline_write_left(timeout, 1, deadline);
    return result;
}
