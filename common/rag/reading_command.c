/*
 * common/rag/reading_command.c - documents that another program turns into text: PDF by poppler's
 * pdftotext, and whatever the settings have a command for.
 */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"
#include "common/loop/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PAGE_TEXT_MIN = 20, /* characters a page; fewer is a scan */
	EXTENSION_MAX = 16,
	BLANK_LINES_MAX = 2,
	TITLE_LETTERS_MIN = 3,
	INFO_MAX = 64 * 1024,
};

/* ---- a temporary file ---- */

static int write_all(int fd, struct span bytes)
{
	while (bytes.len > 0) {
		ssize_t put = write(fd, bytes.ptr, bytes.len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		bytes = span_from(bytes, (size_t)put);
	}
	return 0;
}

/* With the extension, by which many programs choose what to do; only letters and digits of it. */
static char *temporary_name(struct span name, int *suffix)
{
	const char *dir = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets any */
	struct span ext = reader_extension(name);
	bool is_plain = ext.len > 0 && ext.len <= EXTENSION_MAX;

	for (size_t i = 0; i < ext.len && is_plain; i++)
		is_plain = (ext.ptr[i] | 0x20) >= 'a' ? (ext.ptr[i] | 0x20) <= 'z'
						      : ext.ptr[i] >= '0' && ext.ptr[i] <= '9';
	*suffix = is_plain ? (int)ext.len + 1 : 0;
	return mem_printf("%s/spass-XXXXXX%s%.*s", dir && dir[0] == '/' ? dir : "/tmp",
			  is_plain ? "." : "", is_plain ? (int)ext.len : 0,
			  is_plain ? ext.ptr : "");
}

/* 0600; the caller unlinks and frees it.  NULL when there is no room. */
static char *make_temporary(const struct reader *rd, struct err *err)
{
	int suffix;
	char *path = temporary_name(rd->name, &suffix);
	int fd = mkostemps(path, suffix, O_CLOEXEC);
	int rc = fd < 0 ? -1 : write_all(fd, rd->bytes);

	if (rc < 0)
		err_set(err, E_storage_error, "", "%s: %s", path, err_errno(errno));
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = err_set(err, E_storage_error, "", "%s: %s", path, err_errno(errno));
	if (rc == 0)
		return path;
	if (fd >= 0)
		unlink(path);
	mem_free(path);
	return NULL;
}

/* ---- running ---- */

/* 0 when it ended by itself, whatever its status. */
static int run(const struct reader *rd, const char *const *argv, const char *called,
	       struct buf *out, struct child_end *end, struct err *err)
{
	struct child_options o = { .argv = argv,
				   .timeout_ms = (int64_t)rd->limits.seconds * 1000,
				   .cancelled = rd->options->cancelled };

	if (child_run(&o, out, end, err) < 0)
		return -1;
	switch (end->outcome) {
	case CHILD_EXITED:
		return 0;
	case CHILD_SIGNALLED:
		return err_set(err, E_loader_failed, "", "%s was ended by signal %d: %s", called,
			       end->status, end->tail);
	case CHILD_TIMED_OUT:
		return err_set(err, E_loader_failed, "", "%s took longer than %d s%s%s", called,
			       rd->limits.seconds, *end->tail ? ": " : "", end->tail);
	case CHILD_TOO_LONG:
		return err_set(err, E_document_too_large, "", "its text is longer than %zu bytes",
			       rd->limits.text_max);
	case CHILD_CANCELLED:
		return err_set(err, E_cancelled, "", "reading was cancelled");
	}
	return -1;
}

/* A reader that is given what the program wrote. */
static int read_output(struct reader *rd, const struct buf *out,
		       int (*read)(struct reader *, struct err *), struct err *err)
{
	struct span bytes = rd->bytes;
	int rc;

	rd->bytes = buf_span(out);
	rd->charset = SPAN_NONE;
	rc = read(rd, err);
	rd->bytes = bytes;
	return rc;
}

/* A program that reads a file, and what is made of its output; both may fail. */
struct loader {
	const char *called;
	const char *const *argv; /* path is what FILE stands for */
	int (*refuse)(const struct child_end *end, struct err *err); /* a status that is not 0 */
	int (*take)(struct reader *rd, const struct buf *out, const char *path, struct err *err);
};

enum { ARGS_MAX = 8 };
static const char FILE_ARGUMENT[] = "";

static int load(struct reader *rd, const struct loader *loader, struct err *err)
{
	char *path = make_temporary(rd, err);
	const char *argv[ARGS_MAX] = { NULL };
	struct child_end end;
	struct buf out;
	int rc;

	if (!path)
		return -1;
	for (size_t i = 0; loader->argv[i]; i++)
		argv[i] = loader->argv[i] == FILE_ARGUMENT ? path : loader->argv[i];
	buf_init(&out, rd->limits.text_max);
	rc = run(rd, argv, loader->called, &out, &end, err);
	if (rc == 0 && end.status != 0)
		rc = loader->refuse(&end, err);
	if (rc == 0)
		rc = loader->take(rd, &out, path, err);
	unlink(path);
	mem_free(path);
	buf_free(&out);
	return rc;
}

static int refuse_command(const struct child_end *end, struct err *err)
{
	return err_set(err, E_loader_failed, "", "the loader command ended with status %d%s%s",
		       end->status, end->tail[0] ? ": " : "", end->tail);
}

static int take_markdown(struct reader *rd, const struct buf *out, const char *path, struct err *err)
{
	(void)path;
	return read_output(rd, out, read_markdown, err);
}

int read_by_command(struct reader *rd, const char *command, struct err *err)
{
	const char *const argv[] = { "/bin/sh", "-c", command, "sh", FILE_ARGUMENT, NULL };
	const struct loader loader = { .called = "the loader command",
				       .argv = argv,
				       .refuse = refuse_command,
				       .take = take_markdown };

	return load(rd, &loader, err);
}

/* ---- PDF ---- */

/* Columns of blanks that every line of a page begins with. */
static size_t margin_of(struct span page)
{
	size_t margin = SIZE_MAX;

	while (page.ptr) {
		struct span line = span_cut(&page, '\n');
		size_t blanks = 0;

		while (blanks < line.len && line.ptr[blanks] == ' ')
			blanks++;
		if (blanks < line.len && blanks < margin)
			margin = blanks;
	}
	return margin == SIZE_MAX ? 0 : margin;
}

/* Without its margin, blanks at line ends and long runs of empty lines.  Returns its characters. */
static size_t write_page(struct reader *rd, struct span page)
{
	size_t margin = margin_of(page), blank = BLANK_LINES_MAX, characters = 0;

	while (page.ptr) {
		struct span line = span_cut(&page, '\n');

		while (line.len > 0 && strchr(" \t\r", line.ptr[line.len - 1]))
			line.len--;
		blank = line.len == 0 ? blank + 1 : 0;
		if (blank >= BLANK_LINES_MAX)
			continue;
		line = line.len > 0 ? span_from(line, margin) : line;
		reader_write(rd, line);
		reader_write_str(rd, "\n");
		for (size_t i = 0; i < line.len; i++)
			characters +=
				(unsigned char)line.ptr[i] > ' ' && (line.ptr[i] & 0xc0) != 0x80;
	}
	return characters;
}

static int write_pages(struct reader *rd, struct span text, struct err *err)
{
	size_t characters = 0;
	int pages = 0;

	while (text.ptr) {
		size_t start = reader_at(rd);
		struct span page = span_cut(&text, '\f');

		if (!text.ptr && page.len == 0)
			break; /* each page ends in one */
		characters += write_page(rd, page);
		reader_mark(rd, MARK_PAGE, ++pages, start);
		if (reader_goes_on(rd, err) < 0)
			return -1;
	}
	if (characters < (size_t)PAGE_TEXT_MIN * (size_t)(pages > 0 ? pages : 1))
		return err_set(
			err, E_document_unreadable, "",
			"its %d page%s hold almost no text (%zu characters): a scan; run text "
			"recognition (ocrmypdf) on it first",
			pages, pages == 1 ? "" : "s", characters);
	return 0;
}

/* "Syntax Error (123): No such thing Syntax Error: ..." as "No such thing; ...", each once. */
static void add_reasons(const char *said, struct buf *out)
{
	static const char begins[] = "Syntax Error";
	const char *at = strstr(said, begins);

	while (at) {
		const char *next = strstr(at + 1, begins), *text = strchr(at, ':');
		size_t len = next ? (size_t)(next - at) : strlen(at);
		struct span reason = SPAN_NONE;

		if (text && text < at + len)
			reason = span_trim(span_of(text + 1, len - (size_t)(text + 1 - at)));
		if (reason.len > 0 && span_find(buf_span(out), reason) < 0)
			buf_printf(out, "%s%.*s", out->len > 0 ? "; " : "", SPAN_ARGS(reason));
		at = next;
	}
	if (out->len == 0)
		buf_add_str(out, said[0] ? said : "pdftotext cannot read it");
}

static int tell_failure(const struct child_end *end, struct err *err)
{
	struct buf why;

	if (strstr(end->tail, "assword"))
		return err_set(err, E_document_unreadable, "",
			       "the PDF is encrypted and wants a password");
	if (end->status == 3)
		return err_set(err, E_document_unreadable, "",
			       "the PDF does not permit copying its text");
	buf_init(&why, 2 * sizeof(end->tail) + 64);
	add_reasons(end->tail, &why);
	err_set(err, E_document_unreadable, "", "the PDF is damaged: %s", buf_str(&why));
	buf_free(&why);
	return -1;
}

/* What programs put there by themselves: names of files, and of nothing. */
static bool is_sensible_title(struct span title)
{
	static const char *const files[] = { ".doc", ".docx", ".odt", ".rtf", ".tex", ".dvi", ".ps",
					     ".pdf", ".indd", ".qxd",  ".fm",  ".ppt", ".pptx", ".xls",
					     ".xlsx", ".html", ".htm", ".txt", ".md", ".tmp" };
	static const char *const starts[] = { "untitled", "microsoft word - ", "microsoft powerpoint - ",
					      "powerpoint presentation", "slide 1", "document1", "(anonymous)",
					      "no title", "title" };
	size_t letters = 0;

	for (size_t i = 0; i < title.len; i++) {
		unsigned char c = (unsigned char)title.ptr[i];

		letters += c >= 0x80 || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		size_t len = strlen(files[i]);

		if (title.len > len &&
		    span_is_nocase(span_from(title, title.len - len), files[i]))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
		size_t len = strlen(starts[i]);

		if (title.len >= len && span_is_nocase(span_of(title.ptr, len), starts[i]) &&
		    (title.len == len || starts[i][len - 1] == ' '))
			return false;
	}
	return letters >= TITLE_LETTERS_MIN;
}

/* As its maker has named it, by poppler's pdfinfo; without that program, or when it fails, none. */
static void read_pdf_title(struct reader *rd, const char *path)
{
	static const struct span label = SPAN_INIT("Title:");
	const char *argv[] = { "pdfinfo", "-enc", "UTF-8", path, NULL };
	struct err err = ERR_INIT;
	struct child_end end;
	struct span rest;
	struct buf out;

	buf_init(&out, INFO_MAX);
	if (run(rd, argv, "pdfinfo", &out, &end, &err) == 0 && end.status == 0) {
		for (rest = buf_span(&out); rest.ptr;) {
			struct span line = span_cut(&rest, '\n'), title;

			if (!span_starts(line, label.ptr))
				continue;
			title = span_strip(span_from(line, label.len));
			if (is_sensible_title(title))
				reader_title(rd, title);
			break;
		}
	}
	buf_free(&out);
}

static int take_pages(struct reader *rd, const struct buf *out, const char *path, struct err *err)
{
	if (write_pages(rd, buf_span(out), err) < 0)
		return -1;
	read_pdf_title(rd, path);
	return reader_goes_on(rd, err);
}

int read_pdf(struct reader *rd, struct err *err)
{
	static const char *const argv[] = { "pdftotext",   "-enc", "UTF-8", "-layout",
					    FILE_ARGUMENT, "-",    NULL };
	static const struct loader loader = { .called = "pdftotext",
					      .argv = argv,
					      .refuse = tell_failure,
					      .take = take_pages };

	return load(rd, &loader, err);
}
