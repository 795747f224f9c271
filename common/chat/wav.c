/*
 * common/chat/wav.c - see wav.h.
 */
#include "common/chat/wav.h"

#include <math.h>
#include <string.h>

enum {
	FORMAT_PCM = 1,
	FORMAT_FLOAT = 3,
	FORMAT_A_LAW = 6,
	FORMAT_U_LAW = 7,
	FORMAT_EXTENSIBLE = 0xfffe,
	RIFF_SIZE_AT = 4, /* in the file */
};

static uint32_t get(const char *p, size_t bytes)
{
	uint32_t value = 0;

	for (size_t i = bytes; i-- > 0;)
		value = value << 8 | (unsigned char)p[i];
	return value;
}

static void put32(char *p, uint64_t value)
{
	if (value > UINT32_MAX)
		value = UINT32_MAX;
	for (int i = 0; i < 4; i++, value >>= 8)
		p[i] = (char)(value & 0xff);
}

/* ---- samples: how far from silence, 0 to 1 ---- */

static double of_pcm(const char *p, unsigned bytes)
{
	/* To the top of 32 bits: the sign comes along. */
	int32_t value = (int32_t)(get(p, bytes) << (32 - 8 * bytes));

	return fabs((double)value / 2147483648.0);
}

static double of_pcm8(const char *p, unsigned bytes)
{
	(void)bytes;
	return fabs(((unsigned char)*p - 128) / 128.0);
}

static double of_float(const char *p, unsigned bytes)
{
	uint32_t bits = get(p, 4);
	float value;

	(void)bytes;
	memcpy(&value, &bits, sizeof value);
	return isfinite(value) ? fabs((double)value) : 1;
}

static double of_a_law(const char *p, unsigned bytes)
{
	(void)bytes;
	return ((*p ^ 0x55) & 0x7f) / 127.0;
}

static double of_u_law(const char *p, unsigned bytes)
{
	(void)bytes;
	return (~*p & 0x7f) / 127.0;
}

static const struct {
	unsigned format, bits;
	double (*loudness)(const char *p, unsigned bytes);
} codings[] = {
	{ FORMAT_PCM, 8, of_pcm8 },     { FORMAT_PCM, 16, of_pcm },    { FORMAT_PCM, 24, of_pcm },
	{ FORMAT_PCM, 32, of_pcm },     { FORMAT_FLOAT, 32, of_float }, { FORMAT_A_LAW, 8, of_a_law },
	{ FORMAT_U_LAW, 8, of_u_law },
};
enum { CODINGS = sizeof codings / sizeof *codings };

double wav_loudness(const struct wav *w, struct span samples)
{
	const unsigned bytes = w->bits / 8;
	double sum = 0;

	for (size_t i = 0; i + bytes <= samples.len; i += bytes)
		sum += codings[w->coding].loudness(samples.ptr + i, bytes);
	return sum;
}

/* ---- the header ---- */

/* The chunk "fmt ": false when nothing here can cut such sound. */
static bool read_format(struct wav *w, struct span chunk)
{
	enum { LEAST = 16, SUBFORMAT_AT = 24, EXTENSIBLE_LEAST = 40, CHANNELS_MAX = 64 };
	unsigned format, channels;

	if (chunk.len < LEAST)
		return false;
	format = get(chunk.ptr, 2);
	channels = get(chunk.ptr + 2, 2);
	w->rate = get(chunk.ptr + 4, 4);
	w->block = get(chunk.ptr + 12, 2);
	w->bits = get(chunk.ptr + 14, 2);
	if (format == FORMAT_EXTENSIBLE && chunk.len >= EXTENSIBLE_LEAST)
		format = get(chunk.ptr + SUBFORMAT_AT, 2);
	for (w->coding = 0; w->coding < CODINGS; w->coding++)
		if (codings[w->coding].format == format && codings[w->coding].bits == w->bits)
			break;
	return w->coding < CODINGS && channels > 0 && channels <= CHANNELS_MAX &&
	       w->block == channels * (w->bits / 8) && w->rate > 0 && w->rate <= 1000000;
}

static void read_data(struct wav *w, uint64_t at, uint32_t len, uint64_t file_size)
{
	w->data_at = at;
	w->data_len = len == 0 || len > file_size - at ? file_size - at : len;
	w->data_len -= w->data_len % w->block;
}

bool wav_read(struct wav *w, struct span head, uint64_t file_size)
{
	enum { CHUNKS_AT = 12, CHUNK_HEAD = 8 };
	bool is_known = false;

	memset(w, 0, sizeof *w);
	if (head.len < CHUNKS_AT || memcmp(head.ptr, "RIFF", 4) != 0 || memcmp(head.ptr + 8, "WAVE", 4) != 0)
		return false;
	for (uint64_t at = CHUNKS_AT; at + CHUNK_HEAD <= head.len && at + CHUNK_HEAD <= WAV_HEAD_MAX;) {
		const char *chunk = head.ptr + at;
		uint32_t len = get(chunk + 4, 4);

		at += CHUNK_HEAD;
		if (memcmp(chunk, "data", 4) == 0) {
			if (!is_known || at > file_size)
				return false;
			read_data(w, at, len, file_size);
			return w->data_len > 0;
		}
		if (memcmp(chunk, "fmt ", 4) == 0)
			is_known = len <= head.len - at && read_format(w, span_of(chunk + CHUNK_HEAD, len));
		at += (uint64_t)len + len % 2;
	}
	return false;
}

int64_t wav_ms(const struct wav *w, uint64_t bytes)
{
	return (int64_t)(bytes / w->block * 1000 / w->rate);
}

void wav_write_header(const struct wav *w, struct span head, uint64_t data_len, char *out)
{
	memcpy(out, head.ptr, (size_t)w->data_at);
	put32(out + RIFF_SIZE_AT, w->data_at - 8 + data_len);
	put32(out + w->data_at - 4, data_len);
}
