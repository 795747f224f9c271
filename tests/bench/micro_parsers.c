/*
 * tests/bench/micro_parsers.c - how long the hot path's parsers take: make bench-parsers.
 *
 * Each figure is the best of several rounds, which says what the code can do on a machine that
 * others use too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/base/sse.h"
#include "common/loop/http1.h"

enum { ROUNDS = 20, ROUND_US = 20000 };

/* Does its work once; returns something that depends on it. */
typedef size_t work(struct span input);

static double best_ns(work *run, struct span input)
{
	static volatile size_t sink;
	double best = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t begin = clock_mono_us(), now = begin;
		size_t count = 0;
		while (now - begin < ROUND_US) {
			for (int i = 0; i < 16; i++)
				sink += run(input);
			count += 16;
			now = clock_mono_us();
		}
		double ns = (double)(now - begin) * 1000 / (double)count;
		best = ns < best ? ns : best;
	}
	return best;
}

static const struct span body_names[] = { SPAN_INIT("model"), SPAN_INIT("messages"), SPAN_INIT("stream"), SPAN_INIT("max_tokens"), SPAN_INIT("tools"), SPAN_INIT("user"),
					  SPAN_INIT("temperature"), SPAN_INIT("stream_options"), SPAN_INIT("n"), SPAN_INIT("stop") };

static size_t scan_body(struct span input)
{
	struct jvalue out[ARRAY_LEN(body_names)];

	if (jscan_members(input, NULL, body_names, out, ARRAY_LEN(body_names), NULL) < 0)
		abort();
	return out[1].text.len;
}

static size_t check_only(struct span input)
{
	struct jvalue out;

	if (jscan_check(input, NULL, &out, NULL) < 0)
		abort();
	return out.text.len;
}

static size_t walk(struct span input)
{
	struct jvalue v = { .type = J_OBJECT, .text = input };

	return jwalk_count(jwalk_get(v, "messages"));
}

/* What a relay asks of an event: choices, usage, error; the delta's content, the finish reason. */
static size_t scan_event(struct span input)
{
	static const struct span names[] = { SPAN_INIT("choices"), SPAN_INIT("usage"), SPAN_INIT("error") };
	static const struct span inner[] = { SPAN_INIT("delta"), SPAN_INIT("finish_reason") };
	struct jvalue out[ARRAY_LEN(names)], parts[ARRAY_LEN(inner)];

	if (jscan_members(input, NULL, names, out, ARRAY_LEN(names), NULL) < 0)
		abort();
	struct jwalk w = jwalk_start(out[0]);
	if (!jwalk_next(&w))
		abort();
	jwalk_members(w.value, inner, parts, ARRAY_LEN(inner));
	return jwalk_get(parts[0], "content").text.len;
}

static struct sse_reader reader;

static size_t read_stream(struct span input)
{
	struct sse_event event;
	size_t sum = 0;

	sse_reader_feed(&reader, input);
	while (sse_reader_next(&reader, &event, NULL) > 0)
		sum += event.data.len;
	return sum;
}

static size_t read_head(struct span input)
{
	static struct http1_head head;
	static struct http1_parser p;

	http1_parser_init(&p, HTTP1_REQUEST, NULL);
	if (http1_parse(&p, input, &head, NULL) != 1)
		abort();
	return head.size;
}

static size_t read_chunks(struct span input)
{
	static const struct http1_head head = { .chunked = true, .content_length = -1 };
	struct http1_body b;
	struct span data;
	size_t sum = 0;

	http1_body_of_request(&b, &head);
	while (http1_body_next(&b, &input, &data, NULL) == HTTP1_DATA)
		sum += data.len;
	return sum;
}

static struct span repeat(struct buf *b, const char *open, const char *piece, const char *close, size_t size)
{
	buf_init(b, 8 * MIB);
	buf_add_str(b, open);
	while (b->len < size)
		buf_add_str(b, piece);
	buf_add_str(b, close);
	return buf_span(b);
}

static void print_rate(const char *what, work *run, struct span input)
{
	double ns = best_ns(run, input);

	printf("%-44s %8zu bytes %10.0f ns %8.0f MB/s\n", what, input.len, ns, (double)input.len * 1000 / ns);
}

static void print_each(const char *what, work *run, struct span input, size_t count)
{
	double ns = best_ns(run, input);

	printf("%-44s %8zu bytes %10.0f ns each\n", what, input.len / count, ns / (double)count);
}

