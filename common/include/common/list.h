/* Intrusive circular doubly linked lists. A head is a link whose neighbours are the first and the last entry. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *previous;
};

#define LIST_INIT(head)                {&(head), &(head)}
#define container_of(ptr, type, field) ((type *)((char *)(ptr)-offsetof(type, field)))
#define list_entry(link, type, field)  container_of(link, type, field)
#define list_first(head, type, field)  container_of((head)->next, type, field)
#define list_last(head, type, field)   container_of((head)->previous, type, field)
#define list_for_each(pos, head, field)                                                                                \
    for (pos = container_of((head)->next, __typeof__(*pos), field); &pos->field != (head);                             \
         pos = container_of(pos->field.next, __typeof__(*pos), field))
/* As list_for_each, and the body may remove pos. */
#define list_for_each_safe(pos, after, head, field)                                                                    \
    for (pos = container_of((head)->next, __typeof__(*pos), field),                                                    \
        after = container_of(pos->field.next, __typeof__(*pos), field);                                                \
         &pos->field != (head); pos = after, after = container_of(after->field.next, __typeof__(*pos), field))

static inline void list_init(struct list *head)
{
    head->next = head->previous = head;
}
static inline bool list_is_empty(const struct list *head)
{
    return head->next == head;
}
static inline void list_insert_between(struct list *link, struct list *before, struct list *after)
{
    link->previous = before;
    link->next = after;
    before->next = link;
    after->previous = link;
}
static inline void list_add_first(struct list *head, struct list *link)
{
    list_insert_between(link, head, head->next);
}
static inline void list_add_last(struct list *head, struct list *link)
{
    list_insert_between(link, head->previous, head);
}
/* Removes the link and leaves it an empty list of its own, so that a second removal does no harm. */
static inline void list_remove(struct list *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list_init(link);
}
/* Moves all entries of `from` to the end of `to`; `from` is empty afterwards. */
static inline void list_splice_last(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}
