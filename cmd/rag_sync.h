/*
 * cmd/rag_sync.h - files on their way into an index: what the parts of add and sync share.
 *
 * cmd_rag_sync.c is the commands.  rag_files.c finds the files, rag_sync_wanted.c asks which of them
 * the gateway wants, rag_sync_send.c sends those, rag_gone.c finds documents whose files are gone,
 * rag_wait.c waits for the vectors; rag_sync_tell.c tells of it all.
 */
#ifndef SPASS_CMD_RAG_SYNC_H
#define SPASS_CMD_RAG_SYNC_H

#include "cmd/progress.h"
#include "cmd/rag.h"
#include "cmd/rag_files.h"
#include "cmd/rag_gone.h"

struct sync_options {
	struct cmd_globals globals;
	struct opt_texts include, exclude, meta;
	const char *type, *name; /* name: of what is piped in */
	bool prune, yes, follow, dry_run, jsonl, no_wait;
};

struct sync {
	const struct sync_options *options;
	const char *index;
	struct gateway_link *link;
	struct rag_choice choice;
	struct rag_files files;
	json_t *metadata; /* of all of them; NULL: each keeps what it has */
	json_t *wanted;   /* {id, why, metadata} of files, by the ids that they have here */
	json_t *paths;    /* of all files, once asked for; or NULL */
	json_t *loaders;  /* extensions that the gateway's own commands read; or NULL */
	json_t *failures; /* with --json, {path, code, message}; or NULL */
	struct rag_gone gone;
	struct progress progress;
	int64_t added, changed, unchanged, failed, removed, chunks;
	int64_t skipped; /* of no type that anybody reads, found and not named */
	int64_t events;
	bool may_prune;
	bool is_piped;  /* one document from standard input */
	char *piped_id; /* which it has; or NULL */
};

/* ---- rag_sync_tell.c ---- */

/* An event of --jsonl.  Takes members. */
void sync_tell_event(struct sync *s, const char *type, json_t *members_take);
/* The first of them, and the last: how it ended, with the exit status and what was done. */
void sync_tell_start(struct sync *s);
void sync_tell_end(struct sync *s, int result, const struct err *err);
/* What became of a file: the event, and on stderr why, if there is a reason (NULL: none). */
void sync_tell_file(struct sync *s, const char *id, const char *action, const char *code,
		    const char *why);
/* One that is left out: counted, told with --verbose. */
void sync_skip_file(struct sync *s, const char *id, const char *why);
/* The same of one that sync_is_unknown. */
void sync_skip_unknown(struct sync *s, const char *id);

/* What would be done; instead of doing it. */
void sync_print_plan(struct sync *s);
/* What was done. */
void sync_print_summary(const struct sync *s);

/* ---- rag_sync_wanted.c ---- */

/* Fills wanted, loaders, gone, and the ids that the index has files under. */
int sync_find_wanted(struct sync *s, struct err *err);
/* The metadata of the document of that id into *kept, which the caller owns; left alone where it has none. */
int sync_find_kept(struct sync *s, const char *id, json_t **kept, struct err *err);

/* ---- rag_sync_send.c ---- */

/* Whether it is of no type that anybody reads: such files of a directory are left out. */
bool sync_is_unknown(const struct sync *s, const struct rag_file *f);
/* Whether the document of its id is of another file, which is there still and not put in, too: it
 * would be lost. */
bool sync_is_taken(struct sync *s, const struct rag_file *f, const json_t *wanted);
/* What is wanted, in batches. */
int sync_send_all(struct sync *s, struct err *err);
/* Standard input, as one document. */
int sync_send_piped(struct sync *s, struct err *err);

#endif
