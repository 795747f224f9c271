/* tui/attach.c - questions put together, within one limit. */
#include "tui/attach.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void attach_init(struct buf *question)
{
	buf_init(question, ATTACH_MAX);
}

/* JSON carries nothing else, and a model can do nothing with it. */
static int check_text(struct span text, const char *what, struct err *err)
{
	const char *nul = text.len ? memchr(text.ptr, '\0', text.len) : NULL;
	size_t at = 0, len;

	if (nul)
		return err_set(err, E_usage, "text", "%s is not text: byte %zu is NUL", what,
			       (size_t)(nul - text.ptr) + 1);
	if (utf8_is_valid(text))
		return 0;
	/* U+FFFD itself is three bytes long. */
	while (utf8_next(span_from(text, at), &len) != 0xFFFD || len != 1)
		at += len;
	return err_set(err, E_usage, "text",
		       "%s is not UTF-8 text: byte %zu is 0x%02x; iconv converts other encodings", what,
		       at + 1, (unsigned char)text.ptr[at]);
}

static int check(struct buf *question, size_t from, const char *what, struct err *err)
{
	if (buf_failed(question))
		return err_set(err, E_too_large, "",
			       "%s makes the question larger than %d MiB; send a part of it", what,
			       ATTACH_MAX / 1024 / 1024);
	return check_text(span_from(buf_span(question), from), what, err);
}

int attach_words(struct buf *question, int count, char **words, struct err *err)
{
	for (int i = 0; i < count; i++) {
		if (i)
			buf_add_char(question, ' ');
		buf_add_str(question, words[i]);
	}
	return check(question, 0, "the prompt", err);
}

/* One blank line between what is there and what comes. */
static void separate(struct buf *question)
{
	while (question->len && question->ptr[question->len - 1] == '\n')
		buf_truncate(question, question->len - 1);
	if (question->len)
		buf_add_str(question, "\n\n");
}

int attach_pipe(struct buf *question, int fd, struct err *err)
{
	size_t before = question->len, from;
	char piece[16384];
	ssize_t n;

	separate(question);
	from = question->len;
	for (;;) {
		n = read(fd, piece, sizeof piece);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || buf_add(question, piece, (size_t)n) < 0)
			break;
	}
	if (n < 0)
		return err_set(err, E_usage, "", "standard input cannot be read: %s",
			       err_errno(errno));
	if (check(question, from, "standard input", err) < 0)
		return -1;
	if (question->len == from)
		buf_truncate(question, before);
	return 0;
}

/* Longer than any run of backticks in the text, as Markdown wants it. */
static size_t fence_length(struct span text)
{
	size_t longest = 2, run = 0;

	for (size_t i = 0; i < text.len; i++) {
		run = text.ptr[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest + 1;
}

static void add_fence(struct buf *question, size_t length)
{
	while (length--)
		buf_add_char(question, '`');
	buf_add_char(question, '\n');
}

int attach_file(struct buf *question, const char *path, struct err *err)
{
	struct err fault = ERR_INIT;
	char *what = mem_printf("the file %s", path);
	struct buf text;
	size_t fence;
	int result = -1;

	buf_init(&text, ATTACH_MAX);
	if (file_read(path, &text, &fault) < 0 && fault.code != E_too_large) {
		/* A file that the user named is his affair, not that of the gateway's storage. */
		err_set(err, E_usage, "file", "%s", fault.message);
		goto out;
	}
	if (fault.code == E_too_large) {
		*err = fault;
		goto out;
	}
	if (check(&text, 0, what, err) < 0)
		goto out;
	fence = fence_length(buf_span(&text));
	separate(question);
	buf_printf(question, "%s:\n\n", path);
	add_fence(question, fence);
	buf_add_span(question, buf_span(&text));
	if (text.len && text.ptr[text.len - 1] != '\n')
		buf_add_char(question, '\n');
	add_fence(question, fence);
	result = check(question, question->len, what, err);
out:
	buf_free(&text);
	mem_free(what);
	return result;
}

char *attach_text_or_file(const char *text, struct err *err)
{
	struct err fault = ERR_INIT;
	struct buf content;
	char *what = NULL, *result = NULL;

	if (text[0] != '@')
		return check_text(span_str(text), "the text", err) < 0 ? NULL : mem_strdup(text);
	buf_init(&content, ATTACH_MAX);
	if (file_read(text + 1, &content, &fault) < 0) {
		err_set(err, E_usage, "file", "%s", fault.message);
		goto out;
	}
	what = mem_printf("the file %s", text + 1);
	if (check_text(buf_span(&content), what, err) == 0)
		result = buf_take(&content);
out:
	buf_free(&content);
	mem_free(what);
	return result;
}

/* Length of the run of fence marks that begins the line after at most three blanks; 0 = none. */
static size_t fence_of(struct span line, char *mark, struct span *rest)
{
	size_t n = 0, blanks = 0;

	while (blanks < line.len && blanks < 3 && line.ptr[blanks] == ' ')
		blanks++;
	line = span_from(line, blanks);
	if (!line.len || (line.ptr[0] != '`' && line.ptr[0] != '~'))
		return 0;
	while (n < line.len && line.ptr[n] == line.ptr[0])
		n++;
	*mark = line.ptr[0];
	*rest = span_trim(span_from(line, n));
	return n < 3 ? 0 : n;
}

bool attach_find_code(struct span text, int64_t number, struct span *code)
{
	size_t open = 0;
	int64_t count = 0;
	bool found = false;
	char open_mark = 0, mark = 0;
	struct span rest = text, block = SPAN_NONE, info;

	while (rest.len) {
		struct span line = span_cut(&rest, '\n');
		size_t n = fence_of(line, &mark, &info);

		if (open && n >= open && mark == open_mark && !info.len) {
			block.len = (size_t)(line.ptr - block.ptr);
			open = 0;
			count++;
			if (number == count || number == -1) {
				*code = block;
				found = true;
			}
		} else if (!open && n && !(mark == '`' && memchr(info.ptr, '`', info.len))) {
			open = n;
			open_mark = mark;
			block = span_of(line.ptr + line.len + 1, 0);
		}
	}
	if (open && (number == count + 1 || number == -1) && block.ptr < text.ptr + text.len) {
		*code = span_of(block.ptr, (size_t)(text.ptr + text.len - block.ptr));
		found = true;
	}
	return found;
}
