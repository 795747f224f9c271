/* common/rag/filter.c - the tree of JSON is walked twice: to check it, and to write the condition.
 */
#include "common/rag/filter.h"

#include "common/base/mem.h"

#include <jansson.h>

enum { SQL_MAX = 256 * 1024 };

struct filter {
	json_t *root;
	struct span values[2 * FILTER_VALUES_MAX]; /* to bind: keys and texts of the tree, numbers
						      as text */
	char *numbers[FILTER_VALUES_MAX];
	size_t value_count, number_count;
	int first;
	struct buf sql;
};

/* A place in the filter on the way down, for messages. */
struct place {
	const struct place *above;
	const char *name;
	size_t index; /* of an array when name is NULL */
};

static void print_place(const struct place *p, struct buf *out)
{
	if (!p)
		return;
	print_place(p->above, out);
	if (p->name)
		buf_printf(out, "%s%s", out->len > 0 ? "." : "", p->name);
	else
		buf_printf(out, "[%zu]", p->index);
}

__attribute__((format(printf, 3, 4))) static int refuse(const struct place *p, struct err *err,
							const char *format, ...)
{
	char message[ERR_MESSAGE_MAX];
	struct buf param;
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	buf_init(&param, 4096);
	print_place(p, &param);
	err_set(err, E_invalid_field, buf_str(&param), "%s %s", buf_str(&param), message);
	buf_free(&param);
	return -1;
}

/* ---- the operators ---- */

enum takes { TAKES_SCALAR, TAKES_ORDERED, TAKES_STRING, TAKES_LIST, TAKES_BOOL };

static const struct operator
{
	const char *name;
	enum takes takes;
	const char *sql;  /* between column and value */
	bool is_negative; /* holds where the positive one does not */
}
operators[] = {
	{ "$eq", TAKES_SCALAR, "=", false },     { "$ne", TAKES_SCALAR, "=", true },
	{ "$in", TAKES_LIST, "=", false },       { "$nin", TAKES_LIST, "=", true },
	{ "$gt", TAKES_ORDERED, ">", false },    { "$gte", TAKES_ORDERED, ">=", false },
	{ "$lt", TAKES_ORDERED, "<", false },    { "$lte", TAKES_ORDERED, "<=", false },
	{ "$prefix", TAKES_STRING, "^", false }, { "$exists", TAKES_BOOL, NULL, false },
};

/* What a document has beside its metadata. */
static const struct {
	const char *name, *column;
} fields[] = {
	{ "$document", "d.name" },
	{ "$title", "d.title" },
	{ "$source", "d.source" },
	{ "$type", "d.type" },
};

static const struct operator* operator_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(operators); i++)
		if (strcmp(operators[i].name, name) == 0)
			return &operators[i];
	return NULL;
}

static const char *column_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].column;
	return NULL;
}

/* ---- the condition ---- */

static void add_value(struct filter *f, struct span value)
{
	f->values[f->value_count] = value;
	buf_printf(&f->sql, "?%d", f->first + (int)f->value_count);
	f->value_count++;
}

static struct span text_of(json_t *value)
{
	return span_of(json_string_value(value), json_string_length(value));
}

/* "column op value", for a column of the document or a row of rag_meta. */
static void add_comparison(struct filter *f, const char *column, const char *sql, json_t *value)
{
	if (json_is_string(value) && strcmp(sql, "^") == 0) {
		buf_printf(&f->sql, "(%s >= ", column);
		add_value(f, text_of(value));
		buf_printf(&f->sql, " AND %s < ?%d || char(1114111))", column,
			   f->first + (int)f->value_count - 1);
	} else if (json_is_string(value)) {
		buf_printf(&f->sql, "%s %s ", column, sql);
		add_value(f, text_of(value));
	} else if (json_is_boolean(value)) {
		buf_printf(&f->sql, "m.kind = 'b' AND m.number = %d", json_is_true(value));
	} else {
		char *number = mem_printf("%.17g", json_number_value(value));

		f->numbers[f->number_count++] = number;
		buf_printf(&f->sql, "m.kind = 'n' AND m.number %s CAST(", sql);
		add_value(f, span_str(number));
		buf_add_str(&f->sql, " AS REAL)");
	}
}

