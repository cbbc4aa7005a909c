/*
 * Open generated files. The text is made when it is first read, and anew whenever reading starts again at 0, so that
 * one reader sees one moment, however small its buffer is.
 */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "pseudo.h"

enum { STORE_MAX = 4096 };

struct open_text {
    struct mutex lock; /* pread(2) comes without the file's offset_lock */
    struct text text GUARDED_BY(&lock);
    bool is_made GUARDED_BY(&lock);
};

static int make_text(struct pseudo_inode *p, struct open_text *open)
{
    struct text text = {0};
    int err = p->node->show(&p->key, &text);
    if (!err)
        err = text.err;
    if (err) {
        kfree(text.bytes);
        return err;
    }
    kfree(open->text.bytes);
    open->text = text;
    open->is_made = true;
    return 0;
}

static ssize_t read_locked(struct pseudo_inode *p, struct open_text *open, struct io_vector *to, int64_t *offset)
{
    if (!open->is_made || !*offset) {
        int err = make_text(p, open);
        if (err)
            return err;
    }
    if ((uint64_t)*offset >= open->text.len)
        return 0;
    size_t wanted = MIN(open->text.len - (size_t)*offset, to->left);
    size_t n = io_copy_to(to, open->text.bytes + *offset, wanted);
    if (!n && wanted)
        return -EFAULT;
    *offset += (int64_t)n;
    return (ssize_t)n;
}

static ssize_t text_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct pseudo_inode *p = pseudo_of(file->node);
    struct open_text *open = file->data;
    if (!p->node->show)
        return -EINVAL;
    mutex_lock(&open->lock);
    ssize_t n = read_locked(p, open, to, offset);
    mutex_unlock(&open->lock);
    return n;
}

static ssize_t text_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    struct pseudo_inode *p = pseudo_of(file->node);
    if (!p->node->store)
        return -EINVAL;
    size_t len = MIN(from->left, (size_t)STORE_MAX);
    char *bytes = kmalloc(STORE_MAX + 1, ALLOC_WAIT);
    if (!bytes)
        return -ENOMEM;
    ssize_t n = -EFAULT;
    if (io_copy_from(from, bytes, len) == len) {
        bytes[len] = '\0';
        n = p->node->store(&p->key, bytes, len);
    }
    if (n > 0)
        *offset += n;
    kfree(bytes);
    return n;
}

/* The end is not known before the text is made, so nothing is relative to it. */
static int64_t text_seek(struct file *file, int64_t offset, int whence)
{
    int64_t to = offset;
    if (whence == 1 && add_overflows(file->offset, offset, &to))
        return -EOVERFLOW;
    if (whence < 0 || whence > 1 || to < 0)
        return -EINVAL;
    file->offset = to;
    return to;
}

static void text_release(struct file *file)
{
    struct open_text *open = file->data;
    kfree(open->text.bytes);
    kfree(open);
}

static const struct file_ops text_file_ops = {
    .read = text_read,
    .write = text_write,
    .seek = text_seek,
    .release = text_release,
    .name = "generated",
};

int pseudo_open_text(struct inode *inode, struct file *file)
{
    struct open_text *open = kzalloc(sizeof *open, ALLOC_WAIT);
    if (!open)
        return -ENOMEM;
    mutex_init(&open->lock);
    file->ops = &text_file_ops;
    file->data = open;
    return 0;
}
