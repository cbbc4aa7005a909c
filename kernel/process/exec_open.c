/*
 * Finding out what is to be run: the file, through #! lines to an ELF program, and that one's interpreter. Nothing of
 * the process changes here, so each error is exec's result.
 */
#include <base/errno.h>
#include <vfs/vfs.h>
#include "exec.h"
#include "private.h"

enum { HEAD_SIZE = 256, SCRIPT_DEPTH = 4 };

static int read_exactly(struct file *file, void *to, size_t n, uint64_t offset)
{
    ssize_t got = vfs_read_kernel(file, to, n, offset);
    if (got < 0)
        return (int)got;
    return (size_t)got == n ? 0 : -ENOEXEC;
}

/* ---- ELF ---- */

static int read_elf(struct file *file, struct elf_header *header, uint8_t **table, struct elf_program *program)
{
    uint8_t bytes[ELF_HEADER_SIZE];
    int err = read_exactly(file, bytes, sizeof bytes, 0);
    if (!err)
        err = elf_read_header(bytes, header);
    if (err)
        return err;
    *table = kmalloc(header->table_size, ALLOC_WAIT);
    if (!*table)
        return -ENOMEM;
    err = read_exactly(file, *table, header->table_size, header->table_offset);
    return err ? err : elf_read_program(header, *table, program);
}

static int open_interpreter(const struct exec_start *start, struct exec_image *image)
{
    uint32_t size = image->program.interpreter_size;
    if (!size)
        return 0;
    char *path = kmalloc(size, ALLOC_WAIT);
    if (!path)
        return -ENOMEM;
    int err = read_exactly(image->file, path, size, image->program.interpreter_offset);
    if (!err && (path[size - 1] || !path[0]))
        err = -ENOEXEC;
    if (!err)
        err = vfs_open_path(start->caller, NULL, path, LOOKUP_FOLLOW, true, &image->interpreter);
    if (!err) {
        err = read_elf(image->interpreter, &image->interpreter_header, &image->interpreter_table,
                       &image->interpreter_program);
        if (err == -ENOEXEC)
            err = -ELIBBAD;
    }
    kfree(path);
    return err;
}

/* ---- scripts ---- */

