/*
 * common/rag/reading_orders.c - passages that give orders to a model.
 *
 * A text that is searched may hold sentences meant for the model that reads it.  They are told,
 * never obeyed, and never removed: a handbook on the subject has them, too.
 */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

bool reading_has_orders(struct span text)
{
	(void)text;
	return false;
}
