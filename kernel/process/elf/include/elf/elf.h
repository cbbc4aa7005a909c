/*
 * ELF64 executables of x86-64, as bytes from a file: nothing in them is trusted. elf_read_header checks the first 64
 * bytes, elf_read_program the table of program headers; what they accept can be mapped without further checks on sums.
 */
#pragma once
#include <base/types.h>

enum {
    ELF_HEADER_SIZE = 64,
    ELF_PROGRAM_HEADER_SIZE = 56,
    ELF_PROGRAM_TABLE_MAX = 65536, /* bytes, as Linux */
    ELF_INTERPRETER_MAX = 4096,    /* with its NUL */
};

struct elf_header {
    bool is_position_independent; /* ET_DYN */
    uint64_t entry;               /* unrelocated */
    uint64_t table_offset;        /* of the program headers in the file */
    uint32_t table_count;
    uint32_t table_size; /* bytes: table_count headers */
};

/* One PT_LOAD, page-rounded by the reader. Addresses are unrelocated. */
struct elf_segment {
    uint64_t address, offset; /* offset - address is a multiple of the page size */
    uint64_t file_size, memory_size;
    bool is_readable, is_writable, is_executable;
};

struct elf_program {
    uint64_t lowest, highest;    /* page-rounded extent of all PT_LOADs */
    uint64_t alignment;          /* largest p_align, a power of two, at least a page */
    uint64_t table_address;      /* where the program headers end up in memory (AT_PHDR); 0: nowhere */
    uint64_t interpreter_offset; /* in the file */
    uint32_t interpreter_size;   /* with the NUL; 0: none */
    uint32_t load_count;
    bool wants_executable_stack;
};

/* -ENOEXEC: not an executable for this machine. */
int elf_read_header(const uint8_t bytes[ELF_HEADER_SIZE], struct elf_header *out);
/* `table`: header->table_size bytes. -ENOEXEC malformed, -EINVAL segments that overlap or go backwards. */
int elf_read_program(const struct elf_header *header, const uint8_t *table, struct elf_program *out);
/* The first PT_LOAD at or after *index, which moves behind it; false: no more. Of a table that elf_read_program took.
 */
bool elf_next_segment(const struct elf_header *header, const uint8_t *table, uint32_t *index, struct elf_segment *out);
