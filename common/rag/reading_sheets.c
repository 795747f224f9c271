/* common/rag/reading_sheets.c - Excel sheets, in the order of their book. */
#include "common/rag/reading_office.h"

#include "common/base/clock.h"
#include "common/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	COLUMNS_MAX = 1024,
	STRINGS_MAX = 4000000,
	FORMATS_MAX = 8192,
	CUSTOM_MAX = 512,
};

struct sheet {
	struct reader *rd;
	struct buf strings;     /* those that cells share, one after the other */
	size_t *string_ends;
	size_t string_count, string_room;
	bool dates[FORMATS_MAX]; /* cell formats that show dates */
	size_t format_count;
	int64_t custom[CUSTOM_MAX]; /* number formats of the file's own that do */
	size_t custom_count;
	bool in_formats;
	struct buf value;
	enum { CELL_TEXT, CELL_SHARED, CELL_BOOLEAN, CELL_NUMBER } type;
	int64_t format;
	size_t column;
	char *cells[COLUMNS_MAX];
	char *names[COLUMNS_MAX]; /* of the first row */
	size_t width;
	bool has_names, in_value;
	size_t phonetic;
	struct err *err;
};

static void open_string(void *data, const struct xml_element *e)
{
	struct sheet *s = data;

	if (strcmp(e->name, "rPh") == 0 || s->phonetic > 0)
		s->phonetic++;
	else if (strcmp(e->name, "t") == 0)
		s->in_value = true;
}

static void close_string(void *data, const char *name)
{
	struct sheet *s = data;

	if (s->phonetic > 0) {
		s->phonetic--;
	} else if (strcmp(name, "t") == 0) {
		s->in_value = false;
	} else if (strcmp(name, "si") == 0 && s->string_count < STRINGS_MAX) {
		if (s->string_count == s->string_room) {
			s->string_room = s->string_room ? 2 * s->string_room : 256;
			s->string_ends = mem_realloc(s->string_ends, s->string_room * sizeof(*s->string_ends));
		}
		s->string_ends[s->string_count++] = s->strings.len;
	}
}

static void take_string(void *data, struct span text)
{
	struct sheet *s = data;

	if (s->in_value)
		buf_add_span(&s->strings, text);
}

/* A number format with days, months, years or hours shows a date. */
static bool shows_date(struct span code)
{
	bool in_quotes = false, in_brackets = false;

	for (size_t i = 0; i < code.len; i++) {
		char c = code.ptr[i];

		if (c == '"')
			in_quotes = !in_quotes;
		else if (c == '[')
			in_brackets = true;
		else if (c == ']')
			in_brackets = false;
		else if (!in_quotes && !in_brackets && strchr("dmyhDMYH", c))
			return true;
	}
	return false;
}

static bool is_date_format(const struct sheet *s, int64_t id)
{
	if ((id >= 14 && id <= 17) || id == 22 || (id >= 27 && id <= 31) || id == 36)
		return true;
	for (size_t i = 0; i < s->custom_count; i++)
		if (s->custom[i] == id)
			return true;
	return false;
}

static void open_format(void *data, const struct xml_element *e)
{
	struct sheet *s = data;
	int64_t id = 0;

	if (span_to_int(xml_attribute(e, "numFmtId"), 0, INT32_MAX, &id) < 0)
		id = 0;
	if (strcmp(e->name, "numFmt") == 0 && s->custom_count < CUSTOM_MAX &&
	    shows_date(xml_attribute(e, "formatCode")))
		s->custom[s->custom_count++] = id;
	else if (strcmp(e->name, "cellXfs") == 0)
		s->in_formats = true;
	else if (strcmp(e->name, "xf") == 0 && s->in_formats && s->format_count < FORMATS_MAX)
		s->dates[s->format_count++] = is_date_format(s, id);
}

static void close_format(void *data, const char *name)
{
	struct sheet *s = data;

	if (strcmp(name, "cellXfs") == 0)
		s->in_formats = false;
}

