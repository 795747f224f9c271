/*
 * tests/fuzz/fuzz_stencil.c - an event's data, and the same with some bytes changed.
 *
 * The first byte says how many changes there are, at most four; each is a place (two bytes), how
 * many bytes go there, how many come, and these.  What is left is the data.  Changed data that
 * fits the stencil of the other has to mean the same when it is read, and is cut as it would be.
 */
#include "common/base/stencil.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/upstream/dialect.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CHANGES_MAX = 4, CHANGE_HEAD = 4, TEXT_MAX = 64 * 1024 };

struct change {
	size_t at, gone;
	struct span come;
};

static struct span take(struct span *rest, size_t len)
{
	struct span taken = span_of(rest->ptr, len < rest->len ? len : rest->len);

	*rest = span_from(*rest, taken.len);
	return taken;
}

static size_t read_changes(struct span *rest, struct change *changes)
{
	struct span count = take(rest, 1);
	size_t n = 0;

	while (count.len > 0 && n < (size_t)((unsigned char)count.ptr[0] % (CHANGES_MAX + 1))) {
		struct span head = take(rest, CHANGE_HEAD);
		const unsigned char *at = (const unsigned char *)head.ptr;

		if (head.len < CHANGE_HEAD)
			break;
		changes[n++] = (struct change){ (size_t)at[0] << 8 | at[1], at[2], take(rest, at[3] % 32) };
	}
	return n;
}

static void change(struct buf *text, const struct change *c)
{
	size_t at = c->at % (text->len + 1), gone = c->gone < text->len - at ? c->gone : text->len - at;
	struct span old = span_of(text->ptr, text->len);
	struct buf next;

	buf_init(&next, TEXT_MAX);
	buf_add_span(&next, span_of(old.ptr, at));
	buf_add_span(&next, c->come);
	buf_add_span(&next, span_from(old, at + gone));
	buf_free(text);
	*text = next;
}

/* As an event of an upstream, where the relay would make one. */
static bool learn(const struct dialect *d, struct span text, struct stencil *s, struct frame *f)
{
	struct span gaps[STENCIL_GAPS], parts[2], cut = SPAN_NONE;

	d->frame(text, f);
	if (f->kind != FRAME_CONTENT || f->finishes || f->usage.type > J_NULL)
		return false;
	if (f->usage.type == J_NULL && f->usage.is_single) {
		jsplice_cut(text, f->usage, parts);
		cut = span_of(parts[0].ptr + parts[0].len,
			      (size_t)(parts[1].ptr - parts[0].ptr) - parts[0].len);
	}
	stencil_make(s, text, gaps, d->gaps(f, gaps, ARRAY_LEN(gaps)), cut);
	return true;
}

static void compare(const struct dialect *d, const struct frame *f, struct span text, const struct span *parts)
{
	struct span cut[2];
	struct frame other;

	d->frame(text, &other);
	must(other.kind == f->kind);
	must(other.finishes == f->finishes && other.finished == f->finished && other.seen == f->seen);
	must(other.usage.type == f->usage.type && other.usage.is_single == f->usage.is_single);
	if (f->usage.type != J_NULL || !f->usage.is_single) {
		must(span_equal(parts[0], text) && parts[1].len == 0);
		return;
	}
	jsplice_cut(text, other.usage, cut);
	must(span_equal(parts[0], cut[0]) && span_equal(parts[1], cut[1]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct dialect *d = dialect_of(DIALECT_OPENAI);
	struct span rest = span_of((const char *)data, size), parts[2];
	struct change changes[CHANGES_MAX];
	size_t count = read_changes(&rest, changes), fits;
	struct stencil s;
	struct frame f;
	struct buf text;

	if (!learn(d, rest, &s, &f))
		return 0;
	if (s.is_set) {
		must(stencil_fits(&s, rest, parts) == rest.len);
		compare(d, &f, rest, parts);
	}
	buf_init(&text, TEXT_MAX);
	buf_add_span(&text, rest);
	for (size_t i = 0; i < count; i++)
		change(&text, &changes[i]);
	fits = stencil_fits(&s, buf_span(&text), parts);
	must(fits <= text.len);
	if (fits > 0)
		compare(d, &f, span_of(text.ptr, fits), parts);
	buf_free(&text);
	return 0;
}
