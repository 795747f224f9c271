/* common/text/language.c - counting letters by script, then small words by language. */
#include "common/text/language.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/words.h"

/* Of Latin letters; English first: it wins when there is as much for it as for another. */
static const struct latin {
	struct language language;
	const char *words;   /* a blank before and after each */
	const char *letters; /* that speak for it, too */
} latins[] = {
	{ { "en", true },
	  " the of and to in is what how which are do does for with from that this when where who "
	  "why can i my it by be was were not an on or as at ",
	  "" },
	{ { "de", true },
	  " der die das und ist wie was wer wo wann warum welche welcher welches ein eine einen "
	  "einem einer nicht ich mit für von zu im den dem des auf werden wird sind kann man es "
	  "bei nach aus durch über oder in ",
	  "ßäöü" },
	{ { "fr", true },
	  " le la les des et est que qui quoi comment pourquoi où quand quel quelle quels un une "
	  "du "
	  "de pour dans sur avec par je il ce cette sont pas ne se au aux en ",
	  "œçêèàù" },
	{ { "es", true },
	  " el la los las de y es qué que cómo cuál cuándo dónde quién por para con un una del en "
	  "no se su al son está como cuántos fue más ",
	  "ñ¿¡" },
	{ { "it", true },
	  " il lo la gli le di e è che chi come dove quando perché quale quali un una del della "
	  "dei "
	  "delle per con non si sono nel nella da in al alla ",
	  "ìò" },
	{ { "pt", true },
	  " o a os as de e é que qual quais como onde quando quem por para com um uma do da dos "
	  "das "
	  "no na não se em são foi ao ",
	  "ãõ" },
	{ { "nl", true },
	  " de het een en is van wat wie waar wanneer waarom hoe welke niet met voor op te zijn "
	  "aan "
	  "dat die er ik door naar worden wordt in ",
	  "" },
	{ { "sv", true },
	  " och är att det en ett vad hur var när vem vilken vilka som på av för med inte jag i "
	  "till om den har kan ",
	  "å" },
	{ { "da", true },
	  " og er at det en et hvad hvordan hvor hvornår hvem hvilken hva som på af av for med "
	  "ikke "
	  "jeg i til om den har kan ",
	  "øæ" },
	{ { "fi", true },
	  " ja on ei se että mikä mitä miten missä milloin kuka oli joka kuin ovat ",
	  "" },
	{ { "pl", true },
	  " i jest w na nie się z do co jak gdzie kiedy kto dlaczego który która czy to że po od ",
	  "łąęśżź" },
	{ { "cs", true },
	  " a je v na se co jak kde kdy kdo proč který která to že z do s pro od ",
	  "ěřů" },
	{ { "hu", true },
	  " a az és hogy nem mi ki hol mikor miért hogyan melyik van egy mit ez is volt ",
	  "őű" },
	{ { "ro", true },
	  " și este ce cum unde când cine care de la în nu un o pe cu din pentru sunt ",
	  "șțăâ" },
	{ { "tr", true },
	  " ve bir bu ne nasıl nerede zaman kim hangi için ile mi mı mu da de değil kaç neden "
	  "olan ",
	  "ğış" },
	{ { "vi", true },
	  " là và của có cho không gì như thế nào ở đâu khi ai tại sao được các một những ",
	  "đơưạảấầẩậắặẹẻếềểệịọỏốồổộớờởợụủứừửựỳ" },
	{ { "id", true },
	  " yang dan di apa bagaimana siapa kapan mengapa dari untuk dengan adalah tidak ke ini "
	  "itu "
	  "pada ",
	  "" },
};

