/*
 * common/chat/conversation_print.c - see conversation_print.h.
 */
#include "common/chat/conversation_print.h"

#include "common/base/clock.h"
#include "common/base/jmember.h"
#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/chat/markdown_html.h"

static const struct {
	const char *name, *type;
} forms[] = {
	[CONVERSATION_JSON] = { NULL, "application/json" },
	[CONVERSATION_EXPORT] = { "json", "application/json" },
	[CONVERSATION_MARKDOWN] = { "md", "text/markdown; charset=utf-8" },
	[CONVERSATION_HTML] = { "html", "text/html; charset=utf-8" },
};

int conversation_form_find(struct span name, enum conversation_form *form)
{
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		if (forms[i].name && span_is(name, forms[i].name)) {
			*form = (enum conversation_form)i;
			return 0;
		}
	return -1;
}

const char *conversation_form_type(enum conversation_form form)
{
	return forms[form].type;
}

const char *conversation_form_name(enum conversation_form form)
{
	return forms[form].name;
}

/* Nothing when there is no value. */
static void add_text(struct buf *out, const char *key, struct span value)
{
	if (value.ptr)
		jmember_text(out, key, value);
}

static void add_row(struct buf *out, const struct conversation_row *row)
{
	jmember_text(out, "id", row->id);
	add_text(out, "title", row->title);
	add_text(out, "model", row->model);
	add_text(out, "user_id", row->user_id);
	jmember_number(out, "message_count", row->message_count);
	jmember_number(out, "created_at", row->created_ms);
	jmember_number(out, "last_used_at", row->used_ms);
	add_text(out, "parent_id", row->parent_id);
	add_text(out, "parent_message", row->parent_message);
	add_text(out, "snippet", row->snippet);
}

void conversation_print_row(struct buf *out, const struct conversation_row *row)
{
	buf_add_char(out, '{');
	add_row(out, row);
	buf_add_char(out, '}');
}

static void add_usage(struct buf *out, const struct message_row *m)
{
	if (m->prompt_tokens < 0 && m->completion_tokens < 0)
		return;
	buf_add_str(out, ",\"usage\":{");
	if (m->prompt_tokens >= 0)
		buf_printf(out, "\"prompt_tokens\":%lld", (long long)m->prompt_tokens);
	if (m->completion_tokens >= 0)
		buf_printf(out, "%s\"completion_tokens\":%lld", m->prompt_tokens >= 0 ? "," : "",
			   (long long)m->completion_tokens);
	buf_add_char(out, '}');
}

static void print_json(struct buf *out, const struct message_row *m)
{
	buf_add_str(out, m->seq > 1 ? ",{\"id\":" : "{\"id\":");
	jtext_string(out, m->id);
	buf_add_char(out, ',');
	if (m->body.len > 2) { /* its members as they stand */
		buf_add(out, m->body.ptr + 1, m->body.len - 2);
	} else {
		buf_add_str(out, "\"role\":");
		jtext_string(out, m->role);
		buf_add_str(out, ",\"content\":");
		jtext_string(out, m->text.ptr ? m->text : SPAN_LIT(""));
	}
	if (m->images.ptr) {
		buf_add_str(out, ",\"images\":");
		buf_add_span(out, m->images);
	}
	jmember_number(out, "created_at", m->created_ms);
	add_text(out, "model", m->model);
	add_text(out, "finish_reason", m->finish_reason);
	if (m->interrupted)
		buf_add_str(out, ",\"interrupted\":true");
	add_usage(out, m);
	buf_add_char(out, '}');
}

static void add_escaped(struct buf *out, enum conversation_form form, struct span text)
{
	if (form == CONVERSATION_HTML)
		html_escape(out, text);
	else
		buf_add_span(out, text);
}

static void print_call(struct buf *out, enum conversation_form form, struct jvalue call)
{
	struct jvalue function = jwalk_get(call, "function");
	struct buf text;

	buf_init(&text, out->max);
	jvalue_unescape(jwalk_get(function, "name"), &text);
	buf_add_char(&text, '(');
	jvalue_unescape(jwalk_get(function, "arguments"), &text);
	buf_add_char(&text, ')');
	if (form == CONVERSATION_HTML) {
		buf_add_str(out, "<pre>");
		html_escape(out, buf_span(&text));
		buf_add_str(out, "</pre>\n");
	} else {
		/* Indented code ends with its line, whatever is in it. */
		buf_add_str(out, "    ");
		buf_add_span(out, buf_span(&text));
		buf_add_str(out, "\n\n");
	}
	buf_free(&text);
}

/* Pictures of the kinds that a browser shows without running anything. */
static bool is_picture(struct span url)
{
	static const char *const starts[] = { "data:image/png;base64,", "data:image/jpeg;base64,",
					      "data:image/webp;base64,", "data:image/gif;base64," };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (span_starts(url, starts[i]))
			return true;
	return false;
}

static void print_picture(struct buf *out, enum conversation_form form, struct jvalue part)
{
	struct jvalue image = jwalk_get(part, "image_url");
	struct jvalue value = image.type == J_OBJECT ? jwalk_get(image, "url") : image;
	struct buf url;

	if (value.type != J_STRING)
		return;
	buf_init(&url, value.text.len);
	jvalue_unescape(value, &url);
	if (form == CONVERSATION_HTML && is_picture(buf_span(&url))) {
		buf_add_str(out, "<p><img alt=\"\" src=\"");
		html_escape(out, buf_span(&url));
		buf_add_str(out, "\"></p>\n");
	} else if (form == CONVERSATION_MARKDOWN && is_picture(buf_span(&url))) {
		buf_add_str(out, "![](");
		buf_add_span(out, buf_span(&url));
		buf_add_str(out, ")\n\n");
	}
	buf_free(&url);
}

