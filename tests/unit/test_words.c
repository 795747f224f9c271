/* Tests of common/text/words.h and sentence.h. */
#include "common/text/letters.h"
#include "common/text/words.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/text/sentence.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void add_word(void *data, const struct word *word)
{
	struct buf *out = data;

	if (out->len > 0)
		buf_add_char(out, ' ');
	if (words_is_stop(word))
		buf_add_char(out, '-');
	buf_add_span(out, word->text);
}

static void cuts_any_script_into_words(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "" },
		{ "... !? \n", "" },
		{ "The Cat, sat.", "-the cat sat" },
		{ "don't e-mail", "-don -t e mail" },
		{ "getUserName", "getusername -get user name" },
		{ "max_body_bytes", "max_body_bytes max body bytes" },
		{ "HTTP2 v1", "http2 http 2 v1 v 1" },
		{ "_x __init__", "_x x __init__ init" },
		{ "ÄRGER Straße ÉTÉ", "ärger strasse été" },
		{ "ПРИВЕТ Ёлка", "привет ёлка" },
		{ "ΑΘΗΝΑ", "αθηνα" },
		{ "Kündigungsfrist: 3 Monate", "kündigungsfrist 3 monate" },
		{ "长江的水", "长江 -江的 -的水" },
		{ "水", "水" },
		{ "的", "-的" },
		{ "用API吗", "用 api -吗" },
		{ "东京タワー", "东京 京タ タワ ワー" },
		{ "ภาษาไทย", "ภาษ าษา ษาไ าไท ไทย" },
		{ "ดี", "ดี" },
		{ "ไทย日本語", "ไทย 日本 本語" },
		{ "a\xff" "b", "-a b" },
		{ "20 °C — 5 €", "20 c 5" },
		{ "abcdefgh Abcdefghi, ABCDEFGHIJKLMNOPQ; abcdefghijklmnopqrs.         ",
		  "abcdefgh abcdefghi abcdefghijklmnopq abcdefghijklmnopqrs" },
		{ "abcdefghIjkl abcdefgIjklmnop abcdefg1 abcdefgh_ abcdefgh\xc3\xa4          ",
		  "abcdefghijkl abcdefgh ijkl abcdefgijklmnop abcdefg ijklmnop abcdefg1 abcdefg "
		  "1 abcdefgh_ abcdefgh\xc3\xa4" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&out);
		words_each(span_str(cases[i].text), add_word, &out);
		assert_string_equal(buf_str(&out), cases[i].words);
	}
	buf_free(&out);
}

static void add_source(void *data, const struct word *word)
{
	struct buf *out = data;

	buf_printf(out, "%s%.*s", out->len > 0 ? "|" : "", SPAN_ARGS(word->source));
}

static void words_say_where_they_stand(void **state)
{
	static const struct {
		const char *text, *sources;
	} cases[] = {
		{ "The Cat, sat.", "The|Cat|sat" },
		{ " getUserName ", "getUserName|get|User|Name" },
		{ "Max_Body__x HTTP2", "Max_Body__x|Max|Body|x|HTTP2|HTTP|2" },
		{ "__Init__.", "__Init__|Init" },
		{ "ÄRGER_ÉTÉ", "ÄRGER_ÉTÉ|ÄRGER|ÉTÉ" },
		{ "ＡＢＣ x", "ＡＢＣ|x" },
		{ "用API吗", "用|API|吗" },
		{ "ไทย日本語", "ไทย|日本|本語" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&out);
		words_each(span_str(cases[i].text), add_source, &out);
		assert_string_equal(buf_str(&out), cases[i].sources);
	}
	buf_free(&out);
}

/* The end of a text is walked by the byte, what stands before more of it by eight of them. */
static void words_are_the_same_before_blanks_and_at_the_end(void **state)
{
	static const char letters[] = "aZbY_1-\xc3\xa9";
	struct buf short_text, long_text, at_end, before_blanks;
	uint32_t seed = 1;

	(void)state;
	buf_init(&short_text, 100);
	buf_init(&long_text, 100);
	buf_init(&at_end, 4000);
	buf_init(&before_blanks, 4000);
	for (int round = 0; round < 5000; round++) {
		buf_clear(&short_text);
		buf_clear(&long_text);
		buf_clear(&at_end);
		buf_clear(&before_blanks);
		for (int i = 0; i < 7; i++) {
			seed = seed * 1103515245 + 12345;
			buf_add_char(&short_text, letters[(seed >> 16) % (sizeof(letters) - 1)]);
		}
		buf_add_span(&long_text, buf_span(&short_text));
		buf_add_str(&long_text, "                 ");
		words_each(buf_span(&short_text), add_source, &at_end);
		words_each(buf_span(&long_text), add_source, &before_blanks);
		assert_string_equal(buf_str(&at_end), buf_str(&before_blanks));
		buf_clear(&at_end);
		buf_clear(&before_blanks);
		words_each(buf_span(&short_text), add_word, &at_end);
		words_each(buf_span(&long_text), add_word, &before_blanks);
		assert_string_equal(buf_str(&at_end), buf_str(&before_blanks));
	}
	buf_free(&short_text);
	buf_free(&long_text);
	buf_free(&at_end);
	buf_free(&before_blanks);
}

