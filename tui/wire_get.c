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

static json_t *read_answer(const struct wire *w, const struct get *get, const char *path,
			   bool (*is_answer)(const json_t *root), struct err *err)
{
	struct span body = buf_span(&get->body);
	json_t *root = json_loadb(body.ptr ? body.ptr : "", body.len, 0, NULL);
	char *where;

	if (!is_answer && get->transfer.head.status / 100 == 2 && body.len == 0)
		return json_null();
	if (root && (is_answer ? is_answer(root) : get->transfer.head.status / 100 == 2))
		return root;
	json_decref(root);
	where = wire_where(w, path);
	wire_read_error(&get->transfer.head, where, body, err);
	/* No client asks for a route that no gateway has. */
	if (err->code == E_route_not_found)
		err_prefix(err, "%s", where);
	mem_free(where);
	return NULL;
}

static json_t *ask(struct wire *w, const struct wire_request *request,
		   bool (*is_answer)(const json_t *root), struct err *err)
{
	struct get get = { .transfer = { .bytes = on_bytes,
					 .done = on_done,
					 .method = request->method,
					 .tenant = request->tenant },
			   .err = ERR_INIT };
	int64_t timeout_ms = wire_target(w)->timeout_ms;
	json_t *root = NULL;

	buf_init(&get.body, WIRE_REPLY_MAX);
	wire_start(w, &get.transfer, request->path, request->body, "application/json",
		   timeout_ms > 0 ? timeout_ms : WIRE_GET_MS);
	while (!get.done)
		wire_wait(w, NULL, 0, TICK_MS);
	if (get.err.code != E_none)
		*err = get.err;
	else
		root = read_answer(w, &get, request->path, is_answer, err);
	buf_free(&get.body);
	return root;
}

json_t *wire_get(struct wire *w, const char *path, bool (*is_answer)(const json_t *root),
		 struct err *err)
{
	const struct wire_request request = { .path = path };

	return ask(w, &request, is_answer, err);
}

json_t *wire_ask(struct wire *w, const struct wire_request *request, struct err *err)
{
	return ask(w, request, NULL, err);
}
