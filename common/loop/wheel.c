/*
 * The timer wheel: see wheel.h.
 */
#include "common/loop/wheel.h"

/*
 * Beyond this (two years) a timer waits on the top level and is looked at again when its slot
 * begins; one slot less than all of them, as the present one must stay empty.
 */
static const int64_t span_max_ms = (int64_t)(WHEEL_SLOTS - 1) << (WHEEL_BITS * (WHEEL_LEVELS - 1));

void wheel_init(struct wheel *w, int64_t now_ms)
{
	w->time_ms = now_ms;
	w->next_ms = INT64_MAX;
	list_init(&w->due);
	for (int level = 0; level < WHEEL_LEVELS; level++) {
		w->used[level] = 0;
		for (int slot = 0; slot < WHEEL_SLOTS; slot++)
			list_init(&w->slots[level][slot]);
	}
}

static int level_of(int64_t time_ms, int64_t due_ms)
{
	uint64_t differs = (uint64_t)(time_ms ^ due_ms) | (WHEEL_SLOTS - 1);
	int level = (63 - __builtin_clzll(differs)) / WHEEL_BITS;

	return level < WHEEL_LEVELS ? level : WHEEL_LEVELS - 1;
}

/* When the slot begins that holds at_ms on this level. */
static int64_t slot_start(int64_t at_ms, int level)
{
	return at_ms & ~(((int64_t)1 << (WHEEL_BITS * level)) - 1);
}

void wheel_add(struct wheel *w, struct timer *t)
{
	if (t->due_ms <= w->time_ms) {
		list_push(&w->due, &t->link);
		w->next_ms = t->placed_ms = w->time_ms;
		return;
	}
	int64_t at_ms = t->due_ms - w->time_ms > span_max_ms ? w->time_ms + span_max_ms : t->due_ms;

	t->placed_ms = at_ms;
	int level = level_of(w->time_ms, at_ms);
	int slot = (int)((uint64_t)at_ms >> (WHEEL_BITS * level)) & (WHEEL_SLOTS - 1);
	int64_t start_ms = slot_start(at_ms, level);

	list_push(&w->slots[level][slot], &t->link);
	w->used[level] |= (uint64_t)1 << slot;
	if (start_ms < w->next_ms)
		w->next_ms = start_ms;
}

/* The slot keeps its bit; an empty one costs a glance when its time comes. */
void wheel_remove(struct timer *t)
{
	list_remove(&t->link);
}

/*
 * The next used slot.  Within a level slots lie ahead of the present one, except on the top
 * level, which is a ring; a lower level's slots all begin before the next one of a higher.
 */
static bool next_slot(const struct wheel *w, int *level, int *slot, int64_t *start_ms)
{
	for (*level = 0; *level < WHEEL_LEVELS; ++*level) {
		uint64_t used = w->used[*level];
		int shift = WHEEL_BITS * *level;

		if (!used)
			continue;
		int64_t present = w->time_ms >> shift;
		int at = (int)(present & (WHEEL_SLOTS - 1));
		uint64_t turned = at ? used >> at | used << (WHEEL_SLOTS - at) : used;
		int ahead = __builtin_ctzll(turned);

		*slot = (at + ahead) & (WHEEL_SLOTS - 1);
		*start_ms = (int64_t)((uint64_t)(present + ahead) << shift);
		return true;
	}
	return false;
}

static void splice(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Moves the wheel's time on to now_ms, gathering what is due. */
static void turn(struct wheel *w, int64_t now_ms)
{
	int level, slot;
	int64_t start_ms;

	while (next_slot(w, &level, &slot, &start_ms)) {
		if (start_ms > now_ms) {
			w->next_ms = start_ms;
			w->time_ms = now_ms;
			return;
		}
		struct list moving;

		list_init(&moving);
		splice(&moving, &w->slots[level][slot]);
		w->used[level] &= ~((uint64_t)1 << slot);
		if (start_ms > w->time_ms)
			w->time_ms = start_ms;
		list_each(&moving, at) {
			list_remove(at);
			wheel_add(w, container_of(at, struct timer, link));
		}
	}
	w->next_ms = INT64_MAX;
	if (now_ms > w->time_ms)
		w->time_ms = now_ms;
}

void wheel_advance(struct wheel *w, int64_t now_ms)
{
	struct list firing;

	if (now_ms < w->next_ms) {
		if (now_ms > w->time_ms)
			w->time_ms = now_ms;
		return;
	}
	turn(w, now_ms);
	list_init(&firing);
	splice(&firing, &w->due);
	while (!list_is_empty(&firing)) {
		struct timer *t = container_of(firing.next, struct timer, link);

		list_remove(&t->link);
		if (t->due_ms > w->time_ms) /* it was extended meanwhile */
			wheel_add(w, t);
		else
			t->fire(t);
	}
}
