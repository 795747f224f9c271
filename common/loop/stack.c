/*
 * Stacks of fibers: see stack.h.
 */
#include "common/loop/stack.h"

#include "common/loop/fiber.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef STACK_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

enum {
	/*
	 * Costs addresses only.  A frame of more than a page, such as log_write's, would step over a
	 * single one; and an odd number of pages from stack to stack spreads their tops over the
	 * sets of the processor's address cache.
	 */
	STACK_GUARD = FIBER_STACK_SIZE + 4096,
	STACKS_MAX = 1024,        /* more free ones are unmapped at once */
	STACKS_KEPT = 8,          /* so many are kept for ever */
	STACKS_TRIM_MS = 5000,
#if defined(STACK_ASAN) || defined(STACK_TSAN)
	STACK_SIZE = FIBER_STACK_SIZE * 4, /* instrumented frames are larger */
#else
	STACK_SIZE = FIBER_STACK_SIZE,
#endif
};

static struct stack map_stack(void)
{
	char *map = mmap(NULL, STACK_GUARD + STACK_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return (struct stack){ .bottom = NULL };
	/* vm.max_map_count may have room for one part and not for two. */
	if (mprotect(map, STACK_GUARD, PROT_NONE) < 0) {
		munmap(map, STACK_GUARD + STACK_SIZE);
		return (struct stack){ .bottom = NULL };
	}
#ifdef STACK_ASAN
	__lsan_register_root_region(map + STACK_GUARD, STACK_SIZE);
#endif
	return (struct stack){ .bottom = map + STACK_GUARD, .top = map + STACK_GUARD + STACK_SIZE };
}

static void unmap_stack(struct stack s)
{
#ifdef STACK_ASAN
	__lsan_unregister_root_region(s.bottom, STACK_SIZE);
#endif
	munmap(s.bottom - STACK_GUARD, STACK_GUARD + STACK_SIZE);
}

#ifdef STACK_ASAN
/* AddressSanitizer knows the bounds of what lies on the heap only. */
void *pages_map(size_t size)
{
	return mem_calloc(1, size);
}

void pages_unmap(void *pages, size_t size)
{
	(void)size;
	mem_free(pages);
}
#else
enum { PAGE = 4096, ALIGNMENT = 16 };

/* The system is out of mappings, not of memory: from the heap, and told apart by its address. */
static void *heap_pages(size_t size)
{
	char *block = mem_calloc(1, size + (size_t)2 * ALIGNMENT), *pages = block + ALIGNMENT;

	if ((uintptr_t)pages % PAGE == 0)
		pages += ALIGNMENT;
	memcpy(pages - sizeof block, &block, sizeof block);
	return pages;
}

void *pages_map(size_t size)
{
	void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages != MAP_FAILED ? pages : heap_pages(size);
}

void pages_unmap(void *pages, size_t size)
{
	char *block;

	if ((uintptr_t)pages % PAGE == 0) {
		munmap(pages, size);
		return;
	}
	memcpy(&block, (char *)pages - sizeof block, sizeof block);
	mem_free(block);
}
#endif

/* A free stack is linked through its top, which is warm. */
static struct list *link_of(struct stack s)
{
	return (struct list *)(void *)(s.top - sizeof(struct list));
}

static struct stack take(struct stack_pool *p, struct list *link)
{
	char *top = (char *)(link + 1);

	list_remove(link);
	p->count--;
	return (struct stack){ .bottom = top - STACK_SIZE, .top = top };
}

/* Half of what nobody needed since the last time goes, so that a pause does not empty the pool. */
static void on_trim(struct timer *t)
{
	struct stack_pool *p = container_of(t, struct stack_pool, trim);
	size_t surplus = (p->unused + 1) / 2;

	for (; surplus > 0 && p->count > STACKS_KEPT; surplus--)
		unmap_stack(take(p, p->free.prev));
	p->unused = p->count;
	if (p->count > STACKS_KEPT)
		timer_set(t, STACKS_TRIM_MS);
}

void stack_pool_init(struct stack_pool *p, struct loop *l)
{
	*p = (struct stack_pool){ .map = map_stack };
	list_init(&p->free);
	timer_init(&p->trim, l, on_trim);
}

void stack_pool_clear(struct stack_pool *p)
{
	timer_cancel(&p->trim);
	while (!list_is_empty(&p->free))
		unmap_stack(take(p, p->free.next));
}

struct stack stack_pool_get(struct stack_pool *p)
{
	if (list_is_empty(&p->free))
		return p->map();
	struct stack s = take(p, p->free.next);

	if (p->count < p->unused)
		p->unused = p->count;
	return s;
}

void stack_pool_put(struct stack_pool *p, struct stack s)
{
#ifdef STACK_ASAN
	/* The frame that jumped away for good has left its red zones. */
	__asan_unpoison_memory_region(s.bottom, STACK_SIZE);
#endif
	if (p->count >= STACKS_MAX) {
		unmap_stack(s);
		return;
	}
	list_push_front(&p->free, link_of(s));
	p->count++;
	if (p->count > STACKS_KEPT && !timer_is_set(&p->trim)) {
		p->unused = 0;
		timer_set(&p->trim, STACKS_TRIM_MS);
	}
}

void stack_trim(struct stack s, const char *used)
{
#if !defined(STACK_ASAN) && !defined(STACK_TSAN)
	char *end = s.bottom + ((uintptr_t)(used - s.bottom) & ~((uintptr_t)PAGE - 1));

	if (end > s.bottom)
		madvise(s.bottom, (size_t)(end - s.bottom), MADV_DONTNEED);
#else
	(void)s, (void)used;
#endif
}

/* Sanitizers */

void stack_switch_init(struct stack_switch *side, struct stack s, size_t used)
{
	*side = (struct stack_switch){ .bottom = s.bottom,
				       .size = (size_t)(s.top - s.bottom) - used };
#ifdef STACK_TSAN
	side->thread = __tsan_create_fiber(0);
#endif
}

void stack_switch_clear(struct stack_switch *side)
{
	(void)side;
#ifdef STACK_TSAN
	__tsan_destroy_fiber(side->thread);
#endif
}
