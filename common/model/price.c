/*
 * common/model/price.c - rows of prices, sorted by backend and model.
 */
#include "common/model/price.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/asset.h"
#include "common/base/mem.h"

#define EMBEDDED "common/model/prices.yaml"

struct prices {
	struct price_row *rows;
	size_t count, capacity;
};

static const struct {
	const char *key;
	size_t offset;
} amounts[] = {
	{ "input", offsetof(struct price, input) },
	{ "cached", offsetof(struct price, cached) },
	{ "output", offsetof(struct price, output) },
	{ "reasoning", offsetof(struct price, reasoning) },
	{ "image", offsetof(struct price, image) },
	{ "request", offsetof(struct price, request) },
	{ "minute", offsetof(struct price, minute) },
	{ "characters", offsetof(struct price, characters) },
};

static int refuse(const struct yml *y, json_t *row, const char *key, struct err *err, const char *format,
		  ...) __attribute__((format(printf, 5, 6)));

/* "prices.yaml:12: input: ...", added to what err says; returns -1. */
static int refuse(const struct yml *y, json_t *row, const char *key, struct err *err, const char *format,
		  ...)
{
	char text[ERR_MESSAGE_MAX];
	int line = yml_member_line(y, row, key);
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return err_add(err, E_invalid_config, key, "%s:%d: %s: %s", yml_name(y), line ? line : yml_line(y, row),
		       key, text);
}

/* A number of the file: reals are what is nearest to the six decimals that were written. */
static int read_amount(const json_t *value, int64_t *micro)
{
	double scaled;

	if (json_is_string(value))
		return money_read(span_of(json_string_value(value), json_string_length(value)), micro);
	if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= 1000000000) {
		*micro = json_integer_value(value) * MONEY_UNIT;
		return 0;
	}
	if (!json_is_real(value) || json_real_value(value) < 0 || json_real_value(value) > 1e9)
		return -1;
	scaled = json_real_value(value) * 1e6;
	if (fabs(scaled - round(scaled)) > 1e-3 + scaled * 1e-15)
		return -1;
	*micro = (int64_t)llround(scaled);
	return 0;
}

static const char *text_of(const struct yml *y, json_t *row, const char *key, struct err *err)
{
	const char *text = json_string_value(json_object_get(row, key));

	if (text && *text && strlen(text) <= 256)
		return text;
	refuse(y, row, key, err, "must be a text of 1 to 256 bytes");
	return NULL;
}

static int compare(const char *backend, const char *model, const struct price_row *row)
{
	int order = strcmp(backend, row->backend);

	return order ? order : strcmp(model, row->model);
}

