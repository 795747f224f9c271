/*
 * tests/support/ledger.c - see ledger.h.
 */
#include "tests/support/ledger.h"

#include "common/base/mem.h"

int ledger_open(struct ledger *l, struct db *db, struct err *err)
{
	l->usage = usage_new();
	l->kinds = kinds_new();
	return usage_attach(l->usage, db, err);
}

void ledger_close(struct ledger *l)
{
	usage_free(l->usage);
	kinds_free(l->kinds);
}

int ledger_insert(struct ledger *l, const struct record *records, size_t count, struct err *err)
{
	struct entry *entries = mem_calloc(count, sizeof *entries);
	struct entry **pointers = mem_calloc(count, sizeof(struct entry *));
	int result;

	kinds_begin(l->kinds);
	for (size_t i = 0; i < count; i++) {
		pointers[i] = &entries[i];
		entry_fill(&entries[i], &records[i], common_make(&records[i], common_hash(&records[i])));
		kinds_find(l->kinds, entries[i].common);
	}
	result = usage_insert(l->usage, l->kinds, pointers, count, err);
	for (size_t i = 0; i < count; i++)
		mem_free(entries[i].common);
	mem_free(pointers);
	mem_free(entries);
	return result;
}
