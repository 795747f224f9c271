/* cmd/cmd_config_check.c - spass config check: whether a gateway could start with this. */
#include "cmd/check.h"
#include "cmd/cmd.h"

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;

	(void)argc, (void)argv;
	return check_config(g, err);
}

static const struct cmd_example examples[] = {
	{ "spass config check --config ./spass.yaml",
	  "Whether a gateway could start with this file." },
	{ NULL, NULL },
};

const struct cmd cmd_config_check = {
	.group = "config",
	.name = "check",
	.summary = "Check configuration, catalogue and token without starting",
	.flags = CMD_CONFIG | CMD_JSON | CMD_COLOR,
	.text = "Tells every fault with file, line and key, of tokens.yaml the first, and exits with 2.\n"
		"Makes and changes nothing.",
	.examples = examples,
	.run = run,
};
