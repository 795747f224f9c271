/*
 * common/rag/reading_csv.c - CSV and its like: each row a record, its values behind the
 * names of their columns.
 */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"

#include <stdio.h>

enum {
	COLUMNS_MAX = 4096,
	SNIFF_LINES = 20,
	ROWS_BETWEEN_CHECKS = 256,
};

struct cell {
	size_t start, end; /* into the row's values */
};

struct row {
	struct buf values;
	struct cell *cells;
	size_t count;
};

static void row_init(struct row *row, size_t max)
{
	buf_init(&row->values, max);
	row->cells = mem_calloc(COLUMNS_MAX, sizeof(*row->cells));
	row->count = 0;
}

static void row_free(struct row *row)
{
	buf_free(&row->values);
	mem_free(row->cells);
}

static struct span value_of(const struct row *row, size_t i)
{
	if (i >= row->count || row->cells[i].end == row->cells[i].start)
		return SPAN_NONE;
	return span_trim(span_of(row->values.ptr + row->cells[i].start,
				 row->cells[i].end - row->cells[i].start));
}

/* A quoted value, quotes doubled inside; what stands behind it up to the separator belongs to it. */
static const char *take_quoted(struct row *row, const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"' && p + 1 < end && p[1] == '"')
			p++;
		else if (*p == '"')
			return p + 1;
		if (*p == '\n' || *p == '\r')
			buf_add_char(&row->values, ' ');
		else
			buf_add_char(&row->values, *p);
	}
	return end;
}

/* One row from p on; returns what follows its line end. */
static const char *take_row(struct row *row, const char *p, const char *end, char separator)
{
	buf_clear(&row->values);
	row->count = 0;
	for (;;) {
		size_t start = row->values.len;

		if (p < end && *p == '"')
			p = take_quoted(row, p, end);
		for (; p < end && *p != separator && *p != '\n' && *p != '\r'; p++)
			buf_add_char(&row->values, *p);
		if (row->count < COLUMNS_MAX)
			row->cells[row->count++] = (struct cell){ start, row->values.len };
		if (p == end || *p != separator)
			break;
		p++;
	}
	if (p < end && *p == '\r')
		p++;
	else if (p < end)
		return p + 1;
	return p < end && *p == '\n' ? p + 1 : p;
}

/* What occurs equally often, and most, in the first lines. */
static char sniff_separator(struct span text)
{
	static const char separators[] = ",;\t|";
	size_t counts[4] = { 0 }, least[4] = { SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX };
	size_t best = 0;

	for (int n = 0; n < SNIFF_LINES && text.ptr; n++) {
		struct span line = span_cut(&text, '\n');

		for (size_t k = 0; k < 4 && line.len > 0; k++) {
			size_t count = 0;
			bool quoted = false;

			for (size_t i = 0; i < line.len; i++) {
				quoted ^= line.ptr[i] == '"';
				count += !quoted && line.ptr[i] == separators[k];
			}
			counts[k] += count;
			least[k] = count < least[k] ? count : least[k];
		}
	}
	for (size_t k = 1; k < 4; k++)
		if ((least[k] > 0 && least[k] != SIZE_MAX) > (least[best] > 0 && least[best] != SIZE_MAX) ||
		    ((least[k] > 0) == (least[best] > 0) && counts[k] > counts[best]))
			best = k;
	return separators[best];
}

/* Names are not empty, and none is a number. */
static bool is_header(const struct row *row)
{
	for (size_t i = 0; i < row->count; i++) {
		struct span value = value_of(row, i);
		size_t digits = 0;

		while (digits < value.len && strchr("0123456789.,-+ %", value.ptr[digits]))
			digits++;
		if (value.len == 0 || digits == value.len)
			return false;
	}
	return row->count > 0;
}

void record_begin(struct reader *rd)
{
	reader_end_block(rd);
}

void record_field(struct reader *rd, struct span name, struct span value)
{
	if (value.len == 0)
		return;
	reader_end_line(rd);
	reader_write(rd, name);
	if (name.len > 0)
		reader_write_str(rd, ": ");
	reader_write(rd, value);
}

static void write_row(struct reader *rd, const struct row *header, const struct row *row)
{
	char number[32];
	size_t start;

	record_begin(rd);
	start = reader_at(rd);
	for (size_t i = 0; i < row->count; i++) {
		struct span name = value_of(header, i);

		if (name.len == 0) {
			snprintf(number, sizeof(number), "column %zu", i + 1);
			name = span_str(number);
		}
		record_field(rd, name, value_of(row, i));
	}
	reader_end_line(rd);
	reader_mark(rd, MARK_RECORD, 0, start);
}

static int read_rows(struct reader *rd, struct span text, char separator, struct err *err)
{
	const char *p = text.ptr, *end = text.ptr + text.len, *first;
	struct row header, row;
	size_t rows = 0;
	int rc = 0;

	row_init(&header, rd->limits.text_max);
	row_init(&row, rd->limits.text_max);
	first = take_row(&header, p, end, separator);
	if (is_header(&header))
		p = first;
	else
		header.count = 0;
	while (p < end && rc == 0) {
		p = take_row(&row, p, end, separator);
		write_row(rd, &header, &row);
		if (++rows % ROWS_BETWEEN_CHECKS == 0)
			rc = reader_goes_on(rd, err);
	}
	/* A header alone is what there is to find. */
	if (rows == 0 && header.count > 0) {
		size_t columns = header.count;

		header.count = 0;
		row.count = 0;
		take_row(&row, text.ptr, end, separator);
		row.count = columns < row.count ? columns : row.count;
		write_row(rd, &header, &row);
	}
	row_free(&header);
	row_free(&row);
	return rc;
}

int read_csv(struct reader *rd, struct err *err)
{
	char separator = '\t';
	struct buf text;
	int rc;

	buf_init(&text, rd->limits.text_max);
	rc = reader_decode(rd, NULL, &text, err);
	if (!span_is_nocase(reader_extension(rd->name), "tsv"))
		separator = sniff_separator(buf_span(&text));
	if (rc == 0 && text.len > 0)
		rc = read_rows(rd, buf_span(&text), separator, err);
	buf_free(&text);
	return rc;
}
