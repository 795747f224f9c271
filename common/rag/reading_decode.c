/* common/rag/reading_decode.c - bytes of some charset as UTF-8, and what is no text at all. */
#include "common/rag/reading_inside.h"

#include "common/base/eight.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <iconv.h>
#include <stdio.h>

enum {
	CHARSET_MAX = 40,
	SAMPLE = 64 * 1024, /* bytes looked at to guess */
	CONTROLS_MAX = 30,  /* one control character in so many bytes is too many for a text */
};

/* ---- what is no text ---- */

static const struct magic {
	struct span bytes;
	const char *what;
} magics[] = {
	{ SPAN_INIT("\x89PNG"), "a PNG image" },
	{ SPAN_INIT("\xff\xd8\xff"), "a JPEG image" },
	{ SPAN_INIT("GIF8"), "a GIF image" },
	{ SPAN_INIT("II*\0"), "a TIFF image" },
	{ SPAN_INIT("MM\0*"), "a TIFF image" },
	{ SPAN_INIT("\x7f"
		    "ELF"),
	  "a program" },
	{ SPAN_INIT("MZ"), "a program for Windows" },
	{ SPAN_INIT("\xcf\xfa\xed\xfe"), "a program" },
	{ SPAN_INIT("\xca\xfe\xba\xbe"), "a compiled class" },
	{ SPAN_INIT("\0asm"), "a WebAssembly module" },
	{ SPAN_INIT("%PDF-"), "a PDF file" },
	{ SPAN_INIT("PK\x03\x04"), "a zip archive" },
	{ SPAN_INIT("\x1f\x8b"), "gzip data" },
	{ SPAN_INIT("BZh"), "bzip2 data" },
	{ SPAN_INIT("\xfd"
		    "7zXZ"),
	  "xz data" },
	{ SPAN_INIT("\x28\xb5\x2f\xfd"), "zstd data" },
	{ SPAN_INIT("7z\xbc\xaf"), "a 7z archive" },
	{ SPAN_INIT("Rar!"), "a RAR archive" },
	{ SPAN_INIT("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old (binary) Office file" },
	{ SPAN_INIT("SQLite format 3"), "an SQLite database" },
	{ SPAN_INIT("RIFF"), "a RIFF file (sound, film or WebP)" },
	{ SPAN_INIT("OggS"), "an Ogg file" },
	{ SPAN_INIT("ID3"), "an MP3 file" },
	{ SPAN_INIT("fLaC"), "a FLAC file" },
	{ SPAN_INIT("\x1a\x45\xdf\xa3"), "a Matroska film" },
	{ SPAN_INIT("wOF"), "a font" },
};

/* What a file that is no text seems to be ("a PNG image"), or NULL. */
static const char *decode_binary(struct span bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(magics); i++)
		if (bytes.len >= magics[i].bytes.len &&
		    memcmp(bytes.ptr, magics[i].bytes.ptr, magics[i].bytes.len) == 0)
			return magics[i].what;
	return NULL;
}

static uint64_t controls_of(uint64_t eight)
{
	uint64_t low = eight & ~EIGHT_HIGH;

	return ~eight_between(low, 0x20, 0x7e) & ~eight & EIGHT_HIGH;
}

/* Control characters that no text has, NUL foremost. */
static bool looks_binary(struct span bytes)
{
	size_t controls = 0, i = 0;
	size_t len = bytes.len < SAMPLE ? bytes.len : SAMPLE;

	if (bytes.len > 0 && memchr(bytes.ptr, '\0', bytes.len))
		return true;
	while (i < len) {
		unsigned char c = (unsigned char)bytes.ptr[i];

		if (len - i >= 8 && !controls_of(eight_load(bytes.ptr + i))) {
			i += 8;
			continue;
		}
		i++;
		controls += (c < 0x20 && !strchr("\t\n\r\f\v\b\x1b", c)) || c == 0x7f;
	}
	return controls * CONTROLS_MAX > len;
}

/* Text, but none that anybody reads. */
static bool is_rtf(struct span bytes)
{
	return span_starts(bytes, "{\\rtf");
}

static int refuse_binary(struct span bytes, struct err *err)
{
	const char *what = decode_binary(bytes);

	if (is_rtf(bytes))
		return err_set(err, E_unsupported_document, "",
			       "it is RTF: a loader command reads it (pandoc -f rtf)");
	return err_set(err, E_unsupported_document, "", "it is binary%s%s, not text",
		       what ? ": " : "", what ? what : "");
}

/* ---- charsets ---- */

/*
 * Names as the web uses them, where they mean more than they say: pages that claim latin-1 are
 * Windows-1252, those of the Chinese and Korean families are the larger sets.
 */
