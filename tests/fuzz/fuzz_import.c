/*
 * tests/fuzz/fuzz_import.c - any bytes as an exported conversation.
 *
 * It is refused with a reason, or can be exported in every form; and what is exported as JSON is
 * read again, with the same messages.
 */
#include "common/chat/conversation_print.h"

#include <stdlib.h>

#include "common/base/mem.h"
#include "common/upstream/routing.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EXPORT_MAX = 16 * 1024 * 1024 };

/* Made once; nothing of it changes. */
static struct config *config; /* routing borrows of it */
static struct routing *made;

static void forget(void)
{
	routing_free(made);
	config_free(config);
}

static const struct routing *routing(void)
{
	static const struct config_flag flags[] = { { "discover", "false" } };
	struct err err = ERR_INIT;

	if (!made) {
		config = config_load("/dev/null", NULL, flags, ARRAY_LEN(flags), &err);
		must(config != NULL);
		made = routing_new(config, NULL, NULL, &err);
		must(made != NULL);
		must(atexit(forget) == 0);
	}
	return made;
}

static void print(const struct conversation_import *i, enum conversation_form form, struct buf *out)
{
	struct conversation_row row = {
		.id = SPAN_LIT("conv_00000000000000000000000001"),
		.user_id = SPAN_LIT("default"),
		.title = buf_span(&i->title),
		.model = buf_span(&i->model),
		.created_ms = i->created_ms,
		.message_count = (int64_t)i->count,
	};

	buf_init(out, EXPORT_MAX);
	conversation_print_begin(out, form, &row);
	for (size_t k = 0; k < i->count; k++) {
		struct message_row m = i->rows[k];

		m.id = SPAN_LIT("msg_00000000000000000000000001");
		m.seq = (int64_t)k + 1;
		conversation_print_message(out, form, &m);
	}
	conversation_print_end(out, form);
	must(!buf_failed(out));
}

static void read_again(const struct conversation_import *i, struct span text)
{
	struct conversation_import again;
	struct err err = ERR_INIT;

	if (conversation_import_read(&again, text, routing(), &err) < 0) {
		fprintf(stderr, "%s: %s\n%.*s\n", err.param, err.message, SPAN_ARGS(text));
		must(!"what was exported is imported");
	}
	must(again.count == i->count);
	for (size_t k = 0; k < i->count; k++) {
		must(span_equal(again.rows[k].role, i->rows[k].role));
		must(span_equal(again.rows[k].text, i->rows[k].text));
		must(again.rows[k].interrupted == i->rows[k].interrupted);
	}
	must(span_equal(buf_span(&again.title), buf_span(&i->title)));
	conversation_import_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum conversation_form forms[] = { CONVERSATION_JSON, CONVERSATION_MARKDOWN,
							CONVERSATION_HTML };
	struct conversation_import i;
	struct err err = ERR_INIT;
	struct buf out;

	if (conversation_import_read(&i, span_of((const char *)data, size), routing(), &err) < 0) {
		must(err.code != E_none);
		conversation_import_free(&i);
		return 0;
	}
	for (size_t k = 0; k < ARRAY_LEN(forms); k++) {
		print(&i, forms[k], &out);
		buf_free(&out);
	}
	print(&i, CONVERSATION_EXPORT, &out);
	read_again(&i, buf_span(&out));
	buf_free(&out);
	conversation_import_free(&i);
	return 0;
}
