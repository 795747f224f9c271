/*
 * tui/prompt_readline.c - the prompt by readline's callback interface.
 *
 * readline calls back without a context, so the one prompt is kept here.
 */
#include "tui/prompt.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/width.h"

#include <readline/history.h>
#include <readline/readline.h>

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Between \001 and \002 stands what takes no cell. */
#define PROMPT_PLAIN "> "
#define PROMPT_COLOR "\001\033[1;34m\002>\001\033[0m\002 "

enum { PENDING_MIN = 1, TAB_CELLS = 8 };

static struct {
	struct prompt *prompt;
	bool hidden;
	bool paste_is_marked; /* the terminal brackets what is pasted */
	char line[4096];      /* up to the word that is completed */
} here;

static bool is_blank(const char *text)
{
	while (isspace((unsigned char)*text))
		text++;
	return !*text;
}

static void remember(struct prompt *p, const char *text)
{
	const HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;

	(void)p;
	if (!last || strcmp(last->line, text) != 0)
		add_history(text);
	using_history();
}

/* Where pastes are marked, readline has ended the empty line's row; what is repainted is right above it. */
static void end_silently(void)
{
	const char *marked = rl_variable_value("enable-bracketed-paste");

	if (marked && !strcmp(marked, "on"))
		fputs("\033[A\r\033[J", rl_outstream);
}

static void on_line(char *line)
{
	const struct prompt_setup *s = &here.prompt->setup;

	if (line)
		remember(here.prompt, line);
	else if (s->is_silent(s->context))
		end_silently();
	s->line(s->context, line);
	free(line);
}

static void hide(struct prompt *p)
{
	(void)p;
	if (!here.hidden)
		rl_clear_visible_line();
	here.hidden = true;
}

static void show(struct prompt *p)
{
	(void)p;
	if (!here.hidden)
		return;
	here.hidden = false;
	rl_on_new_line();
	rl_redisplay();
	fflush(rl_outstream);
}

/* Keys */

static int insert_newline(int count, int key)
{
	(void)key;
	while (count-- > 0)
		rl_insert_text("\n");
	return 0;
}

/* A terminal that does not mark pastes sends their lines as if typed, but all at once. */
static bool is_in_paste(void)
{
	int waiting = 0;

	return !here.paste_is_marked && ioctl(fileno(rl_instream), FIONREAD, &waiting) == 0 &&
	       waiting >= PENDING_MIN;
}

/* As rl_newline, with the line where it was empty again. */
static void send_silently(struct prompt *p)
{
	char *line = mem_strdup(rl_line_buffer);

	hide(p);
	remember(p, line);
	rl_replace_line("", 1);
	if (rl_editing_mode == 0)
		rl_vi_insertion_mode(1, 0);
	p->setup.line(p->setup.context, line);
	show(p);
	mem_free(line);
}

static int send(int count, int key)
{
	if (is_in_paste())
		return insert_newline(1, key);
	if (is_blank(rl_line_buffer))
		return 0;
	if (here.prompt->setup.is_silent(here.prompt->setup.context)) {
		send_silently(here.prompt);
		return 0;
	}
	here.prompt->setup.settle(here.prompt->setup.context);
	return rl_newline(count, key);
}

static int edit(int count, int key)
{
	(void)count, (void)key;
	here.prompt->setup.edit(here.prompt->setup.context);
	return 0;
}

/* Takes the key where readline's own function still stands; what the user has bound stays. */
static void rebind(const char *keys, Keymap map, rl_command_func_t *from, rl_command_func_t *to)
{
	if (rl_function_of_keyseq(keys, map, NULL) == from)
		rl_bind_keyseq_in_map(keys, to, map);
}

static void bind_keys(void)
{
	static const char *const maps[] = { "emacs-standard", "vi-insert" };
	Keymap emacs = rl_get_keymap_by_name("emacs-standard");

	for (size_t i = 0; i < ARRAY_LEN(maps); i++) {
		Keymap map = rl_get_keymap_by_name(maps[i]);

		rebind("\r", map, rl_newline, send);
		rebind("\n", map, rl_newline, insert_newline);
		rl_bind_keyseq_if_unbound_in_map("\\C-x\\C-e", edit, map);
	}
	rebind("\r", rl_get_keymap_by_name("vi-command"), rl_newline, send);
	/* Alt-Enter is Escape and Enter: in vi's keys these leave the typing and send. */
	rl_bind_keyseq_if_unbound_in_map("\\e\\C-m", insert_newline, emacs);
	rebind("\033\r", emacs, rl_vi_editing_mode, insert_newline);
}

/* Completion */

static char *next_match(const char *text, int state)
{
	static size_t index;
	const struct prompt_setup *s = &here.prompt->setup;
	const char *word;

	if (state == 0)
		index = 0;
	word = s->complete(s->context, here.line, text, index++);
	return word ? strdup(word) : NULL;
}

static char **complete(const char *text, int start, int end)
{
	const struct prompt_setup *s = &here.prompt->setup;
	bool wants_file;

	(void)end;
	snprintf(here.line, sizeof here.line, "%.*s", start, rl_line_buffer);
	wants_file = s->wants_file(s->context, here.line);
	/* File names are not what a conversation is made of: readline completes them where one is wanted. */
	rl_attempted_completion_over = !wants_file;
	return wants_file ? NULL : rl_completion_matches(text, next_match);
}