static void print_pictures(struct buf *out, enum conversation_form form, struct jvalue list)
{
	struct jwalk w;

	if (list.type != J_ARRAY)
		return;
	for (w = jwalk_start(list); jwalk_next(&w);)
		if (w.value.type == J_OBJECT)
			print_picture(out, form, w.value);
}

/* What a role looks like. */
static const char *class_of(struct span role)
{
	return span_is(role, "user") ? "user" : span_is(role, "assistant") ? "assistant" : "other";
}

/* " · 2026-05-03 07:36 UTC" */
static void add_time(struct buf *out, int64_t ms)
{
	char iso[CLOCK_ISO_SIZE];

	clock_iso(ms, iso);
	buf_printf(out, " · %.10s %.5s UTC", iso, iso + 11);
}

/* What a user typed is shown as it was typed, an answer as it was meant. */
static void print_text(struct buf *out, enum conversation_form form, const struct message_row *m)
{
	if (form != CONVERSATION_HTML) {
		buf_add_span(out, m->text);
		buf_add_str(out, "\n\n");
	} else if (span_is(m->role, "assistant")) {
		markdown_html(out, m->text);
	} else {
		buf_add_str(out, "<div class=\"text\">");
		html_escape(out, m->text);
		buf_add_str(out, "</div>\n");
	}
}

/* For people: who, when, what. */
static void print_readable(struct buf *out, enum conversation_form form, const struct message_row *m)
{
	bool html = form == CONVERSATION_HTML;
	struct jvalue calls = jscan_member(m->body, "tool_calls"), images = { 0 };
	struct jwalk w;

	if (html)
		buf_printf(out, "<section class=\"%s\">\n<h2>", class_of(m->role));
	else
		buf_add_str(out, "## ");
	add_escaped(out, form, m->role);
	buf_add_str(out, html ? " <small>" : "");
	/* A turn is kept when its answer is there: question and answer have one time. */
	if (span_is(m->role, "user"))
		add_time(out, m->created_ms);
	if (m->model.ptr) {
		buf_add_str(out, " · ");
		add_escaped(out, form, m->model);
	}
	buf_add_str(out, m->interrupted ? " · interrupted" : "");
	buf_add_str(out, html ? "</small></h2>\n" : "\n\n");
	if (m->text.len)
		print_text(out, form, m);
	print_pictures(out, form, jscan_member(m->body, "content"));
	if (m->images.ptr && jscan_check(m->images, NULL, &images, NULL) == 0)
		print_pictures(out, form, images);
	if (calls.type == J_ARRAY)
		for (w = jwalk_start(calls); jwalk_next(&w);)
			print_call(out, form, w.value);
	buf_add_str(out, html ? "</section>\n" : "");
}

static const char style[] =
	":root { color-scheme: light dark }\n"
	"body { font: 1rem/1.5 sans-serif; max-width: 46em; margin: 2em auto; padding: 0 1em }\n"
	"h1 { font-size: 1.4em }\n"
	"section { margin: 1em 0; padding: .1em 1em; border-radius: .5em; overflow-wrap: anywhere }\n"
	".user { background: #48f2 }\n"
	".assistant { border: 1px solid #8886 }\n"
	".other { opacity: .8 }\n"
	"h2 { font-size: .9em; margin: .6em 0 }\n"
	"small { font-weight: normal; opacity: .7 }\n"
	".text { white-space: pre-wrap; margin: .6em 0 }\n"
	"pre { background: #8882; padding: .6em; border-radius: .3em; overflow-x: auto }\n"
	":not(pre) > code { background: #8882; padding: 0 .2em; border-radius: .2em }\n"
	"blockquote { border-left: .25em solid #8886; margin: .6em 0; padding: 0 1em }\n"
	"table { border-collapse: collapse } th, td { border: 1px solid #8886; padding: .2em .5em }\n"
	"img { max-width: 100% }\n";

void conversation_print_begin(struct buf *out, enum conversation_form form,
			      const struct conversation_row *row)
{
	switch (form) {
	case CONVERSATION_JSON:
	case CONVERSATION_EXPORT:
		buf_add_str(out, form == CONVERSATION_EXPORT ?
					 "{\"format\":\"spass-conversation\",\"version\":1," :
					 "{");
		add_row(out, row);
		buf_add_str(out, ",\"messages\":[");
		break;
	case CONVERSATION_MARKDOWN:
		buf_add_str(out, "# ");
		buf_add_span(out, row->title);
		buf_add_str(out, "\n\n");
		break;
	case CONVERSATION_HTML:
		buf_add_str(out, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>");
		html_escape(out, row->title);
		buf_add_str(out, "</title>\n<style>\n");
		buf_add_str(out, style);
		buf_add_str(out, "</style>\n</head>\n<body>\n<h1>");
		html_escape(out, row->title);
		buf_add_str(out, "</h1>\n");
		break;
	}
}

void conversation_print_message(struct buf *out, enum conversation_form form, const struct message_row *m)
{
	if (form == CONVERSATION_JSON || form == CONVERSATION_EXPORT)
		print_json(out, m);
	else
		print_readable(out, form, m);
}

void conversation_print_end(struct buf *out, enum conversation_form form)
{
	static const char *const ends[] = {
		[CONVERSATION_JSON] = "]}",
		[CONVERSATION_EXPORT] = "]}",
		[CONVERSATION_MARKDOWN] = "",
		[CONVERSATION_HTML] = "</body>\n</html>\n",
	};

	buf_add_str(out, ends[form]);
}