static const struct alias {
	const char *name, *means;
} aliases[] = {
	{ "iso-8859-1", "WINDOWS-1252" },
	{ "latin1", "WINDOWS-1252" },
	{ "iso8859-1", "WINDOWS-1252" },
	{ "us-ascii", "WINDOWS-1252" },
	{ "ascii", "WINDOWS-1252" },
	{ "cp1252", "WINDOWS-1252" },
	{ "x-cp1252", "WINDOWS-1252" },
	{ "gb2312", "GB18030" },
	{ "gbk", "GB18030" },
	{ "ks_c_5601-1987", "CP949" },
	{ "euc-kr", "CP949" },
	{ "shift_jis", "CP932" },
	{ "sjis", "CP932" },
	{ "x-sjis", "CP932" },
	{ "windows-31j", "CP932" },
	{ "iso-8859-9", "WINDOWS-1254" },
	{ "tis-620", "CP874" },
	{ "x-mac-roman", "MACINTOSH" },
	{ "macintosh", "MACINTOSH" },
	{ "utf-16", "UTF-16LE" },
};

#define NO_CHARSET ((iconv_t)-1) /* NOLINT(performance-no-int-to-ptr): what iconv_open fails with */

static bool is_utf8_name(struct span charset)
{
	return span_is_nocase(charset, "utf-8") || span_is_nocase(charset, "utf8");
}

static iconv_t open_charset(const char *charset)
{
	struct span name = span_trim(span_str(charset));
	char copy[CHARSET_MAX];

	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (span_is_nocase(name, aliases[i].name))
			return iconv_open("UTF-8", aliases[i].means);
	if (name.len == 0 || name.len >= sizeof(copy))
		return NO_CHARSET;
	for (size_t i = 0; i < name.len; i++) /* a "//" would be an option of iconv's */
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:",
			    name.ptr[i]))
			return NO_CHARSET;
	memcpy(copy, name.ptr, name.len);
	copy[name.len] = '\0';
	return iconv_open("UTF-8", copy);
}

/* Broken UTF-8 as U+FFFD each. */
static int add_mended(struct span bytes, struct buf *out)
{
	size_t len;

	while (bytes.len > 0 && !buf_failed(out)) {
		utf8_add(out, utf8_next(bytes, &len));
		bytes = span_from(bytes, len);
	}
	return buf_failed(out) ? -1 : 0;
}