/* "BC12": 54; too far to the right counts as the last. */
static size_t column_of(struct span reference, size_t otherwise)
{
	size_t column = 0, i = 0;

	for (; i < reference.len && reference.ptr[i] >= 'A' && reference.ptr[i] <= 'Z' && column < COLUMNS_MAX; i++)
		column = column * 26 + (size_t)(reference.ptr[i] - 'A' + 1);
	if (i == 0)
		return otherwise;
	return column - 1 < COLUMNS_MAX ? column - 1 : COLUMNS_MAX - 1;
}

/* Days since the last of 1899, as Excel counts them. */
static char *date_text(double days)
{
	char text[CLOCK_ISO_SIZE];
	double whole = floor(days);

	clock_iso((int64_t)llround((days - 25569.0) * 86400000.0), text);
	text[10] = ' ';
	text[days > whole ? 16 : 10] = '\0';
	return mem_strdup(text);
}

static char *cell_text(struct sheet *s)
{
	struct span value = span_trim(buf_span(&s->value));
	int64_t index;
	char *end;
	double number;

	if (s->type == CELL_SHARED) {
		size_t start;

		if (span_to_int(value, 0, (int64_t)s->string_count - 1, &index) < 0)
			return NULL;
		start = index > 0 ? s->string_ends[index - 1] : 0;
		return mem_strndup(buf_str(&s->strings) + start, s->string_ends[index] - start);
	}
	if (s->type == CELL_BOOLEAN)
		return mem_strdup(span_is(value, "1") ? "true" : "false");
	if (s->type == CELL_NUMBER && s->format >= 0 && s->format < (int64_t)s->format_count && s->dates[s->format]) {
		number = strtod(buf_str(&s->value), &end);
		if (*end == '\0' && number >= 1 && number < 2958466)
			return date_text(number);
	}
	return value.len > 0 ? mem_strndup(value.ptr, value.len) : NULL;
}

static void drop_cells(char **cells)
{
	for (size_t i = 0; i < COLUMNS_MAX; i++) {
		mem_free(cells[i]);
		cells[i] = NULL;
	}
}

static bool is_number(const char *text)
{
	return text[strspn(text, "0123456789.,-+% ")] == '\0';
}

/* The first row that has only words in it names the columns. */
static bool take_names(struct sheet *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->width; i++) {
		if (!s->cells[i])
			continue;
		if (is_number(s->cells[i]))
			return false;
		count++;
	}
	if (count < 2)
		return false;
	memcpy(s->names, s->cells, sizeof(s->names));
	memset(s->cells, 0, sizeof(s->cells));
	return true;
}

static void end_row(struct sheet *s)
{
	char letter[32];
	size_t start;
	bool is_first = !s->has_names;

	s->has_names = true;
	if (s->width == 0 || (is_first && take_names(s)))
		return;
	record_begin(s->rd);
	start = reader_at(s->rd);
	for (size_t i = 0; i < s->width; i++) {
		snprintf(letter, sizeof(letter), "column %zu", i + 1);
		if (s->cells[i])
			record_field(s->rd, span_str(s->names[i] ? s->names[i] : letter), span_str(s->cells[i]));
	}
	reader_end_line(s->rd);
	reader_mark(s->rd, MARK_RECORD, 0, start);
	drop_cells(s->cells);
}

static void open_cell(struct sheet *s, const struct xml_element *e)
{
	struct span type = xml_attribute(e, "t");

	s->type = CELL_TEXT;
	if (span_is(type, "s"))
		s->type = CELL_SHARED;
	else if (span_is(type, "b"))
		s->type = CELL_BOOLEAN;
	else if (type.len == 0 || span_is(type, "n"))
		s->type = CELL_NUMBER;
	if (span_to_int(xml_attribute(e, "s"), 0, INT32_MAX, &s->format) < 0)
		s->format = -1;
	s->column = column_of(xml_attribute(e, "r"), s->column + 1 < COLUMNS_MAX ? s->column + 1 : s->column);
	buf_clear(&s->value);
}