/* Where parts begin, told letter by letter. */
static bool is_part(char before, char c)
{
	bool digit = c >= '0' && c <= '9', digit_before = before >= '0' && before <= '9';
	bool capital = c >= 'A' && c <= 'Z', capital_before = before >= 'A' && before <= 'Z';

	return c != '_' && (before == '\0' || before == '_' || digit != digit_before ||
			    (capital && !capital_before));
}

static void add_expected(struct buf *out, const char *from, size_t len)
{
	struct word word = { .source = span_of(from, len) };

	add_source(out, &word);
}

static void expect_run(struct buf *out, const char *run, size_t len)
{
	size_t starts[40], parts = 0;

	for (size_t i = 0; i < len; i++)
		if (is_part(i > 0 ? run[i - 1] : '\0', run[i]))
			starts[parts++] = i;
	if (parts > 0)
		add_expected(out, run, len);
	for (size_t i = 0; i < parts && (parts > 1 || run[0] == '_'); i++) {
		size_t end = i + 1 < parts ? starts[i + 1] : len;

		while (run[end - 1] == '_')
			end--;
		add_expected(out, run + starts[i], end - starts[i]);
	}
}

static void identifiers_are_parted_wherever_their_parts_begin(void **state)
{
	static const char letters[] = "abcdXYZ019_";
	struct buf found, expected;
	uint32_t seed = 7;

	(void)state;
	buf_init(&found, 10000);
	buf_init(&expected, 10000);
	for (int round = 0; round < 20000; round++) {
		char run[41];
		size_t len = 1 + (size_t)round % 40;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1103515245 + 12345;
			run[i] = letters[(seed >> 16) % (round % 3 ? sizeof(letters) - 1 : 5)];
		}
		run[len] = round % 2 ? ' ' : '.';
		buf_clear(&found);
		buf_clear(&expected);
		words_each(span_of(run, len + (size_t)(round / 2 % 2)), add_source, &found);
		expect_run(&expected, run, len);
		assert_string_equal(buf_str(&found), buf_str(&expected));
	}
	buf_free(&found);
	buf_free(&expected);
}

