/*
 * common/upstream/unpack.c - see unpack.h.
 */
#include "common/upstream/unpack.h"

#define ZLIB_CONST
#include <zlib.h>

#include "common/base/mem.h"

enum {
	PIECE_MAX = 16 * 1024,
	FED_MAX = 1024 * 1024 * 1024, /* at once; zlib counts in unsigned int */
	WINDOW = 15,                  /* bits; the formats' largest */
	WINDOW_GZIP = WINDOW + 16,    /* as zlib's inflateInit2 wants it told */
};

struct unpack {
	enum coding coding;
	z_stream z;
	size_t left;     /* bytes that may still come out */
	struct span in;  /* fed and not yet used */
	bool is_begun;   /* inside a member: its end has yet to come */
	bool is_ready;   /* z is initialised */
	bool has_more;   /* the last piece was full: zlib may hold further bytes */
	unsigned char out[PIECE_MAX];
};

enum coding coding_of(struct span content_encoding)
{
	static const struct {
		const char *name;
		enum coding coding;
	} names[] = {
		{ "", CODING_NONE },	 { "identity", CODING_NONE },  { "gzip", CODING_GZIP },
		{ "x-gzip", CODING_GZIP }, { "deflate", CODING_DEFLATE },
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is_nocase(content_encoding, names[i].name))
			return names[i].coding;
	return CODING_UNKNOWN;
}

struct unpack *unpack_new(enum coding coding, size_t max)
{
	struct unpack *u = mem_new(struct unpack);

	u->coding = coding;
	u->left = max;
	return u;
}

void unpack_free(struct unpack *u)
{
	if (!u)
		return;
	if (u->is_ready)
		inflateEnd(&u->z);
	mem_free(u);
}

void unpack_feed(struct unpack *u, struct span bytes)
{
	u->in = bytes;
}

static const char *coding_name(const struct unpack *u)
{
	return u->coding == CODING_GZIP ? "gzip" : "deflate";
}

static int say_broken(const struct unpack *u, struct err *err)
{
	return err_set(err, E_upstream_error, NULL, "the answer is not %s data", coding_name(u));
}

/* A zlib header begins with its method, 8; bare deflate data does not, as no encoder pads so. */
static int window_bits(const struct unpack *u)
{
	if (u->coding == CODING_GZIP)
		return WINDOW_GZIP;
	return (u->in.ptr[0] & 0x0f) == Z_DEFLATED ? WINDOW : -WINDOW;
}

/* At the first byte, and at that of a further member. */
static int begin_member(struct unpack *u, struct err *err)
{
	int code = Z_DATA_ERROR;

	if (!u->is_ready)
		code = inflateInit2(&u->z, window_bits(u));
	else if (u->coding == CODING_GZIP)
		code = inflateReset(&u->z);
	if (code == Z_DATA_ERROR)
		return err_set(err, E_upstream_error, NULL, "the answer goes on behind its %s data",
			       coding_name(u));
	if (code != Z_OK)
		return err_set(err, E_internal_error, NULL, "zlib cannot start");
	u->is_ready = u->is_begun = true;
	return 0;
}

/* Bytes that came out, or -1. */
static ptrdiff_t inflate_some(struct unpack *u, struct err *err)
{
	size_t fed = u->in.len < FED_MAX ? u->in.len : FED_MAX;
	int code;

	u->z.next_in = (const unsigned char *)u->in.ptr;
	u->z.avail_in = (unsigned)fed;
	u->z.next_out = u->out;
	u->z.avail_out = PIECE_MAX;
	code = inflate(&u->z, Z_SYNC_FLUSH);
	u->in = span_from(u->in, fed - u->z.avail_in);
	u->has_more = code == Z_OK && u->z.avail_out == 0;
	if (code == Z_STREAM_END)
		u->is_begun = false;
	else if (code == Z_MEM_ERROR)
		return err_set(err, E_internal_error, NULL, "zlib has no memory");
	else if (code != Z_OK && code != Z_BUF_ERROR)
		return say_broken(u, err);
	return PIECE_MAX - (ptrdiff_t)u->z.avail_out;
}

int unpack_next(struct unpack *u, struct span *piece, struct err *err)
{
	while (u->in.len > 0 || u->has_more) {
		ptrdiff_t len;

		if (!u->is_begun && begin_member(u, err) < 0)
			return -1;
		len = inflate_some(u, err);
		if (len < 0)
			return -1;
		if ((size_t)len > u->left)
			return err_set(err, E_upstream_error, NULL,
				       "the answer inflates to more bytes than are allowed");
		u->left -= (size_t)len;
		if (len > 0) {
			*piece = span_of((const char *)u->out, (size_t)len);
			return 1;
		}
	}
	return 0;
}

bool unpack_is_whole(const struct unpack *u)
{
	return !u->is_begun;
}
