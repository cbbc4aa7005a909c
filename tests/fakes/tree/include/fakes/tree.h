/*
 * A model of a file system: directories, files, links and contents as plain memory. It makes random operations on both
 * (some with a failing allocation, which must leave things as they were) and compares: names, numbers, link counts,
 * bytes, and that a listing gives each name that stays exactly once whatever happens meanwhile.
 */
#pragma once
#include <vfs/inode.h>

struct tree;
/* The model of what the file system holds now. The random source and the complaint function are the test's. */
struct tree *tree_create(struct file_system *fs, uint64_t (*random)(void),
                         void (*complain)(const char *what, uint64_t number));
void tree_step(struct tree *tree, bool may_fail);
void tree_compare(struct tree *tree);
void tree_destroy(struct tree *tree);
