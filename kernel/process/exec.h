/* The parts of exec. Private to this module. */
#pragma once
#include <elf/elf.h>
#include <process/process.h>

struct file;

/*
 * Strings for the new program, collected before anything changes: NUL-terminated, one behind the other, in pages. The
 * limits are Linux's: 128 KiB a string, a quarter of the stack limit in all, pointers included.
 */
enum { EXEC_STRING_MAX = 128 * 1024, EXEC_PAGES_MAX = 1536, EXEC_TOTAL_MIN = 128 * 1024 };
struct exec_strings {
    char *pages[EXEC_PAGES_MAX];
    size_t len;   /* bytes in all */
    size_t limit; /* of strings and pointers */
    uint32_t count;
};
int exec_strings_add(struct exec_strings *strings, const char *string);
/* Each string of a NULL-terminated vector in program memory, from the `skip`th on. vector NULL: none. */
int exec_strings_add_user(struct exec_strings *strings, const struct user *vector, uint32_t skip);
void exec_strings_free(struct exec_strings *strings);

/* What is to be run, as found so far. */
struct exec_image {
    struct file *file, *interpreter; /* ELF interpreter, NULL: none */
    char *path;                      /* what AT_EXECFN and comm say; of the script, if there is one */
    char *program_path;              /* what /proc/PID/exe leads to */
    struct elf_header header, interpreter_header;
    uint8_t *table, *interpreter_table;
    struct elf_program program, interpreter_program;
    struct exec_strings *arguments, *environment;
    uint32_t argument_count;
};

/* Where it was mapped. */
struct exec_layout {
    uintptr_t load_bias, entry, start; /* start: rip, the interpreter's entry if there is one */
    uintptr_t table_address, interpreter_base, vdso;
    uintptr_t stack_top, stack_pointer;
    uintptr_t brk;
    uintptr_t arguments_start, arguments_end, environment_start, environment_end;
    uint8_t auxv[512];
    size_t auxv_len;
};

/* exec_open.c: opens the file, follows #! lines (which add arguments), reads ELF headers. */
struct exec_start {
    const struct vfs_caller *caller;
    struct dentry *base;
    const char *path;
    unsigned lookup_flags;
    const char *execfn; /* AT_EXECFN */
    const struct user *user_arguments, *user_environment;
    const char *const *arguments, *const *environment; /* kernel's, for process 1 */
};
int exec_image_open(const struct exec_start *start, struct exec_image *image);
void exec_image_free(struct exec_image *image);

/* load.c: maps program, interpreter, vDSO and stack into an empty space. */
int exec_map(struct address_space *space, struct exec_image *image, struct exec_layout *layout);
/* exec_stack.c: strings, auxv and pointers onto the new stack. */
int exec_fill_stack(struct address_space *space, const struct exec_image *image, const struct credentials *credentials,
                    struct exec_layout *layout);
