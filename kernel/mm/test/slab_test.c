#include "support.h"

TEST(kmalloc_keeps_sizes_apart_and_aligned)
{
    enum { COUNT = 2000 };
    static struct {
        uint8_t *bytes;
        size_t size;
        uint8_t mark;
    } objects[COUNT];
    machine_start();
    for (unsigned round = 0; round < 20000; round++) {
        unsigned i = (unsigned)(test_random() % COUNT);
        if (objects[i].bytes) {
            for (size_t j = 0; j < objects[i].size; j += 13)
                if (objects[i].bytes[j] != objects[i].mark) {
                    test_fail(__FILE__, __LINE__, "object of %zu bytes was changed", objects[i].size);
                    break;
                }
            kfree(objects[i].bytes);
            objects[i].bytes = NULL;
            continue;
        }
        objects[i].size = (size_t)(test_random() % (test_random() % 16 ? 600 : 20000));
        objects[i].mark = (uint8_t)test_random();
        objects[i].bytes = kmalloc(objects[i].size, test_random() % 2 ? ALLOC_WAIT : ALLOC_ATOMIC);
        REQUIRE(objects[i].bytes);
        EXPECT(is_aligned((uintptr_t)objects[i].bytes, objects[i].size >= 64 ? 64u : 16u));
        memset(objects[i].bytes, objects[i].mark, objects[i].size);
    }
    for (unsigned i = 0; i < COUNT; i++)
        kfree(objects[i].bytes);
}

TEST(kzalloc_zeroes_what_was_used_before)
{
    machine_start();
    for (size_t size = 1; size < 10000; size = size * 3 / 2 + 1) {
        uint8_t *dirty = kmalloc(size, ALLOC_WAIT);
        memset(dirty, 0xff, size);
        kfree(dirty);
        uint8_t *clean = kzalloc(size, ALLOC_WAIT);
        for (size_t i = 0; i < size; i++)
            if (clean[i]) {
                EXPECT_EQ(clean[i], 0);
                break;
            }
        kfree(clean);
    }
}

TEST(krealloc_keeps_the_bytes)
{
    machine_start();
    char *p = kstrdup("hello", ALLOC_WAIT);
    for (size_t size = 6; size < 30000; size *= 2) {
        p = krealloc(p, size, ALLOC_WAIT);
        EXPECT_STR(p, "hello");
    }
    p = krealloc(p, 6, ALLOC_WAIT);
    EXPECT_STR(p, "hello");
    kfree(p);
    kfree(NULL);
    EXPECT(!kmalloc((size_t)8 << 20, ALLOC_WAIT));
    EXPECT(!kmalloc_array(SIZE_MAX / 2, 3, ALLOC_WAIT));
}

TEST(freeing_twice_is_found)
{
    machine_start();
    struct object_cache *cache = object_cache_create("twice", 96, 0);
    void *object = object_cache_alloc(cache, ALLOC_WAIT);
    object_cache_free(cache, object);
    EXPECT(FAKE_PANICS(object_cache_free(cache, object)));
}

TEST(a_write_after_free_is_found)
{
    machine_start();
    struct object_cache *cache = object_cache_create("late", 200, 0);
    char *object = object_cache_alloc(cache, ALLOC_WAIT);
    object_cache_free(cache, object);
    object[50] = 1;
    EXPECT(FAKE_PANICS(object_cache_alloc(cache, ALLOC_WAIT)));
}

TEST(slabs_are_given_back)
{
    enum { COUNT = 5000 };
    static void *objects[COUNT];
    machine_start();
    struct object_cache *cache = object_cache_create("back", 1000, 64);
    struct memory_counters before, during, after;
    memory_count(&before);
    for (unsigned i = 0; i < COUNT; i++)
        objects[i] = object_cache_alloc(cache, ALLOC_WAIT);
    memory_count(&during);
    for (unsigned i = 0; i < COUNT; i++)
        object_cache_free(cache, objects[i]);
    memory_count(&after);
    EXPECT(during.slab_pages - before.slab_pages > 1200);
    EXPECT(after.slab_pages - before.slab_pages < 20);
}

TEST(objects_of_other_cpus_come_back)
{
    machine_start();
    struct object_cache *cache = object_cache_create("cpus", 128, 64);
    void *objects[200];
    for (unsigned i = 0; i < 200; i++) {
        host_cpu_index = i % 4;
        objects[i] = object_cache_alloc(cache, ALLOC_WAIT);
    }
    for (unsigned i = 0; i < 200; i++) {
        host_cpu_index = (i + 1) % 4;
        object_cache_free(cache, objects[i]);
    }
    host_cpu_index = 0;
}

TEST(no_memory_is_null_not_a_crash)
{
    machine_start();
    struct object_cache *cache = object_cache_create("none", 512, 0);
    hold_all_but(0);
    void *objects[100];
    unsigned n = 0;
    while (n < 100 && (objects[n] = object_cache_alloc(cache, ALLOC_WAIT)))
        n++;
    EXPECT(n < 100);
    EXPECT(!kmalloc(100000, ALLOC_WAIT));
    hold_release();
    while (n)
        object_cache_free(cache, objects[--n]);
}
