/* Tests of common/text/letters.h, through the words that are made with it. */
#include "common/text/letters.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/words.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Every letter that has a mark and every kind of syllable: in one character, and in its parts. */
static const char *const composed[] = {
	"À Á Â Ã Ä Å Ç È É Ê Ë Ì Í Î Ï Ñ Ò Ó Ô Õ Ö Ù Ú Û Ü Ý à á â ã ä å ç è é ê ë ì í î ",
	"ï ñ ò ó ô õ ö ù ú û ü ý ÿ Ā ā Ă ă Ą ą Ć ć Ĉ ĉ Ċ ċ Č č Ď ď Ē ē Ĕ ĕ Ė ė Ę ę Ě ě Ĝ ",
	"ĝ Ğ ğ Ġ ġ Ģ ģ Ĥ ĥ Ĩ ĩ Ī ī Ĭ ĭ Į į İ Ĵ ĵ Ķ ķ Ĺ ĺ Ļ ļ Ľ ľ Ń ń Ņ ņ Ň ň Ō ō Ŏ ŏ Ő ő ",
	"Ŕ ŕ Ŗ ŗ Ř ř Ś ś Ŝ ŝ Ş ş Š š Ţ ţ Ť ť Ũ ũ Ū ū Ŭ ŭ Ů ů Ű ű Ų ų Ŵ ŵ Ŷ ŷ Ÿ Ź ź Ż ż Ž ",
	"ž Ơ ơ Ư ư Ǎ ǎ Ǐ ǐ Ǒ ǒ Ǔ ǔ Ǖ ǖ Ǘ ǘ Ǚ ǚ Ǜ ǜ Ǟ ǟ Ǡ ǡ Ǣ ǣ Ǧ ǧ Ǩ ǩ Ǫ ǫ Ǭ ǭ Ǯ ǯ ǰ Ǵ ǵ ",
	"Ǹ ǹ Ǻ ǻ Ǽ ǽ Ǿ ǿ Ȁ ȁ Ȃ ȃ Ȅ ȅ Ȇ ȇ Ȉ ȉ Ȋ ȋ Ȍ ȍ Ȏ ȏ Ȑ ȑ Ȓ ȓ Ȕ ȕ Ȗ ȗ Ș ș Ț ț Ȟ ȟ Ȧ ȧ ",
	"Ȩ ȩ Ȫ ȫ Ȭ ȭ Ȯ ȯ Ȱ ȱ Ȳ ȳ Ά Έ Ή Ί Ό Ύ Ώ ΐ Ϊ Ϋ ά έ ή ί ΰ ϊ ϋ ό ύ ώ Ѐ Ё Ѓ Ї Ќ Ѝ Ў Й ",
	"й ѐ ё ѓ ї ќ ѝ ў Ѷ ѷ Ӂ ӂ Ӑ ӑ Ӓ ӓ Ӗ ӗ Ӛ ӛ Ӝ ӝ Ӟ ӟ Ӣ ӣ Ӥ ӥ Ӧ ӧ Ӫ ӫ Ӭ ӭ Ӯ ӯ Ӱ ӱ Ӳ ӳ ",
	"Ӵ ӵ Ӹ ӹ Ḁ ḁ Ḃ ḃ Ḅ ḅ Ḇ ḇ Ḉ ḉ Ḋ ḋ Ḍ ḍ Ḏ ḏ Ḑ ḑ Ḓ ḓ Ḕ ḕ Ḗ ḗ Ḙ ḙ Ḛ ḛ Ḝ ḝ Ḟ ḟ Ḡ ḡ Ḣ ḣ ",
	"Ḥ ḥ Ḧ ḧ Ḩ ḩ Ḫ ḫ Ḭ ḭ Ḯ ḯ Ḱ ḱ Ḳ ḳ Ḵ ḵ Ḷ ḷ Ḹ ḹ Ḻ ḻ Ḽ ḽ Ḿ ḿ Ṁ ṁ Ṃ ṃ Ṅ ṅ Ṇ ṇ Ṉ ṉ Ṋ ṋ ",
	"Ṍ ṍ Ṏ ṏ Ṑ ṑ Ṓ ṓ Ṕ ṕ Ṗ ṗ Ṙ ṙ Ṛ ṛ Ṝ ṝ Ṟ ṟ Ṡ ṡ Ṣ ṣ Ṥ ṥ Ṧ ṧ Ṩ ṩ Ṫ ṫ Ṭ ṭ Ṯ ṯ Ṱ ṱ Ṳ ṳ ",
	"Ṵ ṵ Ṷ ṷ Ṹ ṹ Ṻ ṻ Ṽ ṽ Ṿ ṿ Ẁ ẁ Ẃ ẃ Ẅ ẅ Ẇ ẇ Ẉ ẉ Ẋ ẋ Ẍ ẍ Ẏ ẏ Ẑ ẑ Ẓ ẓ Ẕ ẕ ẖ ẗ ẘ ẙ ẛ Ạ ",
	"ạ Ả ả Ấ ấ Ầ ầ Ẩ ẩ Ẫ ẫ Ậ ậ Ắ ắ Ằ ằ Ẳ ẳ Ẵ ẵ Ặ ặ Ẹ ẹ Ẻ ẻ Ẽ ẽ Ế ế Ề ề Ể ể Ễ ễ Ệ ệ Ỉ ",
	"ỉ Ị ị Ọ ọ Ỏ ỏ Ố ố Ồ ồ Ổ ổ Ỗ ỗ Ộ ộ Ớ ớ Ờ ờ Ở ở Ỡ ỡ Ợ ợ Ụ ụ Ủ ủ Ứ ứ Ừ ừ Ử ử Ữ ữ Ự ",
	"ự Ỳ ỳ Ỵ ỵ Ỷ ỷ Ỹ ỹ ἀ ἁ ἂ ἃ ἄ ἅ ἆ ἇ Ἀ Ἁ Ἂ Ἃ Ἄ Ἅ Ἆ Ἇ ἐ ἑ ἒ ἓ ἔ ἕ Ἐ Ἑ Ἒ Ἓ Ἔ Ἕ ἠ ἡ ἢ ",
	"ἣ ἤ ἥ ἦ ἧ Ἠ Ἡ Ἢ Ἣ Ἤ Ἥ Ἦ Ἧ ἰ ἱ ἲ ἳ ἴ ἵ ἶ ἷ Ἰ Ἱ Ἲ Ἳ Ἴ Ἵ Ἶ Ἷ ὀ ὁ ὂ ὃ ὄ ὅ Ὀ Ὁ Ὂ Ὃ Ὄ ",
	"Ὅ ὐ ὑ ὒ ὓ ὔ ὕ ὖ ὗ Ὑ Ὓ Ὕ Ὗ ὠ ὡ ὢ ὣ ὤ ὥ ὦ ὧ Ὠ Ὡ Ὢ Ὣ Ὤ Ὥ Ὦ Ὧ ὰ ά ὲ έ ὴ ή ὶ ί ὸ ό ὺ ",
	"ύ ὼ ώ ᾀ ᾁ ᾂ ᾃ ᾄ ᾅ ᾆ ᾇ ᾈ ᾉ ᾊ ᾋ ᾌ ᾍ ᾎ ᾏ ᾐ ᾑ ᾒ ᾓ ᾔ ᾕ ᾖ ᾗ ᾘ ᾙ ᾚ ᾛ ᾜ ᾝ ᾞ ᾟ ᾠ ᾡ ᾢ ᾣ ᾤ ",
	"ᾥ ᾦ ᾧ ᾨ ᾩ ᾪ ᾫ ᾬ ᾭ ᾮ ᾯ ᾰ ᾱ ᾲ ᾳ ᾴ ᾶ ᾷ Ᾰ Ᾱ Ὰ Ά ᾼ ῂ ῃ ῄ ῆ ῇ Ὲ Έ Ὴ Ή ῌ ῐ ῑ ῒ ΐ ῖ ῗ Ῐ ",
	"Ῑ Ὶ Ί ῠ ῡ ῢ ΰ ῤ ῥ ῦ ῧ Ῠ Ῡ Ὺ Ύ Ῥ ῲ ῳ ῴ ῶ ῷ Ὸ Ό Ὼ Ώ ῼ が ぎ ぐ げ ご ざ じ ず ぜ ぞ だ ぢ づ で ",
	"ど ば ぱ び ぴ ぶ ぷ べ ぺ ぼ ぽ ゔ ゞ ガ ギ グ ゲ ゴ ザ ジ ズ ゼ ゾ ダ ヂ ヅ デ ド バ パ ビ ピ ブ プ ベ ペ ボ ポ ヴ ヷ ",
	"ヸ ヹ ヺ ヾ 각 갂 갛 괴 뷁 힣 가 나 까 흐 ",
};
static const char *const decomposed[] = {
	"À Á Â Ã Ä Å Ç È É Ê Ë Ì Í Î Ï Ñ Ò Ó Ô Õ Ö Ù Ú Û Ü Ý ",
	"à á â ã ä å ç è é ê ë ì í î ï ñ ò ó ô õ ö ù ú û ü ý ",
	"ÿ Ā ā Ă ă Ą ą Ć ć Ĉ ĉ Ċ ċ Č č Ď ď Ē ē Ĕ ĕ Ė ė Ę ę Ě ",
	"ě Ĝ ĝ Ğ ğ Ġ ġ Ģ ģ Ĥ ĥ Ĩ ĩ Ī ī Ĭ ĭ Į į İ Ĵ ĵ Ķ ķ Ĺ ĺ ",
	"Ļ ļ Ľ ľ Ń ń Ņ ņ Ň ň Ō ō Ŏ ŏ Ő ő Ŕ ŕ Ŗ ŗ Ř ř Ś ś Ŝ ŝ ",
	"Ş ş Š š Ţ ţ Ť ť Ũ ũ Ū ū Ŭ ŭ Ů ů Ű ű Ų ų Ŵ ŵ Ŷ ŷ Ÿ Ź ",
	"ź Ż ż Ž ž Ơ ơ Ư ư Ǎ ǎ Ǐ ǐ Ǒ ǒ Ǔ ǔ Ǖ ǖ Ǘ ǘ Ǚ ǚ Ǜ ",
	"ǜ Ǟ ǟ Ǡ ǡ Ǣ ǣ Ǧ ǧ Ǩ ǩ Ǫ ǫ Ǭ ǭ Ǯ ǯ ǰ Ǵ ǵ Ǹ ǹ Ǻ ",
	"ǻ Ǽ ǽ Ǿ ǿ Ȁ ȁ Ȃ ȃ Ȅ ȅ Ȇ ȇ Ȉ ȉ Ȋ ȋ Ȍ ȍ Ȏ ȏ Ȑ ȑ Ȓ ȓ Ȕ ",
	"ȕ Ȗ ȗ Ș ș Ț ț Ȟ ȟ Ȧ ȧ Ȩ ȩ Ȫ ȫ Ȭ ȭ Ȯ ȯ Ȱ ȱ Ȳ ȳ Ά ",
	"Έ Ή Ί Ό Ύ Ώ ΐ Ϊ Ϋ ά έ ή ί ΰ ϊ ϋ ό ύ ώ Ѐ Ё Ѓ Ї Ќ Ѝ Ў ",
	"Й й ѐ ё ѓ ї ќ ѝ ў Ѷ ѷ Ӂ ӂ Ӑ ӑ Ӓ ӓ Ӗ ӗ Ӛ ӛ Ӝ ӝ Ӟ ӟ Ӣ ",
	"ӣ Ӥ ӥ Ӧ ӧ Ӫ ӫ Ӭ ӭ Ӯ ӯ Ӱ ӱ Ӳ ӳ Ӵ ӵ Ӹ ӹ Ḁ ḁ Ḃ ḃ Ḅ ḅ Ḇ ",
	"ḇ Ḉ ḉ Ḋ ḋ Ḍ ḍ Ḏ ḏ Ḑ ḑ Ḓ ḓ Ḕ ḕ Ḗ ḗ Ḙ ḙ Ḛ ḛ Ḝ ḝ Ḟ ",
	"ḟ Ḡ ḡ Ḣ ḣ Ḥ ḥ Ḧ ḧ Ḩ ḩ Ḫ ḫ Ḭ ḭ Ḯ ḯ Ḱ ḱ Ḳ ḳ Ḵ ḵ Ḷ ḷ ",
	"Ḹ ḹ Ḻ ḻ Ḽ ḽ Ḿ ḿ Ṁ ṁ Ṃ ṃ Ṅ ṅ Ṇ ṇ Ṉ ṉ Ṋ ṋ Ṍ ṍ Ṏ ṏ ",
	"Ṑ ṑ Ṓ ṓ Ṕ ṕ Ṗ ṗ Ṙ ṙ Ṛ ṛ Ṝ ṝ Ṟ ṟ Ṡ ṡ Ṣ ṣ Ṥ ṥ Ṧ ",
	"ṧ Ṩ ṩ Ṫ ṫ Ṭ ṭ Ṯ ṯ Ṱ ṱ Ṳ ṳ Ṵ ṵ Ṷ ṷ Ṹ ṹ Ṻ ṻ Ṽ ṽ Ṿ ",
	"ṿ Ẁ ẁ Ẃ ẃ Ẅ ẅ Ẇ ẇ Ẉ ẉ Ẋ ẋ Ẍ ẍ Ẏ ẏ Ẑ ẑ Ẓ ẓ Ẕ ẕ ẖ ẗ ẘ ",
	"ẙ ẛ Ạ ạ Ả ả Ấ ấ Ầ ầ Ẩ ẩ Ẫ ẫ Ậ ậ Ắ ắ Ằ ằ Ẳ ",
	"ẳ Ẵ ẵ Ặ ặ Ẹ ẹ Ẻ ẻ Ẽ ẽ Ế ế Ề ề Ể ể Ễ ễ Ệ ệ ",
	"Ỉ ỉ Ị ị Ọ ọ Ỏ ỏ Ố ố Ồ ồ Ổ ổ Ỗ ỗ Ộ ộ Ớ ớ Ờ ờ ",
	"Ở ở Ỡ ỡ Ợ ợ Ụ ụ Ủ ủ Ứ ứ Ừ ừ Ử ử Ữ ữ Ự ự Ỳ ",
	"ỳ Ỵ ỵ Ỷ ỷ Ỹ ỹ ἀ ἁ ἂ ἃ ἄ ἅ ἆ ἇ Ἀ Ἁ Ἂ Ἃ Ἄ Ἅ Ἆ ",
	"Ἇ ἐ ἑ ἒ ἓ ἔ ἕ Ἐ Ἑ Ἒ Ἓ Ἔ Ἕ ἠ ἡ ἢ ἣ ἤ ἥ ἦ ἧ ",
	"Ἠ Ἡ Ἢ Ἣ Ἤ Ἥ Ἦ Ἧ ἰ ἱ ἲ ἳ ἴ ἵ ἶ ἷ Ἰ Ἱ Ἲ Ἳ Ἴ ",
	"Ἵ Ἶ Ἷ ὀ ὁ ὂ ὃ ὄ ὅ Ὀ Ὁ Ὂ Ὃ Ὄ Ὅ ὐ ὑ ὒ ὓ ὔ ὕ ",
	"ὖ ὗ Ὑ Ὓ Ὕ Ὗ ὠ ὡ ὢ ὣ ὤ ὥ ὦ ὧ Ὠ Ὡ Ὢ Ὣ Ὤ Ὥ Ὦ ",
	"Ὧ ὰ ά ὲ έ ὴ ή ὶ ί ὸ ό ὺ ύ ὼ ώ ᾀ ᾁ ᾂ ᾃ ᾄ ᾅ ᾆ ",
	"ᾇ ᾈ ᾉ ᾊ ᾋ ᾌ ᾍ ᾎ ᾏ ᾐ ᾑ ᾒ ᾓ ᾔ ᾕ ᾖ ",
	"ᾗ ᾘ ᾙ ᾚ ᾛ ᾜ ᾝ ᾞ ᾟ ᾠ ᾡ ᾢ ᾣ ᾤ ᾥ ᾦ ",
	"ᾧ ᾨ ᾩ ᾪ ᾫ ᾬ ᾭ ᾮ ᾯ ᾰ ᾱ ᾲ ᾳ ᾴ ᾶ ᾷ Ᾰ Ᾱ Ὰ Ά ",
	"ᾼ ῂ ῃ ῄ ῆ ῇ Ὲ Έ Ὴ Ή ῌ ῐ ῑ ῒ ΐ ῖ ῗ Ῐ Ῑ Ὶ Ί ῠ ῡ ῢ ",
	"ΰ ῤ ῥ ῦ ῧ Ῠ Ῡ Ὺ Ύ Ῥ ῲ ῳ ῴ ῶ ῷ Ὸ Ό Ὼ Ώ ῼ が ぎ ぐ げ ご ",
	"ざ じ ず ぜ ぞ だ ぢ づ で ど ば ぱ び ぴ ぶ ぷ べ ぺ ぼ ぽ ゔ ゞ ガ ギ グ ゲ ",
	"ゴ ザ ジ ズ ゼ ゾ ダ ヂ ヅ デ ド バ パ ビ ピ ブ プ ベ ペ ボ ポ ヴ ヷ ヸ ヹ ヺ ",
	"ヾ 각 갂 갛 괴 뷁 힣 가 나 까 흐 ",
};

