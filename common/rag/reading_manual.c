/*
 * common/rag/reading_manual.c - manual pages (mdoc and man) as they would be shown.
 *
 * No typesetter: words are filled into paragraphs, headings are marked, tags stand on their own
 * line.  A request that is not known prints nothing, and its arguments neither, as troff has it.
 */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"

#include <stdio.h>
#include <string.h>

enum { NAME_MAX_LEN = 64, LINES_BETWEEN_CHECKS = 1024 };

struct manual {
	struct reader *rd;
	char name[NAME_MAX_LEN]; /* of .Nm */
	bool glued;    /* no blank before the next word */
	bool as_it_is; /* lines stay lines */
	bool is_tag;   /* the next line of text is a tag (.TP) */
	bool skips;    /* until ".." */
	bool goes_on;  /* the last request does, on this line, and shows nothing */
	bool is_synopsis;
};

/* ---- words ---- */

static const struct {
	const char *name, *text;
} signs[] = {
	{ "em", "\xe2\x80\x94" }, { "en", "\xe2\x80\x93" }, { "aq", "'" }, { "cq", "'" }, { "oq", "'" },
	{ "dq", "\"" }, { "lq", "\"" }, { "rq", "\"" }, { "bu", "*" }, { "ha", "^" }, { "ti", "~" },
	{ "rs", "\\" }, { "mi", "-" }, { "hy", "-" }, { "co", "(c)" }, { "->", "->" }, { "at", "@" },
	{ "ga", "`" }, { "sh", "#" }, { "Do", "$" }, { "lB", "[" }, { "rB", "]" }, { "ba", "|" },
};

/* "(xx", "[name]" or one character, which is taken from s. */
static struct span take_name(struct span *s)
{
	struct span name = *s;

	if (s->len >= 3 && s->ptr[0] == '(') {
		name = span_of(s->ptr + 1, 2);
		*s = span_from(*s, 3);
	} else if (s->len > 0 && s->ptr[0] == '[') {
		*s = span_from(*s, 1);
		name = span_cut(s, ']');
		if (!s->ptr)
			*s = SPAN_LIT("");
	} else {
		name.len = s->len > 0;
		*s = span_from(*s, name.len);
	}
	return name;
}

static void write_sign(struct reader *rd, struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(signs); i++)
		if (span_is(name, signs[i].name))
			reader_write_str(rd, signs[i].text);
}

/* What stands behind a backslash; s begins there. */
static void write_escape(struct reader *rd, struct span *s)
{
	char c = s->ptr[0];

	*s = span_from(*s, 1);
	switch (c) {
	case 'e':
	case '\\':
		reader_write_str(rd, "\\");
		break;
	case '(':
	case '[':
		*s = span_of(s->ptr - 1, s->len + 1);
		write_sign(rd, take_name(s));
		break;
	case 'f':
	case '*':
	case 'n':
	case 'm':
	case 'M':
	case 'F':
		take_name(s);
		break;
	case 's':
		while (s->len > 0 && strchr("+-0123456789", s->ptr[0]))
			*s = span_from(*s, 1);
		break;
	case ' ':
	case '~':
	case '0':
		reader_write_str(rd, " ");
		break;
	case '"':
	case '#':
		*s = SPAN_LIT("");
		break;
	case '-':
	case '\'':
	case '`':
	case '.':
		reader_write(rd, span_of(&c, 1));
		break;
	default: /* thin blanks, breaks, hyphenation: nothing to see */
		break;
	}
}

static void write_text(struct reader *rd, struct span s)
{
	while (s.len > 0) {
		const char *escape = memchr(s.ptr, '\\', s.len);
		size_t plain = escape ? (size_t)(escape - s.ptr) : s.len;

		reader_write(rd, span_of(s.ptr, plain));
		s = span_from(s, plain);
		if (s.len > 0)
			s = span_from(s, 1);
		if (s.len > 0)
			write_escape(rd, &s);
	}
}

static bool begins_line(const struct manual *m)
{
	const struct buf *text = &m->rd->out->text;

	return text->len == 0 || text->ptr[text->len - 1] == '\n';
}

