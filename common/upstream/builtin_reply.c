/* common/upstream/builtin_reply.c - an answer as chat.completion, or as the stream of its chunks. */
#include "common/upstream/builtin.h"
#include "common/upstream/builtin_inside.h"

#include "common/base/clock.h"
#include "common/base/ident.h"
#include "common/text/words.h"

enum { TOKENS_A_PIECE = 4 };

struct writer {
	const struct builtin_reply *reply;
	struct buf *out;
	struct span content;  /* cut by stop or max_tokens */
	const char *finish;
	size_t tokens;        /* of one choice */
	char id[48];
	int64_t created;
};

static void cut_at_stops(struct writer *w)
{
	const struct ask *ask = w->reply->ask;

	for (size_t i = 0; i < ask->stop_count; i++) {
		ptrdiff_t at = ask->stops[i].len > 0 ? span_find(w->content, ask->stops[i]) : -1;

		if (at >= 0)
			w->content.len = (size_t)at;
	}
}

/* "length" comes before every other reason, as clients expect. */
static void cut_at_tokens(struct writer *w)
{
	int64_t max = w->reply->ask->tokens_max;
	size_t at = 0;

	while (at < w->content.len && (max < 0 || (int64_t)w->tokens < max)) {
		at += words_token(span_from(w->content, at));
		w->tokens++;
	}
	if (at < w->content.len) {
		w->content.len = at;
		w->finish = "length";
	}
}

static void write_usage(struct writer *w)
{
	size_t prompt = w->reply->ask->prompt_tokens;
	size_t completion = w->tokens * (size_t)w->reply->ask->choices;

	buf_printf(w->out, "{\"prompt_tokens\":%zu,\"completion_tokens\":%zu,\"total_tokens\":%zu}",
		   prompt, completion, prompt + completion);
}

static void write_head(struct writer *w, const char *object)
{
	buf_printf(w->out, "{\"id\":\"%s\",\"object\":\"%s\",\"created\":%lld,\"model\":\""
		   BUILTIN_CHAT_MODEL "\",\"choices\":[", w->id, object, (long long)w->created);
}

/* {"index":0,"id":"call_...","type":"function","function":{"name":"...","arguments":"<text>"}} */
static void write_call(struct writer *w, bool with_index, struct span arguments)
{
	char id[32];

	ident_token(id, sizeof(id), "call_", 24);
	buf_add_char(w->out, '{');
	if (with_index)
		buf_add_str(w->out, "\"index\":0,");
	buf_printf(w->out, "\"id\":\"%s\",\"type\":\"function\",\"function\":{\"name\":", id);
	jtext_string(w->out, w->reply->call);
	buf_add_str(w->out, ",\"arguments\":");
	jtext_string(w->out, arguments);
	buf_add_str(w->out, "}}");
}

static void write_whole(struct writer *w)
{
	write_head(w, "chat.completion");
	for (int64_t i = 0; i < w->reply->ask->choices; i++) {
		buf_printf(w->out, "%s{\"index\":%lld,\"message\":{\"role\":\"assistant\",\"content\":",
			   i > 0 ? "," : "", (long long)i);
		if (w->reply->call.ptr) {
			buf_add_str(w->out, "null,\"refusal\":null,\"tool_calls\":[");
			write_call(w, false, w->content);
			buf_add_char(w->out, ']');
		} else {
			jtext_string(w->out, w->content);
			buf_add_str(w->out, ",\"refusal\":null");
		}
		buf_printf(w->out, "},\"logprobs\":null,\"finish_reason\":\"%s\"}", w->finish);
	}
	buf_add_str(w->out, "],\"usage\":");
	write_usage(w);
	buf_add_char(w->out, '}');
}

static void begin_chunk(struct writer *w, int64_t index)
{
	buf_add_str(w->out, "data: ");
	write_head(w, "chat.completion.chunk");
	buf_printf(w->out, "{\"index\":%lld,\"delta\":{", (long long)index);
}

static void end_chunk(struct writer *w, const char *finish)
{
	if (finish)
		buf_printf(w->out, "},\"logprobs\":null,\"finish_reason\":\"%s\"}]", finish);
	else
		buf_add_str(w->out, "},\"logprobs\":null,\"finish_reason\":null}]");
	buf_add_str(w->out, w->reply->ask->include_usage ? ",\"usage\":null}\n\n" : "}\n\n");
}

static void write_piece(struct writer *w, int64_t index, struct span piece)
{
	begin_chunk(w, index);
	if (w->reply->call.ptr) {
		buf_add_str(w->out, "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":");
		jtext_string(w->out, piece);
		buf_add_str(w->out, "}}]");
	} else {
		buf_add_str(w->out, "\"content\":");
		jtext_string(w->out, piece);
	}
	end_chunk(w, NULL);
}

static void write_choice(struct writer *w, int64_t index)
{
	struct span rest = w->content;

	begin_chunk(w, index);
	buf_add_str(w->out, "\"role\":\"assistant\",\"content\":");
	buf_add_str(w->out, w->reply->call.ptr ? "null" : "\"\"");
	end_chunk(w, NULL);
	if (w->reply->call.ptr) {
		begin_chunk(w, index);
		buf_add_str(w->out, "\"tool_calls\":[");
		write_call(w, true, SPAN_NONE);
		buf_add_char(w->out, ']');
		end_chunk(w, NULL);
	}
	while (rest.len > 0) {
		size_t len = 0;

		for (int i = 0; i < TOKENS_A_PIECE; i++)
			len += words_token(span_from(rest, len));
		write_piece(w, index, span_of(rest.ptr, len));
		rest = span_from(rest, len);
	}
	begin_chunk(w, index);
	end_chunk(w, w->finish);
}

static void write_stream(struct writer *w)
{
	for (int64_t i = 0; i < w->reply->ask->choices; i++)
		write_choice(w, i);
	if (w->reply->ask->include_usage) {
		buf_add_str(w->out, "data: ");
		write_head(w, "chat.completion.chunk");
		buf_add_str(w->out, "],\"usage\":");
		write_usage(w);
		buf_add_str(w->out, "}\n\n");
	}
	buf_add_str(w->out, "data: [DONE]\n\n");
}

int builtin_reply_write(const struct builtin_reply *reply, bool stream, struct buf *out, struct err *err)
{
	struct writer w = { .reply = reply, .out = out, .content = reply->content,
			    .created = clock_wall_ms() / 1000 };

	/* A tool that was demanded by name ends with "stop", one chosen freely with "tool_calls". */
	w.finish = reply->call.ptr && !reply->forced ? "tool_calls" : "stop";
	ident_token(w.id, sizeof(w.id), "chatcmpl-", 29);
	if (!reply->call.ptr)
		cut_at_stops(&w);
	cut_at_tokens(&w);
	if (stream)
		write_stream(&w);
	else
		write_whole(&w);
	if (buf_failed(out))
		return err_set(err, E_too_large, "", "the answer is larger than %zu bytes", out->max);
	return 0;
}