struct words {
	struct buf text;
	struct span source;
	const char *last; /* where the last word began */
};

static void add_word(void *data, const struct word *word)
{
	struct words *w = data;

	buf_printf(&w->text, "%d%d ", word->kind, words_is_stop(word));
	buf_add_span(&w->text, word->text);
	buf_add_char(&w->text, '\n');
	assert_true(utf8_is_valid(word->text));
	assert_in_range(word->text.len, 1, WORD_MAX);
	/* It is of the text, and words come in its order. */
	assert_true(word->source.len > 0 && word->source.ptr >= w->source.ptr);
	assert_true(word->source.ptr + word->source.len <= w->source.ptr + w->source.len);
	assert_true(word->kind == WORD_PART || word->source.ptr >= w->last);
	w->last = word->source.ptr;
}

static void words_of(struct words *w, struct span text)
{
	buf_init(&w->text, 1 << 20);
	w->source = text;
	w->last = text.ptr;
	words_each(text, add_word, w);
}

static void same_words(const char *one, const char *other)
{
	struct words a, b;

	words_of(&a, span_str(one));
	words_of(&b, span_str(other));
	assert_string_equal(buf_str(&a.text), buf_str(&b.text));
	buf_free(&a.text);
	buf_free(&b.text);
}

static struct buf whole_of(const char *const *lines, size_t count)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < count; i++)
		buf_add_str(&out, lines[i]);
	return out;
}