/* A word of a paragraph, a blank before it. */
static void add_word(struct manual *m, const char *before, struct span word, const char *behind)
{
	if (!m->glued && !begins_line(m))
		reader_write_str(m->rd, " ");
	m->glued = false;
	reader_write_str(m->rd, before);
	write_text(m->rd, word);
	reader_write_str(m->rd, behind);
}

/* The next argument; a quoted one without its quotes. */
static bool next_word(struct span *rest, struct span *word, bool *is_quoted)
{
	size_t len = 0;

	*rest = span_trim(*rest);
	*is_quoted = rest->len > 0 && rest->ptr[0] == '"';
	if (rest->len == 0)
		return false;
	if (*is_quoted) {
		*rest = span_from(*rest, 1);
		*word = span_cut(rest, '"');
	} else {
		while (len < rest->len && rest->ptr[len] != ' ' && rest->ptr[len] != '\t')
			len += rest->ptr[len] == '\\' && len + 1 < rest->len ? 2 : 1;
		*word = span_of(rest->ptr, len);
		*rest = span_from(*rest, len);
	}
	if (!rest->ptr)
		*rest = SPAN_LIT("");
	return true;
}

/* ---- mdoc ---- */

enum around { EACH, ALL }; /* the signs stand around each word, or around all that follow */

static const struct inline_macro {
	const char *name, *before, *behind;
	enum around around;
} inline_macros[] = {
	{ "Ar", "", "", EACH },	   { "Cm", "", "", EACH },    { "Ic", "", "", EACH },	{ "Ev", "", "", EACH },
	{ "Va", "", "", EACH },	   { "Pa", "", "", EACH },    { "Em", "", "", EACH },	{ "Sy", "", "", EACH },
	{ "Li", "", "", EACH },	   { "Dv", "", "", EACH },    { "Er", "", "", EACH },	{ "Fn", "", "()", EACH },
	{ "Fl", "-", "", EACH },   { "Ql", "'", "'", ALL },   { "Sq", "'", "'", ALL },	{ "Dq", "\"", "\"", ALL },
	{ "Qq", "\"", "\"", ALL }, { "Pq", "(", ")", ALL },   { "Op", "[", "]", ALL },	{ "Bq", "[", "]", ALL },
	{ "Aq", "<", ">", ALL },   { "Brq", "{", "}", ALL },  { "No", "", "", EACH },	{ "Vt", "", "", EACH },
	{ "Ft", "", "", EACH },	   { "Fa", "", "", EACH },    { "Lk", "", "", EACH },	{ "Mt", "", "", EACH },
	{ "Qo", "\"", "", ALL },   { "Tn", "", "", EACH },    { "An", "", "", EACH },	{ "In", "<", ">", EACH },
};

static const struct inline_macro *find_inline(struct span word)
{
	for (size_t i = 0; i < ARRAY_LEN(inline_macros); i++)
		if (span_is(word, inline_macros[i].name))
			return &inline_macros[i];
	return NULL;
}

static bool is_one_of(struct span word, const char *marks)
{
	return word.len == 1 && strchr(marks, word.ptr[0]) != NULL;
}

/* ".Xr name 1" */
static void add_reference(struct manual *m, struct span *rest)
{
	struct span name, section;
	bool quoted;

	if (!next_word(rest, &name, &quoted))
		return;
	add_word(m, "", name, "");
	if (next_word(rest, &section, &quoted)) {
		m->glued = true;
		add_word(m, "(", section, ")");
	}
}

/* Words of which some are macros again, while they are written. */
struct phrase {
	struct manual *m;
	struct span rest;
	const struct inline_macro *macro; /* of the next word */
	const char *open[8];              /* signs that ALL left open, the innermost last */
	size_t count;
};

static void close_signs(struct phrase *p)
{
	while (p->count > 0)
		reader_write_str(p->m->rd, p->open[--p->count]);
}

static void open_sign(struct phrase *p)
{
	if (!p->macro || p->macro->around != ALL || p->count == ARRAY_LEN(p->open))
		return;
	add_word(p->m, p->macro->before, SPAN_NONE, "");
	p->m->glued = true;
	p->open[p->count++] = p->macro->behind;
	p->macro = NULL;
}

