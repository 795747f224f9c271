/*
 * common/model/catalog_read.c - rows of YAML into models: which are added, changed and taken out.
 */
#include <string.h>

#include "common/model/catalog_inside.h"

/* 1 = the row takes its model out, 0 = it does not, -1 = refused. */
static int read_remove(const struct catalog_source *s, json_t *row, struct err *err)
{
	json_t *value = json_object_get(row, "remove");

	if (!value || json_is_false(value))
		return 0;
	if (!json_is_true(value))
		return catalog_refuse(s, value, "remove", err, "must be true or false");
	if (json_object_size(row) != 2)
		return catalog_refuse(s, value, "remove", err, "goes with alias and nothing else");
	return 1;
}

/* The row's alias, checked; NULL with err. */
static const char *read_alias(struct catalog_source *s, json_t *row, struct err *err)
{
	json_t *alias = json_object_get(row, "alias");

	if (json_is_string(alias) && catalog_alias_is_valid(json_string_value(alias)))
		return json_string_value(alias);
	catalog_refuse(s, alias ? alias : row, "alias", err,
		       "each row needs an alias of 1 to %d letters, digits and . _ : / -",
		       CATALOG_ALIAS_MAX);
	return NULL;
}

static int row_read(struct catalog *c, struct catalog_source *s, json_t *row, bool embedded,
		    struct err *err)
{
	s->row = row;
	s->alias = NULL;
	s->alias = read_alias(s, row, err);
	if (!s->alias)
		return -1;
	ptrdiff_t index = catalog_index(c, span_str(s->alias));
	if (index >= 0 && c->models[index]->built_in)
		return catalog_refuse(s, row, NULL, err, "is built in and cannot be changed");
	int gone = read_remove(s, row, err);
	if (gone < 0)
		return -1;
	if (gone && index < 0)
		return catalog_refuse(s, row, "remove", err, "there is no such model");
	if (gone) {
		catalog_remove(c, (size_t)index);
		return 0;
	}
	if (index < 0) {
		if (c->count >= CATALOG_MODELS_MAX)
			return catalog_refuse(s, row, NULL, err, "more than %d models",
					      CATALOG_MODELS_MAX);
		index = (ptrdiff_t)(embedded ? c->count : catalog_end(c));
		catalog_insert(c, (size_t)index, model_new(s->alias));
	}
	struct model *m = c->models[index];
	if (catalog_row_apply(s, row, m, err) < 0)
		return -1;
	m->built_in =
		embedded && m->chain[0].backend && strcmp(m->chain[0].backend, "builtin") == 0;
	return 0;
}

/*
 * A second chain of an alias would silently take the first one's place; who writes two means one
 * with the steps of both.  lines: of the chains so far.
 */
static int note_chain(const struct catalog_source *s, json_t *row, json_t *lines, struct err *err)
{
	const json_t *first = json_object_get(lines, s->alias),
		     *chain = json_object_get(row, "chain");

	if (chain && first)
		return catalog_refuse(
			s, chain, "chain", err,
			"there is one on line %d already; backends that stand in for one another "
			"are steps of one chain",
			(int)json_integer_value(first));
	if (chain)
		json_object_set_new(lines, s->alias, json_integer(catalog_line(s, chain)));
	else if (json_object_get(row, "remove"))
		json_object_del(lines, s->alias);
	return 0;
}

int catalog_read_rows(struct catalog *c, const struct yml *y, bool embedded, struct err *err)
{
	struct catalog_source s = { .yml = y };
	json_t *rows = json_object_get(yml_root(y), "models");
	json_t *row, *lines;
	size_t index;
	int r = 0;

	if (!rows || json_is_null(rows))
		return 0;
	if (!json_is_array(rows))
		return catalog_refuse(&s, rows, NULL, err,
				      "must be a list of rows, each with an alias");
	lines = json_object();
	json_array_foreach(rows, index, row)
	{
		s.alias = NULL;
		if (!json_is_object(row))
			r = catalog_refuse(&s, row, NULL, err,
					   "each row is a mapping with an alias");
		else if (row_read(c, &s, row, embedded, err) < 0)
			r = -1;
		if (s.alias && note_chain(&s, row, lines, err) < 0)
			r = -1;
	}
	json_decref(lines);
	return r;
}

int catalog_read_file(struct catalog *c, const char *path, struct err *err)
{
	struct err one = ERR_INIT;
	struct yml *y = yml_read(path, &one);
	const char *key;
	json_t *value;
	int r = -1;

	if (!y) {
		err_gather(err, &one);
		return -1;
	}
	struct catalog_source s = { .yml = y };
	if (!json_is_object(yml_root(y))) {
		catalog_refuse(&s, yml_root(y), NULL, err,
			       "the file must be a mapping with the key \"models\"");
		goto out;
	}
	r = catalog_read_rows(c, y, false, err);
	json_object_foreach(yml_root(y), key, value)
	{
		if (strcmp(key, "models") == 0)
			continue;
		r = catalog_refuse(&s, value, NULL, err,
				   "unknown key \"%.64s\"; a catalogue holds \"models\" alone", key);
	}
out:
	yml_free(y);
	return r;
}
