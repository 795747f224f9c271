/* common/rag/reading_table.c - the table of readers, and which of them takes a document. */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"

#include <stdlib.h>

#define OFFICE "application/vnd.openxmlformats-officedocument."

static const struct reader_kind kinds[] = {
	{ { "text", "txt text log rst adoc asciidoc org tex", "text/plain", "spass", READER_LINES },
	  read_plain },
	{ { "markdown", "md markdown mdown mkd mdx qmd rmd", "text/markdown text/x-markdown",
	    "spass", READER_LINES },
	  read_markdown },
	{ { "html", "html htm xhtml xht shtml", "text/html application/xhtml+xml", "spass",
	    READER_TEXT },
	  read_html },
	{ { "docx", "docx docm dotx", OFFICE "wordprocessingml.document", "spass", READER_TEXT },
	  read_docx },
	{ { "odt", "odt ott odp ods",
	    "application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.presentation "
	    "application/vnd.oasis.opendocument.spreadsheet",
	    "spass", READER_TEXT },
	  read_odt },
	{ { "pptx", "pptx pptm ppsx", OFFICE "presentationml.presentation", "spass", READER_TEXT },
	  read_pptx },
	{ { "xlsx", "xlsx xlsm xltx", OFFICE "spreadsheetml.sheet", "spass", READER_ROWS },
	  read_xlsx },
	{ { "epub", "epub", "application/epub+zip", "spass", READER_TEXT }, read_epub },
	{ { "mail", "eml mbox", "message/rfc822 application/mbox", "spass", READER_TEXT }, read_mail },
	{ { "csv", "csv tsv tab", "text/csv text/tab-separated-values application/csv", "spass",
	    READER_ROWS },
	  read_csv },
	{ { "json", "json geojson webmanifest har",
	    "application/json text/json application/geo+json", "spass", READER_TEXT },
	  read_json },
	{ { "jsonl", "jsonl ndjson jsonlines",
	    "application/jsonl application/x-ndjson application/x-jsonlines application/json-lines",
	    "spass", READER_ROWS },
	  read_json_lines },
	{ { "notebook", "ipynb", "application/x-ipynb+json", "spass", READER_TEXT },
	  read_notebook },
	{ { "subtitles", "srt vtt", "text/vtt application/x-subrip", "spass", READER_TEXT },
	  read_subtitles },
	{ { "manual", "1 2 3 4 5 6 7 8 man mdoc",
	    "text/troff text/x-troff application/x-troff-man", "spass", READER_TEXT },
	  read_manual },
	{ { "pdf", "pdf", "application/pdf application/x-pdf", "pdftotext", READER_TEXT },
	  read_pdf },
	{ { "code",
	    "c h cc cpp cxx hh hpp hxx ipp tpp cu cs csx java js mjs cjs jsx ts tsx mts cts "
	    "go rs kt kts swift scala sc dart zig d m mm groovy gradle php phtml pl pm t awk "
	    "r sh bash zsh ksh fish ps1 psm1 tcl css scss less sass proto graphql gql tf "
	    "tfvars hcl sol glsl vert frag hlsl wgsl py pyi pyw pyx nim gd rb rake gemspec "
	    "lua jl ex exs vim f f90 f95 f03 lisp lsp cl el scm ss rkt clj cljs cljc edn hs "
	    "lhs ml mli fs fsx fsi erl hrl pas pp adb ads vb bas vbs cob cbl pro vhd vhdl v "
	    "sv svh s asm sql bat cmd mk mak cmake dockerfile nix yaml yml toml ini cfg conf "
	    "properties env service xml xsd xsl xslt svg plist wsdl diff patch 1 2 3 4 5 6 7 "
	    "8 man mdoc ms vue svelte astro j2 jinja jinja2 tmpl tpl erb ejs hbs mustache",
	    "text/x-c text/x-csrc text/x-chdr text/x-c++src text/x-python text/x-java text/x-go "
	    "text/x-rust "
	    "text/x-shellscript text/x-script text/css text/javascript application/javascript "
	    "application/x-sh application/x-yaml application/yaml application/toml application/sql "
	    "application/xml text/xml",
	    "spass", READER_LINES },
	  read_code },
};

/* What a loader command of the settings has read is kept as. */
static const char by_command[] = "command";

