/*
 * common/rag/reading_inside.h - what the readers share: a document under way, and the pen that
 * writes its text.  Only for common/rag/reading*.c and their tests.
 *
 * Whatever a reader writes comes out clean: the pen drops control characters, makes line ends \n
 * and broken UTF-8 U+FFFD, and stops at the limit; readers ask reader_goes_on now and then.
 */
#ifndef SPASS_RAG_READING_INSIDE_H
#define SPASS_RAG_READING_INSIDE_H

#include "common/rag/reading.h"

struct reader {
	struct reading *out;
	struct span bytes;
	struct span name;    /* of the file, without its directories; may be empty */
	struct span charset; /* as the media type names it; may be empty */
	const struct reader_options *options;
	struct reader_limits limits;
	size_t inflated; /* bytes that came out of archives so far */
	int depth;       /* documents around this one */
	bool after_cr;   /* the last byte written was \r, told as \n */
	bool is_full;    /* more marks than there may be */
};

/* 0, or -1: cancelled, or the text has reached its limit. */
int reader_goes_on(struct reader *rd, struct err *err);

/* The pen.  Nothing fails here: what does not fit is told by reader_goes_on. */
void reader_write(struct reader *rd, struct span text);
void reader_write_str(struct reader *rd, const char *text);
/* Where the next byte will stand. */
size_t reader_at(const struct reader *rd);
/* Ends the line that is begun, if one is; drops blanks at its end. */
void reader_end_line(struct reader *rd);
/* The same, and leaves one empty line before what follows, unless nothing stands there yet. */
void reader_end_block(struct reader *rd);
/* start..reader_at, blanks and line ends at its end left out; nothing when that leaves nothing
 * (but a page may be empty). */
void reader_mark(struct reader *rd, enum mark_kind kind, int level, size_t start);
void reader_mark_range(struct reader *rd, enum mark_kind kind, int level, size_t start, size_t end);
/* Kept when it is the first and not blank; white space in it becomes single blanks. */
void reader_title(struct reader *rd, struct span title);

/*
 * Another document inside this one: what it says is written here, behind its name.  On failure
 * nothing of it stays, and err says why (E_document_too_large and E_cancelled are the caller's
 * too).
 */
int reader_nested(struct reader *rd, struct span name, const char *type, struct span bytes,
		  struct err *err);

/* The name without its last extension when the file is packed as a whole ("ls.1" of ls.1.gz), else
 * ptr NULL. */
struct span reader_packed_name(struct span name, struct span bytes);
/* Appends what rd->bytes unpack to; bounded as what comes out of archives.  On failure, what came so
 * far stays. */
int reader_unpack(struct reader *rd, struct buf *out, struct err *err);

/*
 * All of rd->bytes as clean UTF-8: by its byte order mark, the charset the media type or the caller
 * names (may be NULL), else UTF-8, else Windows-1252 when that makes sense.  Binary is
 * E_unsupported_document, text in no known charset E_document_unreadable.
 */
int reader_decode(struct reader *rd, const char *charset, struct buf *out, struct err *err);
/* Appends bytes of that charset as UTF-8; broken ones become U+FFFD.  -1: no such charset, or full.
 */
int decode_charset(struct span bytes, const char *charset, struct buf *out);

/* A row of the table of readers, and how to do it. */
struct reader_kind {
	struct reader_row row;
	int (*read)(struct reader *rd, struct err *err);
};
int read_plain(struct reader *rd, struct err *err);
int read_markdown(struct reader *rd, struct err *err);
int read_code(struct reader *rd, struct err *err);
int read_pdf(struct reader *rd, struct err *err);
int read_csv(struct reader *rd, struct err *err);
int read_json(struct reader *rd, struct err *err);
int read_json_lines(struct reader *rd, struct err *err);
int read_notebook(struct reader *rd, struct err *err);
int read_manual(struct reader *rd, struct err *err);
/* Whether the text begins as a manual page does, behind its comments and macros. */
bool manual_begins(struct span text);
int read_subtitles(struct reader *rd, struct err *err);
int read_docx(struct reader *rd, struct err *err);
int read_odt(struct reader *rd, struct err *err);
int read_pptx(struct reader *rd, struct err *err);
int read_xlsx(struct reader *rd, struct err *err);
int read_epub(struct reader *rd, struct err *err);
/* From the XML of an office document's properties. */
void office_title(struct reader *rd, struct span xml);
int read_mail(struct reader *rd, struct err *err);
int read_html(struct reader *rd, struct err *err);
/* The text of a page that is UTF-8 already; its title too, if it is the first. */
int html_write(struct reader *rd, struct span html, struct err *err);
/* By a line for /bin/sh whose "$1" is a temporary file; what it prints is read as Markdown. */
int read_by_command(struct reader *rd, const char *command, struct err *err);

/* Whether word is one of those in words, which blanks separate; ASCII letters without case. */
bool reader_has_word(const char *words, struct span word);
/* After the last dot; empty when there is none, or nothing before it. */
struct span reader_extension(struct span name);
/* By the file's name, else by its first line; NULL when it seems to be no code. */
const char *code_language(struct span name, struct span bytes);
/* Of each language; NULL past the end. */
const char *code_extensions(size_t i);

/* A record begins behind an empty line, its fields are lines "name: value"; an empty value is none. */
void record_begin(struct reader *rd);
void record_field(struct reader *rd, struct span name, struct span value);
/* The first heading is the title of a document that names none. */
void reader_title_by_heading(struct reader *rd);
/* Marks of Markdown in what has been written from `from` on, which begins a line. */
void markdown_marks(struct reader *rd, size_t from);
/* Whether it has passages that give orders to a model. */
bool reading_has_orders(struct span text);

#endif