/* Signs end before the last mark; of ".Ql a , b" each word has its own quotes. */
static void add_mark(struct phrase *p, struct span mark)
{
	bool is_last = span_trim(p->rest).len == 0;
	bool reopens = !is_last && p->count > 0 && !strcmp(p->open[p->count - 1], "'");

	if (is_last || reopens)
		close_signs(p);
	if (reopens)
		p->macro = find_inline(SPAN_LIT("Ql"));
	p->m->glued = true;
	add_word(p->m, "", mark, "");
}

/* Whether the word is a macro, which has been done. */
static bool do_macro(struct phrase *p, struct span word)
{
	const struct inline_macro *macro = find_inline(word);

	if (macro) {
		p->macro = macro;
	} else if (span_is(word, "Ns")) {
		p->m->glued = true;
	} else if (span_is(word, "Xr")) {
		add_reference(p->m, &p->rest);
	} else if (span_is(word, "Nm")) {
		add_word(p->m, "", span_str(p->m->name), "");
	} else if (span_is(word, "Qc")) {
		p->m->glued = true;
		add_word(p->m, "\"", SPAN_NONE, "");
	} else {
		return false;
	}
	return true;
}

static void add_plain(struct phrase *p, struct span word)
{
	if (is_one_of(word, "([")) {
		add_word(p->m, "", word, "");
		p->m->glued = true;
		return;
	}
	add_word(p->m, p->macro ? p->macro->before : "", word, p->macro ? p->macro->behind : "");
}

static void add_words(struct manual *m, struct span rest, const struct inline_macro *macro)
{
	struct phrase p = { .m = m, .rest = rest, .macro = macro };
	struct span word;
	size_t words = 0;
	bool quoted;

	for (open_sign(&p); next_word(&p.rest, &word, &quoted); open_sign(&p), words++) {
		if (quoted)
			add_word(m, p.macro ? p.macro->before : "", word, p.macro ? p.macro->behind : "");
		else if (is_one_of(word, ".,;:?!)]"))
			add_mark(&p, word);
		else if (!do_macro(&p, word))
			add_plain(&p, word);
	}
	if (words == 0 && p.macro && *p.macro->before)
		add_word(m, p.macro->before, SPAN_NONE, "");
	close_signs(&p);
}

/* ---- lines ---- */

static void end_line(struct manual *m)
{
	reader_end_line(m->rd);
	m->glued = false;
}

static void end_block(struct manual *m)
{
	reader_end_block(m->rd);
	m->glued = false;
}

static void add_heading(struct manual *m, struct span words, int level)
{
	size_t start;

	end_block(m);
	m->as_it_is = false;
	m->is_synopsis = span_is(span_trim(words), "SYNOPSIS");
	start = reader_at(m->rd);
	add_words(m, words, NULL);
	reader_mark(m->rd, MARK_HEADING, level, start);
	end_block(m);
}

/* ".Dt NAME 1", ".TH NAME 1 ..." */
static void take_title(struct manual *m, struct span rest)
{
	struct span name, section;
	char title[2 * NAME_MAX_LEN];
	bool quoted;

	if (!next_word(&rest, &name, &quoted) || !next_word(&rest, &section, &quoted) ||
	    name.len > NAME_MAX_LEN || section.len > NAME_MAX_LEN / 4)
		return;
	snprintf(title, sizeof(title), section.len > 0 ? "%.*s(%.*s)" : "%.*s%.*s", SPAN_ARGS(name),
		 SPAN_ARGS(section));
	if (name.len > 0)
		reader_title(m->rd, span_str(title));
}

static void add_name(struct manual *m, struct span rest)
{
	struct span word, all = rest;
	bool quoted;

	if (m->is_synopsis)
		end_line(m);
	if (next_word(&rest, &word, &quoted) && !is_one_of(word, ".,;:")) {
		if (!*m->name && word.len < NAME_MAX_LEN)
			memcpy(m->name, word.ptr, word.len);
		add_words(m, all, NULL);
		return;
	}
	add_word(m, "", span_str(m->name), "");
	add_words(m, all, NULL);
}

/* Fonts that change from word to word (.BR) leave no blanks between them. */
static void add_fonts(struct manual *m, struct span rest, bool alternates)
{
	struct span word;
	bool quoted, first = true;

	while (next_word(&rest, &word, &quoted)) {
		m->glued |= alternates && !first;
		add_word(m, "", word, "");
		first = false;
	}
}

