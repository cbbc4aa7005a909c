/* Parser of ELF64 headers; see elf.h. Field offsets: gABI, "ELF Header" and "Program Header". */
#include <base/errno.h>
#include <common/bytes.h>
#include <common/checked.h>
#include <elf/elf.h>
#include <base/string.h>

enum {
    HEADER_CLASS = 4,
    HEADER_DATA = 5,
    HEADER_VERSION = 6,
    HEADER_TYPE = 16,
    HEADER_MACHINE = 18,
    HEADER_ENTRY = 24,
    HEADER_TABLE = 32,
    HEADER_ENTRY_SIZE = 54,
    HEADER_COUNT = 56,
    CLASS_64 = 2,
    DATA_LITTLE = 1,
    TYPE_EXECUTABLE = 2,
    TYPE_DYNAMIC = 3,
    MACHINE_X86_64 = 62,

    PROGRAM_FLAGS = 4,
    PROGRAM_OFFSET = 8,
    PROGRAM_ADDRESS = 16,
    PROGRAM_FILE_SIZE = 32,
    PROGRAM_MEMORY_SIZE = 40,
    PROGRAM_ALIGN = 48,
    PROGRAM_LOAD = 1,
    PROGRAM_INTERPRETER = 3,
    FLAG_EXECUTE = 1,
    FLAG_WRITE = 2,
    FLAG_READ = 4,
};
#define PROGRAM_STACK 0x6474e551u
/* Program addresses end here; a bound that keeps all sums below far from overflow. */
#define ADDRESS_END UINT64_C(0x7ffffffff000)
#define ALIGN_MAX   UINT64_C(0x40000000)

int elf_read_header(const uint8_t bytes[ELF_HEADER_SIZE], struct elf_header *out)
{
    if (memcmp(bytes, "\177ELF", 4) || bytes[HEADER_CLASS] != CLASS_64 || bytes[HEADER_DATA] != DATA_LITTLE ||
        bytes[HEADER_VERSION] != 1)
        return -ENOEXEC;
    uint16_t type = load_le16(bytes + HEADER_TYPE), count = load_le16(bytes + HEADER_COUNT);
    if ((type != TYPE_EXECUTABLE && type != TYPE_DYNAMIC) || load_le16(bytes + HEADER_MACHINE) != MACHINE_X86_64 ||
        load_le16(bytes + HEADER_ENTRY_SIZE) != ELF_PROGRAM_HEADER_SIZE)
        return -ENOEXEC;
    uint32_t size = (uint32_t)count * ELF_PROGRAM_HEADER_SIZE;
    uint64_t offset = load_le64(bytes + HEADER_TABLE);
    if (!count || size > ELF_PROGRAM_TABLE_MAX || offset > INT64_MAX - ELF_PROGRAM_TABLE_MAX)
        return -ENOEXEC;
    *out = (struct elf_header){
        .is_position_independent = type == TYPE_DYNAMIC,
        .entry = load_le64(bytes + HEADER_ENTRY),
        .table_offset = offset,
        .table_count = count,
        .table_size = size,
    };
    return 0;
}

static int read_interpreter(const uint8_t *p, struct elf_program *out)
{
    uint64_t size = load_le64(p + PROGRAM_FILE_SIZE), offset = load_le64(p + PROGRAM_OFFSET);
    if (out->interpreter_size)
        return 0; /* the first one counts */
    if (size < 2 || size > ELF_INTERPRETER_MAX || offset > INT64_MAX - ELF_INTERPRETER_MAX)
        return -ENOEXEC;
    out->interpreter_offset = offset;
    out->interpreter_size = (uint32_t)size;
    return 0;
}

/* A segment whose sums cannot overflow: all within program addresses, offset congruent to the address. */
static int read_segment(const uint8_t *p, struct elf_segment *out)
{
    uint32_t flags = load_le32(p + PROGRAM_FLAGS);
    *out = (struct elf_segment){
        .address = load_le64(p + PROGRAM_ADDRESS),
        .offset = load_le64(p + PROGRAM_OFFSET),
        .file_size = load_le64(p + PROGRAM_FILE_SIZE),
        .memory_size = load_le64(p + PROGRAM_MEMORY_SIZE),
        .is_readable = flags & FLAG_READ,
        .is_writable = flags & FLAG_WRITE,
        .is_executable = flags & FLAG_EXECUTE,
    };
    if (out->address >= ADDRESS_END || out->memory_size > ADDRESS_END - out->address ||
        out->file_size > out->memory_size || out->offset > INT64_MAX - ADDRESS_END)
        return -ENOEXEC;
    if ((out->offset - out->address) & (PAGE_SIZE - 1))
        return -ENOEXEC;
    return 0;
}

/* Adds a segment to the extent. They must ascend and not share pages of which both would decide what is there. */
static int add_segment(const struct elf_header *header, const struct elf_segment *segment, uint64_t align,
                       struct elf_program *out)
{
    uint64_t start = align_down(segment->address, PAGE_SIZE);
    uint64_t end = align_up(segment->address + segment->memory_size, PAGE_SIZE);
    if (!out->load_count)
        out->lowest = start;
    else if (start < out->highest)
        return -EINVAL;
    if (align > out->alignment && align <= ALIGN_MAX && !(align & (align - 1)))
        out->alignment = align;
    if (header->table_offset >= segment->offset && header->table_offset - segment->offset <= segment->file_size &&
        segment->file_size - (header->table_offset - segment->offset) >= header->table_size && !out->table_address)
        out->table_address = segment->address + (header->table_offset - segment->offset);
    out->highest = end;
    out->load_count++;
    return 0;
}

int elf_read_program(const struct elf_header *header, const uint8_t *table, struct elf_program *out)
{
    struct elf_program program = {.alignment = PAGE_SIZE};
    for (uint32_t i = 0; i < header->table_count; i++) {
        const uint8_t *p = table + (size_t)i * ELF_PROGRAM_HEADER_SIZE;
        uint32_t type = load_le32(p);
        struct elf_segment segment;
        int err = 0;
        if (type == PROGRAM_INTERPRETER) {
            err = read_interpreter(p, &program);
        } else if (type == PROGRAM_STACK) {
            program.wants_executable_stack = load_le32(p + PROGRAM_FLAGS) & FLAG_EXECUTE;
        } else if (type == PROGRAM_LOAD && load_le64(p + PROGRAM_MEMORY_SIZE)) {
            err = read_segment(p, &segment);
            if (!err)
                err = add_segment(header, &segment, load_le64(p + PROGRAM_ALIGN), &program);
        }
        if (err)
            return err;
    }
    if (!program.load_count)
        return -ENOEXEC;
    *out = program;
    return 0;
}

bool elf_next_segment(const struct elf_header *header, const uint8_t *table, uint32_t *index, struct elf_segment *out)
{
    while (*index < header->table_count) {
        const uint8_t *p = table + (size_t)(*index)++ * ELF_PROGRAM_HEADER_SIZE;
        if (load_le32(p) == PROGRAM_LOAD && load_le64(p + PROGRAM_MEMORY_SIZE) && !read_segment(p, out))
            return true;
    }
    return false;
}
