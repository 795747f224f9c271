/*
 * common/rag/rag.c - the tenants' databases: where they are, and who they are.
 */
#include "common/rag/rag_inside.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/rag/vector.h"
#include "common/store/readers.h"

enum {
	MEMORY_MAX = 256 * 1024 * 1024,
	TENANT_NAME_MAX = 64,
	READERS_IDLE = 2, /* of a tenant */
	WRITE_PATIENCE_MS = 5000,
	OPEN_MAX = 64, /* tenants */
	SHOWN_MAX = 80, /* of a name in a message */
};

struct rag *rag_open(const struct rag_options *options, struct err *err)
{
	struct rag *r;

	if (file_make_dirs(options->dir, err) < 0)
		return NULL;
	r = mem_new(struct rag);
	r->options = *options;
	r->dir = mem_strdup(options->dir);
	r->options.dir = r->dir;
	if (r->options.memory_max == 0)
		r->options.memory_max = MEMORY_MAX;
	if (r->options.flat_max == 0)
		r->options.flat_max = VECTOR_FLAT_ROWS_MAX;
	if (r->options.write_patience_ms == 0)
		r->options.write_patience_ms = WRITE_PATIENCE_MS;
	if (r->options.open_max == 0)
		r->options.open_max = OPEN_MAX;
	pthread_mutex_init(&r->lock, NULL);
	list_init(&r->tenants);
	return r;
}

static void free_tenant(struct rag_tenant *t)
{
	rag_snapshot_forget_all(t);
	/* The last one to close empties the log, which readers cannot: else the next start reads it. */
	readers_free(t->readers);
	db_close(t->writer);
	pthread_mutex_destroy(&t->write);
	pthread_mutex_destroy(&t->tending);
	mem_free(t->path);
	mem_free(t->name);
	mem_free(t);
}

struct lexical_scratch *rag_words_take(struct rag *r)
{
	struct lexical_scratch *words = NULL;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < RAG_WORDS_IDLE && !words; i++) {
		words = r->words[i];
		r->words[i] = NULL;
	}
	pthread_mutex_unlock(&r->lock);
	return words ? words : lexical_scratch_new();
}

void rag_words_give(struct rag *r, struct lexical_scratch *words)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < RAG_WORDS_IDLE && words; i++)
		if (!r->words[i]) {
			r->words[i] = words;
			words = NULL;
		}
	pthread_mutex_unlock(&r->lock);
	lexical_scratch_free(words);
}

void rag_words_rest(struct rag *r)
{
	struct lexical_scratch *words[RAG_WORDS_IDLE];

	pthread_mutex_lock(&r->lock);
	memcpy(words, r->words, sizeof(words));
	memset(r->words, 0, sizeof(r->words));
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < RAG_WORDS_IDLE; i++)
		lexical_scratch_free(words[i]);
}

void rag_stop(struct rag *r)
{
	atomic_store(&r->stopping, true);
}

void rag_close(struct rag *r)
{
	if (!r)
		return;
	rag_words_rest(r);
	list_each(&r->tenants, at) free_tenant(container_of(at, struct rag_tenant, link));
	pthread_mutex_destroy(&r->lock);
	mem_free(r->dir);
	mem_free(r);
}

int64_t rag_now_us(void)
{
	return clock_wall_ms() * 1000;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '.';
}

bool rag_name_is_valid(struct span name)
{
	if (name.len == 0 || name.len > RAG_INDEX_NAME_MAX || name.ptr[0] == '.')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!is_plain(name.ptr[i]))
			return false;
	return true;
}

int rag_index_name_check(struct span name, enum err_code code, const char *param, struct err *err)
{
	if (rag_name_is_valid(name) && name.ptr[0] != '-' && name.ptr[0] != '_')
		return 0;
	if (name.len > SHOWN_MAX)
		name.len = utf8_whole(span_of(name.ptr, SHOWN_MAX));
	return err_set(err, code, param,
		       "\"%.*s\" cannot be the name of an index: a letter or digit and then letters, "
		       "digits, \".\", \"_\" and \"-\", at most %d",
		       (int)name.len, name.len > 0 ? name.ptr : "", RAG_INDEX_NAME_MAX);
}

