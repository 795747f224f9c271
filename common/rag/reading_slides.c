/* common/rag/reading_slides.c - PowerPoint slides with their notes, in the order of their show. */
#include "common/rag/reading_office.h"
#include "common/rag/reading_words.h"

struct slide {
	struct words words;
	size_t skipped;
	bool in_text, is_title;
};

static void open_slide(void *data, const struct xml_element *e)
{
	struct slide *s = data;
	struct words *w = &s->words;

	if (s->skipped > 0 || reader_has_word("Fallback fld", span_str(e->name))) {
		s->skipped++;
	} else if (strcmp(e->name, "sp") == 0) {
		s->is_title = false;
	} else if (strcmp(e->name, "ph") == 0) {
		s->is_title = reader_has_word("title ctrTitle", xml_attribute(e, "type"));
	} else if (strcmp(e->name, "p") == 0) {
		words_begin(w);
		w->heading = s->is_title ? 2 : 0;
	} else if (strcmp(e->name, "t") == 0) {
		s->in_text = true;
	} else if (strcmp(e->name, "br") == 0) {
		words_break(w);
	} else if (strcmp(e->name, "tbl") == 0) {
		words_open_table(w);
	} else if (strcmp(e->name, "tr") == 0) {
		words_open_row(w);
	} else if (strcmp(e->name, "tc") == 0) {
		words_open_cell(w, 1);
	}
}

static void close_slide(void *data, const char *name)
{
	struct slide *s = data;

	if (s->skipped > 0)
		s->skipped--;
	else if (strcmp(name, "t") == 0)
		s->in_text = false;
	else if (strcmp(name, "p") == 0)
		words_end_paragraph(&s->words);
	else if (strcmp(name, "tr") == 0)
		words_close_row(&s->words);
	else if (strcmp(name, "tbl") == 0)
		words_close_table(&s->words);
}

static void take_slide(void *data, struct span text)
{
	struct slide *s = data;

	if (s->in_text && s->skipped == 0)
		words_text(&s->words, text);
}

static const struct xml_handler slide_handler = { open_slide, close_slide, take_slide };

/* What the speaker says stands behind what the slide shows. */
static int write_slide(struct reader *rd, const struct zip *zip, const char *part, int number,
		       struct err *err)
{
	struct slide s = { .skipped = 0 };
	struct span xml = zip_get(zip, part);
	struct office_links links;
	int rc = 0;

	reader_end_block(rd);
	words_init(&s.words, rd);
	s.words.is_tight = true;
	s.words.page = number;
	if (xml.len > 0)
		rc = xml_each(rd, xml, &slide_handler, &s, err);
	office_links(rd, zip, part, &links);
	for (size_t i = 0; i < links.count && rc == 0; i++) {
		xml = links.rows[i].is_notes ? zip_get(zip, links.rows[i].target) : SPAN_NONE;
		s.is_title = false;
		if (xml.len > 0)
			rc = xml_each(rd, xml, &slide_handler, &s, err);
	}
	office_links_free(&links);
	words_end(&s.words, true);
	words_free(&s.words);
	return rc;
}

static int write_slides(struct reader *rd, const struct zip *zip, struct err *err)
{
	static const char book[] = "ppt/presentation.xml";
	struct office_links links, order;
	int rc = 0;

	if (!zip_get(zip, book).ptr)
		return err_set(err, E_document_unreadable, "", "it is no presentation: it has no %s", book);
	office_links(rd, zip, book, &links);
	if (office_order(rd, zip_get(zip, book), &order, err) < 0)
		rc = -1;
	for (size_t i = 0; i < order.count && rc == 0; i++) {
		const char *part = office_target(&links, order.rows[i].id);

		if (part)
			rc = write_slide(rd, zip, part, (int)i + 1, err);
	}
	office_links_free(&links);
	office_links_free(&order);
	return rc;
}

static bool wants_slides(struct span name)
{
	return office_is_xml(name) && (span_starts(name, "ppt/slides/") || span_starts(name, "ppt/notesSlides/") ||
				  span_starts(name, "ppt/presentation.xml") || span_starts(name, "ppt/_rels/") ||
				  span_is(name, "docProps/core.xml"));
}

int read_pptx(struct reader *rd, struct err *err)
{
	return office_read(rd, wants_slides, write_slides, err);
}