static void a_letter_is_the_same_however_it_is_typed(void **state)
{
	struct buf whole = whole_of(composed, ARRAY_LEN(composed)),
		   apart = whole_of(decomposed, ARRAY_LEN(decomposed));
	struct span one = buf_span(&whole), other = buf_span(&apart);
	size_t count = 0;

	(void)state;
	same_words(buf_str(&whole), buf_str(&apart));
	for (; one.len > 0 && other.len > 0; count++) {
		struct span a = span_cut(&one, ' '), b = span_cut(&other, ' ');
		char left[32], right[32];

		snprintf(left, sizeof(left), "x%.*sY", SPAN_ARGS(a));
		snprintf(right, sizeof(right), "x%.*sY", SPAN_ARGS(b));
		same_words(left, right);
		same_words(left + 1, right + 1);
	}
	assert_int_equal(one.len, other.len);
	assert_true(count > 800);
	buf_free(&whole);
	buf_free(&apart);
}

static void capitals_and_what_is_spelt_out(void **state)
{
	static const char *const pairs[][2] = {
		{ "STRASSE Straße STRAẞE", "strasse strasse strasse" },
		{ "Oﬃce ﬁne ﬂow Stoﬀ ﬆern", "office fine flow stoff stern" },
		{ "İstanbul I\u0307stanbul", "istanbul istanbul" },
		{ "ılık", "ılık" },
		{ "ĂN ƠN ƯU ẬP", "ăn ơn ưu ập" },
		{ "ΆΝΘΡΩΠΟΣ Ώρα Ἀθῆναι", "άνθρωποσ ώρα ἀθῆναι" },
		{ "ЇЖАК ӁӐ Ѓ Ѝ", "їжак ӂӑ ѓ ѝ" },
		{ "Ǆungla ǅungla", "ǆungla ǆungla" },
		{ "ſie", "sie" },
		/* the marks in another order */
		{ "Vi\u00ea\u0323t", "vi\u1ec7t" },
		{ "o\u0323\u031b", "\u1ee3" },
		/* syllables in parts, kana with its mark */
		{ "\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00" },
		{ "\ud558\u11ab", "\ud55c" },
		{ "\u304b\u3099\u306f\u309a", "\u304c\u3071" },
		/* a mark that no letter has stays */
		{ "x\u0301", "x\u0301" },
		{ "\u0301x", "\u0301x" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
		same_words(pairs[i][0], pairs[i][1]);
}

/* Small letters are small, and what is joined is no capital. */
static void a_small_letter_stays(void **state)
{
	(void)state;
	for (uint32_t c = 0; c < 0x10000; c++) {
		uint32_t small = letter_small(c);
		char bytes[LETTER_MAX];

		assert_int_equal(letter_small(small), small);
		assert_in_range(letter_spell(c, bytes), 1, LETTER_MAX);
	}
}

static void a_word_that_ends_a_line_in_the_middle_is_whole(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "infor-\nmation", "00 information\n10 infor\n10 mation\n" },
		{ "Infor\u2010 \r\n   mation.", "00 information\n10 infor\n10 mation\n" },
		{ "\u00fcber-\n\u00e4ltere", "00 \u00fcber\u00e4ltere\n11 \u00fcber\n10 \u00e4ltere\n" },
		{ "K-\nB 3-\nb b-\n3 q_-\nq -\nz", NULL },
		{ "one-\n\ntwo three-", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct words w;

		words_of(&w, span_str(cases[i].text));
		if (cases[i].words)
			assert_string_equal(buf_str(&w.text), cases[i].words);
		else
			assert_null(strchr(buf_str(&w.text), '1'));
		buf_free(&w.text);
	}
}

static void add_source(void *data, const struct word *word)
{
	buf_printf(data, "[%.*s]", SPAN_ARGS(word->source));
}

static void a_word_stands_where_it_was_written(void **state)
{
	static const struct {
		const char *text, *sources;
	} cases[] = {
		{ "an infor-\n  mation!", "[an][infor-\n  mation][infor][mation]" },
		{ "e\u0301te\u0301s", "[e\u0301te\u0301s]" },
		{ "\ufb01t-\nness", "[\ufb01t-\nness][\ufb01t][ness]" },
		{ "\u304b\u3099\u306f\u309a", "[\u304b\u3099\u306f\u309a]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;

		buf_init(&out, 1000);
		words_each(span_str(cases[i].text), add_source, &out);
		assert_string_equal(buf_str(&out), cases[i].sources);
		buf_free(&out);
	}
}

/* Of any text the words are sound; and a long one is the same in both forms, up to its end. */
static void any_text_has_sound_words(void **state)
{
	static const char *const parts[][2] = {
		{ "\u00e9", "e\u0301" },	     { "\u1ec7", "e\u0323\u0302" },
		{ "\ud55c", "\u1112\u1161\u11ab" },  { "\u304c", "\u304b\u3099" },
		{ "\u00df", "ss" },		     { "a", "a" },
		{ "B", "B" },			     { "_", "_" },
		{ "-\n", "-\n" },		     { " ", " " },
		{ "7", "7" },			     { "\ufb03", "ffi" },
		{ "\u0439", "\u0438\u0306" },	     { "abcdefgh", "abcdefgh" },
	};
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		char left[400] = "", right[400] = "";

		for (int i = 0; i < round % 40; i++) {
			size_t which;

			seed = seed * 1103515245U + 12345U;
			which = (seed >> 16) % ARRAY_LEN(parts);
			strncat(left, parts[which][0], sizeof(left) - strlen(left) - 1);
			strncat(right, parts[which][1], sizeof(right) - strlen(right) - 1);
		}
		same_words(left, right);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_is_the_same_however_it_is_typed),
		cmocka_unit_test(capitals_and_what_is_spelt_out),
		cmocka_unit_test(a_small_letter_stays),
		cmocka_unit_test(a_word_that_ends_a_line_in_the_middle_is_whole),
		cmocka_unit_test(a_word_stands_where_it_was_written),
		cmocka_unit_test(any_text_has_sound_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