/* A name of the file system's; what is no plain character, or a first dot, becomes %2F. */
static char *path_of(const struct rag *r, struct span name)
{
	struct buf path;

	buf_init(&path, 4096);
	buf_printf(&path, "%s/", r->dir);
	for (size_t i = 0; i < name.len; i++)
		if (is_plain(name.ptr[i]) && (i > 0 || name.ptr[i] != '.'))
			buf_add_char(&path, name.ptr[i]);
		else
			buf_printf(&path, "%%%02X", (unsigned char)name.ptr[i]);
	buf_add_str(&path, ".db");
	if (buf_failed(&path)) {
		buf_free(&path);
		return NULL;
	}
	return buf_take(&path);
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Back from the file's name; false for a file that is none of ours. */
static bool name_of(struct span file, struct buf *name)
{
	buf_clear(name);
	if (!span_ends(file, ".db") || file.len == 3)
		return false;
	for (size_t i = 0; i < file.len - 3; i++) {
		int high = i + 2 < file.len ? digit_of(file.ptr[i + 1]) : -1;
		int low = i + 2 < file.len ? digit_of(file.ptr[i + 2]) : -1;

		if (file.ptr[i] != '%') {
			buf_add_char(name, file.ptr[i]);
			continue;
		}
		if (high < 0 || low < 0)
			return false;
		buf_add_char(name, (char)(high << 4 | low));
		i += 2;
	}
	return true;
}

int rag_tenants_each(struct rag *r, int (*each)(void *arg, struct span tenant), void *arg,
		     struct err *err)
{
	DIR *dir = opendir(r->dir);
	const struct dirent *entry;
	struct buf name;
	int result = 0;

	if (!dir)
		return err_set(err, E_storage_error, "", "%s cannot be listed: %s", r->dir,
			       err_errno(errno));
	buf_init(&name, 4096);
	/* The stream is this call's own. */
	while (result == 0 && (entry = readdir(dir))) /* NOLINT(concurrency-mt-unsafe) */
		if (name_of(span_str(entry->d_name), &name))
			result = each(arg, buf_span(&name));
	closedir(dir);
	buf_free(&name);
	return result;
}

/* Under the lock. */
static struct rag_tenant *known(struct rag *r, struct span name)
{
	list_each(&r->tenants, at)
	{
		struct rag_tenant *t = container_of(at, struct rag_tenant, link);

		if (span_is(name, t->name))
			return t;
	}
	return NULL;
}

static struct rag_tenant *tenant_of(struct rag *r, struct span name, bool *is_ready)
{
	struct rag_tenant *t;

	pthread_mutex_lock(&r->lock);
	t = known(r, name);
	if (!t) {
		t = mem_new(struct rag_tenant);
		t->rag = r;
		t->name = mem_strndup(name.ptr, name.len);
		t->path = path_of(r, name);
		t->readers = readers_new(t->path, READERS_IDLE);
		pthread_mutex_init(&t->write, NULL);
		pthread_mutex_init(&t->tending, NULL);
		list_init(&t->cached);
		list_push(&r->tenants, &t->link);
	}
	*is_ready = t->is_ready;
	pthread_mutex_unlock(&r->lock);
	return t;
}

struct rag_tenant *rag_tenant_find(struct rag *r, struct span name, bool make, struct err *err)
{
	struct rag_tenant *t;
	bool is_ready;

	if (name.len == 0 || name.len > TENANT_NAME_MAX) {
		err_set(err, E_rag_index_not_found, "index", "the tenant has no index");
		return NULL;
	}
	t = tenant_of(r, name, &is_ready);
	if (!is_ready && !make && file_is_absent(t->path)) {
		err_set(err, E_rag_index_not_found, "index", "there is no such index");
		return NULL;
	}
	if (!is_ready && rag_tenant_prepare(t, err) < 0)
		return NULL;
	return t;
}
