/*
 * tui/prompt_tty.c - the prompt of a dumb terminal: the tty edits the line and hands it over.
 *
 * A backslash at the end of a line continues it on the next.  While an answer comes, what is
 * typed is not echoed; it is read when the prompt is back.
 */
#include "tui/prompt.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <errno.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 1024 * 1024 };

struct tty {
	struct buf typed;     /* read, not yet a line */
	struct buf line;      /* continued lines */
	struct termios before;
	bool has_before, hidden;
};

/* One prompt a process, as with readline. */
static struct tty here;

static void set_echo(const struct prompt *p, bool on)
{
	struct termios now;

	if (!here.has_before || tcgetattr(fileno(p->setup.in), &now) < 0)
		return;
	now.c_lflag = on ? now.c_lflag | ECHO : now.c_lflag & ~(tcflag_t)ECHO;
	tcsetattr(fileno(p->setup.in), TCSANOW, &now);
}

static void write_prompt(const struct prompt *p)
{
	fputs(here.line.len ? "... " : "> ", p->setup.out);
	fflush(p->setup.out);
}

static void open_tty(struct prompt *p)
{
	here.has_before = tcgetattr(fileno(p->setup.in), &here.before) == 0;
	here.hidden = false;
	buf_init(&here.typed, LINE_MAX_BYTES);
	buf_init(&here.line, LINE_MAX_BYTES);
	write_prompt(p);
}

static void close_tty(struct prompt *p)
{
	if (here.has_before)
		tcsetattr(fileno(p->setup.in), TCSANOW, &here.before);
	buf_free(&here.typed);
	buf_free(&here.line);
}

static bool is_blank(struct span s)
{
	return span_trim(s).len == 0;
}

/* A whole line has come, without its newline. */
static void take_line(struct prompt *p, struct span s)
{
	if (s.len && s.ptr[s.len - 1] == '\\') {
		buf_add(&here.line, s.ptr, s.len - 1);
		buf_add_char(&here.line, '\n');
		write_prompt(p);
		return;
	}
	buf_add_span(&here.line, s);
	if (!is_blank(buf_span(&here.line))) {
		char *line = mem_strdup(buf_str(&here.line));

		buf_clear(&here.line);
		p->setup.line(p->setup.context, line);
		mem_free(line);
	}
	buf_clear(&here.line);
	/* The prompt comes back, by show, below what the line has brought about. */
	here.hidden = true;
}

static void read_tty(struct prompt *p)
{
	char bytes[4096];
	ssize_t n = read(fileno(p->setup.in), bytes, sizeof bytes);
	const char *end;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		p->setup.line(p->setup.context, NULL);
		return;
	}
	buf_add(&here.typed, bytes, (size_t)n);
	while (here.typed.len && (end = memchr(here.typed.ptr, '\n', here.typed.len))) {
		size_t len = (size_t)(end - here.typed.ptr);
		char *line = mem_strndup(here.typed.ptr, len);

		buf_consume(&here.typed, len + 1);
		take_line(p, span_of(line, len));
		mem_free(line);
	}
	if (buf_failed(&here.typed))
		buf_clear(&here.typed);
}

static void hide(struct prompt *p)
{
	if (!here.hidden)
		set_echo(p, false);
	here.hidden = true;
}

static void hide_broken(struct prompt *p, size_t columns)
{
	(void)columns;
	hide(p);
}

static size_t rows_of(const struct prompt *p, size_t columns)
{
	(void)p, (void)columns;
	return 1;
}

static void show(struct prompt *p)
{
	if (!here.hidden)
		return;
	here.hidden = false;
	set_echo(p, true);
	write_prompt(p);
}

/* The interrupt has emptied the tty's own line. */
static void clear(struct prompt *p)
{
	buf_clear(&here.typed);
	buf_clear(&here.line);
	fputc('\n', p->setup.out);
	if (!here.hidden)
		write_prompt(p);
}

static const char *text_of(const struct prompt *p)
{
	(void)p;
	return buf_str(&here.line);
}

static void set_text(struct prompt *p, const char *text)
{
	(void)p;
	buf_clear(&here.line);
	buf_add_str(&here.line, text);
}

static void remember(struct prompt *p, const char *text)
{
	(void)p, (void)text;
}

static void pause_tty(struct prompt *p)
{
	if (here.has_before)
		tcsetattr(fileno(p->setup.in), TCSANOW, &here.before);
}

static void resume_tty(struct prompt *p)
{
	if (here.hidden)
		set_echo(p, false);
	else
		write_prompt(p);
}

const struct prompt_kind prompt_tty = {
	.is_live = false,
	.open = open_tty,
	.close = close_tty,
	.read = read_tty,
	.hide = hide,
	.hide_broken = hide_broken,
	.rows = rows_of,
	.show = show,
	.clear = clear,
	.text = text_of,
	.set_text = set_text,
	.remember = remember,
	.pause = pause_tty,
	.resume = resume_tty,
};
