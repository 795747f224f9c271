/*
 * common/rag/reading_words.h - paragraphs, lists, tables and pages of office documents, written as
 * they come.  Only for common/rag/reading*.c.
 */
#ifndef SPASS_RAG_READING_WORDS_H
#define SPASS_RAG_READING_WORDS_H

#include "common/rag/reading_inside.h"

enum { WORDS_TABLES = 8, WORDS_COLUMNS_MAX = 1024 };

struct words_row {
	size_t start;
	size_t cell_start; /* of the cell's text */
	int cells;
	int gaps; /* between the last text and this cell; those at the end of a row are never written */
	int same; /* cells behind this one that say the same */
	bool is_header, has_text;
};

struct words {
	struct reader *rd;
	size_t start;    /* of the paragraph */
	bool is_started; /* it has text */
	int heading;     /* of the paragraph: 1.., 0 = none */
	int list;        /* 1.., 0 = none */
	bool is_tight;   /* no empty line before it */
	bool after_list;
	struct words_row rows[WORDS_TABLES];
	int tables;      /* open ones */
	int page;        /* of what is written next */
	size_t page_start;
	bool turns;      /* a page ends before what is written next */
	struct buf notes; /* that stand behind the paragraph, or behind the table it is in */
};

void words_init(struct words *w, struct reader *rd);
/* Writes the mark of the last page, if there was more than one or always. */
void words_end(struct words *w, bool always);
void words_free(struct words *w);
/*
 * A text beside that of rd, of so many bytes at most, for what does not stand where it is read; the
 * caller frees it.
 */
void words_init_aside(struct reader *aside, struct reading *text, const struct reader *rd, size_t max);
/* How many bytes the text still takes, with the notes that are to come; 1 or more. */
size_t words_room(const struct words *w);
/* heading and list are set between this and the first text. */
void words_begin(struct words *w);
void words_text(struct words *w, struct span text);
void words_end_paragraph(struct words *w);
/* A line end within the paragraph; a blank in a table. */
void words_break(struct words *w);
/* What a note says, which is written once its sentence is over: behind the paragraph, or the table. */
void words_note(struct words *w, struct span text);
void words_turn_page(struct words *w);
void words_open_table(struct words *w);
void words_close_table(struct words *w);
void words_open_row(struct words *w);
/* So many cells say the same. */
void words_open_cell(struct words *w, int count);
void words_close_row(struct words *w);

#endif
