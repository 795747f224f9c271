/* cmd/rag_files.c - see rag_files.h. */
#include "cmd/rag_files.h"

#include "cmd/cmd.h"
#include "cmd/interrupt.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 64, FILES_MAX = 10 * 1000 * 1000 };

struct directory {
	dev_t device;
	ino_t inode;
};

/* A link to a directory: entered when all that is no link was, which may have been there first. */
struct detour {
	char *path, *id;
	int depth;
};

/* Below one root. */
struct walk {
	struct rag_files *files;
	const struct rag_choice *choice;
	const char *root;
	void *visited; /* tree of struct directory */
	struct detour *detours;
	size_t detour_count, detour_room;
	bool is_full;
};

/* ---- which ---- */

static bool fits(const struct opt_texts *globs, const char *id)
{
	const char *slash = strrchr(id, '/'), *name = slash ? slash + 1 : id;

	for (size_t i = 0; globs && i < globs->count; i++)
		if (fnmatch(globs->items[i], id, 0) == 0 || fnmatch(globs->items[i], name, 0) == 0)
			return true;
	return false;
}

static bool is_chosen(const struct rag_choice *choice, const char *id)
{
	if (fits(choice->exclude, id))
		return false;
	return !choice->include || choice->include->count == 0 || fits(choice->include, id);
}

/* What follows root in path, "" for root itself; NULL: neither that nor below it. */
static const char *rest_below(const char *path, const char *root)
{
	size_t len = strlen(root);

	return strncmp(path, root, len) == 0 && (path[len] == '/' || !path[len]) ? path + len : NULL;
}

const char *rag_root_below(const struct rag_root *root, const char *path)
{
	const char *rest = rest_below(path, root->path);

	return rest && *rest ? rest + 1 : NULL;
}

/* A directory on the way that is excluded hides all below it. */
static bool is_entered(const struct rag_choice *choice, const char *id)
{
	for (const char *slash = strchr(id, '/'); slash; slash = strchr(slash + 1, '/')) {
		char *above = mem_strndup(id, (size_t)(slash - id));
		/* The root was named: no glob is asked. */
		bool is_hidden = strchr(above, '/') && fits(choice->exclude, above);

		mem_free(above);
		if (is_hidden)
			return false;
	}
	return true;
}

char *rag_files_place(const struct rag_files *f, size_t root, const char *id,
		      const struct rag_choice *choice)
{
	const struct rag_root *r = &f->roots[root];
	size_t len = strlen(r->prefix);

	if (strncmp(id, r->prefix, len) != 0 || !is_chosen(choice, id) || !is_entered(choice, id))
		return NULL;
	return mem_printf("%s/%s", r->path, id + len);
}

/* ---- what was found ---- */

static void *grown(void *list, size_t *room, size_t count, size_t size)
{
	if (count < *room)
		return list;
	*room = *room > 0 ? *room * 2 : 64;
	return mem_realloc(list, *room * size);
}

static char *shown(const char *text)
{
	struct buf out;

	buf_init(&out, strlen(text) * 8 + 1);
	utf8_add_flat(&out, span_str(text));
	return buf_take(&out);
}

static void tell_unreadable(struct walk *w, const char *path, const char *why)
{
	cmd_warn("spass: %s: %s", path, why);
	w->files->unreadable++;
}

