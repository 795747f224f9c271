/*
 * tui/remedy.h - what to do about an error, said to a person at a terminal.
 *
 * The catalogue's remedies speak to programs: of routes, headers and fields.  Who types commands
 * is told the command, or in a conversation the slash command, that helps.
 */
#ifndef SPASS_TUI_REMEDY_H
#define SPASS_TUI_REMEDY_H

#include "common/base/err.h"

enum remedy_place { REMEDY_SHELL, REMEDY_CHAT };

/* Static; "" when the message says all, NULL when the help of the command is all there is. */
const char *remedy_of(const struct err *err, enum remedy_place place);

#endif
