/* Tests of common/text/language.h. */
#include "common/text/language.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void the_script_and_small_words_tell(void **state)
{
	static const struct {
		const char *code, *text;
	} cases[] = {
		{ "en", "How many points did the Panthers defense surrender?" },
		{ "en", "getUserName" },
		{ "en", "" },
		{ "en", "12.5 % | --help" },
		{ "en", "what is Zürich" },
		{ "de", "Wie viele Punkte gab die Verteidigung der Panthers ab?" },
		{ "de", "Größe der Datei ändern" },
		{ "fr", "Combien de points la défense des Panthers a-t-elle cédés ?" },
		{ "es", "¿Cuántos puntos dejó escapar la defensa de los Panthers?" },
		{ "it", "Qual è il nome della città che si trova nel nord?" },
		{ "pt", "Qual é o nome da cidade que não está no mapa?" },
		{ "nl", "Hoe kan ik het wachtwoord van een gebruiker wijzigen?" },
		{ "sv", "Hur många poäng är det och vad heter laget?" },
		{ "da", "Hvad er navnet på byen og hvor ligger den?" },
		{ "fi", "Mikä on tämän kaupungin nimi ja missä se on?" },
		{ "pl", "Jak się nazywa miasto, które jest na północy?" },
		{ "cs", "Jak se jmenuje město, které je na severu?" },
		{ "hu", "Hogyan lehet a jelszót megváltoztatni, és mi az alapértelmezés?" },
		{ "ro", "Cum se numește orașul și unde este?" },
		{ "tr", "Bu şehrin adı nedir ve nerede?" },
		{ "vi", "Hàng phòng thủ của Panthers đã để thua bao nhiêu điểm?" },
		{ "id", "Apa nama kota yang tidak ada di peta ini?" },
		{ "ru", "Сколько очков уступила защита Panthers?" },
		{ "el", "Πόσους πόντους επέτρεψε η άμυνα των Πάνθερς;" },
		{ "ar", "كم عدد النقاط التي استسلم لها دفاع بانثرز؟" },
		{ "he", "מה שם העיר?" },
		{ "hi", "पैंथर्स की रक्षा ने कितने अंक गंवाए?" },
		{ "th", "กองหลังของทีมแพนเทอร์ยอมเสียแต้มไปเท่าไร" },
		{ "zh", "黑豹队的防守丢了多少分？" },
		{ "zh", "如何安装 nginx 和 docker" },
		{ "ja", "パンサーズの守備は何点を失いましたか" },
		{ "ja", "設定の変更方法" },
		{ "ko", "팬서스 수비는 몇 점을 내주었는가?" },
		{ "en", "the \xff\xfe of bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(language_guess(span_str(cases[i].text))->code, cases[i].code);
}

static void latin_letters_are_told_from_others(void **state)
{
	(void)state;
	assert_true(language_guess(SPAN_LIT("wo ist der"))->is_latin);
	assert_true(language_guess(SPAN_NONE)->is_latin);
	assert_false(language_guess(SPAN_LIT("где"))->is_latin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_script_and_small_words_tell),
		cmocka_unit_test(latin_letters_are_told_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
