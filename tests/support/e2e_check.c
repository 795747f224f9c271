/* tests/support/e2e_check.c - compares what was got with what a case expects. */
#include "tests/support/e2e.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN = 400 };

static bool regex_fits(struct e2e *e, const char *pattern, const char *text, bool *bad)
{
	regex_t re;
	*bad = false;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB)) {
		*bad = true;
		e2e_fail(e, "bad regular expression: %s", pattern);
		return false;
	}
	bool fits = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return fits;
}

int e2e_differ(struct e2e *e, const char *what, const char *want, size_t want_len, const char *got, size_t got_len)
{
	struct text a = { 0 }, b = { 0 };
	size_t same = 0, least = want_len < got_len ? want_len : got_len;
	while (same < least && want[same] == got[same])
		same++;
	size_t from = same > SHOWN / 2 ? same - SHOWN / 2 : 0;
	if (want_len <= SHOWN && got_len <= SHOWN)
		from = 0;
	kit_escape(want + from, want_len - from < SHOWN ? want_len - from : SHOWN, &a);
	kit_escape(got + from, got_len - from < SHOWN ? got_len - from : SHOWN, &b);
	e2e_fail(e, "%s differs%s at byte %zu (%zu expected, %zu got)\n  expected: %s%s\n  got:      %s%s", what,
		 from ? " (shown from the middle)" : "", same, want_len, got_len, from ? "..." : "", text_str(&a),
		 from ? "..." : "", text_str(&b));
	text_free(&a);
	text_free(&b);
	return -1;
}

/* The failure with what was got, shortened. */
static int miss(struct e2e *e, const char *what, const char *spec, const char *got, size_t len)
{
	struct text shown = { 0 };
	kit_escape(got, len < SHOWN ? len : SHOWN, &shown);
	e2e_fail(e, "%s: expected \"%s\"\n  got:      %s%s", what, spec, text_str(&shown), len > SHOWN ? "..." : "");
	text_free(&shown);
	return -1;
}

int e2e_check_text(struct e2e *e, const char *what, const char *got, size_t len, const char *spec)
{
	const char *rest;
	struct text want = { 0 };
	int result = 0;
	bool bad;
	if (kit_word(spec, "=", &rest)) {
		kit_unescape(rest, strlen(rest), &want);
		if (want.len != len || (len && memcmp(want.ptr, got, len) != 0))
			result = e2e_differ(e, what, want.ptr, want.len, got, len);
	} else if (kit_word(spec, "contains", &rest) || kit_word(spec, "lacks", &rest)) {
		kit_unescape(rest, strlen(rest), &want);
		bool found = kit_find(got, len, want.ptr, want.len) != NULL;
		if (found != (spec[0] == 'c'))
			result = miss(e, what, spec, got, len);
	} else if (kit_word(spec, "starts", &rest)) {
		kit_unescape(rest, strlen(rest), &want);
		if (len < want.len || memcmp(got, want.ptr, want.len) != 0)
			result = miss(e, what, spec, got, len);
	} else if (kit_word(spec, "~", &rest)) {
		char *text = kit_strndup(got, len);
		if (!regex_fits(e, rest, text, &bad))
			result = bad ? -1 : miss(e, what, spec, got, len);
		free(text);
	} else if (kit_word(spec, "size", &rest)) {
		if (kit_number(rest, strlen(rest)) != (int64_t)len)
			result = e2e_fail(e, "%s: expected %s bytes, got %zu", what, rest, len);
	} else if (strcmp(spec, "empty") == 0) {
		if (len)
			result = miss(e, what, spec, got, len);
	} else {
		result = e2e_fail(e, "%s: cannot read \"%s\" (=, contains, lacks, starts, ~, size, empty)", what, spec);
	}
	text_free(&want);
	return result;
}

json_t *e2e_json_at(json_t *root, const char *path, size_t len)
{
	const char *end = path + len;
	if (len == 1 && *path == '.')
		return root;
	while (path < end && root) {
		if (*path == '[') {
			root = json_array_get(root, (size_t)strtol(path + 1, NULL, 10));
			path = memchr(path, ']', (size_t)(end - path));
			path = path ? path + 1 : end;
		} else {
			path += *path == '.';
			size_t key = 0;
			while (path + key < end && path[key] != '.' && path[key] != '[')
				key++;
			char *name = kit_strndup(path, key);
			root = json_object_get(root, name);
			free(name);
			path += key;
		}
	}
	return root;
}

