/* The ELF reader: what it accepts holds what its header promises. */
#include <assert.h>
#include <elf/elf.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct elf_header header;
    struct elf_program program;
    struct elf_segment segment;
    if (len < ELF_HEADER_SIZE || elf_read_header(bytes, &header))
        return 0;
    assert(header.table_size <= ELF_PROGRAM_TABLE_MAX);
    if (header.table_offset > len || header.table_size > len - header.table_offset)
        return 0;
    const uint8_t *table = bytes + header.table_offset;
    if (elf_read_program(&header, table, &program))
        return 0;
    uint32_t index = 0, loads = 0;
    while (elf_next_segment(&header, table, &index, &segment)) {
        assert(segment.address >= program.lowest && segment.memory_size <= program.highest - segment.address);
        assert(segment.file_size <= segment.memory_size);
        loads++;
    }
    assert(loads == program.load_count && program.interpreter_size <= ELF_INTERPRETER_MAX);
    return 0;
}