enum { DO_SECTION, DO_SUBSECTION, DO_TITLE, DO_BLOCK, DO_ITEM, DO_TAG, DO_POINT, DO_LINE, DO_BREAK, DO_NAME,
       DO_ABOUT, DO_FONT, DO_FONTS, DO_DISPLAY, DO_FILL, DO_REFERENCE, DO_SKIP, DO_LINK };

static const struct {
	const char *name;
	int does;
} requests[] = {
	{ "Sh", DO_SECTION },	 { "SH", DO_SECTION },	 { "Ss", DO_SUBSECTION }, { "SS", DO_SUBSECTION },
	{ "Dt", DO_TITLE },	 { "TH", DO_TITLE },	 { "Pp", DO_BLOCK },	  { "PP", DO_BLOCK },
	{ "P", DO_BLOCK },	 { "LP", DO_BLOCK },	 { "sp", DO_BLOCK },	  { "Bl", DO_BLOCK },
	{ "El", DO_BLOCK },	 { "It", DO_ITEM },	 { "TP", DO_TAG },	  { "IP", DO_POINT },
	{ "Dl", DO_LINE },	 { "D1", DO_LINE },	 { "br", DO_BREAK },	  { "Nm", DO_NAME },
	{ "Nd", DO_ABOUT },	 { "B", DO_FONT },	 { "I", DO_FONT },	  { "SM", DO_FONT },
	{ "SB", DO_FONT },	 { "BR", DO_FONTS },	 { "RB", DO_FONTS },	  { "IR", DO_FONTS },
	{ "RI", DO_FONTS },	 { "BI", DO_FONTS },	 { "IB", DO_FONTS },	  { "Bd", DO_DISPLAY },
	{ "nf", DO_DISPLAY },	 { "EX", DO_DISPLAY },	 { "Ed", DO_FILL },	  { "fi", DO_FILL },
	{ "EE", DO_FILL },	 { "Xr", DO_REFERENCE }, { "de", DO_SKIP },	  { "ig", DO_SKIP },
	{ "de1", DO_SKIP },	 { "am", DO_SKIP },	 { "am1", DO_SKIP },
	{ "UR", DO_LINK },	 { "MT", DO_LINK },
};

static int find_request(struct span name)
{
	for (size_t i = 0; i < ARRAY_LEN(requests); i++)
		if (span_is(name, requests[i].name))
			return requests[i].does;
	return -1;
}

static void do_request(struct manual *m, int does, struct span rest)
{
	struct span word;
	bool quoted;

	switch (does) {
	case DO_SECTION:
	case DO_SUBSECTION:
		add_heading(m, rest, does == DO_SECTION ? 1 : 2);
		break;
	case DO_TITLE:
		take_title(m, rest);
		break;
	case DO_BLOCK:
		end_block(m);
		break;
	case DO_ITEM:
		end_block(m);
		add_words(m, rest, NULL);
		end_line(m);
		break;
	case DO_TAG:
		end_block(m);
		m->is_tag = true;
		break;
	case DO_POINT:
		end_block(m);
		if (next_word(&rest, &word, &quoted))
			add_word(m, "", word, "");
		break;
	case DO_LINE:
		end_line(m);
		add_words(m, rest, NULL);
		end_line(m);
		break;
	case DO_BREAK:
		end_line(m);
		break;
	case DO_NAME:
		add_name(m, rest);
		break;
	case DO_ABOUT:
		add_word(m, "- ", SPAN_NONE, "");
		m->glued = true;
		add_words(m, rest, NULL);
		break;
	case DO_FONT:
	case DO_FONTS:
		add_fonts(m, rest, does == DO_FONTS);
		break;
	case DO_DISPLAY:
	case DO_FILL:
		end_block(m);
		m->as_it_is = does == DO_DISPLAY;
		break;
	case DO_REFERENCE:
		add_reference(m, &rest);
		add_words(m, rest, NULL);
		break;
	case DO_SKIP:
		m->skips = true;
		break;
	case DO_LINK:
		add_fonts(m, rest, false);
		break;
	}
}

/* The name of what a control line asks for; the rest of it into *rest. */
static struct span request_of(struct span line, struct span *rest)
{
	struct span s = span_trim(span_from(line, 1));
	size_t len = 0;

