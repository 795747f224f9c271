/*
 * common/base/yml.c - YAML events from libyaml, built into jansson values without recursion.
 *
 * Lines are kept beside the tree in a hash table from an address to a number: the address of the
 * value, and for members of mappings also that of jansson's iterator, because true, false and
 * null are one shared object each and could not tell two places apart.
 */
#include "common/base/yml.h"

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/base/mem.h"

#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct place {
	const void *address;
	int line;
};

struct yml {
	json_t *root;
	char *name;
	struct place *places; /* open addressing; size is a power of two */
	size_t place_count, place_size;
};

/* A mapping or sequence that is being read; key waits for its value. */
struct frame {
	json_t *container;
	char *key;
	int key_line;
};

struct reader {
	yaml_parser_t parser;
	struct yml *y;
	struct err *err;
	struct span text;
	struct frame frames[YML_DEPTH_MAX];
	size_t depth, nodes, nodes_max;
	bool has_document, done;
};

static size_t place_slot(const struct yml *y, const void *address)
{
	uint64_t hash = (uint64_t)(uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15);
	size_t slot = (size_t)(hash >> 32) & (y->place_size - 1);

	while (y->places[slot].address && y->places[slot].address != address)
		slot = (slot + 1) & (y->place_size - 1);
	return slot;
}

static void place_add(struct yml *y, const void *address, int line)
{
	if (2 * y->place_count >= y->place_size) {
		struct place *old = y->places;
		size_t old_size = y->place_size;

		y->place_size = old_size ? 2 * old_size : 64;
		y->places = mem_calloc(y->place_size, sizeof(*y->places));
		for (size_t i = 0; i < old_size; i++)
			if (old[i].address)
				y->places[place_slot(y, old[i].address)] = old[i];
		mem_free(old);
	}
	y->places[place_slot(y, address)] = (struct place){ address, line };
	y->place_count++;
}

static int place_find(const struct yml *y, const void *address)
{
	return address && y->place_size ? y->places[place_slot(y, address)].line : 0;
}

static int line_of(yaml_mark_t mark)
{
	return mark.line < INT_MAX ? (int)mark.line + 1 : INT_MAX;
}

static int fail_at(struct reader *r, int line, const char *what)
{
	return err_set(r->err, E_invalid_config, "", "%s:%d: %s", r->y->name, line, what);
}

/* Whether a tab is what the mark stands at: marks count characters. */
static bool is_tab(struct span text, yaml_mark_t mark)
{
	size_t left = mark.index;

	for (size_t at = 0; at < text.len; at++) {
		if (((unsigned char)text.ptr[at] & 0xc0) == 0x80)
			continue;
		if (left-- == 0)
			return text.ptr[at] == '\t';
	}
	return false;
}

/* What libyaml says; of bytes that are no text it knows the offset, not the line. */
static int fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "not YAML";
	int line = line_of(p->problem_mark);

	if (p->error == YAML_MEMORY_ERROR)
		return err_set(r->err, E_internal_error, "", "out of memory");
	if (p->error == YAML_READER_ERROR) {
		line = 1;
		for (size_t i = 0; i < p->problem_offset && i < r->text.len; i++)
			line += r->text.ptr[i] == '\n';
	}
	if (p->error == YAML_SCANNER_ERROR && is_tab(r->text, p->problem_mark))
		return fail_at(r, line, "there is a tab; YAML is indented by blanks alone");
	if (p->context)
		return err_set(r->err, E_invalid_config, "", "%s:%d: %s (%s)", r->y->name, line,
			       problem, p->context);
	return fail_at(r, line, problem);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static struct span skip_digits(struct span s)
{
	while (s.len > 0 && is_digit(s.ptr[0]))
		s = span_from(s, 1);
	return s;
}

/* A number as JSON writes it; *is_real when it has a fraction or an exponent. */
static bool is_number(struct span s, bool *is_real)
{
	*is_real = false;
	if (s.len > 0 && s.ptr[0] == '-')
		s = span_from(s, 1);
	if (s.len == 0 || !is_digit(s.ptr[0]))
		return false;
	s = s.ptr[0] == '0' ? span_from(s, 1) : skip_digits(s);
	if (s.len > 0 && s.ptr[0] == '.') {
		*is_real = true;
		s = span_from(s, 1);
		if (s.len == 0 || !is_digit(s.ptr[0]))
			return false;
		s = skip_digits(s);
	}
	if (s.len > 0 && (s.ptr[0] == 'e' || s.ptr[0] == 'E')) {
		*is_real = true;
		s = span_from(s, 1);
		if (s.len > 0 && (s.ptr[0] == '+' || s.ptr[0] == '-'))
			s = span_from(s, 1);
		if (s.len == 0 || !is_digit(s.ptr[0]))
			return false;
		s = skip_digits(s);
	}
	return s.len == 0;
}

