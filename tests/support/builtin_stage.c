/*
 * tests/support/builtin_stage.c - see builtin_stage.h.
 */
#include "tests/support/builtin_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/upstream/builtin.h"

const char lease[] =
	"Tenancy Agreement\n\n"
	"## Term\n"
	"The tenancy begins on 1 March 2024 and runs for an initial period of two years. Either party "
	"may terminate the agreement after the initial period by giving three months' written "
	"notice.\n\n"
	"## Rent\n"
	"The monthly rent is 1,250 euros and is due on the third working day of each month. If payment "
	"is late by more than ten days, the landlord may charge a fee of 25 euros.\n\n"
	"## Repairs\n"
	"The landlord keeps the heating, water pipes and roof in good repair. The tenant pays for "
	"small repairs up to 100 euros each, e.g. taps and door handles. Dr. Weber Property Services "
	"answers emergency calls at night.\n\n"
	"## Pets\n"
	"Small animals such as fish and hamsters are allowed. Dogs and cats need the written consent "
	"of the landlord, which may not be refused without good reason.\n";

char *run_builtin(json_t *request, bool stream, struct err *err)
{
	char *body = json_dumps(request, 0);
	struct buf out;
	char *text = NULL;

	err_clear(err);
	buf_init(&out, 16 * MIB);
	if (builtin_chat(span_str(body), stream, &out, err) == 0)
		text = buf_take(&out);
	buf_free(&out);
	free(body);
	json_decref(request);
	return text;
}

json_t *ask_builtin(json_t *request)
{
	struct err err = ERR_INIT;
	char *text = run_builtin(request, false, &err);
	json_t *answer = text ? json_loads(text, 0, NULL) : NULL;

	assert_non_null(answer);
	mem_free(text);
	return answer;
}

json_t *user_says(const char *text)
{
	return json_pack("{s:[{s:s,s:s}]}", "messages", "role", "user", "content", text);
}

json_t *about(const char *text, const char *question)
{
	char *joined = mem_printf("%s\n\n%s", text, question);
	json_t *request = user_says(joined);

	mem_free(joined);
	return request;
}

json_t *choice_of(json_t *answer)
{
	return json_array_get(json_object_get(answer, "choices"), 0);
}

const char *content_of(json_t *answer)
{
	json_t *message = json_object_get(choice_of(answer), "message");

	return json_string_value(json_object_get(message, "content"));
}

const char *finish_of(json_t *answer)
{
	return json_string_value(json_object_get(choice_of(answer), "finish_reason"));
}

json_t *next_event(const char **at)
{
	const char *line = *at, *end = line ? strstr(line, "\n\n") : NULL;

	if (!end)
		return NULL;
	assert_true(span_starts(span_str(line), "data: "));
	*at = end + 2;
	return json_loadb(line + 6, (size_t)(end - line - 6), 0, NULL);
}

int64_t cpu_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