/* Where it is, or belongs. */
static size_t place_of(const struct prices *p, const char *backend, const char *model, bool *is_there)
{
	size_t low = 0, high = p->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(backend, model, &p->rows[middle]);

		if (order == 0) {
			*is_there = true;
			return middle;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*is_there = false;
	return low;
}

static struct price_row *row_for(struct prices *p, const char *backend, const char *model)
{
	bool is_there;
	size_t at = place_of(p, backend, model, &is_there);

	if (is_there)
		return &p->rows[at];
	if (p->count == p->capacity) {
		p->capacity = p->capacity ? 2 * p->capacity : 64;
		p->rows = mem_realloc(p->rows, p->capacity * sizeof *p->rows);
	}
	memmove(&p->rows[at + 1], &p->rows[at], (p->count - at) * sizeof *p->rows);
	p->rows[at] = (struct price_row){ .backend = mem_strdup(backend), .model = mem_strdup(model) };
	p->count++;
	return &p->rows[at];
}

static int read_member(const struct yml *y, json_t *row, const char *key, json_t *value, struct price *price,
		       const char **as_of, struct err *err)
{
	size_t i;

	if (strcmp(key, "as_of") == 0) {
		*as_of = text_of(y, row, key, err);
		return *as_of ? 0 : -1;
	}
	if (strcmp(key, "prompt_max") == 0) {
		if (!json_is_integer(value) || json_integer_value(value) < 1)
			return refuse(y, row, key, err, "must be a number of tokens");
		price->prompt_max = json_integer_value(value);
		return 0;
	}
	for (i = 0; i < ARRAY_LEN(amounts) && strcmp(key, amounts[i].key) != 0; i++)
		;
	if (i == ARRAY_LEN(amounts))
		return refuse(y, row, key, err,
			      "unknown key; a price has backend, model, input, cached, output, "
			      "reasoning, image, request, minute, characters, prompt_max and as_of");
	if (read_amount(value, (int64_t *)(void *)((char *)price + amounts[i].offset)) < 0)
		return refuse(y, row, key, err, "must be USD from 0 to a billion with at most six decimals");
	return 0;
}

/* Members but backend and model; what a row does not give is not known. */
static int read_members(const struct yml *y, json_t *row, struct price *price, const char **as_of,
			struct err *err)
{
	const char *key;
	json_t *value;
	int result = 0;

	json_object_foreach(row, key, value)
		if (strcmp(key, "backend") != 0 && strcmp(key, "model") != 0 &&
		    read_member(y, row, key, value, price, as_of, err) < 0)
			result = -1;
	return result;
}

/* A second row of a file would silently take the first one's place.  lines: of the rows so far. */
static int note_row(const struct yml *y, json_t *row, const char *backend, const char *model, json_t *lines,
		    struct err *err)
{
	char *name = mem_printf("%s %s", backend, model); /* a backend's name has no blank */
	const json_t *first = json_object_get(lines, name);
	int result = 0;

	if (first)
		result = refuse(y, row, "model", err, "there is a price of %.64s %.128s on line %d already",
				backend, model, (int)json_integer_value(first));
	else
		json_object_set_new(lines, name, json_integer(yml_line(y, row)));
	mem_free(name);
	return result;
}

static int read_row(struct prices *p, const struct yml *y, json_t *row, json_t *lines, struct err *err)
{
	struct price price = PRICE_NONE;
	const char *backend, *model, *as_of = NULL;
	struct price_row *r;
	bool is_right;

	if (!json_is_object(row))
		return refuse(y, row, "prices", err,
			      "a price is { backend: NAME, model: NAME, input: USD, output: USD }");
	backend = text_of(y, row, "backend", err);
	model = text_of(y, row, "model", err);
	is_right = read_members(y, row, &price, &as_of, err) == 0;
	if (!backend || !model || note_row(y, row, backend, model, lines, err) < 0 || !is_right)
		return -1;
	if (p->count >= PRICES_MAX)
		return refuse(y, row, "model", err, "there are more than %d prices", PRICES_MAX);
	r = row_for(p, backend, model);
	r->price = price;
	mem_free(r->as_of);
	r->as_of = as_of ? mem_strdup(as_of) : NULL;
	return 0;
}

/* The rows under "prices:"; absent is empty. */
static int read_rows(struct prices *p, const struct yml *y, struct err *err)
{
	json_t *list = json_object_get(yml_root(y), "prices"), *row, *lines;
	size_t i;
	int result = 0;

	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return refuse(y, yml_root(y), "prices", err, "must be a list of prices");
	lines = json_object();
	json_array_foreach(list, i, row)
		if (read_row(p, y, row, lines, err) < 0)
			result = -1;
	json_decref(lines);
	return result;
}

/* Takes y, which is NULL where why tells the reason. */
static int read_taken(struct prices *p, struct yml *y, const struct err *why, struct err *err)
{
	int result = y ? read_rows(p, y, err) : -1;

	if (y)
		yml_free(y);
	else
		err_gather(err, why);
	return result;
}

struct prices *prices_load(const char *operator_file, const struct yml *config_file, struct err *err)
{
	struct prices *p = mem_new(struct prices);
	struct err why = ERR_INIT;
	bool is_right = read_taken(p, yml_parse(asset_find(EMBEDDED), "prices.yaml (built in)", &why), &why, err) == 0;

	if (operator_file)
		is_right &= read_taken(p, yml_read(operator_file, &why), &why, err) == 0;
	if (config_file)
		is_right &= read_rows(p, config_file, err) == 0;
	if (is_right)
		return p;
	prices_free(p);
	return NULL;
}

void prices_free(struct prices *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		mem_free(p->rows[i].backend);
		mem_free(p->rows[i].model);
		mem_free(p->rows[i].as_of);
	}
	mem_free(p->rows);
	mem_free(p);
}

const struct price_row *prices_find(const struct prices *p, const char *backend, const char *model)
{
	bool is_there;
	size_t at = place_of(p, backend, model, &is_there);

	if (!is_there)
		at = place_of(p, backend, "*", &is_there);
	return is_there ? &p->rows[at] : NULL;
}
