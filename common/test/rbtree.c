/* The red-black tree against a sorted array, its invariants and its augmentation after every step. */
#include <common/list.h>
#include <common/rbtree.h>
#include <test/test.h>

enum { NODES = 200 };
struct number {
    struct rb_node node;
    unsigned value, largest; /* largest: of the subtree */
    bool is_in;
};
static struct number numbers[NODES];
static struct rb_tree tree;

static struct number *number_of(struct rb_node *node)
{
    return container_of(node, struct number, node);
}

static void augment(struct rb_node *node)
{
    struct number *n = number_of(node);
    n->largest = n->value;
    if (node->left && number_of(node->left)->largest > n->largest)
        n->largest = number_of(node->left)->largest;
    if (node->right && number_of(node->right)->largest > n->largest)
        n->largest = number_of(node->right)->largest;
}

static void insert(struct number *n)
{
    struct rb_node **link = &tree.root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = n->value < number_of(parent)->value ? &parent->left : &parent->right;
    }
    rb_insert(&tree, &n->node, parent, link, augment);
    n->is_in = true;
}

/* Black height, or -1 when an invariant is broken. */
static int check(struct rb_node *node, struct rb_node *parent)
{
    if (!node)
        return 1;
    bool is_red = !(node->parent_and_colour & 1);
    if (rb_parent(node) != parent || (is_red && (!parent || !(parent->parent_and_colour & 1))))
        return -1;
    struct number want = *number_of(node);
    int left = check(node->left, node), right = check(node->right, node);
    augment(node);
    if (left < 0 || left != right || number_of(node)->largest != want.largest)
        return -1;
    return left + !is_red;
}

static void check_order(void)
{
    unsigned i = 0;
    for (struct rb_node *node = rb_first(&tree); node; node = rb_next(node), i++) {
        while (i < NODES && !numbers[i].is_in)
            i++;
        EXPECT(node == &numbers[i].node);
    }
    while (i < NODES && !numbers[i].is_in)
        i++;
    EXPECT_EQ(i, NODES);
    for (struct rb_node *node = rb_last(&tree); node && rb_previous(node); node = rb_previous(node))
        EXPECT(number_of(rb_previous(node))->value < number_of(node)->value);
}

TEST(rbtree_keeps_order_balance_and_augmentation_under_random_changes)
{
    for (unsigned i = 0; i < NODES; i++)
        numbers[i] = (struct number){.value = i};
    tree.root = NULL;
    for (unsigned step = 0; step < 6000; step++) {
        struct number *n = &numbers[test_random() % NODES];
        if (n->is_in) {
            rb_remove(&tree, &n->node, augment);
            n->is_in = false;
        } else {
            insert(n);
        }
        if (check(tree.root, NULL) < 0) {
            test_fail(__FILE__, __LINE__, "invariant broken at step %u", step);
            return;
        }
    }
    check_order();
}

TEST(rbtree_empties)
{
    for (unsigned i = 0; i < NODES; i++)
        numbers[i] = (struct number){.value = i};
    tree.root = NULL;
    for (unsigned i = 0; i < NODES; i++)
        insert(&numbers[i]);
    EXPECT(check(tree.root, NULL) > 0);
    for (struct rb_node *node; (node = rb_first(&tree));)
        rb_remove(&tree, node, augment);
    EXPECT(tree.root == NULL);
}
