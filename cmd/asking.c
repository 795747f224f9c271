/* cmd/asking.c - the terminal as tui/ wants it described. */
#include "cmd/asking.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS_OTHERWISE = 80 };

struct page_setup asking_page(bool color, bool markdown)
{
	struct winsize size = { .ws_col = 0 };

	return (struct page_setup){
		.columns = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col
				   ? size.ws_col
				   : COLUMNS_OTHERWISE,
		.color = color,
		.markdown = markdown,
		.is_unicode = !strcmp(nl_langinfo(CODESET), "UTF-8"),
	};
}

bool asking_can_repaint(void)
{
	const char *terminal = getenv("TERM");

	return terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

const char *asking_model(const char *option)
{
	const char *named = getenv("SPASS_MODEL");

	return option ? option : named && *named ? named : NULL;
}
