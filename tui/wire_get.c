/* tui/wire_get.c - whole answers, waited for. */
#include "tui/wire.h"

#include "common/base/mem.h"

/* How long a signal may go unseen. */
enum { TICK_MS = 100 };

struct get {
	struct wire_transfer transfer;
	struct buf body;
	struct err err;
	bool done;
};

static bool on_bytes(struct wire_transfer *t, struct span s)
{
	return buf_add_span(&container_of(t, struct get, transfer)->body, s) == 0;
}

static void on_done(struct wire_transfer *t, const struct err *err)
{
	struct get *get = container_of(t, struct get, transfer);

	get->done = true;
	if (err)
		get->err = *err;
	else if (t->stopped)
		err_set(&get->err, E_too_large, "", "the answer is larger than %d bytes",
			WIRE_REPLY_MAX);
}

/* 0 when an answer of any status has come. */
static int run(struct wire *w, struct get *get, const struct wire_request *r, struct err *err)
{
	int64_t timeout_ms = wire_target(w)->timeout_ms;

	get->transfer = (struct wire_transfer){ .bytes = on_bytes, .done = on_done, .method = r->method,
						.type = r->type };
	get->err = (struct err)ERR_INIT;
	get->done = false;
	buf_init(&get->body, WIRE_REPLY_MAX);
	wire_start(w, &get->transfer, r->path, r->body, r->accept ? r->accept : "application/json",
		   timeout_ms > 0 ? timeout_ms : r->is_long ? 0 : WIRE_GET_MS);
	while (!get->done)
		wire_wait(w, NULL, 0, TICK_MS);
	if (get->err.code == E_none)
		return 0;
	*err = get->err;
	return -1;
}

static int refuse(const struct wire *w, const struct get *get, const char *path, struct err *err)
{
	char *where = wire_where(w, path);

	wire_read_error(&get->transfer.head, where, buf_span(&get->body), err);
	/* No client asks for a route that no gateway has. */
	if (err->code == E_route_not_found)
		err_prefix(err, "%s", where);
	mem_free(where);
	return -1;
}

static json_t *read_answer(const struct wire *w, const struct get *get, const char *path,
			   bool (*is_answer)(const json_t *root), struct err *err)
{
	struct span body = buf_span(&get->body);
	json_t *root = json_loadb(body.ptr ? body.ptr : "", body.len, JSON_ALLOW_NUL, NULL);

	if (!is_answer && get->transfer.head.status / 100 == 2 && body.len == 0)
		return json_null();
	if (root && (is_answer ? is_answer(root) : get->transfer.head.status / 100 == 2))
		return root;
	json_decref(root);
	refuse(w, get, path, err);
	return NULL;
}

static json_t *ask(struct wire *w, const struct wire_request *r, bool (*is_answer)(const json_t *root),
		   struct err *err)
{
	struct err fault = ERR_INIT;
	struct get get;
	json_t *root = NULL;
	int64_t waited_ms = 0;

	do {
		fault = (struct err)ERR_INIT;
		if (run(w, &get, r, &fault) == 0)
			root = read_answer(w, &get, r->path, is_answer, &fault);
		buf_free(&get.body);
	} while (!root && wire_again(w, &waited_ms, &fault));
	if (!root)
		*err = fault;
	return root;
}

json_t *wire_get(struct wire *w, const char *path, bool (*is_answer)(const json_t *root),
		 struct err *err)
{
	return ask(w, &(struct wire_request){ .path = path }, is_answer, err);
}

json_t *wire_ask(struct wire *w, const struct wire_request *request, struct err *err)
{
	return ask(w, request, NULL, err);
}

int wire_call(struct wire *w, const struct wire_request *r, struct buf *out, struct err *err)
{
	struct err fault;
	struct get get;
	int64_t waited_ms = 0;
	int result;

	do {
		fault = (struct err)ERR_INIT;
		result = run(w, &get, r, &fault);
		if (result == 0 && get.transfer.head.status / 100 != 2)
			result = refuse(w, &get, r->path, &fault);
		if (result == 0 && buf_add_span(out, buf_span(&get.body)) < 0)
			result = err_set(&fault, E_too_large, "", "the answer is larger than %zu bytes",
					 out->max);
		buf_free(&get.body);
	} while (result < 0 && wire_again(w, &waited_ms, &fault));
	if (result < 0)
		*err = fault;
	return result;
}
