/* What an ELF file says about itself. Its bytes are anybody's: libelf checks the tables, we what they say. */
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "elf_needs.h"
#include "stage.h"

enum { NAMES_MAX = 2048, HEADER_SIZE = 20 };

void elf_needs_free(struct elf_needs *needs)
{
    free(needs->interpreter);
    free(needs->search);
    strings_free(&needs->names);
    *needs = (struct elf_needs){0};
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_AARCH64:
        return "64-bit ARM (aarch64)";
    case EM_ARM:
        return "32-bit ARM";
    case EM_386:
        return "32-bit x86";
    case EM_RISCV:
        return "RISC-V";
    case EM_PPC64:
        return "64-bit PowerPC";
    case EM_S390:
        return "S/390";
    default:
        return "another architecture";
    }
}

enum elf_kind elf_probe_bytes(const unsigned char *header, size_t n, const char **what)
{
    if (n < HEADER_SIZE || memcmp(header, ELFMAG, SELFMAG))
        return ELF_NONE;
    bool is_big_endian = header[EI_DATA] == ELFDATA2MSB;
    unsigned type = is_big_endian ? header[16] << 8 | header[17] : header[16] | header[17] << 8;
    unsigned machine = is_big_endian ? header[18] << 8 | header[19] : header[18] | header[19] << 8;
    *what = machine == EM_X86_64 ? "the x32 ABI" : machine_name(machine);
    if (header[EI_CLASS] != ELFCLASS64 || machine != EM_X86_64 || is_big_endian)
        return ELF_OTHER;
    *what = "a linker (an object file or core dump)";
    return type == ET_EXEC || type == ET_DYN ? ELF_X86_64 : ELF_OTHER;
}

enum elf_kind elf_probe(const char *path, const char **what)
{
    unsigned char header[HEADER_SIZE];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, header, sizeof header);
    if (fd >= 0)
        close(fd);
    return n < 0 ? ELF_NONE : elf_probe_bytes(header, (size_t)n, what);
}

static void read_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_needs *out)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    for (size_t i = 0; i < count && out->names.count < NAMES_MAX; i++) {
        GElf_Dyn entry;
        if (!gelf_getdyn(data, (int)i, &entry) || entry.d_tag == DT_NULL)
            break;
        const char *text = NULL;
        if (entry.d_tag == DT_NEEDED || entry.d_tag == DT_RUNPATH || entry.d_tag == DT_RPATH)
            text = elf_strptr(elf, header->sh_link, entry.d_un.d_val);
        if (!text)
            continue;
        if (entry.d_tag == DT_NEEDED) {
            strings_add(&out->names, text);
        } else if (entry.d_tag == DT_RUNPATH || !out->search) {
            free(out->search);
            out->search = xstrdup(text);
            out->is_rpath = entry.d_tag == DT_RPATH;
        }
    }
}

struct error *elf_read_needs(const char *path, struct elf_needs *out)
{
    elf_version(EV_CURRENT);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
    struct error *err = NULL;
    size_t segments = 0;
    if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &segments))
        err = error_new("%s is not a readable ELF file: %s", path, fd < 0 ? "it cannot be opened" : elf_errmsg(-1));
    for (size_t i = 0; !err && !out->interpreter && i < segments; i++) {
        GElf_Phdr segment;
        size_t size;
        char *file =
            gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_INTERP ? elf_rawfile(elf, &size) : NULL;
        if (file && segment.p_offset < size && segment.p_filesz < PATH_MAX &&
            segment.p_filesz <= size - segment.p_offset)
            out->interpreter = xstrndup(file + segment.p_offset, segment.p_filesz);
    }
    Elf_Scn *section = NULL;
    while (!err && (section = elf_nextscn(elf, section)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNAMIC)
            read_dynamic(elf, section, &header, out);
    }
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return err;
}
