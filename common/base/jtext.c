/*
 * common/base/jtext.c - writes JSON strings.
 */
#include "common/base/jscan.h"

#include "common/base/jbytes.h"
#include "common/base/utf8.h"

static int add_escape(struct buf *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = c ? strchr(plain, c) : NULL;

	if (at) {
		const char pair[] = { '\\', letters[at - plain] };
		return buf_add(out, pair, sizeof(pair));
	}
	const char code[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 0xf] };
	return buf_add(out, code, sizeof(code));
}

int jtext_escape(struct buf *out, struct span s)
{
	static const char replacement[] = "\xef\xbf\xbd";
	const char *run, *p, *end;

	if (s.len == 0)
		return buf_add(out, "", 0);
	run = p = s.ptr;
	end = s.ptr + s.len;
	while ((p = jbytes_find_special(p, end)) < end) {
		size_t len = 1;
		bool broken = false;
		if ((unsigned char)*p >= 0x80) {
			utf8_next(span_of(p, (size_t)(end - p)), &len);
			broken = len == 1;
			if (!broken) {
				p += len;
				continue;
			}
		}
		if (p > run && buf_add(out, run, (size_t)(p - run)) < 0)
			return -1;
		if ((broken ? buf_add(out, replacement, sizeof(replacement) - 1) :
			      add_escape(out, (unsigned char)*p)) < 0)
			return -1;
		run = ++p;
	}
	return end > run ? buf_add(out, run, (size_t)(end - run)) : 0;
}

int jtext_string(struct buf *out, struct span s)
{
	if (buf_add_char(out, '"') < 0 || jtext_escape(out, s) < 0)
		return -1;
	return buf_add_char(out, '"');
}
