/*
 * common/rag/reading.h - a document as text with its structure.
 *
 * What a reader makes of bytes: one UTF-8 text (lines end in \n; no byte order mark, no control
 * characters but \t and \n), and marks into it.  text is what is stored, searched and quoted:
 * every offset anywhere is in it.  It never ends inside a line: a text that is not empty ends in
 * \n.
 */
#ifndef SPASS_RAG_READING_H
#define SPASS_RAG_READING_H

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/err.h"

#include <stdatomic.h>

/* start..end does not include the last line's \n. */
enum mark_kind {
	MARK_HEADING, /* its line; level 1..6 */
	MARK_PAGE,    /* start..end: page (slide, sheet) number `level`, 1-based, empty ones too */
	MARK_CODE, /* a fenced block (level 0), or a function with its comment (level 1.., nested)
		    */
	MARK_TABLE_ROW, /* its line; level 1 = the row of names, else 2 */
	MARK_LIST_ITEM, /* with what is nested in it; level 1.. */
	MARK_RECORD,    /* a row of CSV, a value of JSON lines, a message, a cue: a place to cut */
};

struct mark {
	size_t start, end;
	enum mark_kind kind;
	int level;
};

struct reading {
	struct buf text;
	struct mark *marks; /* ascending by start; what encloses others stands before them */
	size_t mark_count, mark_room;
	char *title;      /* or NULL */
	char *language;   /* of code: "c", "python"; else NULL */
	const char *type; /* the row's name in the table of readers */
	bool flagged;     /* it has passages that give orders to a model (told, never obeyed) */
};

void reading_init(struct reading *r);
void reading_free(struct reading *r);
/* The words of a heading: its line without the # of Markdown.  Borrowed from the text. */
struct span reading_heading(const struct reading *r, const struct mark *mark);
/* The same of such a line. */
struct span reading_heading_words(struct span line);

struct reader_limits {
	size_t bytes_in,
		text_max; /* of a file; of its text, and of what is inflated: against bombs */
	int seconds;      /* of a loader command */
	int depth;        /* of archives, nested mail and nested elements */
};
extern const struct reader_limits reader_default_limits;

/* "$1" in the command is the file (0600, removed afterwards); it prints UTF-8 text. */
struct reader_command {
	const char *extension; /* without the dot, any case; "*" = what no reader takes */
	const char *command;   /* a line for /bin/sh */
};

struct reader_options {
	struct reader_limits limits;           /* a zero = the default */
	const struct reader_command *commands; /* they win over the readers here */
	size_t command_count;
	const atomic_bool *cancelled; /* looked at now and then; or NULL */
};

/*
 * By name ("manual.md", also a path) and content; type (may be NULL) is a media type or a row's
 * name and wins.  options NULL = defaults.  0, or -1 with E_unsupported_document (no reader,
 * binary), E_document_too_large, E_document_unreadable (damaged, encrypted, a scan without text;
 * the message says which), E_loader_failed (a command's exit or timeout, with the tail of what it
 * said), E_cancelled; r is empty then.  r was initialised; what it held is replaced.  Takes as
 * long as it takes: for a job, never on the loop.  Any thread.
 */
int read_document(struct reading *r, const char *name, const char *type, struct span bytes,
		  const struct reader_options *options, struct err *err);

/*
 * Another one when a document may be read otherwise: by another version or build of this program,
 * another pdftotext, other commands.
 */
enum { READER_STAMP_SIZE = 33 };
void reader_stamp(const struct reader_options *o, char out[READER_STAMP_SIZE]);

/*
 * A reading as JSON: where its text was read from, {"bytes", "sha256"}, and what was found in it,
 * {"language", "marks": [[kind, level, start, end], ...]}.
 */
struct reading_origin {
	int64_t bytes;
	unsigned char sha256[DIGEST_SIZE]; /* of the file */
};
/* hash: the digest in hexadecimal. */
void reading_print(const struct reading *r, int64_t bytes, struct span hash, struct buf *out);
/*
 * As it was, of its text and of what was printed, which may be anyone's; type is the one it had.
 * text_max 0 = the default.  0, or -1 with E_invalid_field or E_document_too_large; r is empty
 * then.  r was initialised; it has no title.  Any thread.
 */
int reading_restore(struct reading *r, struct span text, struct span type, struct span printed,
		    size_t text_max, struct reading_origin *from, struct err *err);

/* The type of a document as it is kept, by a reader's name or a media type (with parameters or
 * without); NULL when no reader is called so. */
const char *reader_name(struct span type);
/* The same by the extension of a file's name (also a path); NULL when no reader takes it. */
const char *reader_name_of_file(struct span name);
/* "text, markdown, html": the names that there are, for people. */
void reader_names(struct buf *out);
/*
 * Whether a file of that name (also a path) may hold anything: no reader here takes its extension,
 * and by its first bytes (all, or many of them) it is neither text nor of a kind that is known by
 * them.  What may be a number of versions (libx.so.1) is no extension here.
 */
bool reader_is_unknown(const char *name, struct span bytes);
/* By what a place in a document is told, so that whoever has the file finds it. */
enum reader_places {
	READER_TEXT,  /* the text is another one than the file: its lines are of it alone */
	READER_LINES, /* the text has the file's lines */
	READER_ROWS,  /* records of level 0 are rows, counted from 1 on each page, without the
			 names of the columns */
};
/* The table, for help and /a1/rag/info; names and types are separated by blanks; NULL past the end.
 */
struct reader_row {
	const char *name, *extensions, *media_types;
	const char *by; /* "spass", or the program it needs */
	enum reader_places places;
};
const struct reader_row *reader_row(size_t i);
/* Of a type as it is kept; READER_TEXT for one that has no row. */
enum reader_places reader_places(struct span type);

#endif
