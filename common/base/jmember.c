/*
 * common/base/jmember.c - see jmember.h.
 */
#include "common/base/jmember.h"

#include "common/base/clock.h"
#include "common/base/jscan.h"

void jmember_comma(struct buf *out)
{
	const char last = (char)(out->len > 0 ? out->ptr[out->len - 1] : '{');

	if (last != '{' && last != '[' && last != ',')
		buf_add_char(out, ',');
}

void jmember_key(struct buf *out, const char *name)
{
	jmember_comma(out);
	buf_add_char(out, '"');
	buf_add_str(out, name);
	buf_add_str(out, "\":");
}

void jmember_text(struct buf *out, const char *name, struct span value)
{
	jmember_key(out, name);
	jtext_string(out, value);
}

void jmember_text_if(struct buf *out, const char *name, struct span value)
{
	if (value.len > 0)
		jmember_text(out, name, value);
}

void jmember_number(struct buf *out, const char *name, int64_t value)
{
	jmember_key(out, name);
	buf_add_int(out, value);
}

void jmember_time(struct buf *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_ISO_SIZE];

	clock_iso(wall_ms, text);
	jmember_text(out, name, span_str(text));
}