/* NULL when out of range.  text ends in NUL. */
static json_t *number_value(const char *text, bool is_real)
{
	char *end;

	errno = 0;
	if (!is_real) {
		long long number = strtoll(text, &end, 10);

		return errno == 0 ? json_integer(number) : NULL;
	}
	/* The locale of a terminal program may want a decimal comma. */
	locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	double number = strtod_l(text, &end, plain);

	freelocale(plain);
	return isfinite(number) ? json_real(number) : NULL;
}

/* Plain words with a meaning, in the three spellings of YAML 1.1. */
static const struct {
	const char *words[3];
	json_type type;
} constants[] = {
	{ { "null", "Null", "NULL" }, JSON_NULL },   { { "~", "~", "" }, JSON_NULL },
	{ { "true", "True", "TRUE" }, JSON_TRUE },   { { "yes", "Yes", "YES" }, JSON_TRUE },
	{ { "on", "On", "ON" }, JSON_TRUE },	     { { "false", "False", "FALSE" }, JSON_FALSE },
	{ { "no", "No", "NO" }, JSON_FALSE },	     { { "off", "Off", "OFF" }, JSON_FALSE },
};

static json_t *constant_value(struct span s)
{
	for (size_t i = 0; i < ARRAY_LEN(constants); i++)
		for (size_t k = 0; k < ARRAY_LEN(constants[i].words); k++)
			if (span_is(s, constants[i].words[k]))
				return constants[i].type == JSON_NULL ? json_null() :
				       json_boolean(constants[i].type == JSON_TRUE);
	return NULL;
}

static struct span scalar_span(const yaml_event_t *event)
{
	return span_of((const char *)event->data.scalar.value, event->data.scalar.length);
}

static json_t *scalar_value(struct reader *r, const yaml_event_t *event)
{
	struct span s = scalar_span(event);
	json_t *value = NULL;
	bool is_real;

	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		value = constant_value(s);
		if (value)
			return value;
		if (is_number(s, &is_real)) {
			value = number_value(s.ptr, is_real);
			if (!value)
				fail_at(r, line_of(event->start_mark),
					"the number is out of range; quote it to make it text");
			return value;
		}
	}
	value = json_stringn(s.ptr, s.len);
	if (!value)
		fail_at(r, line_of(event->start_mark), "the text is not valid UTF-8");
	return value;
}

/* Takes value: into the container on top, or as the root.  -1 when there are too many. */
static int attach(struct reader *r, json_t *value, int line)
{
	struct frame *top = r->depth > 0 ? &r->frames[r->depth - 1] : NULL;

	if (++r->nodes > r->nodes_max) {
		json_decref(value);
		return err_set(r->err, E_invalid_config, "", "%s:%d: more than %zu values",
			       r->y->name, line, r->nodes_max);
	}
	if (!json_is_boolean(value) && !json_is_null(value))
		place_add(r->y, value, line);
	if (!top) {
		r->y->root = value;
	} else if (json_is_array(top->container)) {
		json_array_append_new(top->container, value);
	} else {
		json_object_set_new(top->container, top->key, value);
		place_add(r->y, json_object_iter_at(top->container, top->key), top->key_line);
		mem_free(top->key);
		top->key = NULL;
	}
	return 0;
}

static int read_key(struct reader *r, struct frame *top, const yaml_event_t *event)
{
	struct span key = scalar_span(event);
	int line = line_of(event->start_mark);
	void *earlier;

	if (key.len == 0)
		return fail_at(r, line, "a key is empty");
	top->key = mem_strndup(key.ptr, key.len);
	top->key_line = line;
	earlier = json_object_iter_at(top->container, top->key);
	if (earlier)
		return err_set(r->err, E_invalid_config, "",
			       "%s:%d: the key \"%.64s\" was already given on line %d", r->y->name,
			       line, top->key, place_find(r->y, earlier));
	return 0;
}

static bool wants_key(const struct frame *top)
{
	return top && json_is_object(top->container) && !top->key;
}

static int read_scalar(struct reader *r, const yaml_event_t *event)
{
	struct frame *top = r->depth > 0 ? &r->frames[r->depth - 1] : NULL;
	struct span s = scalar_span(event);
	int line = line_of(event->start_mark);
	json_t *value;

	if (event->data.scalar.anchor)
		return fail_at(r, line, "anchors are not supported");
	if (event->data.scalar.tag)
		return fail_at(r, line, "tags are not supported; quote a value to make it text");
	if (s.len > 0 && memchr(s.ptr, '\0', s.len))
		return fail_at(r, line, "a text contains a NUL character");
	if (wants_key(top))
		return read_key(r, top, event);
	value = scalar_value(r, event);
	return value ? attach(r, value, line) : -1;
}

