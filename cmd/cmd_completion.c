/*
 * cmd/cmd_completion.c - spass completion: scripts for the shells, written from the table.
 *
 * The scripts are static: they ask nothing of the program or of a gateway while a line is typed.
 */
#include "cmd/cmd.h"

#include "cmd/completion.h"
#include "common/base/mem.h"

#include <string.h>

static const struct {
	const char *shell;
	int (*write)(struct buf *out);
} shells[] = {
	{ "bash", completion_bash },
	{ "zsh", completion_zsh },
	{ "fish", completion_fish },
};

static int run(const void *options, int argc, char **argv, struct err *err)
{
	(void)options, (void)argc;
	for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
		struct buf out;

		if (strcmp(shells[i].shell, argv[0]) != 0)
			continue;
		buf_init(&out, CMD_OUTPUT_MAX);
		shells[i].write(&out);
		cmd_print(&out);
		buf_free(&out);
		return 0;
	}
	return err_set(err, E_usage, "", "\"%.64s\" is not one of bash, zsh, fish", argv[0]);
}

static const struct cmd_example examples[] = {
	{ "source <(spass completion bash)", "In ~/.bashrc." },
	{ "spass completion zsh > ~/.zfunc/_spass", "With ~/.zfunc in $fpath." },
	{ "spass completion fish > ~/.config/fish/completions/spass.fish", "For fish." },
	{ NULL, NULL },
};

const struct cmd cmd_completion = {
	.name = "completion",
	.summary = "Write a completion script for a shell",
	.operands = "bash|zsh|fish",
	.operands_min = 1,
	.operands_max = 1,
	.choices = "bash|zsh|fish",
	.examples = examples,
	.run = run,
};