const struct reader_row *reader_row(size_t i)
{
	return i < ARRAY_LEN(kinds) ? &kinds[i].row : NULL;
}

void reader_names(struct buf *out)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", kinds[i].row.name);
}

/* ---- which one ---- */

bool reader_has_word(const char *words, struct span word)
{
	struct span rest = span_str(words);

	while (rest.ptr && word.len > 0)
		if (span_equal_nocase(span_cut(&rest, ' '), word))
			return true;
	return false;
}

static struct span base_name(struct span path)
{
	for (size_t i = path.len; i > 0; i--)
		if (path.ptr[i - 1] == '/' || path.ptr[i - 1] == '\\')
			return span_from(path, i);
	return path;
}

struct span reader_extension(struct span name)
{
	for (size_t i = name.len; i > 1; i--)
		if (name.ptr[i - 1] == '.')
			return span_from(name, i);
	return SPAN_NONE;
}

static const struct reader_kind *kind_of_type(struct span type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_is_nocase(type, kinds[i].row.name) ||
		    reader_has_word(kinds[i].row.media_types, type))
			return &kinds[i];
	return NULL;
}

const char *reader_name(struct span type)
{
	struct span rest = type;
	const struct reader_kind *kind = kind_of_type(span_trim(span_cut(&rest, ';')));

	if (kind)
		return kind->row.name;
	return span_is_nocase(type, by_command) ? by_command : NULL;
}

enum reader_places reader_places(struct span type)
{
	const struct reader_kind *kind = kind_of_type(type);

	return kind ? kind->row.places : READER_TEXT;
}

static const struct reader_kind *kind_named(const char *name)
{
	return kind_of_type(span_str(name));
}

static const struct reader_kind *kind_of_extension(struct span ext)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (reader_has_word(kinds[i].row.extensions, ext))
			return &kinds[i];
	return NULL;
}

const char *reader_name_of_file(struct span name)
{
	const struct reader_kind *kind = kind_of_extension(reader_extension(base_name(name)));

	return kind ? kind->row.name : NULL;
}

/* The value of charset in "text/html; charset=utf-8". */
static struct span charset_of(struct span type)
{
	struct span rest = type;

	span_cut(&rest, ';');
	while (rest.ptr) {
		struct span value = span_cut(&rest, ';');
		struct span key = span_trim(span_cut(&value, '='));

		value = span_trim(value);
		if (!span_is_nocase(key, "charset"))
			continue;
		if (value.len >= 2 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
			value = span_of(value.ptr + 1, value.len - 2);
		return value;
	}
	return SPAN_NONE;
}

/* Behind white space and comments. */
static bool begins_html(struct span bytes)
{
	static const char *const starts[] = { "<!doctype html", "<html", "<head", "<body" };

	if (span_starts(bytes, "\xef\xbb\xbf"))
		bytes = span_from(bytes, 3);
	while (bytes.len > 0 && strchr(" \t\r\n", bytes.ptr[0]))
		bytes = span_from(bytes, 1);
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		size_t len = strlen(starts[i]);

		if (bytes.len >= len && span_is_nocase(span_of(bytes.ptr, len), starts[i]))
			return true;
	}
	return false;
}

