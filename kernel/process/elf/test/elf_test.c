/* The ELF reader against whole, damaged and random headers. */
#include <base/errno.h>
#include <common/bytes.h>
#include <elf/elf.h>
#include <string.h>
#include <test/test.h>

enum { COUNT = 4, TABLE = 64 };
struct image {
    uint8_t bytes[ELF_HEADER_SIZE + COUNT * ELF_PROGRAM_HEADER_SIZE];
};

static uint8_t *program_header(struct image *image, unsigned i)
{
    return image->bytes + TABLE + i * ELF_PROGRAM_HEADER_SIZE;
}

static void set_load(struct image *image, unsigned i, uint64_t address, uint64_t offset, uint64_t file, uint64_t memory,
                     uint32_t flags)
{
    uint8_t *p = program_header(image, i);
    store_le32(p, 1);
    store_le32(p + 4, flags);
    store_le64(p + 8, offset);
    store_le64(p + 16, address);
    store_le64(p + 32, file);
    store_le64(p + 40, memory);
    store_le64(p + 48, 4096);
}

/* Text at 0x1000, data and bss at 0x3e10, an interpreter, a stack that must not be executable. */
static struct image good(void)
{
    struct image image = {{0}};
    memcpy(image.bytes, "\177ELF\2\1\1", 7);
    store_le16(image.bytes + 16, 3);
    store_le16(image.bytes + 18, 62);
    store_le64(image.bytes + 24, 0x1040);
    store_le64(image.bytes + 32, TABLE);
    store_le16(image.bytes + 54, ELF_PROGRAM_HEADER_SIZE);
    store_le16(image.bytes + 56, COUNT);
    set_load(&image, 0, 0, 0, 0x1234, 0x1234, 5);
    set_load(&image, 1, 0x3e10, 0x2e10, 0x200, 0x5000, 6);
    uint8_t *interpreter = program_header(&image, 2), *stack = program_header(&image, 3);
    store_le32(interpreter, 3);
    store_le64(interpreter + 8, 0x2a8);
    store_le64(interpreter + 32, 28);
    store_le32(stack, 0x6474e551);
    store_le32(stack + 4, 6);
    return image;
}

static int read_all(const struct image *image, struct elf_header *header, struct elf_program *program)
{
    int err = elf_read_header(image->bytes, header);
    if (!err && (header->table_offset != TABLE || header->table_count > COUNT))
        return -ENOEXEC;
    return err ? err : elf_read_program(header, image->bytes + TABLE, program);
}

TEST(a_good_program_is_read)
{
    struct image image = good();
    struct elf_header header;
    struct elf_program program;
    REQUIRE(!read_all(&image, &header, &program));
    EXPECT(header.is_position_independent);
    EXPECT_EQ(header.entry, 0x1040);
    EXPECT_EQ(program.lowest, 0);
    EXPECT_EQ(program.highest, 0x9000);
    EXPECT_EQ(program.load_count, 2);
    EXPECT_EQ(program.interpreter_offset, 0x2a8);
    EXPECT_EQ(program.interpreter_size, 28);
    EXPECT_EQ(program.table_address, TABLE);
    EXPECT(!program.wants_executable_stack);
}

TEST(segments_come_in_order)
{
    struct image image = good();
    struct elf_header header;
    struct elf_program program;
    struct elf_segment segment;
    uint32_t at = 0;
    REQUIRE(!read_all(&image, &header, &program));
    REQUIRE(elf_next_segment(&header, image.bytes + TABLE, &at, &segment));
    EXPECT(segment.is_executable && !segment.is_writable);
    REQUIRE(elf_next_segment(&header, image.bytes + TABLE, &at, &segment));
    EXPECT_EQ(segment.address, 0x3e10);
    EXPECT(segment.is_writable && !segment.is_executable);
    EXPECT(!elf_next_segment(&header, image.bytes + TABLE, &at, &segment));
}

TEST(other_machines_and_classes_are_refused)
{
    static const struct {
        unsigned at;
        uint8_t value;
    } changes[] = {{0, 'E'}, {4, 1}, {5, 2}, {6, 0}, {16, 1}, {16, 4}, {18, 3}, {54, 32}};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct image image = good();
        struct elf_header header;
        image.bytes[changes[i].at] = changes[i].value;
        EXPECT_EQ(elf_read_header(image.bytes, &header), -ENOEXEC);
    }
}