static void open_sheet(void *data, const struct xml_element *e)
{
	struct sheet *s = data;

	if (strcmp(e->name, "row") == 0) {
		s->width = 0;
		s->column = SIZE_MAX;
	} else if (strcmp(e->name, "c") == 0) {
		open_cell(s, e);
	} else if (strcmp(e->name, "v") == 0 || strcmp(e->name, "t") == 0) {
		s->in_value = true;
	}
}

static void close_sheet(void *data, const char *name)
{
	struct sheet *s = data;

	if (strcmp(name, "row") == 0) {
		end_row(s);
	} else if (strcmp(name, "v") == 0 || strcmp(name, "t") == 0) {
		s->in_value = false;
	} else if (strcmp(name, "c") == 0 && s->column < COLUMNS_MAX) {
		mem_free(s->cells[s->column]);
		s->cells[s->column] = cell_text(s);
		if (s->cells[s->column] && s->column >= s->width)
			s->width = s->column + 1;
	}
}

static void take_sheet(void *data, struct span text)
{
	struct sheet *s = data;

	if (s->in_value)
		buf_add_span(&s->value, text);
}

static int write_sheet(struct sheet *s, struct span xml, const char *name, int number, struct err *err)
{
	static const struct xml_handler handler = { open_sheet, close_sheet, take_sheet };
	struct reader *rd = s->rd;
	size_t start, heading;
	int rc;

	reader_end_block(rd);
	start = heading = reader_at(rd);
	reader_write_str(rd, name);
	reader_end_line(rd);
	reader_mark(rd, MARK_HEADING, 2, heading);
	s->has_names = false;
	rc = xml_each(rd, xml, &handler, s, err);
	drop_cells(s->cells);
	drop_cells(s->names);
	reader_mark(rd, MARK_PAGE, number, start);
	return rc;
}

static int write_book(struct sheet *s, const struct zip *zip, struct err *err)
{
	static const char book[] = "xl/workbook.xml";
	struct office_links links, order;
	int rc = 0;

	office_links(s->rd, zip, book, &links);
	if (office_order(s->rd, zip_get(zip, book), &order, err) < 0)
		rc = -1;
	for (size_t i = 0; i < order.count && rc == 0; i++) {
		const char *part = office_target(&links, order.rows[i].id);
		struct span xml = part ? zip_get(zip, part) : SPAN_NONE;

		if (xml.len > 0)
			rc = write_sheet(s, xml, order.rows[i].name, (int)i + 1, err);
	}
	office_links_free(&links);
	office_links_free(&order);
	return rc;
}

static int write_sheets(struct reader *rd, const struct zip *zip, struct err *err)
{
	static const struct xml_handler strings = { open_string, close_string, take_string };
	static const struct xml_handler formats = { .open = open_format, .close = close_format };
	struct span shared = zip_get(zip, "xl/sharedStrings.xml"), styles = zip_get(zip, "xl/styles.xml");
	struct sheet *s;
	int rc = 0;

	if (!zip_get(zip, "xl/workbook.xml").ptr)
		return err_set(err, E_document_unreadable, "", "it is no workbook: it has no xl/workbook.xml");
	s = mem_new(struct sheet);
	s->rd = rd;
	buf_init(&s->strings, rd->limits.text_max);
	buf_init(&s->value, rd->limits.text_max);
	if (shared.len > 0)
		rc = xml_each(rd, shared, &strings, s, err);
	if (rc == 0 && styles.len > 0)
		xml_each(rd, styles, &formats, s, NULL);
	s->in_value = false;
	if (rc == 0)
		rc = write_book(s, zip, err);
	buf_free(&s->strings);
	buf_free(&s->value);
	mem_free(s->string_ends);
	mem_free(s);
	return rc;
}

static bool wants_sheets(struct span name)
{
	return office_is_xml(name) &&
	       (span_starts(name, "xl/worksheets/") || span_starts(name, "xl/_rels/") ||
		reader_has_word("xl/workbook.xml xl/sharedStrings.xml xl/styles.xml docProps/core.xml", name));
}

int read_xlsx(struct reader *rd, struct err *err)
{
	return office_read(rd, wants_sheets, write_sheets, err);
}
