/* common/text/words.c - cutting text into words and estimated tokens. */
#include "common/text/words.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <stdlib.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

static const struct range dense[] = {
	{ 0x0e01, 0x0e4e },   /* Thai */
	{ 0x3005, 0x3007 },   /* iteration mark, zero */
	{ 0x3041, 0x30ff },   /* kana */
	{ 0x3400, 0x9fff },   /* Han */
	{ 0xac00, 0xd7a3 },   /* Hangul */
	{ 0xf900, 0xfaff },   /* Han, compatibility */
	{ 0x20000, 0x3ffff }, /* Han, extensions */
};

/* Above ASCII nearly everything is a letter; this is what is not. */
static const struct range no_letters[] = {
	{ 0x0080, 0x00a9 }, { 0x00ab, 0x00b4 }, { 0x00b6, 0x00b9 }, { 0x00bb, 0x00bf },
	{ 0x00d7, 0x00d7 }, { 0x00f7, 0x00f7 }, { 0x02c2, 0x02df }, { 0x0589, 0x058a },
	{ 0x05be, 0x05be }, { 0x060c, 0x061f }, { 0x066a, 0x066d }, { 0x06d4, 0x06d4 },
	{ 0x0964, 0x0965 }, { 0x0e3f, 0x0e3f }, { 0x0e4f, 0x0e4f }, { 0x2000, 0x206f },
	{ 0x20a0, 0x20cf }, { 0x2100, 0x2bff }, { 0x2e00, 0x2fff }, { 0x3000, 0x3004 },
	{ 0x3008, 0x3040 }, { 0x30fb, 0x30fb }, { 0xe000, 0xf8ff }, { 0xfe00, 0xfe6f },
	{ 0xfeff, 0xff0f }, { 0xff1a, 0xff20 }, { 0xff3b, 0xff40 }, { 0xff5b, 0xff65 },
	{ 0xffe0, 0xffff }, { 0x1f000, 0x1faff }, { 0xe0000, 0x10ffff },
};

/* In the order of their bytes. */
static const char *const stop_words[] = {
	"a", "aber", "about", "above", "according", "after", "again", "against", "al", "all",
	"alle", "allem", "allen", "aller", "alles", "als", "also", "am", "an", "and", "andere",
	"anderen", "answer", "antwort", "any", "are", "aren", "as", "at", "au", "auch", "auf",
	"aus", "aux", "avec", "be", "because", "been", "before", "bei", "beim", "being", "below",
	"between", "bin", "bis", "bist", "bitte", "both", "but", "by", "can", "ce", "ces",
	"cette", "como", "con", "could", "couldn", "cuando", "cuál", "cuándo", "d", "da",
	"damit", "danke", "dann", "dans", "das", "dass", "daß", "de", "dein", "deine", "del",
	"dem", "den", "denn", "der", "des", "dessen", "did", "didn", "die", "dies", "diese",
	"diesem", "diesen", "dieser", "dieses", "do", "doch", "document", "does", "doesn",
	"doing", "don", "donde", "dort", "down", "du", "durch", "during", "dónde", "each", "ein",
	"eine", "einem", "einen", "einer", "eines", "el", "ella", "elle", "en", "entre", "er",
	"era", "es", "est", "esta", "este", "esto", "está", "et", "etwas", "euch", "euer", "eux",
	"explain", "few", "find", "for", "frage", "from", "further", "für", "gegen", "get",
	"gibt", "give", "habe", "haben", "had", "hadn", "hallo", "has", "hasn", "hat", "hatte",
	"hatten", "have", "haven", "having", "hay", "he", "hello", "her", "here", "hers",
	"herself", "hey", "hi", "hier", "him", "himself", "hin", "hinter", "his", "how",
	"however", "i", "ich", "if", "ihm", "ihn", "ihnen", "ihr", "ihre", "ihrem", "ihren",
	"ihrer", "il", "ils", "im", "in", "indem", "ins", "into", "is", "isn", "ist", "it",
	"its", "itself", "ja", "je", "jede", "jedem", "jeden", "jeder", "jedes", "jene", "jetzt",
	"just", "kann", "kannst", "kein", "keine", "keinem", "keinen", "keiner", "know",
	"können", "könnte", "la", "lange", "las", "laut", "le", "les", "let", "leur", "ll", "lo",
	"long", "los", "lui", "m", "machen", "mais", "man", "manche", "many", "may", "me",
	"mehr", "mein", "meine", "mentioned", "mes", "mi", "mich", "might", "mir", "mit", "moi",
	"mon", "more", "most", "much", "muss", "must", "muy", "my", "myself", "más", "même",
	"müssen", "nach", "ne", "nein", "nicht", "nichts", "no", "noch", "nor", "nos", "not",
	"notre", "nous", "now", "nun", "nur", "ob", "oder", "of", "off", "oft", "often", "ohne",
	"ok", "okay", "on", "once", "only", "or", "other", "ou", "our", "ours", "ourselves",
	"out", "over", "own", "où", "par", "para", "pas", "pero", "please", "por", "porque",
	"pour", "qu", "que", "quel", "quelle", "question", "qui", "quién", "quoi", "qué", "re",
	"s", "sa", "sagt", "same", "say", "says", "se", "sehr", "sein", "seine", "seinem",
	"seinen", "seiner", "seit", "ses", "shall", "she", "should", "shouldn", "show", "sich",
	"sie", "sin", "sind", "so", "sobre", "solche", "soll", "sollte", "some", "son",
	"sondern", "sonst", "sont", "steht", "su", "such", "sur", "sus", "t", "ta", "te", "tell",
	"tes", "text", "than", "thank", "thanks", "that", "the", "their", "theirs", "them",
	"themselves", "then", "there", "these", "they", "this", "those", "through", "tiene",
	"to", "toi", "ton", "too", "tu", "um", "un", "una", "und", "under", "une", "uno", "uns",
	"unser", "unsere", "unter", "until", "up", "upon", "us", "ve", "very", "viel", "viele",
	"vielen", "vom", "von", "vor", "vos", "votre", "vous", "wann", "war", "waren", "warum",
	"was", "wasn", "we", "weil", "welche", "welchem", "welchen", "welcher", "welches", "wem",
	"wen", "wenn", "wer", "werde", "werden", "were", "weren", "what", "when", "where",
	"which", "while", "who", "whom", "whose", "why", "wie", "wieder", "will", "wir", "wird",
	"wirst", "with", "within", "without", "wo", "won", "would", "wouldn", "wurde", "wurden",
	"y", "ya", "yes", "you", "your", "yours", "yourself", "zu", "zum", "zur", "zwischen",
	"über", "一个", "为何", "什么", "他们", "你们", "你好", "可以", "哪个", "哪些", "哪儿", "哪里", "多久", "多少",
	"多长", "如何", "怎么", "怎样", "我们", "文本", "时候", "根据", "请问", "这个", "那个", "问题",
};

