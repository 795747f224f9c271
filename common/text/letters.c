/* common/text/letters.c - tables of scripts, capitals, marks, and letters that have one. */
#include "common/text/letters.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <uchar.h>

struct range {
	uint32_t first, last;
};

static const struct range dense[] = {
	{ 0x0e01, 0x0e4e },   /* Thai */
	{ 0x0e80, 0x0ecd },   /* Lao */
	{ 0x1000, 0x1049 },   /* Burmese */
	{ 0x1780, 0x17d3 },   /* Khmer */
	{ 0x3005, 0x3007 },   /* iteration mark, zero */
	{ 0x3041, 0x30ff },   /* kana */
	{ 0x3400, 0x9fff },   /* Han */
	{ 0xac00, 0xd7a3 },   /* Hangul */
	{ 0xf900, 0xfaff },   /* Han, compatibility */
	{ 0x20000, 0x3ffff }, /* Han, extensions */
};

/* The last of those whose syllables take several characters: a pair would say too little. */
enum { SPELT_LAST = 0x17d3 };

/* Above ASCII nearly everything is a letter; this is what is not. */
static const struct range no_letters[] = {
	{ 0x0080, 0x00a9 }, { 0x00ab, 0x00b4 }, { 0x00b6, 0x00b9 }, { 0x00bb, 0x00bf },
	{ 0x00d7, 0x00d7 }, { 0x00f7, 0x00f7 }, { 0x02c2, 0x02df }, { 0x0589, 0x058a },
	{ 0x05be, 0x05be }, { 0x060c, 0x061f }, { 0x066a, 0x066d }, { 0x06d4, 0x06d4 },
	{ 0x0964, 0x0965 }, { 0x0e3f, 0x0e3f }, { 0x0e4f, 0x0e4f }, { 0x2000, 0x206f },
	{ 0x20a0, 0x20cf }, { 0x2100, 0x2125 }, { 0x2127, 0x2129 }, { 0x212c, 0x2bff },
	{ 0x2e00, 0x2fff }, { 0x3000, 0x3004 }, { 0x3008, 0x3040 }, { 0x30fb, 0x30fb },
	{ 0xe000, 0xf8ff }, { 0xfe00, 0xfe6f }, { 0xfeff, 0xff0f }, { 0xff1a, 0xff20 },
	{ 0xff3b, 0xff40 }, { 0xff5b, 0xff65 }, { 0xffe0, 0xffff }, { 0x1f000, 0x1faff },
	{ 0xe0000, 0x10ffff },
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

bool letter_is_dense(uint32_t c)
{
	return c >= 0x0e01 && is_in(dense, ARRAY_LEN(dense), c);
}

size_t letter_gram(uint32_t c)
{
	return c <= SPELT_LAST ? 3 : 2;
}

/* Letters that are a letter of a to z with a mark, from U+00C0 and U+1E00 on; "." for others. */
static const char marked_latin[] =
	"................................aaaaaa.ceeeeiiiidnooooo.ouuuuy.y"
	".a.a.a.c.c.c.c.d.d.e.e.e.e.e.g.g.g.g.h.h.i.i.i.i.i...j.k..l.l.l."
	"..l.n.n.n....o.o.o...r.r.r.s.s.s.s.t.t.t.u.u.u.u.u.u.w.y..z.z.z.";
static const char marked_more[] =
	".a.b.b.b.c.d.d.d.d.d.e.e.e.e.e.f.g.h.h.h.h.h.i.i.k.k.k.l.l.l.l.m"
	".m.m.n.n.n.n.o.o.o.o.p.p.r.r.r.r.s.s.s.s.s.t.t.t.t.u.u.u.u.u.v.v"
	".w.w.w.w.w.x.x.y.z.z.zhtwy.......a.a.a.a.a.a.a.a.a.a.a.a.e.e.e.e"
	".e.e.e.e.i.i.o.o.o.o.o.o.o.o.o.o.o.o.u.u.u.u.u.u.u.y.y.y.y......";

uint32_t letter_fold(uint32_t c)
{
	char plain_letter = '.';

	if (c >= 0xc0 && c < 0xc0 + sizeof(marked_latin) - 1)
		plain_letter = marked_latin[c - 0xc0];
	else if (c >= 0x1e00 && c < 0x1e00 + sizeof(marked_more) - 1)
		plain_letter = marked_more[c - 0x1e00];
	else if (c == 0x451)
		return 0x435;
	return plain_letter == '.' ? c : (unsigned char)plain_letter;
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

bool letter_is_of_word(uint32_t c)
{
	if (c < 0x80)
		return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
	return !is_in(no_letters, ARRAY_LEN(no_letters), c);
}

/* ---- small letters ---- */

enum { NEXT = INT32_MAX }; /* of two that stand side by side the first is the capital */

/*
 * Capitals of Latin, Greek, Cyrillic and Armenian letters (Unicode 15), letters that are written in
 * two ways, and those of full width: how far it is to their small ones.
 */
static const struct {
	uint16_t first, last;
	int32_t distance;
} capitals[] = {
	{ 0x00c0, 0x00d6, 32 }, { 0x00d8, 0x00de, 32 }, { 0x0100, 0x012e, NEXT },
	{ 0x0130, 0x0130, -199 }, { 0x0132, 0x0136, NEXT }, { 0x0139, 0x0147, NEXT },
	{ 0x014a, 0x0176, NEXT }, { 0x0178, 0x0178, -121 }, { 0x0179, 0x017d, NEXT },
	{ 0x017f, 0x017f, -268 }, { 0x0181, 0x0181, 210 }, { 0x0182, 0x0184, NEXT },
	{ 0x0186, 0x0186, 206 }, { 0x0187, 0x0187, 1 }, { 0x0189, 0x018a, 205 },
	{ 0x018b, 0x018b, 1 }, { 0x018e, 0x018e, 79 }, { 0x018f, 0x018f, 202 },
	{ 0x0190, 0x0190, 203 }, { 0x0191, 0x0191, 1 }, { 0x0193, 0x0193, 205 },
	{ 0x0194, 0x0194, 207 }, { 0x0196, 0x0196, 211 }, { 0x0197, 0x0197, 209 },
	{ 0x0198, 0x0198, 1 }, { 0x019c, 0x019c, 211 }, { 0x019d, 0x019d, 213 },
	{ 0x019f, 0x019f, 214 }, { 0x01a0, 0x01a4, NEXT }, { 0x01a6, 0x01a6, 218 },
	{ 0x01a7, 0x01a7, 1 }, { 0x01a9, 0x01a9, 218 }, { 0x01ac, 0x01ac, 1 },
	{ 0x01ae, 0x01ae, 218 }, { 0x01af, 0x01af, 1 }, { 0x01b1, 0x01b2, 217 },
	{ 0x01b3, 0x01b5, NEXT }, { 0x01b7, 0x01b7, 219 }, { 0x01b8, 0x01b8, 1 },
	{ 0x01bc, 0x01bc, 1 }, { 0x01c4, 0x01c4, 2 }, { 0x01c5, 0x01c5, 1 },
	{ 0x01c7, 0x01c7, 2 }, { 0x01c8, 0x01c8, 1 }, { 0x01ca, 0x01ca, 2 },
	{ 0x01cb, 0x01db, NEXT }, { 0x01de, 0x01ee, NEXT }, { 0x01f1, 0x01f1, 2 },
	{ 0x01f2, 0x01f4, NEXT }, { 0x01f6, 0x01f6, -97 }, { 0x01f7, 0x01f7, -56 },
	{ 0x01f8, 0x021e, NEXT }, { 0x0220, 0x0220, -130 }, { 0x0222, 0x0232, NEXT },
	{ 0x023a, 0x023a, 10795 }, { 0x023b, 0x023b, 1 }, { 0x023d, 0x023d, -163 },
	{ 0x023e, 0x023e, 10792 }, { 0x0241, 0x0241, 1 }, { 0x0243, 0x0243, -195 },
	{ 0x0244, 0x0244, 69 }, { 0x0245, 0x0245, 71 }, { 0x0246, 0x024e, NEXT },
	{ 0x0370, 0x0372, NEXT }, { 0x0376, 0x0376, 1 }, { 0x037f, 0x037f, 116 },
	{ 0x0386, 0x0386, 38 }, { 0x0388, 0x038a, 37 }, { 0x038c, 0x038c, 64 },
	{ 0x038e, 0x038f, 63 }, { 0x0391, 0x03a1, 32 }, { 0x03a3, 0x03ab, 32 },
	{ 0x03cf, 0x03cf, 8 }, { 0x03d8, 0x03ee, NEXT }, { 0x03f4, 0x03f4, -60 },
	{ 0x03f7, 0x03f7, 1 }, { 0x03f9, 0x03f9, -7 }, { 0x03fa, 0x03fa, 1 },
	{ 0x03fd, 0x03ff, -130 }, { 0x0400, 0x040f, 80 }, { 0x0410, 0x042f, 32 },
	{ 0x0460, 0x0480, NEXT }, { 0x048a, 0x04be, NEXT }, { 0x04c0, 0x04c0, 15 },
	{ 0x04c1, 0x04cd, NEXT }, { 0x04d0, 0x052e, NEXT }, { 0x0531, 0x0556, 48 },
	{ 0x1e00, 0x1e94, NEXT }, { 0x1e9b, 0x1e9b, -58 }, { 0x1e9e, 0x1e9e, -7615 },
	{ 0x1ea0, 0x1efe, NEXT }, { 0x1f08, 0x1f0f, -8 }, { 0x1f18, 0x1f1d, -8 },
	{ 0x1f28, 0x1f2f, -8 }, { 0x1f38, 0x1f3f, -8 }, { 0x1f48, 0x1f4d, -8 },
	{ 0x1f59, 0x1f59, -8 }, { 0x1f5b, 0x1f5b, -8 }, { 0x1f5d, 0x1f5d, -8 },
	{ 0x1f5f, 0x1f5f, -8 }, { 0x1f68, 0x1f6f, -8 }, { 0x1f71, 0x1f71, -7109 },
	{ 0x1f73, 0x1f73, -7110 }, { 0x1f75, 0x1f75, -7111 }, { 0x1f77, 0x1f77, -7112 },
	{ 0x1f79, 0x1f79, -7085 }, { 0x1f7b, 0x1f7b, -7086 }, { 0x1f7d, 0x1f7d, -7087 },
	{ 0x1f88, 0x1f8f, -8 }, { 0x1f98, 0x1f9f, -8 }, { 0x1fa8, 0x1faf, -8 },
	{ 0x1fb8, 0x1fb9, -8 }, { 0x1fba, 0x1fba, -74 }, { 0x1fbb, 0x1fbb, -7183 },
	{ 0x1fbc, 0x1fbc, -9 }, { 0x1fbe, 0x1fbe, -7173 }, { 0x1fc8, 0x1fc8, -86 },
	{ 0x1fc9, 0x1fc9, -7196 }, { 0x1fca, 0x1fca, -86 }, { 0x1fcb, 0x1fcb, -7197 },
	{ 0x1fcc, 0x1fcc, -9 }, { 0x1fd3, 0x1fd3, -7235 }, { 0x1fd8, 0x1fd9, -8 },
	{ 0x1fda, 0x1fda, -100 }, { 0x1fdb, 0x1fdb, -7212 }, { 0x1fe3, 0x1fe3, -7219 },
	{ 0x1fe8, 0x1fe9, -8 }, { 0x1fea, 0x1fea, -112 }, { 0x1feb, 0x1feb, -7198 },
	{ 0x1fec, 0x1fec, -7 }, { 0x1ff8, 0x1ff8, -128 }, { 0x1ff9, 0x1ff9, -7213 },
	{ 0x1ffa, 0x1ffa, -126 }, { 0x1ffb, 0x1ffb, -7213 }, { 0x1ffc, 0x1ffc, -9 },
	{ 0x2126, 0x2126, -7517 }, { 0x212a, 0x212a, -8383 }, { 0x212b, 0x212b, -8262 },
	{ 0xff10, 0xff19, -65248 }, { 0xff21, 0xff3a, -65216 },
};

uint32_t letter_small(uint32_t c)
{
	size_t bottom = 0, top = ARRAY_LEN(capitals);

	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	while (bottom < top) {
		size_t middle = (bottom + top) / 2;

		if (c > capitals[middle].last)
			bottom = middle + 1;
		else
			top = middle;
	}
	if (bottom == ARRAY_LEN(capitals) || c < capitals[bottom].first)
		return c;
	if (capitals[bottom].distance == NEXT)
		return c + ((c ^ capitals[bottom].first ^ 1) & 1);
	return (uint32_t)((int32_t)c + capitals[bottom].distance);
}

/* Small letters (and digits) that letter_small tells otherwise all the same. */
static const struct range other_forms[] = {
	{ 0x017f, 0x017f }, { 0x1e9b, 0x1e9b }, { 0x1f71, 0x1f7d }, { 0x1fbe, 0x1fbe },
	{ 0x1fd3, 0x1fd3 }, { 0x1fe3, 0x1fe3 }, { 0xff10, 0xff19 },
};

bool letter_is_capital(uint32_t c)
{
	return letter_small(c) != c && !is_in(other_forms, ARRAY_LEN(other_forms), c);
}

size_t letter_spell(uint32_t c, char out[LETTER_MAX])
{
	static const char *const ligatures[] = { "ff", "fi", "fl", "ffi", "ffl", "st", "st" };
	const char *letters = NULL;
	size_t len = 0;

	c = letter_small(c);
	if (c == 0xdf)
		letters = "ss";
	else if (c >= 0xfb00 && c < 0xfb00 + ARRAY_LEN(ligatures))
		letters = ligatures[c - 0xfb00];
	if (!letters)
		return utf8_encode(out, c);
	for (; letters[len]; len++)
		out[len] = letters[len];
	return len;
}

/* ---- marks ---- */

/* By mark: letters, each with what the two are together; in order. */
#define M(mark, pairs) { mark, ARRAY_LEN(pairs) / 2, pairs }
static const struct marked {
	uint16_t mark;
	uint16_t count;
	const char16_t *pairs;
} marked[] = {
	M(0x0300, u"aàeèiìnǹoòuùwẁyỳâầêềôồüǜăằēḕōṑơờưừαὰεὲηὴιὶοὸυὺωὼϊῒϋῢеѐиѝἀἂἁἃἐἒἑἓἠἢἡἣἰἲἱἳὀὂὁὃ"
	  u"ὐὒὑὓὠὢὡὣ"),
	M(0x0301, u"aácćeégǵiíkḱlĺmḿnńoópṕrŕsśuúwẃyýzźâấåǻæǽçḉêếïḯôốõṍøǿüǘăắēḗōṓũṹơớưứαάεέηήιίοό"
	  u"υύωώϊΐϋΰгѓкќἀἄἁἅἐἔἑἕἠἤἡἥἰἴἱἵὀὄὁὅὐὔὑὕὠὤὡὥ"),
	M(0x0302, u"aâcĉeêgĝhĥiîjĵoôsŝuûwŵyŷzẑạậẹệọộ"),
	M(0x0303, u"aãeẽiĩnñoõuũvṽyỹâẫêễôỗăẵơỡưữ"),
	M(0x0304, u"aāeēgḡiīoōuūyȳäǟæǣõȭöȫüǖǫǭȧǡȯȱαᾱιῑυῡиӣуӯḷḹṛṝ"),
	M(0x0306, u"aăeĕgğiĭoŏuŭȩḝαᾰιῐυῠаӑеӗжӂийуўạặ"),
	M(0x0307, u"aȧbḃcċdḋeėfḟgġhḣiimṁnṅoȯpṗrṙsṡtṫwẇxẋyẏzżśṥšṧṣṩ"),
	M(0x0308, u"aäeëhḧiïoötẗuüwẅxẍyÿõṏūṻιϊυϋаӓеёжӝзӟиӥоӧуӱчӵыӹэӭіїәӛөӫ"),
	M(0x0309, u"aảeẻiỉoỏuủyỷâẩêểôổăẳơởưử"),
	M(0x030a, u"aåuůwẘyẙ"),
	M(0x030b, u"oőuűуӳ"),
	M(0x030c, u"aǎcčdďeěgǧhȟiǐjǰkǩlľnňoǒrřsštťuǔzžüǚʒǯ"),
	M(0x030f, u"aȁeȅiȉoȍrȑuȕѵѷ"),
	M(0x0311, u"aȃeȇiȋoȏrȓuȗ"),
	M(0x0313, u"αἀεἐηἠιἰοὀρῤυὐωὠ"),
	M(0x0314, u"αἁεἑηἡιἱοὁρῥυὑωὡ"),
	M(0x031b, u"oơuư"),
	M(0x0323, u"aạbḅdḍeẹhḥiịkḳlḷmṃnṇoọrṛsṣtṭuụvṿwẉyỵzẓơợưự"),
	M(0x0324, u"uṳ"),
	M(0x0325, u"aḁ"),
	M(0x0326, u"sștț"),
	M(0x0327, u"cçdḑeȩgģhḩkķlļnņrŗsştţ"),
	M(0x0328, u"aąeęiįoǫuų"),
	M(0x032d, u"dḓeḙlḽnṋtṱuṷ"),
	M(0x032e, u"hḫ"),
	M(0x0330, u"eḛiḭuṵ"),
	M(0x0331, u"bḇdḏhẖkḵlḻnṉrṟtṯzẕ"),
	M(0x0342, u"αᾶηῆιῖυῦωῶϊῗϋῧἀἆἁἇἠἦἡἧἰἶἱἷὐὖὑὗὠὦὡὧ"),
	M(0x0345, u"άᾴήῄαᾳηῃωῳώῴἀᾀἁᾁἂᾂἃᾃἄᾄἅᾅἆᾆἇᾇἠᾐἡᾑἢᾒἣᾓἤᾔἥᾕἦᾖἧᾗὠᾠὡᾡὢᾢὣᾣὤᾤὥᾥὦᾦὧᾧὰᾲὴῂὼῲᾶᾷῆῇῶῷ"),
	M(0x3099, u"うゔかがきぎくぐけげこごさざしじすずせぜそぞただちぢつづてでとどはばひびふぶへべ"
	  u"ほぼゝゞウヴカガキギクグケゲコゴサザシジスズセゼソゾタダチヂツヅテデトドハバヒビ"
	  u"フブヘベホボワヷヰヸヱヹヲヺヽヾ"),
	M(0x309a, u"はぱひぴふぷへぺほぽハパヒピフプヘペホポ"),
};
#undef M

static uint32_t join_pair(uint32_t letter, uint32_t mark)
{
	const struct marked *m = marked;
	size_t low = 0, high;

	while (m < marked + ARRAY_LEN(marked) && m->mark != mark)
		m++;
	if (m == marked + ARRAY_LEN(marked))
		return 0;
	high = m->count;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (letter > m->pairs[2 * middle])
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->count && m->pairs[2 * low] == letter ? m->pairs[2 * low + 1] : 0;
}

/* The mark of a letter, and what is left of it; 0 when it has none. */
static uint32_t split(uint32_t letter, uint32_t *rest)
{
	for (size_t i = 0; i < ARRAY_LEN(marked); i++)
		for (size_t j = 0; j < marked[i].count; j++)
			if (marked[i].pairs[2 * j + 1] == letter) {
				*rest = marked[i].pairs[2 * j];
				return *rest == letter ? 0 : marked[i].mark;
			}
	return 0;
}

/* Marks of other places do not disturb each other: above, below, attached. */
static int place_of(uint32_t mark)
{
	if (mark == 0x31b)
		return 1;
	if (mark == 0x327 || mark == 0x328)
		return 2;
	if (mark >= 0x323 && mark <= 0x333)
		return 3;
	return mark == 0x345 ? 5 : 4;
}

uint32_t letter_join(uint32_t letter, uint32_t mark)
{
	uint32_t joined = join_pair(letter, mark), rest, before;

	if (joined)
		return joined;
	/* The same letter with its marks in another order: ê and a dot below it. */
	before = split(letter, &rest);
	if (before && place_of(mark) < place_of(before))
		joined = letter_join(rest, mark);
	return joined ? join_pair(joined, before) : 0;
}

bool letter_is_mark(uint32_t c)
{
	return c >= 0x300 && c <= 0x36f;
}

/* ---- syllables ---- */

enum {
	LEADS = 0x1100, VOWELS = 0x1161, TAILS = 0x11a7, SYLLABLES = 0xac00,
	LEAD_COUNT = 19, VOWEL_COUNT = 21, TAIL_COUNT = 28,
	SYLLABLE_COUNT = LEAD_COUNT * VOWEL_COUNT * TAIL_COUNT
};

static uint32_t join_jamo(uint32_t c, uint32_t next)
{
	if (c - LEADS < LEAD_COUNT && next - VOWELS < VOWEL_COUNT)
		return SYLLABLES + ((c - LEADS) * VOWEL_COUNT + (next - VOWELS)) * TAIL_COUNT;
	if (c - SYLLABLES < SYLLABLE_COUNT && (c - SYLLABLES) % TAIL_COUNT == 0 &&
	    next - TAILS - 1 < TAIL_COUNT - 1)
		return c + (next - TAILS);
	return 0;
}

uint32_t letter_next(struct span text, size_t *len)
{
	uint32_t c = utf8_next(text, len);

	/* Kana, Hangul, and their parts; what may follow begins with these bytes. */
	if (c < LEADS || (c > LEADS + LEAD_COUNT && c < 0x3046) || c > SYLLABLES + SYLLABLE_COUNT)
		return c;
	for (;;) {
		struct span rest = span_from(text, *len);
		unsigned char first = rest.len >= 3 ? (unsigned char)rest.ptr[0] : 0;
		uint32_t joined, next;
		size_t more;

		if (first != 0xe1 && first != 0xe3)
			return c;
		next = utf8_next(rest, &more);
		joined = first == 0xe1 ? join_jamo(c, next)
			 : next == 0x3099 || next == 0x309a ? join_pair(c, next)
							    : 0;
		if (!joined)
			return c;
		c = joined;
		*len += more;
	}
}
