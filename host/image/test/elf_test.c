/* Bytes of ELF files, right and wrong. */
#include <elf.h>
#include "../elf_needs.h"
#include "../stage.h"
#include "helpers.h"

static enum elf_kind probe(unsigned char class, unsigned char data, unsigned type, unsigned machine, const char **what)
{
    unsigned char header[64] = {0x7f, 'E', 'L', 'F', class, data, 1};
    bool is_big = data == ELFDATA2MSB;
    header[16 + is_big] = (unsigned char)type;
    header[18 + is_big] = (unsigned char)machine;
    return elf_probe_bytes(header, sizeof header, what);
}

TEST(elf_kinds_are_told_by_the_first_bytes)
{
    const char *what = "";
    EXPECT_EQ(probe(ELFCLASS64, ELFDATA2LSB, ET_EXEC, EM_X86_64, &what), ELF_X86_64);
    EXPECT_EQ(probe(ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_X86_64, &what), ELF_X86_64);
    EXPECT_EQ(probe(ELFCLASS64, ELFDATA2LSB, ET_REL, EM_X86_64, &what), ELF_OTHER);
    EXPECT(strstr(what, "object file"));
    EXPECT_EQ(probe(ELFCLASS64, ELFDATA2LSB, ET_DYN, EM_AARCH64, &what), ELF_OTHER);
    EXPECT(strstr(what, "aarch64"));
    EXPECT_EQ(probe(ELFCLASS32, ELFDATA2LSB, ET_DYN, EM_X86_64, &what), ELF_OTHER);
    EXPECT(strstr(what, "x32"));
    EXPECT_EQ(probe(ELFCLASS64, ELFDATA2MSB, ET_DYN, EM_S390, &what), ELF_OTHER);
    EXPECT(strstr(what, "S/390"));
    EXPECT_EQ(probe(ELFCLASS64, ELFDATA2MSB, ET_DYN, EM_X86_64, &what), ELF_OTHER);
    EXPECT_EQ(elf_probe_bytes((const unsigned char *)"\x7f"
                                                     "ELF",
                              4, &what),
              ELF_NONE);
    EXPECT_EQ(elf_probe_bytes((const unsigned char *)"#!/bin/sh and more words", 24, &what), ELF_NONE);
    EXPECT_EQ(elf_probe("/nonexistent", &what), ELF_NONE);
}

TEST(elf_needs_of_a_real_program)
{
    struct elf_needs needs = {0};
    REQUIRE(!elf_read_needs("/proc/self/exe", &needs));
    EXPECT_STR(needs.interpreter, "/lib64/ld-linux-x86-64.so.2");
    bool has_libc = false;
    for (size_t i = 0; i < needs.names.count; i++)
        has_libc |= !strcmp(needs.names.items[i], "libc.so.6");
    EXPECT(has_libc);
    elf_needs_free(&needs);
}

/* Whatever the bytes: an answer or an error, and nothing outside the file (ASan). */
TEST(elf_needs_of_spoilt_programs)
{
    char *bytes;
    size_t len;
    REQUIRE(!workspace_create(NULL, &work));
    REQUIRE(!file_read("/bin/true", 1 << 20, &bytes, &len));
    char *path = work_path("spoilt");
    for (unsigned round = 0; round < 400; round++) {
        char *copy = xcalloc(len, 1);
        size_t n = round % 4 ? len : test_random() % len;
        memcpy(copy, bytes, len);
        for (unsigned i = 0; i < 1 + round % 8; i++) { /* the header, program headers or section headers */
            size_t at = test_random() % 3 ? test_random() % 0x400 : len - 1 - test_random() % 2200;
            copy[at] = (char)test_random();
        }
        REQUIRE(work_write("spoilt", copy, n));
        struct elf_needs needs = {0};
        error_free(elf_read_needs(path, &needs));
        elf_needs_free(&needs);
        free(copy);
    }
    free(path);
    free(bytes);
    workspace_remove(&work);
}
