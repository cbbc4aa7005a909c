/* The radix tree against a list of what was put in. */
#include <fakes/memory.h>
#include <test/test.h>
#include "tree.h"

enum { MODEL_MAX = 256 };
static struct page pages[MODEL_MAX];
static uint64_t indices[MODEL_MAX];
static unsigned count;

static int insert(struct page_tree *tree, uint64_t index, struct page *page)
{
    struct tree_node *spare = NULL;
    int err;
    while ((err = page_tree_insert(tree, index, page, &spare)) == -EAGAIN)
        spare = kzalloc(sizeof *spare, ALLOC_WAIT);
    kfree(spare);
    return err;
}

static unsigned model_find(uint64_t index)
{
    unsigned i = 0;
    while (i < count && indices[i] != index)
        i++;
    return i;
}

/* Few distinct values at each of many magnitudes, so that runs, gaps and the largest index all occur. */
static uint64_t random_index(void)
{
    unsigned shift = (unsigned)(test_random() % 17) * 4;
    uint64_t low = test_random() % 20;
    return shift >= 64 ? UINT64_MAX - low : (low << shift >> shift) << shift;
}

static void expect_same(const struct page_tree *tree)
{
    uint64_t index = 0;
    unsigned seen = 0;
    struct page *page;
    while ((page = page_tree_next(tree, &index))) {
        unsigned i = model_find(index);
        EXPECT(i < count && &pages[i] == page);
        seen++;
        if (index++ == UINT64_MAX)
            break;
    }
    EXPECT_EQ(seen, count);
    EXPECT_EQ(tree->count, count);
}

/* The run from `index` on is what single look-ups find, at most to the end of the index's sixteen. */
static void expect_run(const struct page_tree *tree, uint64_t index)
{
    struct page *run[20];
    unsigned n = page_tree_find_run(tree, index, run, sizeof run / sizeof *run), room = 16 - index % 16;
    EXPECT(n <= room);
    for (unsigned i = 0; i < n; i++)
        EXPECT(run[i] == page_tree_find(tree, index + i));
    EXPECT(n == room || (!tree->height && n == 1) || !page_tree_find(tree, index + n));
}

TEST(tree_is_what_was_put_in)
{
    size_t objects = fake_memory_live_objects();
    struct page_tree tree = {0};
    count = 0;
    for (unsigned step = 0; step < 20000; step++) {
        uint64_t index = random_index();
        unsigned i = model_find(index);
        EXPECT(page_tree_find(&tree, index) == (i < count ? &pages[i] : NULL));
        expect_run(&tree, index);
        if (test_random() % 2) {
            bool is_new = i == count && count < MODEL_MAX;
            if (is_new || i < count)
                EXPECT_EQ(insert(&tree, index, &pages[i]), is_new ? 0 : -EEXIST);
            if (is_new)
                indices[count++] = index;
        } else if (i < count) {
            /* The model stays dense: its last page takes the free place, in the tree too. */
            EXPECT(page_tree_remove(&tree, index) == &pages[i]);
            count--;
            if (i < count) {
                page_tree_remove(&tree, indices[count]);
                indices[i] = indices[count];
                EXPECT_EQ(insert(&tree, indices[i], &pages[i]), 0);
            }
        } else {
            EXPECT(!page_tree_remove(&tree, index));
        }
        if (step % 100 == 0)
            expect_same(&tree);
    }
    while (count)
        page_tree_remove(&tree, indices[--count]);
    EXPECT(!tree.root);
    EXPECT_EQ(fake_memory_live_objects(), objects);
}

TEST(one_page_needs_no_node)
{
    struct page_tree tree = {0};
    struct tree_node *spare = NULL;
    EXPECT_EQ(page_tree_insert(&tree, 0, &pages[0], &spare), 0);
    EXPECT_EQ(tree.height, 0);
    EXPECT_EQ(page_tree_insert(&tree, 1, &pages[1], &spare), -EAGAIN);
    EXPECT(page_tree_find(&tree, 0) == &pages[0]);
    EXPECT(page_tree_remove(&tree, 0) == &pages[0]);
}
