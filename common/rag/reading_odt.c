/* common/rag/reading_odt.c - OpenDocument: texts, and what slides and sheets say. */
#include "common/rag/reading_words.h"
#include "common/rag/reading_xml.h"
#include "common/rag/reading_zip.h"

#include "common/base/mem.h"

enum { STYLES_MAX = 512, STYLE_NAME_MAX = 40, REPEAT_MAX = 64 };

struct style {
	char name[STYLE_NAME_MAX];
	bool begins_page, is_title;
};

struct odt {
	struct words words;
	struct style styles[STYLES_MAX]; /* those that say something */
	size_t style_count;
	struct style style;              /* being read */
	size_t skipped;
	size_t paragraphs;                       /* open ones: a note is inside another */
	int lists;
	bool is_spreadsheet;
	bool wants_space;
	int slides;
	bool in_title_frame; /* of a slide */
	/* What a note says is written aside, as a text of its own. */
	struct reading aside;
	struct reader aside_reader;
	size_t notes; /* open ones: one inside another is part of it */
	struct {
		struct words words;
		size_t paragraphs;
		int lists;
		bool wants_space;
	} outer; /* as it was where the note stands */
};

/* Of what is known of the style being read. */
static void keep_style(struct odt *d)
{
	struct style *last = d->style_count > 0 ? &d->styles[d->style_count - 1] : NULL;

	if (d->style.name[0] == '\0')
		return;
	if (last && strcmp(last->name, d->style.name) == 0)
		*last = d->style;
	else if (d->style_count < STYLES_MAX)
		d->styles[d->style_count++] = d->style;
}

static void open_style(struct odt *d, const struct xml_element *e)
{
	struct span name = xml_attribute(e, "name");

	d->style = (struct style){ .is_title = span_is(xml_attribute(e, "parent-style-name"), "Title") };
	if (name.len < STYLE_NAME_MAX && name.len > 0)
		memcpy(d->style.name, name.ptr, name.len);
	if (d->style.is_title)
		keep_style(d);
}

static void note_break(struct odt *d, const struct xml_element *e)
{
	if (!span_is(xml_attribute(e, "break-before"), "page"))
		return;
	d->style.begins_page = true;
	keep_style(d);
}

static struct style find_style(const struct odt *d, struct span name)
{
	for (size_t i = 0; i < d->style_count; i++)
		if (span_is(name, d->styles[i].name))
			return d->styles[i];
	return (struct style){ .is_title = span_is(name, "Title") };
}

static void begin(struct odt *d, const struct xml_element *e)
{
	struct style style = find_style(d, xml_attribute(e, "style-name"));
	int64_t level;

	if (d->paragraphs++ > 0) {
		words_break(&d->words);
		return;
	}
	words_begin(&d->words);
	d->wants_space = false;
	if (strcmp(e->name, "h") == 0)
		d->words.heading =
			span_to_int(xml_attribute(e, "outline-level"), 1, 6, &level) == 0 ? (int)level : 1;
	else if (style.is_title)
		d->words.heading = 1;
	else if (d->in_title_frame)
		d->words.heading = 2;
	else
		d->words.list = d->lists;
	if (style.begins_page)
		words_turn_page(&d->words);
}

/* White space in runs is one blank, as the format has it. */
static void write_flowing(struct odt *d, struct span text)
{
	while (text.len > 0) {
		size_t len = 0;

		while (len < text.len && strchr(" \t\r\n", text.ptr[len]))
			len++;
		d->wants_space = d->wants_space || len > 0;
		text = span_from(text, len);
		for (len = 0; len < text.len && !strchr(" \t\r\n", text.ptr[len]);)
			len++;
		if (len == 0)
			return;
		if (d->wants_space && d->words.is_started)
			words_text(&d->words, SPAN_LIT(" "));
		d->wants_space = false;
		words_text(&d->words, span_of(text.ptr, len));
		text = span_from(text, len);
	}
}

static void open_spaces(struct odt *d, const struct xml_element *e)
{
	int64_t count = 1;

	if (span_to_int(xml_attribute(e, "c"), 1, REPEAT_MAX, &count) < 0)
		count = 1;
	while (count-- > 0)
		words_text(&d->words, SPAN_LIT(" "));
}

/* A slide is a page; so is a sheet, whose name is its heading. */
static void open_sheet(struct odt *d, struct span name)
{
	words_end_paragraph(&d->words);
	if (d->slides++ > 0)
		words_turn_page(&d->words);
	if (name.len == 0)
		return;
	words_begin(&d->words);
	d->words.heading = 2;
	words_text(&d->words, name);
	words_end_paragraph(&d->words);
}

static void open_table(struct odt *d, const struct xml_element *e)
{
	if (d->is_spreadsheet && d->words.tables == 0)
		open_sheet(d, xml_attribute(e, "name"));
	words_open_table(&d->words);
}

static void open_cell(struct words *w, const struct xml_element *e)
{
	int64_t count;

	if (span_to_int(xml_attribute(e, "number-columns-repeated"), 1, INT32_MAX, &count) < 0)
		count = 1;
	words_open_cell(w, (int)count);
}