struct script {
    char *interpreter, *argument; /* within head; argument may be NULL */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* "#! /bin/sh -e": the interpreter and all the rest as one argument. head is NUL-terminated. */
static int parse_script(char *head, struct script *out)
{
    char *end = strchr(head, '\n');
    char *at = head + 2;
    bool is_cut = !end;
    if (!end)
        end = head + strlen(head);
    while (end > at && is_blank(end[-1]))
        end--;
    *end = '\0';
    while (is_blank(*at))
        at++;
    if (!*at)
        return -ENOEXEC;
    out->interpreter = at;
    out->argument = NULL;
    while (*at && !is_blank(*at))
        at++;
    if (!*at)
        return is_cut && strlen(head) == HEAD_SIZE - 1 ? -ENOEXEC : 0; /* the name may go on */
    *at++ = '\0';
    while (is_blank(*at))
        at++;
    if (*at)
        out->argument = at;
    return 0;
}

/* What scripts put in front of the arguments, outermost interpreter first; each level prepends. */
struct prefix {
    char *words[2 * SCRIPT_DEPTH + 1];
    unsigned count;
};

static int prepend(struct prefix *prefix, const char *word)
{
    char *copy = kstrdup(word, ALLOC_WAIT);
    if (!copy)
        return -ENOMEM;
    memmove(prefix->words + 1, prefix->words, prefix->count * sizeof *prefix->words);
    prefix->words[0] = copy;
    prefix->count++;
    return 0;
}

static void free_prefix(struct prefix *prefix)
{
    for (unsigned i = 0; i < prefix->count; i++)
        kfree(prefix->words[i]);
}

/* argv becomes: interpreter, its argument, the script's name, then what followed argv[0]. */
static int add_script_words(struct prefix *prefix, const struct script *script, const char *name)
{
    /* The name of an inner level is the word that the outer one put there as its interpreter. */
    int err = 0;
    if (prefix->count) {
        kfree(prefix->words[0]);
        memmove(prefix->words, prefix->words + 1, --prefix->count * sizeof *prefix->words);
    }
    err = prepend(prefix, name);
    if (!err && script->argument)
        err = prepend(prefix, script->argument);
    return err ? err : prepend(prefix, script->interpreter);
}

/* Opens start->path and goes through #! lines until something that is none is open in image->file. */
static int open_program(const struct exec_start *start, struct exec_image *image, struct prefix *prefix)
{
    char *head = kmalloc(HEAD_SIZE, ALLOC_WAIT);
    if (!head)
        return -ENOMEM;
    int err = vfs_open_path(start->caller, start->base, start->path, start->lookup_flags, true, &image->file);
    const char *name = start->execfn;
    for (unsigned depth = 0; !err; depth++) {
        ssize_t got = vfs_read_kernel(image->file, head, HEAD_SIZE - 1, 0);
        if (got < 0) {
            err = (int)got;
            break;
        }
        head[got] = '\0';
        if (got < 2 || head[0] != '#' || head[1] != '!')
            break;
        struct script script;
        err = depth > SCRIPT_DEPTH ? -ELOOP : parse_script(head, &script);
        if (!err)
            err = add_script_words(prefix, &script, name);
        if (err)
            break;
        file_put(image->file);
        image->file = NULL;
        name = prefix->words[0];
        err = vfs_open_path(start->caller, NULL, name, LOOKUP_FOLLOW, true, &image->file);
    }
    kfree(head);
    return err;
}

/* ---- strings ---- */

static struct exec_strings *new_strings(void)
{
    struct exec_strings *strings = kzalloc(sizeof *strings, ALLOC_WAIT);
    if (!strings)
        return NULL;
    uint64_t stack = process_current() ? process_current()->limits[LIMIT_STACK].soft : 8 * 1024 * 1024;
    strings->limit = MIN(MAX(stack / 4, (uint64_t)EXEC_TOTAL_MIN), EXEC_PAGES_MAX * PAGE_SIZE);
    return strings;
}

static int add_vector(struct exec_strings *strings, const struct user *user, const char *const *kernel, uint32_t skip)
{
    int err = exec_strings_add_user(strings, user, skip);
    for (uint32_t i = 0; kernel && kernel[i] && !err; i++)
        if (i >= skip)
            err = exec_strings_add(strings, kernel[i]);
    return err;
}

static int collect_strings(const struct exec_start *start, struct exec_image *image, const struct prefix *prefix)
{
    image->arguments = new_strings();
    image->environment = new_strings();
    if (!image->arguments || !image->environment)
        return -ENOMEM;
    int err = 0;
    for (unsigned i = 0; i < prefix->count && !err; i++)
        err = exec_strings_add(image->arguments, prefix->words[i]);
    if (!err)
        err = add_vector(image->arguments, start->user_arguments, start->arguments, prefix->count ? 1 : 0);
    /* An empty argv becomes one empty string, as Linux does since 5.18. */
    if (!err && !image->arguments->count)
        err = exec_strings_add(image->arguments, "");
    if (!err)
        err = add_vector(image->environment, start->user_environment, start->environment, 0);
    if (!err && image->arguments->len + image->environment->len > image->arguments->limit)
        err = -E2BIG;
    return err;
}

static int remember_paths(const struct exec_start *start, struct exec_image *image)
{
    image->path = kstrdup(start->execfn, ALLOC_WAIT);
    image->program_path = kmalloc(VFS_PATH_MAX, ALLOC_WAIT);
    if (!image->path || !image->program_path)
        return -ENOMEM;
    vfs_file_path(image->file, image->program_path, VFS_PATH_MAX);
    return 0;
}

int exec_image_open(const struct exec_start *start, struct exec_image *image)
{
    struct prefix prefix = {.count = 0};
    int err = open_program(start, image, &prefix);
    if (!err)
        err = collect_strings(start, image, &prefix);
    free_prefix(&prefix);
    if (!err)
        err = read_elf(image->file, &image->header, &image->table, &image->program);
    if (!err)
        err = open_interpreter(start, image);
    return err ? err : remember_paths(start, image);
}

void exec_image_free(struct exec_image *image)
{
    if (image->file)
        file_put(image->file);
    if (image->interpreter)
        file_put(image->interpreter);
    kfree(image->path);
    kfree(image->program_path);
    kfree(image->table);
    kfree(image->interpreter_table);
    exec_strings_free(image->arguments);
    exec_strings_free(image->environment);
}
