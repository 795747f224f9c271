/*
 * common/chat/request_messages.c - the checks of a chat's messages: who speaks, texts and pictures.
 */
#include <stdio.h>

#include "common/chat/image.h"
#include "common/chat/request_inside.h"

/* Where in the body we are, for param; printed only when something is wrong. */
struct place {
	size_t message, part;
	bool in_part;
};

static void name_place(const struct place *at, const char *field, char param[ERR_PARAM_MAX])
{
	if (at->in_part)
		snprintf(param, ERR_PARAM_MAX, "messages[%zu].content[%zu]%s", at->message, at->part, field);
	else
		snprintf(param, ERR_PARAM_MAX, "messages[%zu]%s", at->message, field);
}

static int fault(struct err *err, enum err_code code, const struct place *at, const char *field,
		 const char *what)
{
	char param[ERR_PARAM_MAX];

	name_place(at, field, param);
	return err_set(err, code, param, "%s %s", param, what);
}

static int fault_of_contest(struct err *err, const struct place *at, const char *field)
{
	char param[ERR_PARAM_MAX];

	name_place(at, field, param);
	return request_fault_of_contest(param, err);
}

/* v: that is no string. */
static int fault_of_string(struct err *err, struct jvalue v, const struct place *at, const char *field)
{
	return v.type == J_NONE ? fault(err, E_missing_field, at, field, "is required")
				: fault(err, E_invalid_field, at, field, "must be a string");
}

static int check_image(struct jvalue image, const struct place *at, const struct model *alias,
		       struct err *err)
{
	static const struct span url_name = SPAN_INIT("url");
	struct jvalue url = image;
	struct span plain;
	struct buf unescaped;
	int result = 0;

	if (image.type == J_NONE)
		return fault(err, E_missing_field, at, ".image_url", "is required");
	if (image.type == J_OBJECT && jwalk_members_once(image, &url_name, &url, 1) == 0)
		return fault_of_contest(err, at, ".image_url.url");
	if (url.type != J_STRING)
		return fault(err, E_invalid_field, at, ".image_url.url", "must be a string");
	buf_init(&unescaped, url.text.len);
	plain = jvalue_plain(url);
	if (!plain.ptr) { /* "\/" is all that a data URI may have escaped */
		jvalue_unescape(url, &unescaped);
		plain = buf_span(&unescaped);
	}
	if (image_check_url(plain, alias->accepts_image_url, err) < 0) {
		name_place(at, ".image_url.url", err->param);
		err_prefix(err, "%s", err->param);
		result = -1;
	}
	buf_free(&unescaped);
	return result;
}

/* Escapes make the raw text longer than what it stands for; such texts are rare. */
bool request_is_longer(struct jvalue text, size_t max)
{
	struct buf b;
	bool longer;

	if (text.text.len <= max + 2)
		return false;
	if (jvalue_plain(text).ptr)
		return true;
	buf_init(&b, max);
	longer = jvalue_unescape(text, &b) < 0;
	buf_free(&b);
	return longer;
}

static const struct span part_names[] = { SPAN_INIT("type"), SPAN_INIT("text"), SPAN_INIT("image_url") };
enum { PART_MEMBERS = ARRAY_LEN(part_names) };
static const char *const part_fields[] = { ".type", ".text", ".image_url" };

/* p: the members of the part that w is at. */
static int check_part(const struct jwalk *w, const struct jvalue p[PART_MEMBERS], const struct place *at,
		      const struct model *alias, struct err *err)
{
	if (w->value.type != J_OBJECT)
		return fault(err, E_invalid_field, at, "", "must be an object");
	if (w->contested < PART_MEMBERS)
		return fault_of_contest(err, at, part_fields[w->contested]);
	if (p[0].type != J_STRING)
		return fault_of_string(err, p[0], at, ".type");
	if (jvalue_is(p[0], "text")) {
		if (p[1].type != J_STRING)
			return fault_of_string(err, p[1], at, ".text");
		if (request_is_longer(p[1], CHAT_TEXT_MAX))
			return fault(err, E_invalid_field, at, ".text", "is longer than 1 MiB");
		return 0;
	}
	return jvalue_is(p[0], "image_url") ? check_image(p[2], at, alias, err) : 0;
}