static int64_t mtime_of(const struct stat *st)
{
	if (st->st_mtim.tv_sec < 0)
		return -1;
	return (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000;
}

static void add_misnamed(struct rag_files *f, const char *id)
{
	f->misnamed = mem_realloc(f->misnamed, (f->misnamed_count + 1) * sizeof(*f->misnamed));
	f->misnamed[f->misnamed_count++] = shown(id);
}

static void add_dangling(struct rag_files *f, const char *id)
{
	f->dangling = mem_realloc(f->dangling, (f->dangling_count + 1) * sizeof(*f->dangling));
	f->dangling[f->dangling_count++] = mem_strdup(id);
}

static void add_file(struct walk *w, const char *path, const char *id, const struct stat *st)
{
	struct rag_files *f = w->files;

	if (!is_chosen(w->choice, id))
		return;
	if (!utf8_is_valid(span_str(id))) {
		add_misnamed(f, id);
		return;
	}
	if (f->count == FILES_MAX) {
		if (!w->is_full)
			tell_unreadable(w, path, "more files than can be taken at once");
		w->is_full = true;
		return;
	}
	f->list = grown(f->list, &f->room, f->count, sizeof(*f->list));
	f->list[f->count] = (struct rag_file){
		.path = mem_strdup(path),
		.id = mem_strdup(id),
		.size = st->st_size,
		.mtime_us = mtime_of(st),
		.order = f->count,
		.is_named = strcmp(path, w->root) == 0,
	};
	f->count++;
}

/* ---- the walk ---- */

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int compare_directories(const void *a, const void *b)
{
	const struct directory *x = a, *y = b;

	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Whether it had not been entered; from now on it has. */
static bool visit(struct walk *w, const struct stat *st)
{
	struct directory *d = mem_alloc(sizeof(*d)), **there;

	*d = (struct directory){ st->st_dev, st->st_ino };
	there = tsearch(d, &w->visited, compare_directories);
	if (there && *there == d)
		return true;
	mem_free(d);
	return false;
}

static void walk_directory(struct walk *w, const char *path, const char *id, int depth);

static bool leads_out(const struct walk *w, const char *path)
{
	char *real = w->choice->follow ? NULL : realpath(path, NULL);
	bool is_out = real && !rest_below(real, w->root);

	free(real);
	return is_out;
}

static void take_link(struct walk *w, const char *path, const char *id, int depth)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		/* That it leads nowhere, or in a circle, is all there is to see. */
		if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
			add_dangling(w->files, id);
		else
			tell_unreadable(w, path, err_errno(errno));
	} else if (S_ISREG(st.st_mode) ? !is_chosen(w->choice, id) : !S_ISDIR(st.st_mode)) {
		return;
	} else if (leads_out(w, path)) {
		w->files->outside++;
	} else if (S_ISREG(st.st_mode)) {
		add_file(w, path, id, &st);
	} else {
		w->detours =
			grown(w->detours, &w->detour_room, w->detour_count, sizeof(*w->detours));
		w->detours[w->detour_count++] =
			(struct detour){ mem_strdup(path), mem_strdup(id), depth };
	}
}

static void take(struct walk *w, const char *path, const char *id, int depth)
{
	struct stat st;

	if (fits(w->choice->exclude, id))
		return;
	if (lstat(path, &st) < 0) {
		if (errno != ENOENT) /* else gone meanwhile */
			tell_unreadable(w, path, err_errno(errno));
	} else if (S_ISLNK(st.st_mode)) {
		take_link(w, path, id, depth);
	} else if (S_ISREG(st.st_mode)) {
		add_file(w, path, id, &st);
	} else if (S_ISDIR(st.st_mode) && visit(w, &st)) {
		walk_directory(w, path, id, depth);
	}
}

static void walk_directory(struct walk *w, const char *path, const char *id, int depth)
{
	struct dirent **entries;
	int count = depth < DEPTH_MAX ? scandir(path, &entries, is_visible, alphasort) : -1;

	if (count < 0) {
		tell_unreadable(w, path, depth < DEPTH_MAX ? err_errno(errno) : "nested too deep");
		return;
	}
	for (int i = 0; i < count; i++) {
		char *below = mem_printf("%s/%s", path, entries[i]->d_name);
		char *name = mem_printf("%s/%s", id, entries[i]->d_name);

		if (!interrupt_signal())
			take(w, below, name, depth + 1);
		mem_free(below);
		mem_free(name);
		free(entries[i]);
	}
	free(entries);
}

/* One detour may find more. */
static void walk_detours(struct walk *w)
{
	for (size_t i = 0; i < w->detour_count; i++) {
		struct detour d = w->detours[i];
		struct stat st;

		if (stat(d.path, &st) < 0)
			tell_unreadable(w, d.path, err_errno(errno));
		else if (visit(w, &st))
			walk_directory(w, d.path, d.id, d.depth);
		mem_free(d.path);
		mem_free(d.id);
	}
	mem_free(w->detours);
}

static void walk_root(struct walk *w, const char *name, const struct stat *st)
{
	struct rag_files *f = w->files;

	f->roots = mem_realloc(f->roots, (f->root_count + 1) * sizeof(*f->roots));
	f->roots[f->root_count++] =
		(struct rag_root){ mem_strdup(w->root), mem_printf("%s/", name), 0 };
	visit(w, st);
	walk_directory(w, w->root, name, 0);
	walk_detours(w);
	tdestroy(w->visited, mem_free);
}

