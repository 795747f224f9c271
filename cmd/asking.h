/*
 * cmd/asking.h - what `spass ask` and `spass chat` have in common: from options to what tui/
 * wants.
 */
#ifndef SPASS_CMD_ASKING_H
#define SPASS_CMD_ASKING_H

#include "tui/page.h"

/* The terminal on stdout as it is now; color: whether it may have colours. */
struct page_setup asking_page(bool color, bool markdown);
/* Whether the terminal's cursor can be moved. */
bool asking_can_repaint(void);
/* The model of -m, else of SPASS_MODEL, else NULL. */
const char *asking_model(const char *option);

#endif
