/* common/upstream/builtin_phrases.c - what spass-extract says in words of its own. */
#include "common/upstream/builtin_inside.h"

static const struct phrases table[] = {
	[LANG_EN] = {
		.note = "Quotations picked by spass-extract, which is no language model.",
		.note_short = "[quoted by spass-extract, no language model]",
		.nothing = "No sentence of the given text shares a telling word with the question. "
			   "Its main sentences:",
		.nothing_at_all = "There is nothing to quote in the given text.",
		.no_results = "The search brought nothing that could be quoted. "
			      "(spass-extract is no language model; it only quotes.)",
		.unreadable = "Parts of the message that are not text (images, audio, files) were "
			      "not read: spass-extract reads text only.",
		.help =
"I am spass-extract, the model that is built into this gateway. I am no language model: I cannot "
"write, reason or chat. What I can do is quote. Give me a text and a question, and I pick the "
"sentences that answer it; say \"summarise\", and I pick the main ones. Offered a tool named "
"rag_query, I call it. Here there is no text that I could quote from.\n\n"
"To connect a real model:\n"
"- start Ollama (port 11434), llama.cpp's server (8080) or vLLM (8000) on this machine; it is "
"noticed within seconds;\n"
"- or set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY or OPENROUTER_API_KEY and restart the "
"gateway.",
		.message = "message",
		.refusal = "The tool that was asked for needs arguments that are not plain text. "
			   "spass-extract is no language model and cannot make them up.",
		.minimal = "[fields that are not text hold the least valid value]",
	},
	[LANG_DE] = {
		.note = "Zitate, ausgewählt von spass-extract, das kein Sprachmodell ist.",
		.note_short = "[zitiert von spass-extract, kein Sprachmodell]",
		.nothing = "Kein Satz des Textes teilt ein aussagekräftiges Wort mit der Frage. "
			   "Die Hauptsätze:",
		.nothing_at_all = "Im gegebenen Text ist nichts zu zitieren.",
		.no_results = "Die Suche brachte nichts, was sich zitieren ließe. "
			      "(spass-extract ist kein Sprachmodell; es zitiert nur.)",
		.unreadable = "Teile der Nachricht, die kein Text sind (Bilder, Ton, Dateien), wurden "
			      "nicht gelesen: spass-extract liest nur Text.",
		.help =
"Ich bin spass-extract, das in dieses Gateway eingebaute Modell. Ich bin kein Sprachmodell: Ich "
"kann nicht schreiben, schließen oder plaudern. Ich kann zitieren. Gib mir einen Text und eine "
"Frage, und ich suche die Sätze heraus, die sie beantworten; sag „fasse zusammen“, und ich suche "
"die wichtigsten heraus. Wird mir ein Werkzeug namens rag_query angeboten, rufe ich es auf. Hier "
"gibt es keinen Text, aus dem ich zitieren könnte.\n\n"
"Um ein richtiges Modell anzuschließen:\n"
"- Ollama (Port 11434), den Server von llama.cpp (8080) oder vLLM (8000) auf diesem Rechner "
"starten; er wird in Sekunden bemerkt;\n"
"- oder OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY oder OPENROUTER_API_KEY setzen und das "
"Gateway neu starten.",
		.message = "Nachricht",
		.refusal = "Das verlangte Werkzeug braucht Argumente, die kein einfacher Text sind. "
			   "spass-extract ist kein Sprachmodell und kann sie sich nicht ausdenken.",
		.minimal = "[Felder, die kein Text sind, tragen den kleinsten gültigen Wert]",
	},
	[LANG_ZH] = {
		.note = "以上是 spass-extract 摘录的原文；它不是语言模型。",
		.note_short = "[spass-extract 摘录，非语言模型]",
		.nothing = "所给文本中没有句子与问题有相同的关键词。文本的主要句子：",
		.nothing_at_all = "所给文本中没有可以引用的内容。",
		.no_results = "检索没有找到可以引用的内容。（spass-extract 不是语言模型，只摘录原文。）",
		.unreadable = "消息中的非文本部分（图片、音频、文件）未被读取：spass-extract 只读文本。",
		.help =
"我是 spass-extract，内置于本网关的模型。我不是语言模型，不会写作、推理或聊天，只会摘录原文。"
"给我一段文本和一个问题，我会找出回答它的句子；说“总结”，我会找出主要的句子。"
"如果提供名为 rag_query 的工具，我会调用它。这里没有可供引用的文本。\n\n"
"要连接真正的模型：\n"
"- 在本机启动 Ollama（端口 11434）、llama.cpp 服务器（8080）或 vLLM（8000），网关会在数秒内发现；\n"
"- 或设置 OPENAI_API_KEY、ANTHROPIC_API_KEY、GEMINI_API_KEY 或 OPENROUTER_API_KEY，然后重启网关。",
		.message = "消息",
		.refusal = "所要求的工具需要非文本参数。spass-extract 不是语言模型，无法编造这些参数。",
		.minimal = "[非文本字段为最小有效值]",
	},
};

const struct phrases *builtin_phrases(enum ask_language language)
{
	return &table[language];
}