static void open_note(struct odt *d)
{
	words_init_aside(&d->aside_reader, &d->aside, d->words.rd, words_room(&d->words));
	d->outer.words = d->words;
	d->outer.paragraphs = d->paragraphs;
	d->outer.lists = d->lists;
	d->outer.wants_space = d->wants_space;
	words_init(&d->words, &d->aside_reader);
	d->paragraphs = 0;
	d->lists = 0;
}

static void close_note(struct odt *d)
{
	struct words note = d->words;

	words_end(&note, false);
	words_free(&note);
	d->words = d->outer.words;
	d->paragraphs = d->outer.paragraphs;
	d->lists = d->outer.lists;
	d->wants_space = d->outer.wants_space;
	words_note(&d->words, buf_span(&d->aside.text));
	if (buf_failed(&d->aside.text))
		d->words.rd->out->text.overflowed = true;
	reading_free(&d->aside);
}

static void open_element(void *data, const struct xml_element *e)
{
	static const char skipped[] = "tracked-changes annotation note-citation binary-data scripts "
				      "settings sequence-decls forms tracked-change";
	struct odt *d = data;
	struct words *w = &d->words;

	if (d->skipped > 0 || reader_has_word(skipped, span_str(e->name)))
		d->skipped++;
	else if (strcmp(e->name, "style") == 0)
		open_style(d, e);
	else if (strcmp(e->name, "paragraph-properties") == 0)
		note_break(d, e);
	else if (strcmp(e->name, "p") == 0 || strcmp(e->name, "h") == 0)
		begin(d, e);
	else if (strcmp(e->name, "s") == 0)
		open_spaces(d, e);
	else if (strcmp(e->name, "tab") == 0)
		words_text(w, SPAN_LIT("\t"));
	else if (strcmp(e->name, "line-break") == 0)
		words_break(w);
	else if (strcmp(e->name, "soft-page-break") == 0)
		words_turn_page(w);
	else if (strcmp(e->name, "note-body") == 0 && d->notes++ == 0)
		open_note(d);
	else if (strcmp(e->name, "list") == 0)
		d->lists++;
	else if (strcmp(e->name, "frame") == 0)
		d->in_title_frame = span_is(xml_attribute(e, "class"), "title");
	else if (strcmp(e->prefix, "svg") == 0)
		d->wants_space = true; /* what a picture shows is no part of the word beside it */
	else if (strcmp(e->name, "page") == 0)
		open_sheet(d, SPAN_NONE);
	else if (strcmp(e->name, "spreadsheet") == 0)
		d->is_spreadsheet = true;
	else if (strcmp(e->name, "table") == 0)
		open_table(d, e);
	else if (strcmp(e->name, "table-row") == 0)
		words_open_row(w);
	else if (reader_has_word("table-cell covered-table-cell", span_str(e->name)))
		open_cell(w, e);
}

static void close_element(void *data, const char *name)
{
	struct odt *d = data;
	struct words *w = &d->words;

	if (d->skipped > 0) {
		d->skipped--;
	} else if (strcmp(name, "p") == 0 || strcmp(name, "h") == 0) {
		if (d->paragraphs > 0 && --d->paragraphs == 0)
			words_end_paragraph(w);
	} else if (strcmp(name, "note-body") == 0 && --d->notes == 0) {
		close_note(d);
	} else if (strcmp(name, "list") == 0 && d->lists > 0) {
		d->lists--;
	} else if (strcmp(name, "frame") == 0) {
		d->in_title_frame = false;
		d->wants_space = true;
	} else if (strcmp(name, "table-row") == 0) {
		words_close_row(w);
	} else if (strcmp(name, "table") == 0) {
		words_close_table(w);
	}
}

static void take_text(void *data, struct span text)
{
	struct odt *d = data;

	if (d->paragraphs > 0 && d->skipped == 0)
		write_flowing(d, text);
}

static bool wants_part(struct span name)
{
	return reader_has_word("content.xml meta.xml META-INF/manifest.xml", name);
}

static int read_parts(struct odt *d, const struct zip *zip, struct err *err)
{
	static const struct xml_handler text = { open_element, close_element, take_text };
	struct span xml = zip_get(zip, "content.xml");

	if (span_find(zip_get(zip, "META-INF/manifest.xml"), SPAN_LIT("encryption-data")) >= 0)
		return err_set(err, E_document_unreadable, "", "it is encrypted and wants a password");
	if (!xml.ptr)
		return err_set(err, E_document_unreadable, "", "it is no OpenDocument: it has no content.xml");
	office_title(d->words.rd, zip_get(zip, "meta.xml"));
	if (xml.len > 0 && xml_each(d->words.rd, xml, &text, d, err) < 0)
		return -1;
	words_end(&d->words, false);
	return 0;
}

int read_odt(struct reader *rd, struct err *err)
{
	struct odt *d = mem_new(struct odt);
	struct zip zip;
	int rc;

	words_init(&d->words, rd);
	reading_init(&d->aside);
	rc = zip_open(&zip, rd, wants_part, err);
	if (rc == 0)
		rc = read_parts(d, &zip, err);
	if (rc == 0)
		reader_title_by_heading(rd);
	zip_free(&zip);
	if (d->notes > 0)
		words_free(&d->outer.words);
	words_free(&d->words);
	reading_free(&d->aside);
	mem_free(d);
	return rc;
}