int decode_charset(struct span bytes, const char *charset, struct buf *out)
{
	char piece[4096];
	iconv_t cd;
	const char *end;

	if (bytes.len == 0)
		return 0;
	end = bytes.ptr + bytes.len;
	if (is_utf8_name(span_trim(span_str(charset))))
		return add_mended(bytes, out);
	cd = open_charset(charset);
	if (cd == NO_CHARSET)
		return -1;
	while (bytes.len > 0 && !buf_failed(out)) {
		char *to = piece;
		/* iconv only reads there.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
		char *from = (char *)(uintptr_t)bytes.ptr;
		size_t room = sizeof(piece);
		size_t got = iconv(cd, &from, &bytes.len, &to, &room);
		bool stuck = got == (size_t)-1 && errno != E2BIG;

		buf_add(out, piece, sizeof(piece) - room);
		if (stuck) {
			utf8_add(out, 0xfffd);
			from++;
		}
		bytes = span_of(from, (size_t)(end - from));
	}
	iconv_close(cd);
	return buf_failed(out) ? -1 : 0;
}

/* ---- a guess ---- */

static bool is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters of Windows-1252 above ASCII. */
static bool is_high_letter(unsigned char c)
{
	return (c >= 0xc0 && c != 0xd7 && c != 0xf7) || c == 0x8a || c == 0x8c || c == 0x8e ||
	       c == 0x9a || c == 0x9c || c == 0x9e || c == 0x9f;
}

/*
 * Western text has few letters above ASCII, and most of them beside plain ones; bytes that the
 * charset leaves open do not occur.  Cyrillic, Greek or Japanese read as Windows-1252 fails this.
 */
static bool may_be_western(struct span bytes)
{
	size_t high = 0, letters = 0, beside = 0, plain = 0;

	for (size_t i = 0; i < bytes.len; i++) {
		unsigned char c = (unsigned char)bytes.ptr[i];

		plain += is_letter(c);
		if (c < 0x80)
			continue;
		if (c == 0x81 || c == 0x8d || c == 0x8f || c == 0x90 || c == 0x9d)
			return false;
		high++;
		if (!is_high_letter(c))
			continue;
		letters++;
		beside += (i > 0 && is_letter((unsigned char)bytes.ptr[i - 1])) ||
			  (i + 1 < bytes.len && is_letter((unsigned char)bytes.ptr[i + 1]));
	}
	return plain > 0 && high <= plain && beside * 10 >= letters * 7;
}

/* Every other byte NUL, as in UTF-16 of mostly Latin text without its mark. */
static const char *guess_wide(struct span bytes)
{
	size_t len = (bytes.len < SAMPLE ? bytes.len : SAMPLE) & ~(size_t)1;
	size_t zeros[2] = { 0, 0 };

	if (len < 4 || !memchr(bytes.ptr, '\0', len))
		return NULL;
	for (size_t i = 0; i < len; i++)
		zeros[i % 2] += bytes.ptr[i] == '\0';
	if (zeros[0] == 0 && zeros[1] * 10 >= len / 2 * 7)
		return "UTF-16LE";
	return zeros[1] == 0 && zeros[0] * 10 >= len / 2 * 7 ? "UTF-16BE" : NULL;
}

/* By the byte order mark, which is cut off. */
static const char *marked_charset(struct span *bytes)
{
	static const struct magic marks[] = {
		{ SPAN_INIT("\xef\xbb\xbf"), "UTF-8" },
		{ SPAN_INIT("\xff\xfe\0\0"), "UTF-32LE" },
		{ SPAN_INIT("\0\0\xfe\xff"), "UTF-32BE" },
		{ SPAN_INIT("\xff\xfe"), "UTF-16LE" },
		{ SPAN_INIT("\xfe\xff"), "UTF-16BE" },
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (bytes->len >= marks[i].bytes.len &&
		    memcmp(bytes->ptr, marks[i].bytes.ptr, marks[i].bytes.len) == 0) {
			*bytes = span_from(*bytes, marks[i].bytes.len);
			return marks[i].what;
		}
	return NULL;
}

static size_t first_broken(struct span bytes, bool *has_whole)
{
	size_t at = 0, len;

	*has_whole = false;
	while (at < bytes.len) {
		if ((unsigned char)bytes.ptr[at] < 0x80) {
			at++;
			continue;
		}
		if (utf8_next(span_from(bytes, at), &len) == 0xfffd && len == 1)
			break;
		*has_whole = true;
		at += len;
	}
	return at;
}

static int decode_guessed(struct span bytes, struct buf *out, struct err *err)
{
	bool has_whole;
	size_t broken;

	if (utf8_is_valid(bytes))
		return buf_add_span(out, bytes);
	/* Cut in the middle of its last character: the rest is good. */
	if (bytes.len - utf8_whole(bytes) < UTF8_MAX &&
	    utf8_is_valid(span_of(bytes.ptr, utf8_whole(bytes))) && utf8_whole(bytes) > 0 &&
	    !may_be_western(bytes))
		return buf_add(out, bytes.ptr, utf8_whole(bytes));
	broken = first_broken(bytes, &has_whole);
	if (!has_whole && may_be_western(bytes))
		return decode_charset(bytes, "WINDOWS-1252", out);
	return err_set(err, E_document_unreadable, "",
		       "byte %zu is not UTF-8, and nothing says in which charset it is; convert it "
		       "with iconv",
		       broken);
}

/* A named charset is believed when the bytes are not UTF-8 in any case. */
static bool is_needed(const char *charset, struct span bytes)
{
	struct span name = span_trim(span_str(charset));

	if (name.len > 8 && span_is_nocase(span_of(name.ptr, 8), "iso-2022"))
		return true; /* looks like ASCII */
	return !is_utf8_name(name) && !utf8_is_valid(bytes);
}

int reader_decode(struct reader *rd, const char *charset, struct buf *out, struct err *err)
{
	struct span bytes = rd->bytes;
	const char *marked = marked_charset(&bytes);
	char named[CHARSET_MAX];
	int rc;

	if (!marked && rd->charset.len > 0 && rd->charset.len < sizeof(named)) {
		snprintf(named, sizeof(named), "%.*s", SPAN_ARGS(rd->charset));
		charset = named;
	}
	if (!marked)
		marked = guess_wide(bytes);
	if (marked && strcmp(marked, "UTF-8") != 0)
		rc = decode_charset(bytes, marked, out);
	else if (looks_binary(bytes) || is_rtf(bytes))
		return refuse_binary(bytes, err);
	else if (!marked && charset && is_needed(charset, bytes) &&
		 decode_charset(bytes, charset, out) == 0)
		rc = 0;
	else if (!buf_failed(out))
		rc = decode_guessed(bytes, out, err);
	else
		rc = -1;
	if (rc < 0 && buf_failed(out))
		return err_set(err, E_document_too_large, "", "its text is longer than %zu bytes",
			       rd->limits.text_max);
	if (rc == 0 && memchr(buf_str(out), '\0', out->len))
		return refuse_binary(bytes, err);
	return rc;
}
