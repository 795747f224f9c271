/*
 * WAV files: what their header says, also when it is odd or lies, and how loud their samples are.
 */
#include "common/chat/wav.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define RIFF "RIFF\x00\x00\x00\x00WAVE"
#define FMT(format, channels, rate, block, bits)                                                  \
	"fmt \x10\x00\x00\x00" format "\x00" channels "\x00" rate "\x00\x00\x00\x00\x00" block "\x00" bits "\x00"
/* Mono, 16 bits, 16,000 a second. */
#define SPEECH FMT("\x01", "\x01", "\x80\x3e\x00", "\x02", "\x10")
#define OF(text) { "" text, sizeof(text) - 1 } /* in tables */
#define WHOLE(text) span_of(text, sizeof(text) - 1)

static void headers_tell_where_the_samples_are(void **state)
{
	static const struct {
		const char *what;
		struct span head;
		uint64_t size;
		uint32_t rate, block;
		uint64_t at, len; /* len 0: no file that can be cut */
	} cases[] = {
		{ "plain", OF(RIFF SPEECH "data\x0a\x00\x00\x00"), 54, 16000, 2, 44, 10 },
		{ "an odd byte at the end", OF(RIFF SPEECH "data\x0b\x00\x00\x00"), 55, 16000, 2, 44, 10 },
		{ "a length not known", OF(RIFF SPEECH "data\xff\xff\xff\xff"), 144, 16000, 2, 44, 100 },
		{ "a length of nothing", OF(RIFF SPEECH "data\x00\x00\x00\x00"), 144, 16000, 2, 44, 100 },
		{ "something behind", OF(RIFF SPEECH "data\x0a\x00\x00\x00"), 100, 16000, 2, 44, 10 },
		{ "a chunk between, padded", OF(RIFF SPEECH "LIST\x03\x00\x00\x00" "abc\x00" "data\x04\x00\x00\x00"), 60, 16000, 2, 56, 4 },
		{ "u-law", OF(RIFF FMT("\x07", "\x01", "\x40\x1f\x00", "\x01", "\x08") "data\x04\x00\x00\x00"), 48, 8000, 1, 44, 4 },
		{ "extensible",
		  OF(RIFF "fmt \x28\x00\x00\x00\xfe\xff\x02\x00\x80\xbb\x00\x00\x00\x00\x00\x00\x06\x00\x18\x00"
			  "\x16\x00\x18\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
			  "data\x0c\x00\x00\x00"), 80, 48000, 6, 68, 12 },
		{ "no samples", OF(RIFF SPEECH "data\x00\x00\x00\x00"), 44, 0, 0, 0, 0 },
		{ "no format", OF(RIFF "data\x0a\x00\x00\x00"), 54, 0, 0, 0, 0 },
		{ "no data", OF(RIFF SPEECH), 36, 0, 0, 0, 0 },
		{ "MP3 inside", OF(RIFF FMT("\x55", "\x01", "\x80\x3e\x00", "\x02", "\x10") "data\x0a\x00\x00\x00"), 54, 0, 0, 0, 0 },
		{ "a block that is none", OF(RIFF FMT("\x01", "\x02", "\x80\x3e\x00", "\x02", "\x10") "data\x0a\x00\x00\x00"), 54, 0, 0, 0, 0 },
		{ "no channels", OF(RIFF FMT("\x01", "\x00", "\x80\x3e\x00", "\x00", "\x10") "data\x0a\x00\x00\x00"), 54, 0, 0, 0, 0 },
		{ "no rate", OF(RIFF FMT("\x01", "\x01", "\x00\x00\x00", "\x02", "\x10") "data\x0a\x00\x00\x00"), 54, 0, 0, 0, 0 },
		{ "a format that is cut", OF(RIFF "fmt \x10\x00\x00\x00\x01\x00"), 22, 0, 0, 0, 0 },
		{ "a chunk of four gigabytes", OF(RIFF "LIST\xff\xff\xff\xff"), 1000, 0, 0, 0, 0 },
		{ "Ogg", OF("OggS0000000000000000"), 20, 0, 0, 0, 0 },
		{ "little", OF("RIFF"), 4, 0, 0, 0, 0 },
	};
	struct wav w;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		bool is_wav = wav_read(&w, cases[i].head, cases[i].size);

		if (is_wav != (cases[i].len > 0))
			fail_msg("%s", cases[i].what);
		if (!is_wav)
			continue;
		assert_int_equal(w.rate, cases[i].rate);
		assert_int_equal(w.block, cases[i].block);
		assert_int_equal(w.data_at, cases[i].at);
		assert_int_equal(w.data_len, cases[i].len);
	}
}

static void a_window_has_the_file_s_header_with_its_own_lengths(void **state)
{
	static const char head[] = RIFF SPEECH "LIST\x02\x00\x00\x00" "ab" "data\xff\xff\xff\xff" "samples";
	char out[sizeof head];
	struct wav w, again;

	(void)state;
	assert_true(wav_read(&w, WHOLE(head), 100000));
	wav_write_header(&w, WHOLE(head), 1000, out);
	assert_memory_equal(out, "RIFF\x16\x04\x00\x00WAVE", 12);
	assert_memory_equal(out + 12, head + 12, 34);
	assert_memory_equal(out + w.data_at - 8, "data\xe8\x03\x00\x00", 8);
	assert_true(wav_read(&again, span_of(out, (size_t)w.data_at), w.data_at + 1000));
	assert_int_equal(again.data_len, 1000);
	assert_int_equal(wav_ms(&w, 32000), 1000);
}

static void silence_is_quieter_than_sound_in_every_coding(void **state)
{
	static const struct {
		const char *format, *bits;
		struct span quiet, loud;
	} cases[] = {
		{ "\x01", "\x08", OF("\x80\x7f\x81\x80"), OF("\x20\xe0\x10\xf0") },
		{ "\x01", "\x10", OF("\x01\x00\xff\xff"), OF("\x00\x40\x00\xc0") },
		{ "\x01", "\x18", OF("\x01\x00\x00\xff\xff\xff"), OF("\x00\x00\x40\x00\x00\xc0") },
		{ "\x01", "\x20", OF("\x01\x00\x00\x00"), OF("\x00\x00\x00\x80") },
		{ "\x03", "\x20", OF("\x00\x00\x00\x38"), OF("\x00\x00\x00\xbf") },
		{ "\x06", "\x08", OF("\xd5\x55"), OF("\xaa\x2a") },
		{ "\x07", "\x08", OF("\xff\x7f"), OF("\x80\x00") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char head[] = RIFF SPEECH "data\x40\x00\x00\x00";
		struct wav w;

		head[20] = *cases[i].format;
		head[32] = (char)(*cases[i].bits / 8);
		head[34] = *cases[i].bits;
		assert_true(wav_read(&w, WHOLE(head), 200));
		assert_true(wav_loudness(&w, cases[i].quiet) < 0.1);
		assert_true(wav_loudness(&w, cases[i].loud) > 0.3);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_tell_where_the_samples_are),
		cmocka_unit_test(a_window_has_the_file_s_header_with_its_own_lengths),
		cmocka_unit_test(silence_is_quieter_than_sound_in_every_coding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
