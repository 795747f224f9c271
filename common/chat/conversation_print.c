/*
 * common/chat/conversation_print.c - see conversation_print.h.
 */
#include "common/chat/conversation_print.h"

#include "common/base/clock.h"
#include "common/base/jscan.h"
#include "common/base/mem.h"

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

/* ,"key":"value"; nothing when there is no value. */
static void add_text(struct buf *out, const char *key, struct span value)
{
	if (!value.ptr)
		return;
	buf_printf(out, ",\"%s\":", key);
	jtext_string(out, value);
}

static void add_number(struct buf *out, const char *key, int64_t value)
{
	buf_printf(out, ",\"%s\":%lld", key, (long long)value);
}

static void add_row(struct buf *out, const struct conversation_row *row)
{
	buf_add_str(out, "\"id\":");
	jtext_string(out, row->id);
	add_text(out, "title", row->title);
	add_text(out, "model", row->model);
	add_text(out, "user_id", row->user_id);
	add_number(out, "message_count", row->message_count);
	add_number(out, "created_at", row->created_ms);
	add_number(out, "last_used_at", row->used_ms);
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
	add_number(out, "created_at", m->created_ms);
	add_text(out, "model", m->model);
	add_text(out, "finish_reason", m->finish_reason);
	if (m->interrupted)
		buf_add_str(out, ",\"interrupted\":true");
	add_usage(out, m);
	buf_add_char(out, '}');
}

static void add_html(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		switch (text.ptr[i]) {
		case '&':
			buf_add_str(out, "&amp;");
			break;
		case '<':
			buf_add_str(out, "&lt;");
			break;
		case '>':
			buf_add_str(out, "&gt;");
			break;
		case '"':
			buf_add_str(out, "&quot;");
			break;
		default:
			buf_add_char(out, text.ptr[i]);
		}
}

static void add_escaped(struct buf *out, enum conversation_form form, struct span text)
{
	if (form == CONVERSATION_HTML)
		add_html(out, text);
	else
		buf_add_span(out, text);
}

static struct jvalue member(struct span object, const char *name)
{
	const struct span wanted = span_str(name);
	struct jvalue v = { 0 };

	if (object.ptr && jscan_members(object, NULL, &wanted, &v, 1, NULL) < 0)
		v = (struct jvalue){ 0 };
	return v;
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
		add_html(out, buf_span(&text));
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
		add_html(out, buf_span(&url));
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

/* For people: who, when, what. */
static void print_readable(struct buf *out, enum conversation_form form, const struct message_row *m)
{
	bool html = form == CONVERSATION_HTML;
	struct jvalue calls = member(m->body, "tool_calls"), images = { 0 };
	char when[CLOCK_ISO_SIZE];
	struct jwalk w;

	clock_iso(m->created_ms, when);
	buf_add_str(out, html ? "<section>\n<h2>" : "## ");
	add_escaped(out, form, m->role);
	buf_printf(out, html ? " <small>%s" : " · %s", when);
	if (m->model.ptr) {
		buf_add_str(out, " · ");
		add_escaped(out, form, m->model);
	}
	buf_add_str(out, m->interrupted ? " · interrupted" : "");
	buf_add_str(out, html ? "</small></h2>\n" : "\n\n");
	if (m->text.len) {
		buf_add_str(out, html ? "<div>" : "");
		add_escaped(out, form, m->text);
		buf_add_str(out, html ? "</div>\n" : "\n\n");
	}
	print_pictures(out, form, member(m->body, "content"));
	if (m->images.ptr && jscan_check(m->images, NULL, &images, NULL) == 0)
		print_pictures(out, form, images);
	if (calls.type == J_ARRAY)
		for (w = jwalk_start(calls); jwalk_next(&w);)
			print_call(out, form, w.value);
	buf_add_str(out, html ? "</section>\n" : "");
}

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
		add_html(out, row->title);
		buf_add_str(out, "</title>\n<style>\nbody { font-family: sans-serif; max-width: 50em; "
				 "margin: 2em auto; padding: 0 1em }\ndiv, pre { white-space: pre-wrap; "
				 "overflow-wrap: anywhere }\nh2 { font-size: 1em }\nsmall { color: #666; "
				 "font-weight: normal }\nimg { max-width: 100% }\n</style>\n</head>\n"
				 "<body>\n<h1>");
		add_html(out, row->title);
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