static void add_any(struct filter *f, const char *column, const char *sql, json_t *value)
{
	size_t i;
	json_t *one;

	if (!json_is_array(value)) {
		add_comparison(f, column, sql, value);
		return;
	}
	buf_add_str(&f->sql, json_array_size(value) > 0 ? "(" : "0");
	json_array_foreach(value, i, one)
	{
		buf_add_str(&f->sql, i > 0 ? " OR (" : "(");
		add_comparison(f, column, sql, one);
		buf_add_char(&f->sql, ')');
	}
	if (json_array_size(value) > 0)
		buf_add_char(&f->sql, ')');
}

static void add_field(struct filter *f, const char *column, const struct operator* op,
		      json_t *value)
{
	if (op->takes == TAKES_BOOL) {
		buf_printf(&f->sql, "%s %s ''", column, json_is_true(value) ? "<>" : "=");
		return;
	}
	buf_add_str(&f->sql, op->is_negative ? "NOT (" : "(");
	add_any(f, column, op->sql, value);
	buf_add_char(&f->sql, ')');
}

static void add_meta(struct filter *f, const char *key, const struct operator* op, json_t *value)
{
	bool negative = op->takes == TAKES_BOOL ? json_is_false(value) : op->is_negative;

	buf_printf(&f->sql,
		   "d.id %sIN (SELECT m.document_id FROM rag_meta m WHERE m.index_id = ?1 AND "
		   "m.key = ",
		   negative ? "NOT " : "");
	add_value(f, span_str(key));
	if (op->takes != TAKES_BOOL) {
		buf_add_str(&f->sql, " AND (");
		add_any(f, "m.text", op->sql, value);
		buf_add_char(&f->sql, ')');
	}
	buf_add_char(&f->sql, ')');
}

static void add_leaf(struct filter *f, const char *key, const struct operator* op, json_t *value)
{
	const char *column = column_of(key);

	if (column)
		add_field(f, column, op, value);
	else
		add_meta(f, key, op, value);
}

static void add_object(struct filter *f, json_t *object);

static void add_list(struct filter *f, json_t *list, const char *between)
{
	size_t i;
	json_t *one;

	buf_add_char(&f->sql, '(');
	json_array_foreach(list, i, one)
	{
		if (i > 0)
			buf_add_str(&f->sql, between);
		add_object(f, one);
	}
	buf_add_char(&f->sql, ')');
}

static void add_member(struct filter *f, const char *key, json_t *value)
{
	const char *op;
	json_t *operand;
	bool more = false;

	if (strcmp(key, "$and") == 0) {
		add_list(f, value, " AND ");
	} else if (strcmp(key, "$or") == 0) {
		add_list(f, value, " OR ");
	} else if (strcmp(key, "$not") == 0) {
		buf_add_str(&f->sql, "NOT ");
		add_object(f, value);
	} else if (!json_is_object(value)) {
		add_leaf(f, key, &operators[0], value);
	} else {
		json_object_foreach(value, op, operand)
		{
			if (more)
				buf_add_str(&f->sql, " AND ");
			add_leaf(f, key, operator_of(op), operand);
			more = true;
		}
	}
}

static void add_object(struct filter *f, json_t *object)
{
	const char *key;
	json_t *value;
	bool more = false;

	buf_add_char(&f->sql, '(');
	json_object_foreach(object, key, value)
	{
		if (more)
			buf_add_str(&f->sql, " AND ");
		add_member(f, key, value);
		more = true;
	}
	buf_add_str(&f->sql, more ? ")" : "1)");
}