static bool is_in(const struct range *ranges, size_t count, uint32_t c)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c > ranges[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && c >= ranges[low].first;
}

bool words_is_dense(uint32_t c)
{
	return c >= 0x0e01 && is_in(dense, ARRAY_LEN(dense), c);
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_word_char(uint32_t c)
{
	if (c < 0x80)
		return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
	return !is_in(no_letters, ARRAY_LEN(no_letters), c);
}

/* Latin, Greek and Cyrillic capitals; other scripts have none that matter here. */
static uint32_t lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) || (c >= 0x391 && c <= 0x3ab && c != 0x3a2) ||
	    (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x4ff) ||
	    (c >= 0x1e00 && c <= 0x1eff))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
		return c + (c & 1);
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if (c >= 0xff21 && c <= 0xff3a)
		return c - 0xff21 + 'a';
	if (c >= 0xff10 && c <= 0xff19)
		return c - 0xff10 + '0';
	return c == 0x1e9e ? 0xdf : c;
}

uint64_t words_hash(struct span text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

static int compare_stop(const void *key, const void *item)
{
	const struct span *word = key;
	struct span stop = span_str(*(const char *const *)item);
	size_t len = word->len < stop.len ? word->len : stop.len;
	int order = memcmp(word->ptr, stop.ptr, len);

	return order != 0 ? order : (word->len > stop.len) - (word->len < stop.len);
}

static bool is_stop_word(struct span word)
{
	return bsearch(&word, stop_words, ARRAY_LEN(stop_words), sizeof(stop_words[0]),
		       compare_stop) != NULL;
}

/* Chinese and Japanese particles; a pair with one of them seldom names a thing. */
static bool is_particle(uint32_t c)
{
	static const uint32_t particles[] = {
		0x7684, 0x4e86, 0x662f, 0x5728, 0x5417, 0x5462, 0x5427, 0x554a, 0x548c, 0x4e0e,
		0x53ca, 0x8fd9, 0x90a3, 0x4e5f, 0x90fd, 0x5c31, 0x4e48, 0x8bf7, 0x88ab, 0x306f,
		0x304c, 0x3092, 0x306b, 0x306e, 0x3067, 0x3068, 0x3082,
	};

	for (size_t i = 0; i < ARRAY_LEN(particles); i++)
		if (particles[i] == c)
			return true;
	return false;
}

struct cutter {
	void (*use)(void *data, const struct word *word);
	void *data;
	/* the present run of word characters, lower case, with where its parts begin */
	char bytes[WORD_MAX];
	size_t len;
	unsigned char starts[WORD_MAX];
	size_t parts;
	uint32_t before;       /* last character of the run as it was written; 0 = none */
	/* the last dense character */
	char dense_bytes[4];
	size_t dense_len;
	uint32_t dense_before; /* 0 = none */
	bool was_paired;
};

static void emit(struct cutter *cut, struct span text, enum word_kind kind, bool is_stop)
{
	struct word word = { .text = text, .kind = kind, .hash = words_hash(text),
			     .is_stop = is_stop || is_stop_word(text) };

	cut->use(cut->data, &word);
}

static void end_run(struct cutter *cut)
{
	struct span whole = span_of(cut->bytes, cut->len);

	/* "__init__" and "_x" are found as "init" and "x" too, below. */
	if (cut->len > 0 && (cut->parts > 0 || whole.ptr[0] != '_'))
		emit(cut, whole, WORD_WHOLE, false);
	for (size_t i = 0; i < cut->parts && (cut->parts > 1 || cut->bytes[0] == '_'); i++) {
		size_t from = cut->starts[i];
		size_t to = i + 1 < cut->parts ? cut->starts[i + 1] : cut->len;

		while (to > from && cut->bytes[to - 1] == '_')
			to--;
		emit(cut, span_of(cut->bytes + from, to - from), WORD_PART, false);
	}
	cut->len = cut->parts = 0;
	cut->before = 0;
}

static void end_dense(struct cutter *cut)
{
	if (cut->dense_before && !cut->was_paired)
		emit(cut, span_of(cut->dense_bytes, cut->dense_len), WORD_PAIR,
		     is_particle(cut->dense_before));
	cut->dense_before = 0;
	cut->was_paired = false;
}

/* A part begins after "_", at a capital after a small letter, and where digits meet letters. */
static bool begins_part(uint32_t before, uint32_t c)
{
	if (c == '_')
		return false;
	if (before == 0 || before == '_')
		return true;
	return is_digit(before) != is_digit(c) || (lower(c) != c && lower(before) == before);
}

static void add_to_run(struct cutter *cut, uint32_t c)
{
	char bytes[4];
	size_t len = utf8_encode(bytes, lower(c));

	if (cut->len + len > WORD_MAX)
		return;
	if (begins_part(cut->before, c))
		cut->starts[cut->parts++] = (unsigned char)cut->len;
	memcpy(cut->bytes + cut->len, bytes, len);
	cut->len += len;
	cut->before = c;
}

static void add_dense(struct cutter *cut, uint32_t c)
{
	char bytes[8];
	size_t len;

	if (cut->dense_before) {
		memcpy(bytes, cut->dense_bytes, cut->dense_len);
		len = cut->dense_len + utf8_encode(bytes + cut->dense_len, c);
		emit(cut, span_of(bytes, len), WORD_PAIR,
		     is_particle(c) || is_particle(cut->dense_before));
		cut->was_paired = true;
	}
	cut->dense_len = utf8_encode(cut->dense_bytes, c);
	cut->dense_before = c;
}

void words_each(struct span text, void (*use)(void *data, const struct word *word), void *data)
{
	struct cutter cut = { .use = use, .data = data };

	while (text.len > 0) {
		size_t len;
		uint32_t c = utf8_next(text, &len);

		if (words_is_dense(c)) {
			end_run(&cut);
			add_dense(&cut, c);
		} else {
			end_dense(&cut);
			if (is_word_char(c))
				add_to_run(&cut, c);
			else
				end_run(&cut);
		}
		text = span_from(text, len);
	}
	end_run(&cut);
	end_dense(&cut);
}

static bool is_blank(uint32_t c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

size_t words_token(struct span text)
{
	size_t blanks = 0, end, len;
	uint32_t c;

	while (blanks < text.len && is_blank((unsigned char)text.ptr[blanks]))
		blanks++;
	if (blanks == text.len)
		return blanks;
	c = utf8_next(span_from(text, blanks), &len);
	end = blanks + len;
	if (!is_word_char(c) || words_is_dense(c))
		return end;
	while (end < text.len) {
		bool digit = is_digit(c);
		uint32_t next = utf8_next(span_from(text, end), &len);

		if (!is_word_char(next) || words_is_dense(next) || digit != is_digit(next) ||
		    end + len - blanks > (digit ? 3 : 6))
			break;
		end += len;
	}
	return end;
}

size_t words_count_tokens(struct span text)
{
	size_t count = 0;

	while (text.len > 0) {
		text = span_from(text, words_token(text));
		count++;
	}
	return count;
}