#define OPEN "{\"model\":\"m\",\"stream\":true,\"max_tokens\":512,\"messages\":[{\"role\":\"user\",\"content\":\""
#define CLOSE "\"}]}"
#define EVENT                                                                                      \
	"{\"id\":\"chatcmpl-9abcdefghijklmnopqrstuvwxyz0123\",\"object\":\"chat.completion.chunk\","   \
	"\"created\":1732185600,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":"         \
	"{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}"

static void bench_json(void)
{
	static const struct {
		const char *what, *piece;
		size_t size;
	} bodies[] = {
		{ "request, ASCII text, 33 KB", "The quick brown fox jumps over the lazy dog. ", 33000 },
		{ "request, ASCII text, 1 MB", "The quick brown fox jumps over the lazy dog. ", 1000000 },
		{ "request, an escape each 40 bytes, 1 MB", "The quick brown fox jumps over the dog.\\n", 1000000 },
		{ "request, German, 1 MB", "Z\xc3\xb6lf Boxk\xc3\xa4mpfer jagen Viktor quer \xc3\xbc" "ber den Deich. ", 1000000 },
		{ "request, Chinese, 1 MB", "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96\xe7\x95\x8c", 1000000 },
		{ "request, nothing but escapes, 1 MB", "\\n\\\"\\u00e9", 1000000 },
	};
	struct buf b;

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		print_rate(bodies[i].what, scan_body, repeat(&b, OPEN, bodies[i].piece, CLOSE, bodies[i].size));
		if (i == 1)
			print_rate("  the same, walked to its messages", walk, buf_span(&b));
		buf_free(&b);
	}
	print_rate("request, 400 messages", scan_body,
		   repeat(&b, "{\"model\":\"m\",\"messages\":[1", ",{\"role\":\"user\",\"content\":\"Hello there, how are you?\"}",
			  "]}", 20000));
	buf_free(&b);
	print_rate("embedding, numbers", check_only, repeat(&b, "[0", ",-0.012345678", "]", 20000));
	buf_free(&b);
	print_rate("nested brackets", check_only, repeat(&b, "[0", ",[[[[]]]]", "]", 20000));
	buf_free(&b);
}

static void bench_streams(void)
{
	struct buf b;

	print_each("event, JSON scanned and walked", scan_event, SPAN_LIT(EVENT), 1);
	sse_reader_init(&reader, 1 * MIB);
	struct span stream = repeat(&b, "", "data: " EVENT "\n\n", "", 1);
	print_each("event cut out of its stream, alone", read_stream, stream, 1);
	buf_free(&b);
	stream = repeat(&b, "", "data: " EVENT "\n\n", "", 60 * 1000);
	print_each("event cut out of its stream, of many", read_stream, stream, stream.len / (sizeof(EVENT) + 7));
	buf_free(&b);
	sse_reader_free(&reader);
	print_rate("chunked body, chunks of 228 bytes", read_chunks,
		   repeat(&b, "", "e4\r\n" EVENT "\r\n", "0\r\n\r\n", 60 * 1000));
	buf_free(&b);
}

static void bench_heads(void)
{
	static const char small[] = "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:8080\r\n"
				    "Authorization: Bearer sk-0123456789abcdef0123456789abcdef\r\n"
				    "Content-Type: application/json\r\nContent-Length: 1234\r\n"
				    "User-Agent: bench/1.0 (parsers)\r\nA: b\r\n\r\n";
	static const char large[] =
		"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost:8080\r\nconnection: keep-alive\r\n"
		"accept: application/json\r\ncontent-type: application/json\r\nuser-agent: OpenAI/JS 7.55.0\r\n"
		"x-stainless-retry-count: 0\r\nx-stainless-lang: js\r\nx-stainless-package-version: 7.55.0\r\n"
		"x-stainless-os: Linux\r\nx-stainless-arch: x64\r\nx-stainless-timeout: 600\r\naccept-charset: u\r\nx-stainless-runtime: node\r\n"
		"x-stainless-runtime-version: v22.11.0\r\nauthorization: Bearer sk-0123456789abcdef\r\n"
		"accept-language: *\r\nsec-fetch-mode: cors\r\naccept-encoding: gzip, deflate\r\ncontent-length: 1234\r\n\r\n";

	print_each("request head, 6 fields", read_head, span_str(small), 1);
	print_each("request head, 17 fields", read_head, span_str(large), 1);
}

int main(void)
{
	bench_json();
	bench_streams();
	bench_heads();
	return 0;
}