/* ---- where to begin ---- */

static bool is_narrow(json_t *object);

/* Which of its members say which documents there are, as a key that must be there does. */
static bool names_some(const char *key, json_t *value)
{
	const char *column = column_of(key), *name;
	json_t *operand;

	if (column && strcmp(key, "$document") != 0)
		return false;
	if (!json_is_object(value))
		return true;
	json_object_foreach(value, name, operand)
	{
		const struct operator* op = operator_of(name);

		if (!op)
			continue;
		if (op->takes == TAKES_BOOL
			    ? !column && json_is_true(operand)
			    : !op->is_negative && (!column || op->takes != TAKES_ORDERED))
			return true;
	}
	return false;
}

static bool is_list_narrow(json_t *list, bool all)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one) if (is_narrow(one) != all) return !all;
	return all;
}

/* Rows of metadata lead to all that it leaves. */
static bool is_narrow(json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		bool narrow;

		if (strcmp(key, "$and") == 0)
			narrow = is_list_narrow(value, false);
		else if (strcmp(key, "$or") == 0)
			narrow = is_list_narrow(value, true);
		else
			narrow = key[0] != '$' && names_some(key, value);
		if (narrow)
			return true;
	}
	return false;
}

/* The names do, which are better: each document has one. */
static bool is_by_name(json_t *object)
{
	json_t *value = json_object_get(object, "$document");

	return value && names_some("$document", value);
}

/* ---- the check ---- */

static int check_scalar(const json_t *value, enum takes takes, const struct place *at, size_t *values,
			struct err *err)
{
	if (++*values > FILTER_VALUES_MAX)
		return refuse(at, err, "is the filter's value too many: it has at most %d",
			      FILTER_VALUES_MAX);
	if (takes == TAKES_BOOL && !json_is_boolean(value))
		return refuse(at, err, "takes true or false");
	if (takes == TAKES_STRING && !json_is_string(value))
		return refuse(at, err, "takes a string");
	if (takes == TAKES_ORDERED && !json_is_string(value) && !json_is_number(value))
		return refuse(at, err, "takes a string or a number");
	if (!json_is_string(value) && !json_is_number(value) && !json_is_boolean(value))
		return refuse(at, err, "takes a string, a number or a boolean");
	return 0;
}

static int check_operand(json_t *value, enum takes takes, const struct place *at, size_t *values,
			 struct err *err)
{
	size_t i;
	json_t *one;

	if (takes != TAKES_LIST)
		return check_scalar(value, takes, at, values, err);
	if (!json_is_array(value))
		return refuse(at, err, "takes a list of values");
	json_array_foreach(value, i, one)
	{
		struct place inside = { at, NULL, i };

		if (check_scalar(one, TAKES_SCALAR, &inside, values, err) < 0)
			return -1;
	}
	return 0;
}

static int check_field(const char *key, const struct operator* op, json_t *value,
		       const struct place *at, struct err *err)
{
	size_t i;
	json_t *one;

	if (!column_of(key) || op->takes == TAKES_BOOL)
		return 0;
	if (!json_is_array(value))
		return json_is_string(value) ? 0
					     : refuse(at, err, "takes a string, as %s is one", key);
	json_array_foreach(value, i, one) if (!json_is_string(one)) return refuse(
		at, err, "takes a string, as %s is one", key);
	return 0;
}

static int check_object(json_t *object, unsigned depth, const struct place *at, size_t *values,
			struct err *err);

static int check_list(json_t *list, unsigned depth, const struct place *at, size_t *values,
		      struct err *err)
{
	size_t i;
	json_t *one;

	if (!json_is_array(list) || json_array_size(list) == 0)
		return refuse(at, err, "takes a list of filters");
	json_array_foreach(list, i, one)
	{
		struct place inside = { at, NULL, i };

		if (check_object(one, depth + 1, &inside, values, err) < 0)
			return -1;
	}
	return 0;
}

