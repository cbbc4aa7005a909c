/* Descriptor tables: lowest free number first, close-on-exec, RLIMIT_NOFILE; shared by the threads of a process. */
#pragma once
#include <file/file.h>

struct descriptor_table;
struct descriptor_table *descriptor_table_create(void);
int descriptor_table_fork(struct descriptor_table *from, struct descriptor_table **out);
void descriptor_table_get(struct descriptor_table *table);
void descriptor_table_put(struct descriptor_table *table); /* the last one closes all */
void descriptor_table_close_on_exec(struct descriptor_table *table);
void descriptor_table_set_limit(struct descriptor_table *table, uint32_t limit);

/* The open file, referenced; NULL: bad descriptor. */
struct file *descriptor_file(struct descriptor_table *table, int fd);
/* Takes over the caller's reference on success: fd >= lowest, or -EMFILE. */
int descriptor_install(struct descriptor_table *table, struct file *file, int lowest, bool close_on_exec);
/* Two-step form for calls that must not fail late: reserve a number, then fill or release it. */
int descriptor_reserve(struct descriptor_table *table, int lowest, bool close_on_exec);
void descriptor_fill(struct descriptor_table *table, int fd, struct file *file);
void descriptor_release(struct descriptor_table *table, int fd);
/* dup2/dup3: puts file (reference taken over) at exactly fd, closing what was there. fd or -EBADF/-EMFILE. */
int descriptor_replace(struct descriptor_table *table, int fd, struct file *file, bool close_on_exec);
int descriptor_close(struct descriptor_table *table, int fd);
int descriptor_close_range(struct descriptor_table *table, unsigned first, unsigned last, bool only_mark);
int descriptor_get_flags(struct descriptor_table *table, int fd); /* FD_CLOEXEC or 0, -EBADF */
int descriptor_set_flags(struct descriptor_table *table, int fd, bool close_on_exec);
/* The first open descriptor >= fd; -1 past the last. For /proc/PID/fd. */
int descriptor_next(struct descriptor_table *table, int fd);
unsigned descriptor_count(struct descriptor_table *table);
