/* A mapping for tests: its owner counts references, and its file is a pattern or fails where the test says. */
#pragma once
#include <pagecache/mapping.h>

struct fake_file {
    struct mapping mapping;
    int references;
    int64_t charged, charge_limit;
    unsigned reads, pages_read, largest_read;
    uint64_t bad_index; /* UINT64_MAX: none */
    unsigned fail_nth;  /* the nth read fails once; 0: none */
    uint64_t read_takes_ns;
};
void fake_file_init(struct fake_file *file, uint64_t size, bool is_memory);
uint8_t fake_file_byte(uint64_t offset); /* of a file that is not memory */
ssize_t fake_read(struct fake_file *file, void *to, size_t n, uint64_t offset);
ssize_t fake_write(struct fake_file *file, const void *from, size_t n, uint64_t offset);
