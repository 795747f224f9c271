/* tui/ink.c - styles to SGR; neutral colours that can be read on light and dark. */
#include "tui/ink.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

static const struct {
	unsigned style;
	const char *sgr;
} codes[] = {
	{ STYLE_BOLD, ";1" },  { STYLE_HEADING, ";1;4" }, { STYLE_DIM, ";2" }, { STYLE_ITALIC, ";3" },
	{ STYLE_LINK, ";4" },  { STYLE_STRIKE, ";9" },    { STYLE_BAD, ";31" }, { STYLE_CODE, ";36" },
};

void ink_init(struct ink *i, size_t max)
{
	buf_init(&i->text, max);
	buf_init(&i->styles, max);
}

void ink_free(struct ink *i)
{
	buf_free(&i->text);
	buf_free(&i->styles);
}

void ink_clear(struct ink *i)
{
	buf_clear(&i->text);
	buf_clear(&i->styles);
}

/* What did not fit in both is in neither. */
static void even_out(struct ink *i, unsigned style)
{
	while (i->styles.len < i->text.len)
		if (buf_add_char(&i->styles, (char)style) < 0)
			buf_truncate(&i->text, i->styles.len);
}

void ink_add(struct ink *i, struct span text, unsigned style)
{
	while (text.len) {
		size_t plain = 0;

		while (plain < text.len && text.ptr[plain] != '\t' && text.ptr[plain] != '\n')
			plain++;
		utf8_add_harmless(&i->text, span_of(text.ptr, plain));
		if (plain < text.len)
			buf_add_str(&i->text, text.ptr[plain] == '\t' ? "    " : " ");
		text = span_from(text, plain + 1);
	}
	even_out(i, style);
}

void ink_add_ink(struct ink *i, const struct ink *from, size_t at, size_t len)
{
	if (!len)
		return;
	buf_add_span(&i->text, span_of(from->text.ptr + at, len));
	if (!buf_failed(&i->text))
		buf_add_span(&i->styles, span_of(from->styles.ptr + at, len));
}

void ink_truncate(struct ink *i, size_t len)
{
	buf_truncate(&i->text, len);
	buf_truncate(&i->styles, len);
}

static void add_codes(unsigned style, struct buf *out)
{
	buf_add_str(out, "\033[0");
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (style & codes[i].style)
			buf_add_str(out, codes[i].sgr);
	buf_add_char(out, 'm');
}

int ink_print(const struct ink *i, size_t len, bool color, struct buf *out)
{
	unsigned now = 0;

	for (size_t at = 0, end; at < len; at = end) {
		unsigned style = (unsigned char)i->styles.ptr[at];

		for (end = at + 1; end < len && (unsigned char)i->styles.ptr[end] == style;)
			end++;
		if (color && style != now)
			add_codes(style, out);
		now = style;
		buf_add(out, i->text.ptr + at, end - at);
	}
	if (color && now)
		buf_add_str(out, "\033[0m");
	return buf_failed(out) ? -1 : 0;
}

int ink_print_text(struct span text, unsigned style, bool color, struct buf *out)
{
	if (color && style)
		add_codes(style, out);
	utf8_add_harmless(out, text);
	if (color && style)
		buf_add_str(out, "\033[0m");
	return buf_failed(out) ? -1 : 0;
}