/* What a zip archive holds is said by names near its start and its end. */
static const struct reader_kind *kind_of_zip(struct span bytes)
{
	static const struct {
		const char *mark, *kind;
	} marks[] = {
		{ "application/epub+zip", "epub" }, { "application/vnd.oasis.opendocument", "odt" },
		{ "word/document.xml", "docx" },    { "ppt/presentation.xml", "pptx" },
		{ "xl/workbook.xml", "xlsx" },	    { "META-INF/container.xml", "epub" },
		{ "content.xml", "odt" },
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (span_find(bytes, span_str(marks[i].mark)) >= 0)
			return kind_named(marks[i].kind);
	return kind_named("text"); /* which says that it is an archive */
}

/* A field that only messages begin with. */
static bool begins_mail(struct span bytes)
{
	static const char *const starts[] = { "Return-Path:", "Received:", "Delivered-To:", "MIME-Version:",
					      "Message-ID:" };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (span_starts(bytes, starts[i]))
			return true;
	return false;
}

/* By its first bytes, for names that say nothing. */
static const struct reader_kind *kind_of_content(const struct reader *rd)
{
	if (span_starts(rd->bytes, "%PDF-"))
		return kind_named("pdf");
	if (span_starts(rd->bytes, "PK\x03\x04"))
		return kind_of_zip(rd->bytes);
	if (begins_html(rd->bytes))
		return kind_named("html");
	if (begins_mail(rd->bytes))
		return kind_named("mail");
	if (span_starts(rd->bytes, "WEBVTT"))
		return kind_named("subtitles");
	if (manual_begins(rd->bytes)) /* named by sections such as 3pm and 1ssl */
		return kind_named("manual");
	return code_language(rd->name, rd->bytes) ? kind_named("code") : kind_named("text");
}

static const struct reader_kind *choose(struct reader *rd, const char *type)
{
	struct span rest = span_str(type), media = span_trim(span_cut(&rest, ';'));
	const struct reader_kind *kind = kind_of_type(media);

	rd->charset = charset_of(span_str(type));
	if (!kind)
		kind = kind_of_extension(reader_extension(rd->name));
	return kind ? kind : kind_of_content(rd);
}

static bool is_number(struct span ext)
{
	for (size_t i = 0; i < ext.len; i++)
		if (ext.ptr[i] < '0' || ext.ptr[i] > '9')
			return false;
	return true;
}

static bool is_of_no_type(struct reader *rd)
{
	struct span ext = reader_extension(rd->name);
	struct err err = ERR_INIT;
	const struct reader_kind *kind;
	struct buf text;
	bool is_text;

	if (!is_number(ext) && kind_of_extension(ext))
		return false;
	kind = kind_of_content(rd);
	if (kind != kind_named("text") && kind != kind_named("code"))
		return false;
	buf_init(&text, rd->limits.text_max);
	is_text = reader_decode(rd, NULL, &text, &err) == 0 || err.code != E_unsupported_document;
	buf_free(&text);
	return !is_text;
}

/* Of what it is packed in when it is the beginning of a file, the beginning comes out, too. */
bool reader_is_unknown(const char *name, struct span bytes)
{
	static const struct reader_options none = { .commands = NULL };
	struct reading unread = { .type = NULL };
	struct reader rd = { .out = &unread, .bytes = bytes, .options = &none,
			     .limits = reader_default_limits };
	struct err ignored = ERR_INIT;
	struct span inside;
	struct buf unpacked;
	bool result;

	rd.name = base_name(span_str(name));
	inside = reader_packed_name(rd.name, bytes);
	buf_init(&unpacked, SIZE_MAX / 2);
	if (inside.ptr) {
		(void)reader_unpack(&rd, &unpacked, &ignored);
		rd.name = inside;
		rd.bytes = buf_span(&unpacked);
	}
	result = is_of_no_type(&rd);
	buf_free(&unpacked);
	return result;
}

/* ---- reading ---- */

static void resolve_limits(struct reader_limits *limits)
{
	const struct reader_limits *d = &reader_default_limits;

	if (limits->bytes_in == 0)
		limits->bytes_in = d->bytes_in;
	if (limits->text_max == 0)
		limits->text_max = d->text_max;
	if (limits->seconds <= 0)
		limits->seconds = d->seconds;
	if (limits->depth <= 0)
		limits->depth = d->depth;
}

/* Of the settings, for this extension; NULL = none. */
static const char *find_command(const struct reader *rd, struct span ext)
{
	const struct reader_options *o = rd->options;

	for (size_t i = 0; ext.len > 0 && i < o->command_count; i++)
		if (span_is_nocase(ext, o->commands[i].extension))
			return o->commands[i].command;
	return NULL;
}

static int read_as(struct reader *rd, const struct reader_kind *kind, const char *command,
		   struct err *err)
{
	if (rd->depth == 0)
		rd->out->type = command ? by_command : kind->row.name;
	return command ? read_by_command(rd, command, err) : kind->read(rd, err);
}

static int read_bytes(struct reader *rd, const char *type, struct err *err)
{
	const char *any = find_command(rd, SPAN_LIT("*"));
	const struct reader_kind *kind;
	struct err said = ERR_INIT;

	if (rd->bytes.len > rd->limits.bytes_in)
		return err_set(err, E_document_too_large, "", "it has %zu bytes; the limit is %zu",
			       rd->bytes.len, rd->limits.bytes_in);
	if (reader_goes_on(rd, err) < 0)
		return -1;
	kind = choose(rd, type);
	if (read_as(rd, kind, find_command(rd, reader_extension(rd->name)), &said) == 0)
		return 0;
	if (said.code == E_unsupported_document && any)
		return read_as(rd, kind, any, err);
	return err_set(err, said.code, "", "%s", said.message);
}

/* What is packed as a whole is read as what it is; a command of the settings may do that itself. */
static int read_one(struct reader *rd, const char *type, struct err *err)
{
	struct span inside = reader_packed_name(rd->name, rd->bytes);
	struct buf unpacked;
	int result;

	if (!inside.ptr || find_command(rd, reader_extension(rd->name)))
		return read_bytes(rd, type, err);
	buf_init(&unpacked, SIZE_MAX / 2);
	result = reader_unpack(rd, &unpacked, err);
	if (result == 0) {
		rd->name = inside;
		rd->bytes = buf_span(&unpacked);
		result = read_bytes(rd, type, err);
		rd->bytes = SPAN_NONE;
	}
	buf_free(&unpacked);
	return result;
}

int reader_nested(struct reader *rd, struct span name, const char *type, struct span bytes,
		  struct err *err)
{
	struct reading *r = rd->out;
	struct reader inner = *rd;
	size_t text = r->text.len, marks = r->mark_count;

	inner.bytes = bytes;
	inner.name = base_name(name);
	inner.charset = SPAN_NONE;
	inner.after_cr = false;
	inner.depth++;
	if (inner.depth > rd->limits.depth)
		return err_set(err, E_document_too_large, "",
			       "documents are nested more than %d deep", rd->limits.depth);
	if (read_one(&inner, type, err) < 0 || reader_goes_on(&inner, err) < 0) {
		if (!buf_failed(&r->text) && r->text.ptr)
			buf_truncate(&r->text, text);
		r->mark_count = marks;
		rd->inflated = inner.inflated;
		return -1;
	}
	rd->inflated = inner.inflated;
	rd->is_full = inner.is_full;
	return 0;
}

/* What encloses others comes before them, pages first. */
static int compare_marks(const void *left, const void *right)
{
	const struct mark *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if ((a->kind == MARK_PAGE) != (b->kind == MARK_PAGE))
		return a->kind == MARK_PAGE ? -1 : 1;
	if (a->kind == MARK_PAGE)
		return a->level < b->level ? -1 : a->level > b->level;
	if (a->end != b->end)
		return a->end > b->end ? -1 : 1;
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	return (a->kind > b->kind) - (a->kind < b->kind);
}

/* One \n at the end; the marks in order and within the text. */
static void finish(struct reading *r)
{
	struct buf *text = &r->text;
	size_t len = text->len, kept = 0;

	while (len > 0 && strchr(" \t\n", text->ptr[len - 1]))
		len--;
	if (text->ptr)
		buf_truncate(text, len);
	if (len > 0)
		buf_add_char(text, '\n');
	for (size_t i = 0; i < r->mark_count; i++) {
		struct mark m = r->marks[i];

		m.start = m.start < len ? m.start : len;
		m.end = m.end < len ? m.end : len;
		if (m.end > m.start || m.kind == MARK_PAGE)
			r->marks[kept++] = m;
	}
	r->mark_count = kept;
	if (kept > 1)
		qsort(r->marks, kept, sizeof(*r->marks), compare_marks);
	r->flagged = reading_has_orders(buf_span(text));
}

int read_document(struct reading *r, const char *name, const char *type, struct span bytes,
		  const struct reader_options *options, struct err *err)
{
	static const struct reader_options none = { .commands = NULL };
	struct reader rd = { .out = r, .bytes = bytes };

	rd.options = options ? options : &none;
	rd.limits = rd.options->limits;
	resolve_limits(&rd.limits);
	rd.name = base_name(span_str(name));
	reading_free(r);
	/* One more than it may be: the \n at its end. */
	buf_init(&r->text, rd.limits.text_max + 1);
	if (read_one(&rd, type, err) < 0 || reader_goes_on(&rd, err) < 0) {
		reading_free(r);
		return -1;
	}
	finish(r);
	return 0;
}