/* Scripts by ranges; weight: what a character counts beside a Latin letter. */
static const struct script {
	struct language language;
	int weight;
	struct {
		uint32_t first, last;
	} ranges[3];
} scripts[] = {
	{ { "ru", false }, 1, { { 0x400, 0x52f } } },
	{ { "el", false }, 1, { { 0x370, 0x3ff }, { 0x1f00, 0x1fff } } },
	{ { "hy", false }, 1, { { 0x530, 0x58f } } },
	{ { "he", false }, 1, { { 0x590, 0x5ff } } },
	{ { "ar", false }, 1, { { 0x600, 0x6ff }, { 0x750, 0x77f }, { 0xfb50, 0xfeff } } },
	{ { "hi", false }, 1, { { 0x900, 0x97f } } },
	{ { "bn", false }, 1, { { 0x980, 0x9ff } } },
	{ { "ta", false }, 1, { { 0xb80, 0xbff } } },
	{ { "ka", false }, 1, { { 0x10a0, 0x10ff } } },
	{ { "th", false }, 2, { { 0xe00, 0xe7f } } },
	{ { "lo", false }, 2, { { 0xe80, 0xeff } } },
	{ { "my", false }, 2, { { 0x1000, 0x109f } } },
	{ { "km", false }, 2, { { 0x1780, 0x17ff } } },
	{ { "ko", false }, 3, { { 0x1100, 0x11ff }, { 0xac00, 0xd7a3 } } },
	/* A little kana makes Han Japanese. */
	{ { "ja", false }, 40, { { 0x3040, 0x30ff } } },
	{ { "zh", false }, 3, { { 0x3400, 0x9fff }, { 0xf900, 0xfaff }, { 0x20000, 0x3ffff } } },
};

static bool is_of(const struct script *script, uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(script->ranges) && script->ranges[i].first; i++)
		if (c >= script->ranges[i].first && c <= script->ranges[i].last)
			return true;
	return false;
}

/* What is said for each row of latins. */
struct votes {
	int of[ARRAY_LEN(latins)];
};

static void vote(void *data, const struct word *word)
{
	struct votes *votes = data;
	char marked[WORD_MAX + 2];

	if (word->kind != WORD_WHOLE)
		return;
	marked[0] = ' ';
	memcpy(marked + 1, word->text.ptr, word->text.len);
	marked[word->text.len + 1] = ' ';
	for (size_t i = 0; i < ARRAY_LEN(latins); i++)
		if (span_find(span_str(latins[i].words), span_of(marked, word->text.len + 2)) >= 0)
			votes->of[i] += 2;
}

/* A letter counts half a word: names bring letters of elsewhere with them. */
static void vote_letter(struct votes *votes, struct span letter)
{
	for (size_t i = 0; i < ARRAY_LEN(latins); i++)
		votes->of[i] += span_find(span_str(latins[i].letters), letter) >= 0;
}

static const struct language *guess_latin(struct span text, struct votes *votes)
{
	size_t best = 0;

	words_each(text, vote, votes);
	for (size_t i = 1; i < ARRAY_LEN(latins); i++)
		if (votes->of[i] > votes->of[best])
			best = i;
	return &latins[best].language;
}

const struct language *language_guess(struct span text)
{
	int counts[ARRAY_LEN(scripts)] = { 0 }, latin_count = 0;
	struct votes votes = { { 0 } };
	size_t best = 0, len;

	if (text.len > LANGUAGE_LOOK_MAX)
		text.len = LANGUAGE_LOOK_MAX;
	for (struct span rest = text; rest.len > 0; rest = span_from(rest, len)) {
		uint32_t c = utf8_next(rest, &len), small = c | 0x20;

		latin_count += (small >= 'a' && small <= 'z') || (c >= 0xc0 && c <= 0x24f) ||
			       (c >= 0x1e00 && c <= 0x1eff);
		if (c >= 0xa0 && (c <= 0x24f || (c >= 0x1e00 && c <= 0x1eff)))
			vote_letter(&votes, span_of(rest.ptr, len));
		for (size_t i = 0; c > 0x24f && i < ARRAY_LEN(scripts); i++)
			counts[i] += is_of(&scripts[i], c) ? scripts[i].weight : 0;
	}
	for (size_t i = 1; i < ARRAY_LEN(scripts); i++)
		if (counts[i] > counts[best])
			best = i;
	/* Foreign words in Latin letters ("nginx") are common elsewhere, not the other way round.
	 */
	if (3 * counts[best] > latin_count)
		return &scripts[best].language;
	return guess_latin(text, &votes);
}
