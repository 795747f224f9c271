/* cmd/rag_files.c - see rag_files.h. */
#include "cmd/rag_files.h"

#include "cmd/interrupt.h"
#include "common/base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 64, FILES_MAX = 10 * 1000 * 1000 };

/* A directory on the way down: a link to one of them is a circle. */
struct above {
	const struct above *above;
	dev_t device;
	ino_t inode;
	int depth;
};

struct walk {
	struct rag_files *files;
	const struct rag_choice *choice;
};

static bool fits(const struct opt_texts *globs, const char *id)
{
	const char *slash = strrchr(id, '/'), *name = slash ? slash + 1 : id;

	for (size_t i = 0; globs && i < globs->count; i++)
		if (fnmatch(globs->items[i], id, 0) == 0 || fnmatch(globs->items[i], name, 0) == 0)
			return true;
	return false;
}

static void add_file(struct walk *w, const char *path, const char *id, const struct stat *st)
{
	struct rag_files *f = w->files;

	if (fits(w->choice->exclude, id) ||
	    (w->choice->include && w->choice->include->count > 0 && !fits(w->choice->include, id)))
		return;
	if (f->count == f->room) {
		f->room = f->room > 0 ? f->room * 2 : 256;
		f->list = mem_realloc(f->list, f->room * sizeof(*f->list));
	}
	f->list[f->count++] = (struct rag_file){
		.path = mem_strdup(path),
		.id = mem_strdup(id),
		.size = st->st_size,
		.mtime_us = (int64_t)st->st_mtim.tv_sec * 1000000 + st->st_mtim.tv_nsec / 1000,
	};
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool is_circle(const struct above *above, const struct stat *st)
{
	for (; above; above = above->above)
		if (above->device == st->st_dev && above->inode == st->st_ino)
			return true;
	return false;
}

static void walk_directory(struct walk *w, const char *path, const char *id, const struct stat *st,
			   const struct above *above);

static void take(struct walk *w, const char *path, const char *id, const struct above *above)
{
	struct stat st;

	if (stat(path, &st) < 0) /* gone meanwhile, or a link that leads nowhere */
		return;
	if (S_ISREG(st.st_mode))
		add_file(w, path, id, &st);
	else if (S_ISDIR(st.st_mode) && !is_circle(above, &st) && !fits(w->choice->exclude, id))
		walk_directory(w, path, id, &st, above);
}

static void walk_directory(struct walk *w, const char *path, const char *id, const struct stat *st,
			   const struct above *above)
{
	const struct above here = { above, st->st_dev, st->st_ino, above ? above->depth + 1 : 0 };
	struct dirent **entries;
	int count = here.depth < DEPTH_MAX ? scandir(path, &entries, is_visible, alphasort) : -1;

	if (count < 0) {
		fprintf(stderr, "spass: %s: %s\n", path,
			here.depth < DEPTH_MAX ? err_errno(errno) : "nested too deep");
		w->files->unreadable++;
		return;
	}
	for (int i = 0; i < count; i++) {
		char *below = mem_printf("%s/%s", path, entries[i]->d_name);
		char *name = *id ? mem_printf("%s/%s", id, entries[i]->d_name)
				 : mem_strdup(entries[i]->d_name);

		if (!interrupt_signal() && w->files->count < FILES_MAX)
			take(w, below, name, &here);
		mem_free(below);
		mem_free(name);
		free(entries[i]);
	}
	free(entries);
}

/* The last name of a path, whatever way it is written. */
static char *name_of(const char *real)
{
	const char *slash = strrchr(real, '/');

	return mem_strdup(slash ? slash + 1 : real);
}

static int take_named(struct walk *w, const char *path, struct err *err)
{
	char *real = realpath(path, NULL), *name;
	struct stat st;

	if (!real || stat(real, &st) < 0) {
		err_set(err, E_usage, "", "%s: %s", path, err_errno(errno));
		free(real);
		return -1;
	}
	name = name_of(real);
	if (S_ISDIR(st.st_mode)) {
		w->files->prefixes =
			mem_realloc(w->files->prefixes,
				    (w->files->prefix_count + 1) * sizeof(*w->files->prefixes));
		w->files->prefixes[w->files->prefix_count++] =
			*name ? mem_printf("%s/", name) : mem_strdup("");
		walk_directory(w, real, name, &st, NULL);
	} else if (S_ISREG(st.st_mode)) {
		add_file(w, real, name, &st);
	} else {
		err_set(err, E_usage, "", "%s is neither a file nor a directory", path);
	}
	mem_free(name);
	free(real);
	return err->code == E_none ? 0 : -1;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct rag_file *)a)->id, ((const struct rag_file *)b)->id);
}

static void free_file(struct rag_file *file)
{
	mem_free(file->path);
	mem_free(file->id);
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
		if (strcmp(f->list[kept - 1].path, f->list[i].path) != 0)
			fprintf(stderr, "spass: %s has the same name as %s and is left out\n",
				f->list[i].path, f->list[kept - 1].path);
		free_file(&f->list[i]);
	}
	f->count = kept;
}

int rag_files_find(struct rag_files *f, char **paths, int count, const struct rag_choice *choice,
		   struct err *err)
{
	struct walk w = { f, choice };

	*f = (struct rag_files){ 0 };
	for (int i = 0; i < count; i++)
		if (take_named(&w, paths[i], err) < 0)
			return -1;
	sort(f);
	return 0;
}

void rag_files_free(struct rag_files *f)
{
	for (size_t i = 0; i < f->count; i++)
		free_file(&f->list[i]);
	for (size_t i = 0; i < f->prefix_count; i++)
		mem_free(f->prefixes[i]);
	mem_free(f->list);
	mem_free(f->prefixes);
}
