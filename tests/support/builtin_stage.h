/*
 * tests/support/builtin_stage.h - questions to the built-in chat model, and looks into its answers.
 */
#ifndef SPASS_TEST_BUILTIN_STAGE_H
#define SPASS_TEST_BUILTIN_STAGE_H

#include <jansson.h>
#include <stdint.h>

#include "common/base/err.h"

/* A text to ask about. */
extern const char lease[];

/* Requests. */
json_t *user_says(const char *text);
json_t *about(const char *text, const char *question);
/* Takes request.  What would have come over HTTP, to be freed; NULL with err. */
char *run_builtin(json_t *request, bool stream, struct err *err);
/* Takes request; the answer's tree. */
json_t *ask_builtin(json_t *request);

/* Of the first choice; borrowed. */
json_t *choice_of(json_t *answer);
const char *content_of(json_t *answer);
const char *finish_of(json_t *answer);
/* The JSON of the next "data:" line, *at moved on; NULL at [DONE] and at the end. */
json_t *next_event(const char **at);

/* Of this thread, so that a busy machine does not matter. */
int64_t cpu_us(void);

#endif
