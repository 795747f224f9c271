/* common/rag/reading_docx.c - Word documents: their paragraphs, headings, lists, tables, notes. */
#include "common/rag/reading_words.h"
#include "common/rag/reading_xml.h"
#include "common/rag/reading_zip.h"

#include "common/base/mem.h"

#include <stdlib.h>

enum { STYLES_MAX = 4096, STYLE_ID_MAX = 80, NOTES_MAX = 1 << 16 };

struct style {
	char id[STYLE_ID_MAX];
	int heading; /* 0 = none */
	bool is_list;
};

/* A footnote or an endnote: what it says, written aside. */
struct note {
	int64_t number; /* 2 * its id, and 1 more for endnotes */
	size_t start, end;
};

struct docx {
	struct words words;
	struct reading aside;
	struct note *notes;
	size_t note_count;
	struct style *styles;
	size_t style_count;
	struct style *style;  /* being read */
	size_t skipped;       /* elements open since one that is no text, that one included */
	size_t boxes;         /* text boxes open */
	bool in_properties;   /* of a paragraph */
	bool in_text;
	bool has_rendered;    /* page ends as Word saw them are noted */
	bool in_title;
	struct buf title;
};

/* ---- styles ---- */

static int level_of(struct span text, int base, int max)
{
	int64_t value;

	if (span_to_int(span_trim(text), 0, 100, &value) < 0 || value + base < 1 || value + base > max)
		return 0;
	return (int)value + base;
}

static void name_style(struct style *style, struct span name)
{
	if (name.len > 8 && span_is_nocase(span_of(name.ptr, 8), "heading "))
		style->heading = level_of(span_from(name, 8), 0, 6);
	else if (span_is_nocase(name, "title"))
		style->heading = 1;
	else if (name.len >= 5 && span_is_nocase(span_of(name.ptr, 5), "list "))
		style->is_list = true;
}

static void open_style(void *data, const struct xml_element *e)
{
	struct docx *d = data;

	if (strcmp(e->name, "style") == 0) {
		struct span id = xml_attribute(e, "styleId");

		d->style = NULL;
		if (d->style_count == STYLES_MAX || id.len == 0 || id.len >= STYLE_ID_MAX)
			return;
		d->style = &d->styles[d->style_count++];
		memcpy(d->style->id, id.ptr, id.len);
		return;
	}
	if (!d->style)
		return;
	if (strcmp(e->name, "name") == 0)
		name_style(d->style, xml_attribute(e, "val"));
	else if (strcmp(e->name, "outlineLvl") == 0 && d->style->heading == 0)
		d->style->heading = level_of(xml_attribute(e, "val"), 1, 6);
}

static void use_style(struct docx *d, struct span id)
{
	for (size_t i = 0; i < d->style_count; i++)
		if (span_is(id, d->styles[i].id)) {
			if (d->styles[i].heading > 0)
				d->words.heading = d->styles[i].heading;
			if (d->styles[i].is_list && d->words.list == 0)
				d->words.list = 1;
			return;
		}
	/* Without its table of styles the names still say it. */
	if (span_starts(id, "Heading"))
		d->words.heading = level_of(span_from(id, 7), 0, 6);
}

/* ---- notes ---- */

static int64_t note_number(const struct xml_element *e)
{
	int64_t id;

	if (span_to_int(xml_attribute(e, "id"), 0, INT32_MAX, &id) < 0)
		return -1;
	return 2 * id + (e->name[0] == 'e');
}

static void begin_note(struct docx *d, const struct xml_element *e)
{
	words_end_paragraph(&d->words);
	if (d->note_count == NOTES_MAX)
		return;
	if (!d->notes)
		d->notes = mem_calloc(NOTES_MAX, sizeof(*d->notes));
	d->notes[d->note_count++] = (struct note){ note_number(e), reader_at(d->words.rd), 0 };
}

static void end_note(struct docx *d)
{
	words_end_paragraph(&d->words);
	if (d->note_count > 0)
		d->notes[d->note_count - 1].end = reader_at(d->words.rd);
}

