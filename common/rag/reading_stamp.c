/* common/rag/reading_stamp.c - see reader_stamp. */
#include "common/rag/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { STAMPED_MAX = 1024 * 1024 };

static int add_file(struct buf *out, const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0)
		return -1;
	return buf_printf(out, "%s %lld %lld\n", file, (long long)st.st_size, (long long)st.st_mtime);
}

/* As it is found; nothing when it is not there. */
static void add_program(struct buf *out, const char *name)
{
	const char *path = getenv("PATH"); /* NOLINT(concurrency-mt-unsafe): nobody sets any */
	struct span rest = span_str(path ? path : "");

	while (rest.len > 0) {
		struct span dir = span_cut(&rest, ':');
		char file[4096];

		snprintf(file, sizeof(file), "%.*s/%s", SPAN_ARGS(dir), name);
		if (add_file(out, file) == 0)
			return;
	}
}

void reader_stamp(const struct reader_options *o, char out[READER_STAMP_SIZE])
{
	unsigned char digest[DIGEST_SIZE];
	struct buf made_of;

	buf_init(&made_of, STAMPED_MAX);
	buf_add_str(&made_of, SPASS_VERSION "\n");
	add_file(&made_of, "/proc/self/exe"); /* a version may be built again and again */
	add_program(&made_of, "pdftotext");
	for (size_t i = 0; i < o->command_count; i++)
		buf_printf(&made_of, "%s=%s\n", o->commands[i].extension, o->commands[i].command);
	digest_sha256(buf_span(&made_of), digest);
	digest_hex(digest, READER_STAMP_SIZE / 2, out);
	buf_free(&made_of);
}
