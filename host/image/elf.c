/*
 * The libraries that an ELF program needs: its DT_NEEDED names, and theirs, looked up as ld.so(8) does: DT_RPATH or
 * DT_RUNPATH with $ORIGIN, then the directories of ld.so.conf and the built-in ones. The interpreter comes along.
 */
#include <elf.h>
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "stage.h"

enum { LIBRARIES_MAX = 2048 };

struct elf_needs {
    char *interpreter, *search; /* RUNPATH or RPATH, colons between */
    struct strings names;
};

static void needs_free(struct elf_needs *needs)
{
    free(needs->interpreter);
    free(needs->search);
    strings_free(&needs->names);
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

enum elf_kind elf_probe(const char *path, const char **what)
{
    unsigned char header[20];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, header, sizeof header);
    if (fd >= 0)
        close(fd);
    if (n != sizeof header || memcmp(header, ELFMAG, SELFMAG))
        return ELF_NONE;
    unsigned machine = header[EI_DATA] == ELFDATA2MSB ? header[18] << 8 | header[19] : header[18] | header[19] << 8;
    if (header[EI_CLASS] == ELFCLASS64 && machine == EM_X86_64)
        return ELF_X86_64;
    *what = machine == EM_X86_64 ? "the x32 ABI" : machine_name(machine);
    return ELF_OTHER;
}

static struct error *read_dynamic(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, struct elf_needs *out)
{
    Elf_Data *data = elf_getdata(section, NULL);
    size_t count = data && header->sh_entsize ? header->sh_size / header->sh_entsize : 0;
    for (size_t i = 0; i < count && out->names.count < LIBRARIES_MAX; i++) {
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
        }
    }
    return NULL;
}

static struct error *read_needs(const char *path, struct elf_needs *out)
{
    elf_version(EV_CURRENT);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ, NULL);
    struct error *err = NULL;
    size_t segments = 0;
    if (!elf || elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &segments))
        err = error_new("%s is not a readable ELF file: %s", path, fd < 0 ? "it cannot be opened" : elf_errmsg(-1));
    for (size_t i = 0; !err && i < segments; i++) {
        GElf_Phdr segment;
        size_t size;
        char *file = gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_INTERP ? elf_rawfile(elf, &size) : NULL;
        if (file && segment.p_offset < size && segment.p_filesz < PATH_MAX && segment.p_filesz <= size - segment.p_offset)
            out->interpreter = xstrndup(file + segment.p_offset, segment.p_filesz);
    }
    Elf_Scn *section = NULL;
    while (!err && (section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_DYNAMIC)
            err = read_dynamic(elf, section, &header, out);
    }
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return err;
}

/* ---- search ---- */

static void add_conf(struct strings *list, const char *pattern)
{
    glob_t found;
    if (glob(pattern, 0, NULL, &found))
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "re");
        char line[PATH_MAX];
        while (file && fgets(line, sizeof line, file)) {
            line[strcspn(line, "#\n")] = '\0';
            if (line[0] == '/')
                strings_add(list, line);
        }
        if (file)
            fclose(file);
    }
    globfree(&found);
}