TEST(a_table_that_is_empty_or_too_long_is_refused)
{
    struct image image = good();
    struct elf_header header;
    store_le16(image.bytes + 56, 0);
    EXPECT_EQ(elf_read_header(image.bytes, &header), -ENOEXEC);
    store_le16(image.bytes + 56, 0xffff);
    EXPECT_EQ(elf_read_header(image.bytes, &header), -ENOEXEC);
}

TEST(segments_that_share_a_page_or_go_back_are_refused)
{
    struct image image = good();
    struct elf_header header;
    struct elf_program program;
    set_load(&image, 1, 0x1e10, 0x2e10, 0x200, 0x5000, 6);
    EXPECT_EQ(read_all(&image, &header, &program), -EINVAL);
    image = good();
    set_load(&image, 0, 0x10000, 0, 0x1234, 0x1234, 5);
    EXPECT_EQ(read_all(&image, &header, &program), -EINVAL);
}

TEST(sums_that_overflow_are_refused)
{
    static const uint64_t bad[][4] = {
        {UINT64_MAX - 4095, 0, 16, 16}, {0x3e10, 0x2e10, 16, UINT64_MAX}, {0x3e10, UINT64_MAX - 0x1ef, 16, 16},
        {0x3e10, 0x2e10, 0x300, 0x200}, {0x3e10, 0x2e11, 0x200, 0x200},   {UINT64_C(0x7fffffffe000), 0, 16, 0x2000},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct image image = good();
        struct elf_header header;
        struct elf_program program;
        set_load(&image, 1, bad[i][0], bad[i][1], bad[i][2], bad[i][3], 6);
        EXPECT_EQ(read_all(&image, &header, &program), -ENOEXEC);
    }
}

TEST(an_interpreter_name_has_a_sane_length)
{
    static const uint64_t bad[] = {0, 1, 4097, UINT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct image image = good();
        struct elf_header header;
        struct elf_program program;
        store_le64(program_header(&image, 2) + 32, bad[i]);
        EXPECT_EQ(read_all(&image, &header, &program), -ENOEXEC);
    }
}

/* What is accepted keeps its promises, whatever the bytes are. */
static void check_promises(const struct image *image, const struct elf_header *header,
                           const struct elf_program *program)
{
    struct elf_segment segment;
    uint64_t end = 0;
    unsigned n = 0;
    for (uint32_t at = 0; elf_next_segment(header, image->bytes + TABLE, &at, &segment); n++) {
        EXPECT(segment.address >= end);
        EXPECT(segment.file_size <= segment.memory_size);
        EXPECT((segment.address - segment.offset) % PAGE_SIZE == 0);
        EXPECT(segment.offset + segment.file_size <= INT64_MAX);
        end = segment.address + segment.memory_size;
        EXPECT(end >= segment.address && end <= program->highest && segment.address >= program->lowest);
    }
    EXPECT_EQ(n, program->load_count);
    EXPECT(program->highest <= UINT64_C(0x800000000000));
    EXPECT(program->alignment >= PAGE_SIZE && !(program->alignment & (program->alignment - 1)));
    EXPECT(program->interpreter_size <= ELF_INTERPRETER_MAX);
}

TEST(mutations_are_refused_or_keep_the_promises)
{
    unsigned accepted = 0;
    for (unsigned round = 0; round < 200000; round++) {
        struct image image = good();
        struct elf_header header;
        struct elf_program program;
        unsigned changes = 1 + test_random() % 6;
        for (unsigned i = 0; i < changes; i++) {
            /* Mostly in the table, where the sums are. */
            size_t at = test_random() % 8 ? TABLE + test_random() % (COUNT * ELF_PROGRAM_HEADER_SIZE)
                                          : test_random() % ELF_HEADER_SIZE;
            image.bytes[at] = test_random() % 4 ? (uint8_t)test_random() : test_random() & 1 ? 0xff : 0;
        }
        if (read_all(&image, &header, &program))
            continue;
        accepted++;
        check_promises(&image, &header, &program);
    }
    EXPECT(accepted > 100);
}
