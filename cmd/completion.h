/*
 * cmd/completion.h - one writer a shell.
 */
#ifndef SPASS_CMD_COMPLETION_H
#define SPASS_CMD_COMPLETION_H

#include "cmd/cmd.h"

int completion_bash(struct buf *out);
int completion_zsh(struct buf *out);
int completion_fish(struct buf *out);

/*
 * The words that may follow an option or stand as an operand, separated by blanks: choices, error
 * codes, settings, "" for none.
 */
void completion_words(enum opt_complete complete, const char *choices, struct buf *out);
/* What a shell runs to learn them, where the gateway knows; NULL: nothing.  No single quotes in it. */
const char *completion_lister(enum opt_complete complete);
/* As above for the operands of a command; those of help are the commands. */
void completion_operands(const struct cmd *c, struct buf *out);
/* Whether the option is followed by a value. */
bool completion_takes_value(const struct opt *row);
/* The distinct first words: groups, and commands without one; index from 0, NULL at the end.
 * *c: a row that begins with it. */
const char *completion_first_word(size_t index, const struct cmd **c);

#endif
