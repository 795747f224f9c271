/*
 * tui/transcript.h - a kept conversation shown on a page.  UI thread.
 */
#ifndef SPASS_TUI_TRANSCRIPT_H
#define SPASS_TUI_TRANSCRIPT_H

#include "tui/page.h"

#include <jansson.h>
#include <stdint.h>

/*
 * The turns from one on, as the gateway's document has them; each begins with the user's message
 * after "> ".  numbered: with a line about when and which.
 */
void transcript_show(struct page *page, const json_t *conversation, int64_t from, bool numbered,
		     int64_t now_ms);

#endif
