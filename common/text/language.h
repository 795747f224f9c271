/*
 * common/text/language.h - which language a text is in, as far as its letters and small words say.
 *
 * For decisions that a wrong guess does not spoil.  The script decides, among Latin letters the
 * words that each language uses most and the letters that few have.  Pure; any thread.
 */
#ifndef SPASS_TEXT_LANGUAGE_H
#define SPASS_TEXT_LANGUAGE_H

#include "common/base/span.h"

struct language {
	const char *code; /* ISO 639-1 */
	bool is_latin;    /* written in Latin letters */
};

/*
 * The language that most speaks for; English when nothing does (names, code, numbers).  Looks at
 * the first LANGUAGE_LOOK_MAX bytes.
 */
enum { LANGUAGE_LOOK_MAX = 4096 };
const struct language *language_guess(struct span text);

#endif
