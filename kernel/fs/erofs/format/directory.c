/* Directory blocks: records of 12 bytes (nid 8, name offset 2, type 1, reserved 1), then the names in the same order.
 */
#include <base/string.h>
#include <common/bytes.h>
#include <common/checked.h>
#include <erofs_format/format.h>

#define RECORD_SIZE    12u
#define RECORD_AT_NAME 8u
#define RECORD_AT_TYPE 10u

static uint32_t type_mode(uint8_t type)
{
    /* unknown, regular, directory, character device, block device, fifo, socket, symlink */
    static const uint32_t modes[] = {0, 0100000, 0040000, 0020000, 0060000, 0010000, 0140000, 0120000};
    return type < ARRAY_SIZE(modes) ? modes[type] : 0;
}

static size_t name_offset(const uint8_t *block, unsigned i)
{
    return load_le16(block + i * RECORD_SIZE + RECORD_AT_NAME);
}

/* The names begin where the records end: the first name's offset tells how many records there are. */
int erofs_entry_count(const uint8_t *block, size_t size, unsigned *count)
{
    if (size < RECORD_SIZE || size > EROFS_BLOCK_SIZE)
        return -EUCLEAN;
    size_t first = name_offset(block, 0);
    if (first < RECORD_SIZE || first % RECORD_SIZE || first >= size)
        return -EUCLEAN;
    *count = (unsigned)(first / RECORD_SIZE);
    return 0;
}

int erofs_parse_entry(const uint8_t *block, size_t size, unsigned count, unsigned i, struct erofs_entry *out)
{
    size_t start = name_offset(block, i), end = i + 1 < count ? name_offset(block, i + 1) : size;
    if (start < count * RECORD_SIZE || end > size || start >= end)
        return -EUCLEAN;
    size_t len = end - start;
    if (i + 1 == count) /* the last name ends at a NUL or with the block */
        len = strnlen((const char *)block + start, len);
    if (!len || len > EROFS_NAME_MAX || memchr(block + start, '/', len) || memchr(block + start, 0, len))
        return -EUCLEAN;
    const uint8_t *record = block + i * RECORD_SIZE;
    *out = (struct erofs_entry){
        .nid = load_le64(record),
        .type_mode = type_mode(record[RECORD_AT_TYPE]),
        .name = (const char *)block + start,
        .name_len = len,
    };
    return 0;
}

int erofs_compare_names(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, MIN(a_len, b_len));
    if (order)
        return order;
    return a_len < b_len ? -1 : a_len > b_len;
}

int erofs_find_entry(const uint8_t *block, size_t size, const char *name, size_t len, struct erofs_entry *out,
                     int *side)
{
    unsigned count;
    int err = erofs_entry_count(block, size, &count);
    if (err)
        return err;
    unsigned low = 0, high = count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        struct erofs_entry entry;
        err = erofs_parse_entry(block, size, count, middle, &entry);
        if (err)
            return err;
        int order = erofs_compare_names(name, len, entry.name, entry.name_len);
        if (!order) {
            *out = entry;
            return 0;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    *side = low == 0 ? -1 : low == count;
    return -ENOENT;
}
