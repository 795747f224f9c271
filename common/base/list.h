/*
 * common/base/list.h - doubly linked list whose links live in the members.
 *
 * A list is a struct list that points at itself when empty.  Not thread-safe.
 */
#ifndef SPASS_BASE_LIST_H
#define SPASS_BASE_LIST_H

#include "common/base/mem.h"

#include <stdbool.h>

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

/* At the end. */
static inline void list_push(struct list *l, struct list *item)
{
	item->prev = l->prev;
	item->next = l;
	l->prev->next = item;
	l->prev = item;
}

static inline void list_push_front(struct list *l, struct list *item)
{
	list_push(l->next, item);
}

/* The item is left as an empty list, so removing it again does nothing. */
static inline void list_remove(struct list *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}

#define list_first(l, type, member) \
	(list_is_empty(l) ? NULL : container_of((l)->next, type, member))
#define list_last(l, type, member) \
	(list_is_empty(l) ? NULL : container_of((l)->prev, type, member))
/* The current item may be removed inside the loop. */
#define list_each(l, at) \
	for (struct list *at = (l)->next, *at##_next = at->next; at != (l); \
	     at = at##_next, at##_next = at->next)

#endif
