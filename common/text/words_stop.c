/* common/text/words_stop.c - words that say little, in the languages that most texts are in. */
#include "common/text/words.h"

#include "common/base/mem.h"

#include <string.h>

enum { STOP_MAX = sizeof("themselves") - 1 }; /* the longest of them */

/* In the order of their bytes. */
#define W(text) SPAN_INIT(text)
static const struct span stop_words[] = {
	W("a"), W("aber"), W("about"), W("above"), W("according"), W("after"), W("again"),
	W("against"), W("al"), W("all"), W("alle"), W("allem"), W("allen"), W("aller"), W("alles"),
	W("als"), W("also"), W("am"), W("an"), W("and"), W("andere"), W("anderen"), W("answer"),
	W("antwort"), W("any"), W("are"), W("aren"), W("as"), W("at"), W("au"), W("auch"),
	W("auf"), W("aus"), W("aux"), W("avec"), W("be"), W("because"), W("been"), W("before"),
	W("bei"), W("beim"), W("being"), W("below"), W("between"), W("bin"), W("bis"), W("bist"),
	W("bitte"), W("both"), W("but"), W("by"), W("can"), W("ce"), W("ces"), W("cette"),
	W("como"), W("con"), W("could"), W("couldn"), W("cuando"), W("cuál"), W("cuándo"), W("d"),
	W("da"), W("damit"), W("danke"), W("dann"), W("dans"), W("das"), W("dass"),
	W("de"), W("dein"), W("deine"), W("del"), W("dem"), W("den"), W("denn"), W("der"),
	W("des"), W("dessen"), W("did"), W("didn"), W("die"), W("dies"), W("diese"), W("diesem"),
	W("diesen"), W("dieser"), W("dieses"), W("do"), W("doch"), W("document"), W("does"),
	W("doesn"), W("doing"), W("don"), W("donde"), W("dort"), W("down"), W("du"), W("durch"),
	W("during"), W("dónde"), W("each"), W("ein"), W("eine"), W("einem"), W("einen"),
	W("einer"), W("eines"), W("el"), W("ella"), W("elle"), W("en"), W("entre"), W("er"),
	W("era"), W("es"), W("est"), W("esta"), W("este"), W("esto"), W("está"), W("et"),
	W("etwas"), W("euch"), W("euer"), W("eux"), W("explain"), W("few"), W("find"), W("for"),
	W("frage"), W("from"), W("further"), W("für"), W("gegen"), W("get"), W("gibt"), W("give"),
	W("habe"), W("haben"), W("had"), W("hadn"), W("hallo"), W("has"), W("hasn"), W("hat"),
	W("hatte"), W("hatten"), W("have"), W("haven"), W("having"), W("hay"), W("he"), W("hello"),
	W("her"), W("here"), W("hers"), W("herself"), W("hey"), W("hi"), W("hier"), W("him"),
	W("himself"), W("hin"), W("hinter"), W("his"), W("how"), W("however"), W("i"), W("ich"),
	W("if"), W("ihm"), W("ihn"), W("ihnen"), W("ihr"), W("ihre"), W("ihrem"), W("ihren"),
	W("ihrer"), W("il"), W("ils"), W("im"), W("in"), W("indem"), W("ins"), W("into"), W("is"),
	W("isn"), W("ist"), W("it"), W("its"), W("itself"), W("ja"), W("je"), W("jede"),
	W("jedem"), W("jeden"), W("jeder"), W("jedes"), W("jene"), W("jetzt"), W("just"),
	W("kann"), W("kannst"), W("kein"), W("keine"), W("keinem"), W("keinen"), W("keiner"),
	W("know"), W("können"), W("könnte"), W("la"), W("lange"), W("las"), W("laut"), W("le"),
	W("les"), W("let"), W("leur"), W("ll"), W("lo"), W("long"), W("los"), W("lui"), W("m"),
	W("machen"), W("mais"), W("man"), W("manche"), W("many"), W("may"), W("me"), W("mehr"),
	W("mein"), W("meine"), W("mentioned"), W("mes"), W("mi"), W("mich"), W("might"), W("mir"),
	W("mit"), W("moi"), W("mon"), W("more"), W("most"), W("much"), W("muss"), W("must"),
	W("muy"), W("my"), W("myself"), W("más"), W("même"), W("müssen"), W("nach"), W("ne"),
	W("nein"), W("nicht"), W("nichts"), W("no"), W("noch"), W("nor"), W("nos"), W("not"),
	W("notre"), W("nous"), W("now"), W("nun"), W("nur"), W("ob"), W("oder"), W("of"), W("off"),
	W("oft"), W("often"), W("ohne"), W("ok"), W("okay"), W("on"), W("once"), W("only"),
	W("or"), W("other"), W("ou"), W("our"), W("ours"), W("ourselves"), W("out"), W("over"),
	W("own"), W("où"), W("par"), W("para"), W("pas"), W("pero"), W("please"), W("por"),
	W("porque"), W("pour"), W("qu"), W("que"), W("quel"), W("quelle"), W("question"), W("qui"),
	W("quién"), W("quoi"), W("qué"), W("re"), W("s"), W("sa"), W("sagt"), W("same"), W("say"),
	W("says"), W("se"), W("sehr"), W("sein"), W("seine"), W("seinem"), W("seinen"),
	W("seiner"), W("seit"), W("ses"), W("shall"), W("she"), W("should"), W("shouldn"),
	W("show"), W("sich"), W("sie"), W("sin"), W("sind"), W("so"), W("sobre"), W("solche"),
	W("soll"), W("sollte"), W("some"), W("son"), W("sondern"), W("sonst"), W("sont"),
	W("steht"), W("su"), W("such"), W("sur"), W("sus"), W("t"), W("ta"), W("te"), W("tell"),
	W("tes"), W("text"), W("than"), W("thank"), W("thanks"), W("that"), W("the"), W("their"),
	W("theirs"), W("them"), W("themselves"), W("then"), W("there"), W("these"), W("they"),
	W("this"), W("those"), W("through"), W("tiene"), W("to"), W("toi"), W("ton"), W("too"),
	W("tu"), W("um"), W("un"), W("una"), W("und"), W("under"), W("une"), W("uno"), W("uns"),
	W("unser"), W("unsere"), W("unter"), W("until"), W("up"), W("upon"), W("us"), W("ve"),
	W("very"), W("viel"), W("viele"), W("vielen"), W("vom"), W("von"), W("vor"), W("vos"),
	W("votre"), W("vous"), W("wann"), W("war"), W("waren"), W("warum"), W("was"), W("wasn"),
	W("we"), W("weil"), W("welche"), W("welchem"), W("welchen"), W("welcher"), W("welches"),
	W("wem"), W("wen"), W("wenn"), W("wer"), W("werde"), W("werden"), W("were"), W("weren"),
	W("what"), W("when"), W("where"), W("which"), W("while"), W("who"), W("whom"), W("whose"),
	W("why"), W("wie"), W("wieder"), W("will"), W("wir"), W("wird"), W("wirst"), W("with"),
	W("within"), W("without"), W("wo"), W("won"), W("would"), W("wouldn"), W("wurde"),
	W("wurden"), W("y"), W("ya"), W("yes"), W("you"), W("your"), W("yours"), W("yourself"),
	W("zu"), W("zum"), W("zur"), W("zwischen"), W("über"), W("一个"), W("为何"), W("什么"), W("他们"),
	W("你们"), W("你好"), W("可以"), W("哪个"), W("哪些"), W("哪儿"), W("哪里"), W("多久"), W("多少"), W("多长"),
	W("如何"), W("怎么"), W("怎样"), W("我们"), W("文本"), W("时候"), W("根据"), W("请问"), W("这个"), W("那个"),
	W("问题"),
};
#undef W

/* Byte by byte: most differ in the first one, and each word of every text comes here. */
static int compare_stop(struct span word, struct span stop)
{
	int order = (unsigned char)word.ptr[0] - (unsigned char)stop.ptr[0];

	if (order == 0)
		order = memcmp(word.ptr, stop.ptr, word.len < stop.len ? word.len : stop.len);
	return order != 0 ? order : (word.len > stop.len) - (word.len < stop.len);
}

bool words_is_stop(const struct word *word)
{
	size_t low = 0, high = ARRAY_LEN(stop_words);

	if (word->is_particle)
		return true;
	if (word->text.len == 0 || word->text.len > STOP_MAX)
		return false;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare_stop(word->text, stop_words[middle]);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}