static const struct strings *system_directories(void)
{
    static struct strings list;
    if (list.count)
        return &list;
    add_conf(&list, "/etc/ld.so.conf");
    add_conf(&list, "/etc/ld.so.conf.d/*.conf");
    static const char *const built_in[] = {"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
        strings_add(&list, built_in[i]);
    return &list;
}

static bool is_usable(const char *path)
{
    const char *what;
    return elf_probe(path, &what) == ELF_X86_64;
}

/* One element of a search path with $ORIGIN put in; NULL when `name` is not there. */
static char *try_directory(const char *directory, size_t len, const char *origin, const char *name)
{
    static const char *const words[] = {"$ORIGIN", "${ORIGIN}"};
    char *path = NULL;
    for (size_t i = 0; !path && i < 2; i++)
        if (len >= strlen(words[i]) && !strncmp(directory, words[i], strlen(words[i])))
            path = xprintf("%s%.*s/%s", origin, (int)(len - strlen(words[i])), directory + strlen(words[i]), name);
    if (!path)
        path = xprintf("%.*s/%s", (int)len, directory, name);
    if (is_usable(path))
        return path;
    free(path);
    return NULL;
}

static char *find_in(const char *search, const char *origin, const char *name)
{
    char *found = NULL;
    for (const char *at = search; !found && at && *at;) {
        size_t len = strcspn(at, ":");
        if (len)
            found = try_directory(at, len, origin, name);
        at += len + (at[len] == ':');
    }
    return found;
}

static char *find_library(const char *name, const char *search, const char *origin)
{
    if (strchr(name, '/'))
        return is_usable(name) ? xstrdup(name) : NULL;
    char *found = find_in(search, origin, name);
    const struct strings *system = system_directories();
    for (size_t i = 0; !found && i < system->count; i++)
        found = try_directory(system->items[i], strlen(system->items[i]), origin, name);
    return found;
}

static char *directory_of(const char *path)
{
    char *real = realpath(path, NULL), *copy = xstrdup(real ? real : path), *slash = strrchr(copy, '/');
    free(real);
    if (slash)
        *slash = '\0';
    return copy;
}

/* Where a library stands in the image: its own place on this host, without the links on the way. */
static char *guest_of(const char *path)
{
    char *directory = directory_of(path);
    const char *name = strrchr(path, '/') + 1;
    char *lexical = xstrndup(path, (size_t)(name - 1 - path)), *resolved = realpath(lexical, NULL);
    char *guest = xprintf("%s/%s", resolved ? resolved : directory, name);
    free(directory);
    free(lexical);
    free(resolved);
    return guest;
}

static struct error *stage_needs(struct stage *stage, const char *path, struct strings *todo)
{
    struct elf_needs needs = {0};
    struct error *err = read_needs(path, &needs);
    char *origin = directory_of(path);
    if (!err && needs.interpreter && !stage_has(stage, needs.interpreter)) {
        if (!path_exists(needs.interpreter))
            err = error_hint(error_new("%s needs the loader %s, which this host does not have", path, needs.interpreter),
                             "install the C library that it was built for");
        else
            err = stage_file(stage, STAGE_LIBRARY, needs.interpreter, needs.interpreter);
    }
    for (size_t i = 0; !err && i < needs.names.count; i++) {
        char *own = find_in(stage->own_libraries, origin, needs.names.items[i]);
        free(own);
        if (own)
            continue;
        char *library = find_library(needs.names.items[i], needs.search, origin);
        if (!library && stage->skip_missing) {
            if (stage->verbose)
                fprintf(stderr, "skiff: %s needs %s, which is not on this host\n", path, needs.names.items[i]);
            continue;
        }
        if (!library) {
            err = error_hint(error_new("%s needs the library %s, which is not on this host", path, needs.names.items[i]),
                             "install the package that has it (apt-file search %s), or link the program statically", needs.names.items[i]);
            break;
        }
        char *guest = guest_of(library);
        if (!stage_has(stage, guest)) {
            err = stage_file(stage, STAGE_LIBRARY, library, guest);
            strings_add(todo, library);
        }
        free(guest);
        free(library);
    }
    free(origin);
    needs_free(&needs);
    return err;
}

struct error *stage_libraries_of(struct stage *stage, const char *from)
{
    struct strings todo = {0};
    struct error *err = stage_needs(stage, from, &todo);
    for (size_t i = 0; !err && i < todo.count && i < LIBRARIES_MAX; i++)
        err = stage_needs(stage, todo.items[i], &todo);
    strings_free(&todo);
    return err;
}

static struct error *libraries_of_entry(void *context, const char *full, const char *relative, mode_t mode)
{
    const char *what;
    (void)relative;
    bool is_elf = S_ISREG(mode) && elf_probe(full, &what) == ELF_X86_64;
    return is_elf ? stage_libraries_of(context, full) : NULL;
}

struct error *stage_libraries_below(struct stage *stage, const char *directory)
{
    bool outer = stage->skip_missing;
    stage->skip_missing = true;
    struct error *err = directory_walk(directory, libraries_of_entry, stage);
    stage->skip_missing = outer;
    return err;
}

struct error *stage_elf(struct stage *stage, enum stage_part part, const char *from, const char *guest)
{
    struct error *err = stage_file(stage, part, from, guest);
    return err ? err : stage_libraries_of(stage, from);
}