static int check_operators(const char *key, json_t *value, const struct place *at, size_t *values,
			   struct err *err)
{
	const char *name;
	json_t *operand;

	if (json_object_size(value) == 0)
		return refuse(at, err, "has no operator such as $eq");
	json_object_foreach(value, name, operand)
	{
		struct place inside = { at, name, 0 };
		const struct operator* op = operator_of(name);

		if (!op)
			return refuse(&inside, err,
				      "is no operator; there are $eq $ne $in $nin $gt $gte $lt "
				      "$lte $prefix $exists");
		if (check_operand(operand, op->takes, &inside, values, err) < 0 ||
		    check_field(key, op, operand, &inside, err) < 0)
			return -1;
	}
	return 0;
}

static int check_member(const char *key, json_t *value, unsigned depth, const struct place *at,
			size_t *values, struct err *err)
{
	if (strcmp(key, "$and") == 0 || strcmp(key, "$or") == 0)
		return check_list(value, depth, at, values, err);
	if (strcmp(key, "$not") == 0)
		return check_object(value, depth + 1, at, values, err);
	if (key[0] == '$' && !column_of(key))
		return refuse(at, err, "is none of $and $or $not $document $title $source $type");
	if (json_is_object(value))
		return check_operators(key, value, at, values, err);
	if (check_operand(value, TAKES_SCALAR, at, values, err) < 0)
		return -1;
	return check_field(key, &operators[0], value, at, err);
}

static int check_object(json_t *object, unsigned depth, const struct place *at, size_t *values,
			struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return refuse(at, err, "is no object");
	if (depth > FILTER_DEPTH_MAX)
		return refuse(at, err, "is nested more than %d deep", FILTER_DEPTH_MAX);
	json_object_foreach(object, key, value)
	{
		struct place inside = { at, key, 0 };

		/* Each member binds its key, too. */
		if (++*values > FILTER_VALUES_MAX)
			return refuse(at, err, "is the filter's value too many: it has at most %d",
				      FILTER_VALUES_MAX);
		if (check_member(key, value, depth, &inside, values, err) < 0)
			return -1;
	}
	return 0;
}

/* ---- from outside ---- */

struct filter *filter_read(struct span json, const char *name, struct err *err)
{
	struct place top = { NULL, name, 0 };
	struct filter *f;
	json_error_t why;
	json_t *root;
	size_t values = 0;

	if (json.len > FILTER_BYTES_MAX) {
		refuse(&top, err, "has at most %d bytes", FILTER_BYTES_MAX);
		return NULL;
	}
	root = json_loadb(json.ptr, json.len, JSON_REJECT_DUPLICATES, &why);
	if (!root) {
		err_set(err, E_invalid_json, name, "the filter: %s, at byte %d", why.text,
			why.position);
		return NULL;
	}
	if (check_object(root, 1, &top, &values, err) < 0) {
		json_decref(root);
		return NULL;
	}
	f = mem_new(struct filter);
	f->root = root;
	buf_init(&f->sql, SQL_MAX);
	return f;
}

void filter_free(struct filter *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->number_count; i++)
		mem_free(f->numbers[i]);
	buf_free(&f->sql);
	json_decref(f->root);
	mem_free(f);
}

const char *filter_condition(struct filter *f, int first)
{
	f->first = first;
	if (f->sql.len > 0)
		return buf_str(&f->sql);
	/* With a sign it is no term for an index, so that the rows of metadata are looked at first.
	 */
	buf_printf(&f->sql, "%sd.index_id = ?1 AND ",
		   is_narrow(f->root) && !is_by_name(f->root) ? "+" : "");
	add_object(f, f->root);
	return buf_str(&f->sql);
}

void filter_bind(const struct filter *f, struct db_statement *st)
{
	for (size_t i = 0; i < f->value_count; i++)
		db_bind_text(st, f->first + (int)i, f->values[i]);
}