static int compare_notes(const void *a, const void *b)
{
	const struct note *one = a, *other = b;

	return (one->number > other->number) - (one->number < other->number);
}

/* Once: a note that is pointed to again is not said again. */
static void refer_to_note(struct docx *d, const struct xml_element *e)
{
	struct note key = { .number = note_number(e) }, *found = NULL;

	if (d->note_count > 0)
		found = bsearch(&key, d->notes, d->note_count, sizeof(key), compare_notes);
	if (!found || found->end <= found->start)
		return;
	words_note(&d->words, span_of(d->aside.text.ptr + found->start, found->end - found->start));
	found->end = found->start;
}

/* ---- the text ---- */

static void open_property(struct docx *d, const struct xml_element *e)
{
	struct span value = xml_attribute(e, "val");
	int64_t number;

	if (strcmp(e->name, "pStyle") == 0)
		use_style(d, value);
	else if (strcmp(e->name, "outlineLvl") == 0)
		d->words.heading = level_of(value, 1, 6);
	else if (strcmp(e->name, "ilvl") == 0)
		d->words.list = span_to_int(value, 0, 20, &number) == 0 ? (int)number + 1 : 1;
	else if (strcmp(e->name, "numId") == 0)
		d->words.list = span_is(value, "0") ? 0 : d->words.list > 0 ? d->words.list : 1;
	else if (strcmp(e->name, "pageBreakBefore") == 0 && !d->has_rendered && !span_is(value, "0"))
		words_turn_page(&d->words);
}

static void open_break(struct docx *d, const struct xml_element *e)
{
	if (!span_is(xml_attribute(e, "type"), "page"))
		words_break(&d->words);
	else if (!d->has_rendered)
		words_turn_page(&d->words);
}

static void open_element(void *data, const struct xml_element *e)
{
	static const char skipped[] = "Fallback moveFrom pPrChange rPrChange instrText del delText";
	struct docx *d = data;
	struct words *w = &d->words;

	if (d->skipped > 0 || reader_has_word(skipped, span_str(e->name))) {
		d->skipped++;
	} else if (strcmp(e->name, "pPr") == 0) {
		d->in_properties = true;
	} else if (d->in_properties) {
		open_property(d, e);
	} else if (strcmp(e->name, "p") == 0) {
		if (d->boxes > 0 && w->is_started)
			words_break(w); /* inside another paragraph */
		else
			words_begin(w);
	} else if (strcmp(e->name, "t") == 0) {
		d->in_text = true;
	} else if (strcmp(e->name, "tab") == 0) {
		words_text(w, SPAN_LIT("\t"));
	} else if (strcmp(e->name, "br") == 0 || strcmp(e->name, "cr") == 0) {
		open_break(d, e);
	} else if (strcmp(e->name, "noBreakHyphen") == 0) {
		words_text(w, SPAN_LIT("-"));
	} else if (strcmp(e->name, "lastRenderedPageBreak") == 0) {
		words_turn_page(w);
	} else if (reader_has_word("footnoteReference endnoteReference", span_str(e->name))) {
		refer_to_note(d, e);
	} else if (reader_has_word("footnote endnote", span_str(e->name))) {
		begin_note(d, e);
	} else if (strcmp(e->name, "txbxContent") == 0) {
		d->boxes++;
	} else if (strcmp(e->name, "tbl") == 0) {
		words_open_table(w);
	} else if (strcmp(e->name, "tr") == 0) {
		words_open_row(w);
	} else if (strcmp(e->name, "tc") == 0) {
		words_open_cell(w, 1);
	} else if (strcmp(e->name, "tblHeader") == 0 && w->tables == 1) {
		w->rows[0].is_header = !span_is(xml_attribute(e, "val"), "0");
	}
}