static int compare_json(struct e2e *e, const char *path, json_t *got, const char *want_text)
{
	json_error_t why;
	json_t *want = json_loads(want_text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!want)
		return e2e_fail(e, "json %s: \"%s\" is not JSON (texts need quotes)", path, want_text);
	bool equal = json_equal(want, got);
	/* 1 and 1.0 are the same number */
	if (!equal && json_is_number(want) && json_is_number(got))
		equal = json_number_value(want) >= json_number_value(got) && json_number_value(want) <= json_number_value(got);
	json_decref(want);
	if (equal)
		return 0;
	char *shown = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	e2e_fail(e, "json %s\n  expected: %s\n  got:      %s", path, want_text, shown ? shown : "(absent)");
	free(shown);
	return -1;
}

static int compare_size(struct e2e *e, const char *path, json_t *got, char op, const char *limit)
{
	double value = json_number_value(got), bound = strtod(limit, NULL);
	if (json_is_number(got) && (op == '>' ? value > bound : value < bound))
		return 0;
	return e2e_fail(e, "json %s: expected %c %s, got %g%s", path, op, limit, value, json_is_number(got) ? "" : " (no number)");
}

int e2e_check_json(struct e2e *e, json_t *root, const char *spec)
{
	size_t len = strcspn(spec, " ");
	const char *op = spec + len + strspn(spec + len, " "), *rest;
	char *path = kit_strndup(spec, len);
	json_t *got = e2e_json_at(root, path, len);
	int result = 0;
	if (strcmp(op, "absent") == 0) {
		if (got)
			result = e2e_fail(e, "json %s: expected to be absent", path);
	} else if (strcmp(op, "exists") == 0) {
		if (!got)
			result = e2e_fail(e, "json %s: is absent", path);
	} else if (kit_word(op, "=", &rest)) {
		result = compare_json(e, path, got, rest);
	} else if (kit_word(op, "length", &rest)) {
		size_t size = json_is_string(got) ? json_string_length(got) : json_is_object(got) ? json_object_size(got) : json_array_size(got);
		if (!got || (int64_t)size != kit_number(rest, strlen(rest)))
			result = e2e_fail(e, "json %s: expected length %s, got %zu", path, rest, size);
	} else if (kit_word(op, ">", &rest) || kit_word(op, "<", &rest)) {
		result = compare_size(e, path, got, op[0], rest);
	} else if (!json_is_string(got)) {
		result = e2e_fail(e, "json %s: is no text, or cannot read \"%s\"", path, op);
	} else {
		result = e2e_check_text(e, path, json_string_value(got), json_string_length(got), op);
	}
	free(path);
	return result;
}

int e2e_check_json_text(struct e2e *e, const char *text, size_t len, const char *spec)
{
	json_error_t why;
	json_t *root = json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (!root)
		return miss(e, "not JSON", why.text, text, len);
	int result = e2e_check_json(e, root, spec);
	json_decref(root);
	return result;
}

static int check_header(struct e2e *e, const struct e2e_answer *a, const char *spec)
{
	size_t len = strcspn(spec, ": ~");
	char *name = kit_strndup(spec, len);
	const char *rest = spec + len;
	struct text value = { 0 };
	int result = 0;
	if (!e2e_answer_header(a, name, &value))
		result = e2e_fail(e, "header %s is absent\n  head:     %s", name, text_str(&a->head));
	else if (*rest == ':')
		rest += 1 + strspn(rest + 1, " ");
	if (!result && rest[0] == ' ')
		result = e2e_check_text(e, name, text_str(&value), value.len, rest + strspn(rest, " "));
	else if (!result && *rest && strcmp(rest, text_str(&value)) != 0)
		result = e2e_differ(e, name, rest, strlen(rest), text_str(&value), value.len);
	text_free(&value);
	free(name);
	return result;
}

/* event N|last CHECK */
static int check_event(struct e2e *e, const struct e2e_answer *a, const char *spec)
{
	struct text data = { 0 }, name = { 0 };
	bool last = strncmp(spec, "last", 4) == 0;
	int64_t index = last ? -1 : strtol(spec, NULL, 10);
	const char *check = spec + strcspn(spec, " "), *rest;
	check += strspn(check, " ");
	int result = 0;
	if (!e2e_answer_event(a, index, &data, &name))
		result = e2e_fail(e, "there is no event %s (%lld came)", last ? "at all" : spec, (long long)e2e_answer_event_count(a));
	else if (kit_word(check, "json", &rest))
		result = e2e_check_json_text(e, data.ptr, data.len, rest);
	else if (kit_word(check, "name", &rest))
		result = e2e_check_text(e, "event name", name.ptr, name.len, rest);
	else
		result = e2e_check_text(e, "event", data.ptr, data.len, check);
	if (result)
		text_printf(&e->why, "\n  in event %.20s", spec);
	text_free(&data);
	text_free(&name);
	return result;
}

