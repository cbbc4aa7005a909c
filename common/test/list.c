#include <common/list.h>
#include <test/test.h>

struct item {
    int value;
    struct list link;
};

TEST(list_keeps_order_and_splices)
{
    struct list a = LIST_INIT(a), b = LIST_INIT(b);
    struct item items[4] = {{1, {0}}, {2, {0}}, {3, {0}}, {4, {0}}};
    list_add_last(&a, &items[1].link);
    list_add_first(&a, &items[0].link);
    list_add_last(&b, &items[2].link);
    list_add_last(&b, &items[3].link);
    list_splice_last(&a, &b);
    EXPECT(list_is_empty(&b));
    int wanted = 1;
    struct item *item;
    list_for_each(item, &a, link) {
        EXPECT_EQ(item->value, wanted);
        wanted++;
    }
    EXPECT_EQ(wanted, 5);
}

TEST(list_for_each_safe_survives_removal)
{
    struct list a = LIST_INIT(a);
    struct item items[3] = {{1, {0}}, {2, {0}}, {3, {0}}};
    for (int i = 0; i < 3; i++)
        list_add_last(&a, &items[i].link);
    struct item *item, *after;
    list_for_each_safe(item, after, &a, link)
        list_remove(&item->link);
    EXPECT(list_is_empty(&a));
    list_remove(&items[0].link); /* a second removal does no harm */
}
