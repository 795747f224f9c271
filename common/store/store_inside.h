/*
 * common/store/store_inside.h - what the files behind store.h and recorder.h share.
 */
#ifndef SPASS_STORE_STORE_INSIDE_H
#define SPASS_STORE_STORE_INSIDE_H

#include "common/store/readers.h"
#include "common/store/store.h"
#include "common/store/writer.h"

struct store {
	struct queue *queue;
	struct writer *writer;
	struct readers *readers;
};

#endif