static void close_element(void *data, const char *name)
{
	struct docx *d = data;
	struct words *w = &d->words;

	if (d->skipped > 0)
		d->skipped--;
	else if (strcmp(name, "pPr") == 0)
		d->in_properties = false;
	else if (d->in_properties)
		return;
	else if (strcmp(name, "t") == 0)
		d->in_text = false;
	else if (strcmp(name, "p") == 0 && d->boxes == 0)
		words_end_paragraph(w);
	else if (reader_has_word("footnote endnote", span_str(name)))
		end_note(d);
	else if (strcmp(name, "txbxContent") == 0 && d->boxes > 0)
		d->boxes--;
	else if (strcmp(name, "tr") == 0)
		words_close_row(w);
	else if (strcmp(name, "tbl") == 0)
		words_close_table(w);
}

static void take_text(void *data, struct span text)
{
	struct docx *d = data;

	if (d->in_text && d->skipped == 0)
		words_text(&d->words, text);
}

/* ---- the file ---- */

static void open_core(void *data, const struct xml_element *e)
{
	struct docx *d = data;

	d->in_title = strcmp(e->name, "title") == 0;
}

static void close_core(void *data, const char *name)
{
	struct docx *d = data;

	(void)name;
	d->in_title = false;
}

static void take_core(void *data, struct span text)
{
	struct docx *d = data;

	if (d->in_title)
		buf_add_span(&d->title, text);
}

void office_title(struct reader *rd, struct span xml)
{
	static const struct xml_handler core = { open_core, close_core, take_core };
	struct docx d = { .skipped = 0 };

	buf_init(&d.title, 4 * KIB);
	if (xml.len > 0 && xml_each(rd, xml, &core, &d, NULL) == 0)
		reader_title(rd, buf_span(&d.title));
	buf_free(&d.title);
}

static bool wants_part(struct span name)
{
	return reader_has_word("word/document.xml word/styles.xml word/footnotes.xml word/endnotes.xml "
			       "docProps/core.xml",
			       name);
}

static const struct xml_handler text_handler = { open_element, close_element, take_text };

static int read_notes(struct docx *d, struct reader *rd, const struct zip *zip, struct err *err)
{
	static const char *const parts[] = { "word/footnotes.xml", "word/endnotes.xml" };
	struct reader aside;
	int rc = 0;

	words_init_aside(&aside, &d->aside, rd, rd->out->text.max);
	words_init(&d->words, &aside);
	for (size_t i = 0; i < ARRAY_LEN(parts) && rc == 0; i++) {
		struct span xml = zip_get(zip, parts[i]);

		if (xml.len > 0)
			rc = xml_each(&aside, xml, &text_handler, d, err);
	}
	words_free(&d->words);
	if (d->note_count > 0)
		qsort(d->notes, d->note_count, sizeof(*d->notes), compare_notes);
	return rc;
}

static int read_text(struct docx *d, struct reader *rd, const struct zip *zip, struct err *err)
{
	static const struct xml_handler styles = { .open = open_style };
	struct span xml = zip_get(zip, "word/document.xml");

	if (!xml.ptr)
		return err_set(err, E_document_unreadable, "",
			       "it is no Word document: it has no word/document.xml");
	office_title(rd, zip_get(zip, "docProps/core.xml"));
	if (zip_get(zip, "word/styles.xml").len > 0)
		xml_each(rd, zip_get(zip, "word/styles.xml"), &styles, d, NULL);
	if (read_notes(d, rd, zip, err) < 0)
		return -1;
	words_init(&d->words, rd);
	d->has_rendered = span_find(xml, SPAN_LIT("lastRenderedPageBreak")) >= 0;
	if (xml.len > 0 && xml_each(rd, xml, &text_handler, d, err) < 0)
		return -1;
	words_end(&d->words, false);
	return 0;
}

int read_docx(struct reader *rd, struct err *err)
{
	struct docx d = { .styles = mem_calloc(STYLES_MAX, sizeof(*d.styles)) };
	struct zip zip;
	int rc;

	rc = zip_open(&zip, rd, wants_part, err);
	if (rc == 0)
		rc = read_text(&d, rd, &zip, err);
	if (rc == 0)
		reader_title_by_heading(rd);
	zip_free(&zip);
	words_free(&d.words);
	reading_free(&d.aside);
	mem_free(d.notes);
	mem_free(d.styles);
	return rc;
}