static void show_matches(char **matches, int count, int longest)
{
	here.prompt->setup.settle(here.prompt->setup.context);
	rl_crlf();
	rl_display_match_list(matches, count, longest);
	rl_forced_update_display();
}

/* The kind */

static void open_line(struct prompt *p)
{
	static const char *const unmarked[] = { "linux", "vt" };
	static char breaks[] = " \t\n";
	const char *terminal = getenv("TERM"), *marked;

	here.prompt = p;
	rl_readline_name = "spass";
	rl_instream = p->setup.in;
	rl_outstream = p->setup.out;
	rl_catch_signals = 0;
	rl_catch_sigwinch = 0;
	rl_change_environment = 0;
	rl_attempted_completion_function = complete;
	rl_completion_display_matches_hook = show_matches;
	rl_completer_word_break_characters = breaks;
	rl_add_defun("spass-send", send, -1);
	rl_add_defun("spass-newline", insert_newline, -1);
	rl_add_defun("spass-edit", edit, -1);
	rl_initialize();
	bind_keys();
	using_history();
	marked = rl_variable_value("enable-bracketed-paste");
	here.paste_is_marked = marked && !strcmp(marked, "on");
	for (size_t i = 0; i < ARRAY_LEN(unmarked); i++)
		if (terminal && !strncmp(terminal, unmarked[i], strlen(unmarked[i])))
			here.paste_is_marked = false;
	here.hidden = false;
	rl_callback_handler_install(p->setup.color ? PROMPT_COLOR : PROMPT_PLAIN, on_line);
}

static void close_line(struct prompt *p)
{
	(void)p;
	rl_callback_handler_remove();
	rl_clear_history();
	here.prompt = NULL;
}

static void read_key(struct prompt *p)
{
	(void)p;
	rl_callback_read_char();
}

/* As readline has painted it in so many columns: tabs are blanks, other controls two characters. */
static void add_shown(struct buf *out, struct span text, size_t columns)
{
	size_t at = sizeof PROMPT_PLAIN - 1;

	buf_add_str(out, PROMPT_PLAIN);
	while (text.len) {
		size_t len, cells = TAB_CELLS - at % TAB_CELLS;
		uint32_t c = utf8_next(text, &len);

		if (c == '\t') {
			buf_printf(out, "%*s", (int)cells, "");
		} else if (c != '\n' && (c < ' ' || c == 0x7f)) {
			cells = 2;
			buf_add_str(out, "^x");
		} else {
			cells = (size_t)width_of(c);
			buf_add(out, text.ptr, len);
		}
		at = c == '\n' ? 0 : (at + cells) % columns;
		text = span_from(text, len);
	}
}

/* Of the line up to a cursor there, now that there are so many columns. */
static size_t rows_to(int at, size_t columns)
{
	struct span text = span_of(rl_line_buffer, (size_t)at);
	struct buf shown;
	int rows, known;
	size_t count;

	rl_get_screen_size(&rows, &known);
	buf_init(&shown, text.len * TAB_CELLS + sizeof PROMPT_PLAIN + 1);
	add_shown(&shown, text, known > 0 ? (size_t)known : columns);
	buf_add_char(&shown, ' '); /* the cursor's cell */
	count = width_rows(buf_span(&shown), columns);
	buf_free(&shown);
	return count;
}

static size_t rows_of(const struct prompt *p, size_t columns)
{
	(void)p;
	return rows_to(rl_end, columns);
}

/*
 * readline goes by the width it knows: it would leave rows that have come above, or clear the answer's
 * where the terminal has joined its own.
 */
static void hide_broken(struct prompt *p, size_t columns)
{
	size_t above;

	if (here.hidden || columns == 0) {
		hide(p);
		return;
	}
	above = rows_to(rl_point, columns) - 1;
	if (above)
		fprintf(rl_outstream, "\033[%zuA", above);
	fputs("\r\033[J", rl_outstream);
	here.hidden = true;
}

static void clear(struct prompt *p)
{
	if (!is_blank(rl_line_buffer))
		remember(p, rl_line_buffer);
	rl_callback_sigcleanup();
	rl_free_line_state(); /* paints the line as it was, so it is hidden afterwards */
	hide(p);
	rl_replace_line("", 1);
	show(p);
}

static const char *text_of(const struct prompt *p)
{
	(void)p;
	return rl_line_buffer;
}

static void set_text(struct prompt *p, const char *text)
{
	bool was_hidden = here.hidden;

	hide(p);
	rl_replace_line(text, 0);
	rl_point = rl_end;
	if (!was_hidden)
		show(p);
}

static void pause_line(struct prompt *p)
{
	hide(p);
	fflush(rl_outstream);
	rl_deprep_terminal();
}

static void resume_line(struct prompt *p)
{
	rl_prep_terminal(1);
	rl_reset_screen_size();
	here.hidden = true;
	show(p);
}

const struct prompt_kind prompt_readline = {
	.is_live = true,
	.open = open_line,
	.close = close_line,
	.read = read_key,
	.hide = hide,
	.hide_broken = hide_broken,
	.rows = rows_of,
	.show = show,
	.clear = clear,
	.text = text_of,
	.set_text = set_text,
	.remember = remember,
	.pause = pause_line,
	.resume = resume_line,
};
