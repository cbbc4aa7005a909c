/* The files behind /dev's names. */
#pragma once
#include <file/file.h>

extern const struct file_ops null_file_ops, zero_file_ops, full_file_ops, random_file_ops, tty_file_ops;
int tty_open_controlling(struct file *file); /* /dev/tty: -ENXIO without a controlling terminal */