	while (len < s.len && s.ptr[len] != ' ' && s.ptr[len] != '\t')
		len++;
	*rest = span_from(s, len);
	return span_of(s.ptr, len);
}

static void do_control(struct manual *m, struct span line)
{
	struct span rest, name = request_of(line, &rest);
	bool was_tag = m->is_tag;
	int does;

	if (name.len == 0 || name.ptr[0] == '\\')
		return;
	m->is_tag = false;
	does = find_request(name);
	if (does >= 0)
		do_request(m, does, rest);
	else if (find_inline(name))
		add_words(m, rest, find_inline(name));
	else if (span_is(name, "Qc") || span_is(name, "Ns"))
		add_words(m, span_from(line, 1), NULL);
	if (was_tag || m->as_it_is)
		end_line(m);
}

static bool is_control(struct span line)
{
	return line.len > 0 && (line.ptr[0] == '.' || line.ptr[0] == '\'');
}

/* Its last backslash joins the next line to it; one that opens a group does not. */
static bool goes_on(struct span line)
{
	return span_ends(line, "\\") && !span_ends(line, "\\\\") && !span_ends(line, "\\{\\");
}

/* A comment alone on its line does not part a paragraph. */
static bool is_comment(struct span line)
{
	return span_starts(line, "\\\"") || span_starts(line, "\\#");
}

/* Lines that are not shown whatever they say. */
static bool is_hidden(struct manual *m, struct span line)
{
	if (m->skips) {
		m->skips = !span_is(span_trim(line), "..");
		return true;
	}
	if (m->goes_on) {
		m->goes_on = goes_on(line);
		return true;
	}
	return is_comment(line);
}

static bool shows_nothing(struct span line)
{
	struct span rest, name = request_of(line, &rest);

	return find_request(name) < 0 && !find_inline(name);
}

static void do_line(struct manual *m, struct span line)
{
	bool joins_next = goes_on(line);

	if (is_hidden(m, line))
		return;
	if (joins_next)
		line = span_of(line.ptr, line.len - 1);
	if (is_control(line)) {
		m->goes_on = joins_next && shows_nothing(line);
		do_control(m, line);
		return;
	}
	if (m->as_it_is) {
		write_text(m->rd, line);
		reader_write_str(m->rd, "\n");
		return;
	}
	if (span_trim(line).len == 0) {
		end_block(m);
		return;
	}
	add_word(m, "", span_trim(line), "");
	if (m->is_tag || (line.ptr[0] == ' ' && !m->is_tag))
		end_line(m);
	m->is_tag = false;
}

static int write_manual(struct reader *rd, struct span text, struct err *err)
{
	struct manual m = { .rd = rd };
	size_t lines = 0;
	int rc = 0;

	while (text.ptr && rc == 0) {
		struct span line = span_cut(&text, '\n');

		if (span_ends(line, "\r"))
			line.len--;
		do_line(&m, line);
		if (++lines % LINES_BETWEEN_CHECKS == 0)
			rc = reader_goes_on(rd, err);
	}
	reader_end_line(rd);
	return rc;
}

/* "1" is the end of many a name that is no manual page's, such as app.log.1. */
bool manual_begins(struct span text)
{
	static const char *const begins[] = { ".Dd ", ".Dt ", ".TH ", ".Sh ", ".SH " };
	struct manual m = { .rd = NULL };

	while (text.ptr && text.len > 0) {
		struct span line = span_cut(&text, '\n'), rest;

		if (is_hidden(&m, line) || line.len == 0)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(begins); i++)
			if (span_starts(line, begins[i]))
				return true;
		if (!is_control(line))
			return false;
		m.skips = find_request(request_of(line, &rest)) == DO_SKIP;
		m.goes_on = goes_on(line);
	}
	return false;
}

int read_manual(struct reader *rd, struct err *err)
{
	struct buf text;
	int rc;

	buf_init(&text, rd->limits.bytes_in);
	rc = reader_decode(rd, NULL, &text, err);
	if (rc == 0 && text.len > 0) {
		if (manual_begins(buf_span(&text)))
			rc = write_manual(rd, buf_span(&text), err);
		else
			reader_write(rd, buf_span(&text));
	}
	buf_free(&text);
	return rc;
}