/* The content of all deltas of choice 0, joined. */
static void join_content(const struct e2e_answer *a, struct text *out)
{
	struct text data = { 0 };
	for (int64_t i = 0; e2e_answer_event(a, i, &data, NULL); i++) {
		json_t *root = json_loadb(data.ptr, data.len, JSON_ALLOW_NUL, NULL);
		json_t *content = e2e_json_at(root, "choices[0].delta.content", 24);
		if (json_is_string(content))
			text_add(out, json_string_value(content), json_string_length(content));
		json_decref(root);
	}
	text_add(out, "", 0);
	text_free(&data);
}

static int check_ended(struct e2e *e, const struct e2e_answer *a, const char *how)
{
	const char *got = a->cut ? "cut" : a->done ? "clean" : "not yet";
	return strcmp(how, got) == 0 ? 0 : e2e_fail(e, "the answer ended %s, expected %s", got, how);
}

static int check_events(struct e2e *e, const struct e2e_answer *a, const char *rest)
{
	int64_t count = e2e_answer_event_count(a), bound;
	char op = rest[0] == '>' || rest[0] == '<' ? rest[0] : '=';
	rest += strspn(rest, "<> ");
	bound = kit_number(rest, strlen(rest));
	if (op == '>' ? count > bound : op == '<' ? count < bound : count == bound)
		return 0;
	return e2e_fail(e, "%lld events came, expected %c %lld", (long long)count, op, (long long)bound);
}

static int check_closed(struct e2e *e, struct e2e_conn *c, bool want)
{
	int more = e2e_conn_more(c, want ? e2e_deadline(e, DEADLINE_MS) : kit_now_us() + 20000);
	if (!want && c->in.len)
		return e2e_check_text(e, "after the answer came", c->in.ptr, c->in.len, "empty");
	if ((more < 0) == want)
		return 0;
	return e2e_fail(e, want ? "the connection stays open" : "the connection was closed");
}

static int check_within(struct e2e *e, int64_t took_us, const char *limit, const char *what)
{
	int64_t ms = strtol(limit, NULL, 10);
	if (took_us <= ms * 1000 * e->slow)
		return 0;
	return e2e_fail(e, "%s came after %.1f ms, allowed are %lld", what, (double)took_us / 1000.0, (long long)ms * e->slow);
}

int e2e_check_answer(struct e2e *e, struct e2e_conn *c, const char *check)
{
	const struct e2e_answer *a = &c->answer;
	const char *rest, *body = text_str(&a->body);
	struct text scratch = { 0 };
	int result;
	if (kit_word(check, "header", &rest))
		return check_header(e, a, rest);
	if (kit_word(check, "no-header", &rest)) {
		result = e2e_answer_header(a, rest, &scratch) ? e2e_fail(e, "header %s: %s is there", rest, scratch.ptr) : 0;
		text_free(&scratch);
		return result;
	}
	if (kit_word(check, "json", &rest))
		return e2e_check_json_text(e, body, a->body.len, rest);
	if (kit_word(check, "body", &rest))
		return e2e_check_text(e, "body", body, a->body.len, rest);
	if (kit_word(check, "head", &rest))
		return e2e_check_text(e, "head", text_str(&a->head), a->head.len, rest);
	if (strcmp(check, "no-body") == 0)
		return e2e_check_text(e, "body", body, a->body.len, "empty");
	if (strcmp(check, "same-body") == 0)
		return c->sent_body.len == a->body.len && memcmp(text_str(&c->sent_body), body, a->body.len) == 0
			       ? 0 : e2e_differ(e, "body", text_str(&c->sent_body), c->sent_body.len, body, a->body.len);
	if (kit_word(check, "events", &rest))
		return check_events(e, a, rest);
	if (kit_word(check, "event", &rest))
		return check_event(e, a, rest);
	if (kit_word(check, "text", &rest)) {
		join_content(a, &scratch);
		result = e2e_check_text(e, "text", text_str(&scratch), scratch.len, rest);
		text_free(&scratch);
		return result;
	}
	if (kit_word(check, "interim", &rest))
		return e2e_check_text(e, "interim answers", text_str(&a->interim), a->interim.len, rest);
	if (kit_word(check, "ended", &rest))
		return check_ended(e, a, rest);
	if (kit_word(check, "within", &rest))
		return check_within(e, (a->done_us ? a->done_us : kit_now_us()) - c->sent_us, rest, "the answer's end");
	if (kit_word(check, "first-byte-within", &rest))
		return check_within(e, a->first_us - c->sent_us, rest, "the first byte");
	if (strcmp(check, "closed") == 0 || strcmp(check, "kept") == 0)
		return check_closed(e, c, check[0] == 'c');
	return e2e_fail(e, "unknown expectation: %s", check);
}