static int take_named(struct rag_files *f, const struct rag_choice *choice, const char *path,
		      struct err *err)
{
	char *real = realpath(path, NULL);
	struct walk w = { .files = f, .choice = choice, .root = real };
	const char *name;
	struct stat st;

	if (!real || stat(real, &st) < 0) {
		err_set(err, E_usage, "", "%s: %s", path, err_errno(errno));
		free(real);
		return -1;
	}
	name = strrchr(real, '/') + 1;
	if (!*name)
		err_set(err, E_usage, "",
			"%s has no name that ids could begin with: name the directories below it",
			path);
	else if (S_ISDIR(st.st_mode))
		walk_root(&w, name, &st);
	else if (S_ISREG(st.st_mode))
		add_file(&w, real, name, &st);
	else
		err_set(err, E_usage, "", "%s is neither a file nor a directory", path);
	free(real);
	return err->code == E_none ? 0 : -1;
}

/* ---- all ---- */

static int compare(const void *a, const void *b)
{
	const struct rag_file *x = a, *y = b;
	int order = strcmp(x->id, y->id);

	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static int compare_places(const void *a, const void *b)
{
	const struct rag_file *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order != 0 ? order : (x->order > y->order) - (x->order < y->order);
}

static void free_file(struct rag_file *file)
{
	mem_free(file->path);
	mem_free(file->id);
	mem_free(file->as);
}

/* A file that was named, and whose directory was, too, is one. */
static void drop_doubles(struct rag_files *f)
{
	size_t kept = 0;

	if (f->count > 0)
		qsort(f->list, f->count, sizeof(*f->list), compare_places);
	for (size_t i = 0; i < f->count; i++)
		if (kept == 0 || strcmp(f->list[kept - 1].path, f->list[i].path) != 0) {
			f->list[kept++] = f->list[i];
		} else {
			f->list[kept - 1].is_named |= f->list[i].is_named;
			free_file(&f->list[i]);
		}
	f->count = kept;
}

/* Of two that would have one id the first stays. */
static void sort(struct rag_files *f)
{
	size_t kept = 0;

	if (f->count > 0)
		qsort(f->list, f->count, sizeof(*f->list), compare);
	for (size_t i = 0; i < f->count; i++) {
		if (kept == 0 || strcmp(f->list[kept - 1].id, f->list[i].id) != 0) {
			f->list[kept++] = f->list[i];
			continue;
		}
		cmd_warn("spass: %s has the same name as %s and is left out", f->list[i].path,
			 f->list[kept - 1].path);
		free_file(&f->list[i]);
		f->doubled++;
	}
	f->count = kept;
}

bool rag_files_is_away(const struct rag_files *f, const char *id)
{
	for (size_t i = 0; i < f->dangling_count; i++) {
		size_t len = strlen(f->dangling[i]);

		if (strncmp(id, f->dangling[i], len) == 0 && id[len] == '/')
			return true;
	}
	return false;
}

static int compare_id(const void *id, const void *file)
{
	return strcmp(id, ((const struct rag_file *)file)->id);
}

struct rag_file *rag_files_get(const struct rag_files *f, const char *id)
{
	return f->count > 0 ? bsearch(id, f->list, f->count, sizeof(*f->list), compare_id) : NULL;
}

int rag_files_find(struct rag_files *f, char **paths, int count, const struct rag_choice *choice,
		   struct err *err)
{
	*f = (struct rag_files){ 0 };
	for (int i = 0; i < count; i++)
		if (take_named(f, choice, paths[i], err) < 0)
			return -1;
	if (interrupt_signal())
		return err_set(err, E_cancelled, "", "interrupted");
	drop_doubles(f);
	sort(f);
	if (f->outside > 0)
		cmd_warn(f->outside == 1 ? "spass: %zu link that leads out of the directories named "
					   "is left out; --follow takes it"
					 : "spass: %zu links that lead out of the directories named "
					   "are left out; --follow takes them",
			 f->outside);
	return 0;
}

void rag_files_free(struct rag_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free_file(&f->list[i]);
	for (size_t i = 0; i < f->root_count; i++) {
		mem_free(f->roots[i].path);
		mem_free(f->roots[i].prefix);
	}
	for (size_t i = 0; i < f->misnamed_count; i++)
		mem_free(f->misnamed[i]);
	for (size_t i = 0; i < f->dangling_count; i++)
		mem_free(f->dangling[i]);
	mem_free(f->dangling);
	mem_free(f->list);
	mem_free(f->roots);
	mem_free(f->misnamed);
}