static void letters_lose_their_marks(void **state)
{
	static const uint32_t cases[][2] = { { 'e', 'e' }, { 0xe9, 'e' }, { 0xf8, 'o' }, { 0xfc, 'u' }, { 0xdf, 0xdf },
					     { 0x142, 'l' }, { 0x17e, 'z' }, { 0x1ec7, 'e' }, { 0x1ef3, 'y' },
					     { 0x1eff, 0x1eff }, { 0x451, 0x435 }, { 0x6c34, 0x6c34 }, { 0xf7, 0xf7 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(letter_fold(cases[i][0]), cases[i][1]);
}

static void check_length(void *data, const struct word *word)
{
	size_t *count = data;

	assert_in_range(word->text.len, 1, WORD_MAX);
	++*count;
}

static void long_words_are_cut(void **state)
{
	static const char *const units[] = { "a", "ä", "aB", "_", "1a" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct buf text;
		size_t count = 0;

		buf_init(&text, 4096);
		while (text.len < 1000)
			buf_add_str(&text, units[i]);
		words_each(buf_span(&text), check_length, &count);
		assert_in_range(count, i == 3 ? 0 : 1, WORD_MAX + 1);
		buf_free(&text);
	}
}

static void a_letter_whose_mark_has_no_room_leaves_no_empty_part(void **state)
{
	(void)state;
	for (size_t before = WORD_MAX - 8; before <= WORD_MAX; before++) {
		struct buf text;
		size_t count = 0;

		buf_init(&text, 4096);
		while (text.len < before)
			buf_add_char(&text, 'a');
		buf_add_str(&text, "1e\xcc\x81");
		words_each(buf_span(&text), check_length, &count);
		assert_in_range(count, 1, 4);
		buf_free(&text);
	}
}

static void tokens_cover_the_text(void **state)
{
	static const struct {
		const char *text;
		size_t count;
	} cases[] = {
		{ "", 0 }, { " ", 1 }, { "hello", 1 }, { "hello world", 2 }, { "internationally", 3 },
		{ "a, b", 3 }, { "12345", 2 }, { "v12", 2 }, { "长江", 2 }, { "a \n", 2 }, { "\xff\xff", 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(words_count_tokens(span_str(cases[i].text)), cases[i].count);
}

/* Sentences joined by "|"; "[label/heading]" before one that has them. */
static void split(const char *text, struct buf *out)
{
	struct sentences reader;
	struct sentence s;

	buf_clear(out);
	sentences_start(&reader, span_str(text));
	while (sentences_next(&reader, &s)) {
		if (out->len > 0)
			buf_add_char(out, '|');
		if (s.label.len > 0 || s.heading.len > 0)
			buf_printf(out, "[%.*s/%.*s]", SPAN_ARGS(s.label), SPAN_ARGS(s.heading));
		buf_add_span(out, s.text);
		assert_true(s.text.ptr >= text && s.text.ptr + s.text.len <= text + strlen(text));
	}
}

static void sentences_end_where_a_reader_would_end_them(void **state)
{
	static const struct {
		const char *text, *sentences;
	} cases[] = {
		{ "", "" },
		{ " \n\n ", "" },
		{ "One. Two! Three? Four", "One.|Two!|Three?|Four" },
		{ "It costs 3.50 euros. Fine.", "It costs 3.50 euros.|Fine." },
		{ "Dr. Weber lives, e.g. with J. Smith, here. Yes.",
		  "Dr. Weber lives, e.g. with J. Smith, here.|Yes." },
		{ "Das ist z.B. am 3. Oktober so. Ende.", "Das ist z.B. am 3. Oktober so.|Ende." },
		{ "See file.c for more. Done.", "See file.c for more.|Done." },
		{ "He said \"Stop.\" Then he left.", "He said \"Stop.\"|Then he left." },
		{ "Wait... what?! No.", "Wait... what?!|No." },
		{ "这是一。那是“二”！三？", "这是一。|那是“二”！|三？" },
		{ "А. С. Пушкин родился в Москве, т.е. не здесь. Да.",
		  "А. С. Пушкин родился в Москве, т.е. не здесь.|Да." },
		{ "สร้างขึ้นในปี พ.ศ. 2539\nความสูงของประภาคารคือห้าสิบเมตร\n",
		  "สร้างขึ้นในปี พ.ศ. 2539|ความสูงของประภาคารคือห้าสิบเมตร" },
		{ "- one\n- two\n3. three\n", "one|two|three" },
		{ "Short line\nAnother", "Short line|Another" },
		{ "A sentence that ends within a line, and is a long one. A second\none ends below.",
		  "A sentence that ends within a line, and is a long one.|A second\none ends below." },
		{ "This line of prose is long enough to have been wrapped\nby an editor. Next.",
		  "This line of prose is long enough to have been wrapped\nby an editor.|Next." },
		{ "# Head\n\nText here.\n## Sub\nMore.", "[/Head]Text here.|[/Sub]More." },
		{ "Source: a.md\nText one.\nQuelle: b.md\nText two.",
		  "[a.md/]Text one.|[b.md/]Text two." },
		{ "[File: x.c]\nbody", "[x.c/]body" },
		{ "<document source=\"k.txt\">\nbody", "[k.txt/]body" },
		{ "来源：手册\n内容。", "[手册/]内容。" },
		{ "---\ntext\n```\ncode\n```\n", "text|code" },
		{ "# Head\n```c\n# no head\n~~~\n```\nIn it.\n# Next\nMore.",
		  "[/Head]# no head|[/Head]In it.|[/Next]More." },
		{ "````\n```\n# no head\n````\n# Head\nText.", "# no head|[/Head]Text." },
		{ "```\n# never closed\nSource: a.md\n# Head\nText.", "# never closed|[a.md/Head]Text." },
		{ "a\r\n\r\nb\r\n", "a|b" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		split(cases[i].text, &out);
		assert_string_equal(buf_str(&out), cases[i].sentences);
	}
	buf_free(&out);
}

static void endless_sentences_are_cut(void **state)
{
	static const char *const units[] = { "word ", "x", "漢", "a.b", "😀" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct sentences reader;
		struct sentence s;
		struct buf text;
		size_t bytes = 0;

		buf_init(&text, 10000);
		while (text.len < 5000)
			buf_add_str(&text, units[i]);
		sentences_start(&reader, buf_span(&text));
		while (sentences_next(&reader, &s)) {
			assert_in_range(s.text.len, 1, SENTENCE_MAX);
			bytes += s.text.len;
		}
		assert_in_range(bytes, text.len - 20, text.len);
		buf_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_any_script_into_words),
		cmocka_unit_test(words_say_where_they_stand),
		cmocka_unit_test(words_are_the_same_before_blanks_and_at_the_end),
		cmocka_unit_test(identifiers_are_parted_wherever_their_parts_begin),
		cmocka_unit_test(letters_lose_their_marks),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(a_letter_whose_mark_has_no_room_leaves_no_empty_part),
		cmocka_unit_test(tokens_cover_the_text),
		cmocka_unit_test(sentences_end_where_a_reader_would_end_them),
		cmocka_unit_test(endless_sentences_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
