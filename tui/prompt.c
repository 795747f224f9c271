/* tui/prompt.c - the prompt's front, and the editor. */
#include "tui/prompt.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DRAFT_MAX = 8 * 1024 * 1024 };

struct prompt *prompt_open(const struct prompt_setup *setup)
{
	struct prompt *p = mem_new(struct prompt);

	p->setup = *setup;
	p->kind = setup->is_dumb ? &prompt_tty : &prompt_readline;
	p->kind->open(p);
	return p;
}

void prompt_close(struct prompt *p)
{
	if (!p)
		return;
	p->kind->close(p);
	mem_free(p);
}

bool prompt_is_live(const struct prompt *p)
{
	return p->kind->is_live;
}

int prompt_fd(const struct prompt *p)
{
	return fileno(p->setup.in);
}

void prompt_read(struct prompt *p)
{
	p->kind->read(p);
}

void prompt_hide(struct prompt *p)
{
	p->kind->hide(p);
}

void prompt_hide_broken(struct prompt *p, size_t columns)
{
	p->kind->hide_broken(p, columns);
}

size_t prompt_rows(const struct prompt *p, size_t columns)
{
	return p->kind->rows(p, columns);
}

void prompt_show(struct prompt *p)
{
	p->kind->show(p);
}

void prompt_clear(struct prompt *p)
{
	p->kind->clear(p);
}

const char *prompt_text(const struct prompt *p)
{
	return p->kind->text(p);
}

static void prompt_set_text(struct prompt *p, const char *text)
{
	p->kind->set_text(p, text);
}

void prompt_remember(struct prompt *p, const char *text)
{
	p->kind->remember(p, text);
}

void prompt_pause(struct prompt *p)
{
	p->kind->pause(p);
}

void prompt_resume(struct prompt *p)
{
	p->kind->resume(p);
}

/* The editor */

static const char *editor(void)
{
	static const char *const names[] = { "SPASS_EDITOR", "VISUAL", "EDITOR" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return value;
	}
	return "vi";
}

/* The value may have arguments, so a shell takes it apart.  Exit status, or -1. */
static int run_editor(const struct prompt *p, const char *path)
{
	char *line = mem_printf("%s \"$1\"", editor());
	int status = -1, in = fileno(p->setup.in), out = fileno(p->setup.out);
	pid_t pid = fork();

	if (pid == 0) {
		dup2(in, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		execl("/bin/sh", "sh", "-c", line, "sh", path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	mem_free(line);
	return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int edit_file(struct prompt *p, const char *path, struct buf *draft, struct err *err)
{
	int status;

	if (file_write(path, span_str(prompt_text(p)), err) < 0)
		return -1;
	status = run_editor(p, path);
	if (status != 0)
		return err_set(err, E_usage, "", "the editor (%s) ended with status %d; the draft is as it was",
			       editor(), status);
	if (file_read(path, draft, err) < 0)
		return -1;
	while (draft->len && draft->ptr[draft->len - 1] == '\n')
		buf_truncate(draft, draft->len - 1);
	if (draft->len && memchr(draft->ptr, '\0', draft->len))
		return err_set(err, E_usage, "", "what the editor wrote is not text");
	return 0;
}

int prompt_edit(struct prompt *p, struct err *err)
{
	const char *place = getenv("TMPDIR");
	char *path = mem_printf("%s/spass-draft-XXXXXX.md", place && *place ? place : "/tmp");
	int fd = mkstemps(path, 3), result = -1;
	struct buf draft;

	buf_init(&draft, DRAFT_MAX);
	prompt_pause(p);
	if (fd < 0)
		err_set(err, E_storage_error, "", "%s: %s", path, err_errno(errno));
	else
		result = edit_file(p, path, &draft, err);
	if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	if (result == 0)
		prompt_set_text(p, buf_str(&draft));
	prompt_resume(p);
	buf_free(&draft);
	mem_free(path);
	return result;
}
