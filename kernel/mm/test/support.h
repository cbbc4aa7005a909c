/* The machine that mm's tests run on, programs' accesses, and an object to map. */
#pragma once
#include <fakes/log.h>
#include <fakes/mmu.h>
#include <mm/address_space.h>
#include <mm/alloc.h>
#include <test/test.h>
#include "space.h"
#include "zone.h"

/* 511 MiB in three ranges, with a hole. Every test calls it; the first time counts. */
void machine_start(void);
/* Takes pages until exactly n are left for ALLOC_ATOMIC; hold_release gives them back. */
void hold_all_but(size_t n);
void hold_release(void);

/* Every CPU leaves its space for one that lives for ever: the only one whose table is left when no test holds another.
 */
void cpus_rest(void);

/* A program's access, faults resolved: FAULT_OK and the byte, or why not. */
enum fault_result touch(struct address_space *space, uintptr_t address, bool is_write, uint8_t *byte);
/* Expects success. */
uint8_t peek(struct address_space *space, uintptr_t address);
void poke(struct address_space *space, uintptr_t address, uint8_t byte);
/* mmap of private anonymous memory; 0 or the error as a negative value in *err. */
uintptr_t map_anonymous(struct address_space *space, uintptr_t at, size_t len, unsigned protection, unsigned flags);
/* How many vmas there are, and resident bytes. */
size_t count_vmas(struct address_space *space);
uint64_t resident(struct address_space *space);

/* A file of 64 pages, each filled with its index + 1. */
enum { FILE_PAGES = 64 };
struct test_file {
    struct vm_object object;
    struct page *pages[FILE_PAGES]; /* NULL: not read yet */
    uint64_t size_pages;
    int refs, dirtied, writes, fail;
    bool has_no_find;
};
void file_init(struct test_file *file);
void file_destroy(struct test_file *file);
uintptr_t map_file(struct address_space *space, struct test_file *file, unsigned flags, unsigned protection);