/* Takes container. */
static int open_container(struct reader *r, const yaml_event_t *event, json_t *container,
			  const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct frame *top = r->depth > 0 ? &r->frames[r->depth - 1] : NULL;
	int line = line_of(event->start_mark);
	const char *fault = NULL;

	if (anchor)
		fault = "anchors are not supported";
	else if (tag)
		fault = "tags are not supported";
	else if (wants_key(top))
		fault = "a key is not a text";
	else if (r->depth == YML_DEPTH_MAX)
		fault = "nested too deeply";
	if (fault) {
		json_decref(container);
		return fail_at(r, line, fault);
	}
	if (attach(r, container, line) < 0)
		return -1;
	r->frames[r->depth++] = (struct frame){ .container = container };
	return 0;
}

static int read_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->has_document)
			return fail_at(r, line_of(event->start_mark),
				       "a second document begins; only one is read");
		r->has_document = true;
		return 0;
	case YAML_ALIAS_EVENT:
		return fail_at(r, line_of(event->start_mark), "aliases are not supported");
	case YAML_SCALAR_EVENT:
		return read_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_container(r, event, json_array(), event->data.sequence_start.anchor,
				      event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return open_container(r, event, json_object(), event->data.mapping_start.anchor,
				      event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	case YAML_STREAM_END_EVENT:
		r->done = true;
		return 0;
	default:
		return 0;
	}
}

static int read_events(struct reader *r)
{
	while (!r->done) {
		yaml_event_t event;
		int result;

		if (!yaml_parser_parse(&r->parser, &event))
			return fail_parser(r);
		result = read_event(r, &event);
		yaml_event_delete(&event);
		if (result < 0)
			return -1;
	}
	return 0;
}

static struct yml *parse(struct span text, const char *name, size_t nodes_max, struct err *err)
{
	static const char byte_order[] = "\xef\xbb\xbf";

	/* Some editors begin a text with it; libyaml takes it for a column of the first line. */
	if (span_starts(text, byte_order))
		text = span_from(text, sizeof byte_order - 1);
	struct reader r = { .err = err, .text = text, .nodes_max = nodes_max };
	struct yml *result = NULL;

	r.y = mem_new(struct yml);
	r.y->name = mem_strdup(name);
	if (!yaml_parser_initialize(&r.parser)) {
		err_set(err, E_internal_error, "", "libyaml cannot be used");
		goto out;
	}
	/* Named, so that bytes that look like UTF-16 are not taken for it. */
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser,
				     (const unsigned char *)(text.ptr ? text.ptr : ""), text.len);
	if (read_events(&r) < 0)
		goto out;
	if (!r.y->root || json_is_null(r.y->root))
		r.y->root = json_object();
	result = r.y;
	r.y = NULL;
out:
	for (size_t i = 0; i < ARRAY_LEN(r.frames); i++)
		mem_free(r.frames[i].key);
	yaml_parser_delete(&r.parser);
	yml_free(r.y);
	return result;
}

struct yml *yml_parse(struct span text, const char *name, struct err *err)
{
	if (text.len <= YML_SIZE_MAX)
		return parse(text, name, YML_NODES_MAX, err);
	err_set(err, E_invalid_config, "", "%s: larger than %d bytes", name, YML_SIZE_MAX);
	return NULL;
}

struct yml *yml_read_large(const char *path, size_t size_max, size_t nodes_max, struct err *err)
{
	struct yml *result = NULL;
	struct buf text;

	buf_init(&text, size_max);
	if (file_read(path, &text, err) == 0)
		result = parse(buf_span(&text), path, nodes_max, err);
	if (text.ptr)
		explicit_bzero(text.ptr, text.len);
	buf_free(&text);
	return result;
}

struct yml *yml_read(const char *path, struct err *err)
{
	return yml_read_large(path, YML_SIZE_MAX, YML_NODES_MAX, err);
}

void yml_free(struct yml *y)
{
	if (!y)
		return;
	json_decref(y->root);
	mem_free(y->places);
	mem_free(y->name);
	mem_free(y);
}

json_t *yml_root(const struct yml *y)
{
	return y->root;
}

const char *yml_name(const struct yml *y)
{
	return y->name;
}

int yml_line(const struct yml *y, const json_t *value)
{
	return place_find(y, value);
}

int yml_member_line(const struct yml *y, json_t *object, const char *key)
{
	return place_find(y, json_object_iter_at(object, key));
}
