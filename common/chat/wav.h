/*
 * common/chat/wav.h - the header of a WAV file, and where its sound may be cut.
 *
 * RIFF with samples of a fixed size: PCM, IEEE float, A-law, u-law, plain or WAVE_FORMAT_EXTENSIBLE.
 * Pure; any thread.
 */
#ifndef SPASS_CHAT_WAV_H
#define SPASS_CHAT_WAV_H

#include "common/base/span.h"

enum { WAV_HEAD_MAX = 4096 }; /* what may stand in front of the samples */

struct wav {
	uint32_t rate;               /* a second */
	uint32_t block;              /* bytes of one moment: a sample of each channel */
	uint64_t data_at, data_len;  /* of the samples, inside the file; whole blocks */
	/* private */
	unsigned coding, bits;
};

/*
 * head: the first bytes of a file of so many, WAV_HEAD_MAX or all.  False when it is no such file.
 * A length that cannot be true (it was not known when the header was written) is taken to go on to
 * the end of the file.
 */
bool wav_read(struct wav *w, struct span head, uint64_t file_size);
int64_t wav_ms(const struct wav *w, uint64_t bytes);
/* The header of head, whose wav_read it was, for so many bytes of its samples: data_at bytes to out. */
void wav_write_header(const struct wav *w, struct span head, uint64_t data_len, char *out);
/* How loud a run of whole blocks is, for comparison with others as long. */
double wav_loudness(const struct wav *w, struct span samples);

#endif