static int check_content(struct jvalue content, struct place *at, bool may_lack,
			 const struct model *alias, struct err *err)
{
	struct jvalue p[PART_MEMBERS];
	struct jwalk w;

	switch (content.type) {
	case J_STRING:
		if (request_is_longer(content, CHAT_TEXT_MAX))
			return fault(err, E_invalid_field, at, ".content", "is longer than 1 MiB");
		return 0;
	case J_ARRAY:
		for (w = jwalk_start(content); jwalk_next_members(&w, part_names, p, PART_MEMBERS);) {
			at->in_part = true;
			at->part = w.index;
			if (check_part(&w, p, at, alias, err) < 0)
				return -1;
		}
		at->in_part = false;
		return 0;
	case J_NONE:
	case J_NULL:
		if (may_lack)
			return 0;
		return fault(err, content.type == J_NONE ? E_missing_field : E_invalid_field, at, ".content",
			     "is required");
	case J_FALSE:
	case J_TRUE:
	case J_NUMBER:
	case J_OBJECT:
		break;
	}
	return fault(err, E_invalid_field, at, ".content", "must be a string or a list of parts");
}

#define SPEAKERS(R) R(user) R(assistant) R(system) R(developer) R(tool) R(function)
static const struct span speaker_names[] = {
#define R(name) SPAN_INIT(#name),
	SPEAKERS(R)
#undef R
};
enum speaker {
#define R(name) SPEAKER_##name,
	SPEAKERS(R)
#undef R
	SPEAKER_none,
};

static enum speaker speaker_of(struct jvalue v)
{
	if (v.type != J_STRING)
		return SPEAKER_none;
	const struct span inside = span_of(v.text.ptr + 1, v.text.len - 2);
	size_t i = jkey_find(inside, false, speaker_names, SPEAKER_none);
	if (i == SPEAKER_none && !jvalue_plain(v).ptr)
		i = jkey_find(inside, true, speaker_names, SPEAKER_none);
	return (enum speaker)i;
}

static const struct span message_names[] = { SPAN_INIT("role"), SPAN_INIT("content"), SPAN_INIT("tool_calls"), SPAN_INIT("tool_call_id") };
enum { MESSAGE_MEMBERS = ARRAY_LEN(message_names) };
static const char *const message_fields[] = { ".role", ".content", ".tool_calls", ".tool_call_id" };

/* m: the members of the message that w is at. */
static int check_message(const struct jwalk *w, const struct jvalue m[MESSAGE_MEMBERS], struct place *at,
			 const struct model *alias, struct err *err)
{
	const enum speaker speaker = speaker_of(m[0]);
	const bool may_lack = speaker == SPEAKER_assistant || speaker == SPEAKER_function;

	if (w->value.type != J_OBJECT)
		return fault(err, E_invalid_field, at, "", "must be an object");
	if (w->contested < MESSAGE_MEMBERS)
		return fault_of_contest(err, at, message_fields[w->contested]);
	if (m[0].type == J_NONE)
		return fault(err, E_missing_field, at, ".role", "is required");
	if (speaker == SPEAKER_none)
		return fault(err, E_invalid_field, at, ".role",
			     "must be system, developer, user, assistant, tool or function");
	if (request_has(m[2]) && m[2].type != J_ARRAY)
		return fault(err, E_invalid_field, at, ".tool_calls", "must be a list");
	if (speaker == SPEAKER_tool && m[3].type != J_STRING)
		return fault_of_string(err, m[3], at, ".tool_call_id");
	return check_content(m[1], at, may_lack, alias, err);
}

int request_check_messages(struct jvalue messages, const struct model *alias, struct err *err)
{
	struct jvalue m[MESSAGE_MEMBERS];
	struct place at = { 0 };
	struct jwalk w;

	if (!request_has(messages))
		return err_set(err, E_missing_field, "messages", "messages is required");
	if (messages.type != J_ARRAY)
		return err_set(err, E_invalid_field, "messages", "messages must be a list");
	for (w = jwalk_start(messages); jwalk_next_members(&w, message_names, m, MESSAGE_MEMBERS);) {
		if (w.index >= CHAT_MESSAGES_MAX)
			return err_set(err, E_invalid_field, "messages", "messages must hold at most %d items",
				       CHAT_MESSAGES_MAX);
		at = (struct place){ .message = w.index };
		if (check_message(&w, m, &at, alias, err) < 0)
			return -1;
	}
	if (!w.started)
		return err_set(err, E_invalid_field, "messages", "messages must not be empty");
	return 0;
}
