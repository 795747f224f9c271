/* Tests of the readers of zipped documents: Word, OpenDocument, PowerPoint, Excel, EPUB. */
#include "common/rag/reading.h"

#include "common/base/mem.h"
#include "common/loop/child.h"
#include "tests/support/reading.h"
#include "tests/support/zip.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <cmocka.h>

enum { PARTS = 8 };

struct zip_case {
	struct zip_part parts[PARTS];
	struct reading_case reading;
	const char *password;
	size_t cut; /* bytes cut off the archive's end */
};

static void check(const struct zip_case *c)
{
	struct reading_case reading = c->reading;
	struct buf zip;

	buf_init(&zip, 64 * MIB);
	zip_make(&zip, c->parts, c->password);
	reading.bytes = zip.ptr;
	reading.len = zip.len - c->cut;
	reading_check(&reading);
	buf_free(&zip);
}

#define W(body) "<w:document xmlns:w='w' xmlns:mc='mc'><w:body>" body "</w:body></w:document>"
#define P(text) "<w:p><w:r><w:t>" text "</w:t></w:r></w:p>"
#define PS(style, text) "<w:p><w:pPr><w:pStyle w:val='" style "'/></w:pPr><w:r><w:t>" text "</w:t></w:r></w:p>"

/* A run of a paragraph that points to a note, and the note. */
#define TO(kind, id) "<w:r><w:" kind "Reference w:id='" id "'/></w:r>"
#define NOTE(kind, id, text) "<w:" kind " w:id='" id "'><w:p><w:r><w:" kind "Ref/><w:t> " text "</w:t></w:r></w:p></w:" kind ">"
#define R(text) "<w:r><w:t xml:space='preserve'>" text "</w:t></w:r>"

static void word_documents_have_headings_lists_tables_pages(void **state)
{
	static const struct zip_case cases[] = {
		{ .parts = { { "word/styles.xml", "<w:styles xmlns:w='w'><w:style w:styleId='U1'><w:name w:val='heading 2'/></w:style>"
						   "</w:styles>", 0 },
			     { "docProps/core.xml", "<c xmlns:dc='d'><dc:title>The &amp; title</dc:title></c>", 0 },
			     { "word/document.xml",
			       W(PS("U1", "Head &lt;ing") P("One ") "<w:p><w:pPr><w:numPr><w:ilvl w:val='1'/><w:numId w:val='3'/></w:numPr></w:pPr>"
				 "<w:r><w:t>item</w:t><w:tab/><w:t>x</w:t><w:delText>gone</w:delText></w:r></w:p>"
				 "<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr><w:tc>" P("n") "</w:tc><w:tc>" P("v") "</w:tc></w:tr>"
				 "<w:tr><w:tc>" P("a") P("b") "</w:tc><w:tc>" P("1") "</w:tc></w:tr></w:tbl>"
				 "<mc:AlternateContent><mc:Fallback>" P("twice") "</mc:Fallback></mc:AlternateContent>" P("end")), 0 } },
		  .reading = { .name = "a.docx", .text = "Head <ing\n\nOne\n\n  - item\tx\n\nn | v\na b | 1\n\nend\n",
			       .marks = "h2(Head <ing)item2(  - item\tx)row1(n | v)row2(a b | 1)", .title = "The & title" } },
		{ .parts = { { "word/document.xml", W(P("p1") "<w:p><w:r><w:br w:type='page'/><w:t>p2</w:t></w:r></w:p>" P("more")
						      "<w:p><w:r><w:br w:type='page'/></w:r></w:p>" P("p3")), 0 } },
		  .reading = { .name = "a.docx", .text = "p1\n\np2\n\nmore\n\np3\n",
			       .marks = "page1(p1)page2(p2..more)page3(p3)" } },
		{ .parts = { { "word/document.xml", W("<w:p><w:r><w:t>a</w:t><w:br/><w:t>b </w:t><w:lastRenderedPageBreak/><w:t>c</w:t>"
						      "<w:br w:type='page'/></w:r></w:p>"), 0 },
			     { "word/footnotes.xml", "<w:footnotes xmlns:w='w'>" NOTE("footnote", "1", "nobody's") "</w:footnotes>", 0 } },
		  .reading = { .name = "any", .text = "a\nb c\n", .marks = "page1(a..b)page2(c)" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

static void notes_of_word_stand_behind_their_paragraph(void **state)
{
	static const struct zip_case cases[] = {
		{ .parts = { { "word/document.xml",
			       W("<w:p>" R("Forty gulls") TO("footnote", "2") R(" before the storm") TO("endnote", "2") TO("footnote", "2") R(".") "</w:p>"
				 "<w:tbl><w:tr><w:tc><w:p>" R("a") TO("footnote", "1") R("b") "</w:p></w:tc><w:tc>" P("c") "</w:tc></w:tr></w:tbl>"
				 "<w:p><w:del>" TO("footnote", "3") "</w:del>" R("end") "<w:r><w:br w:type='page'/></w:r></w:p>" P("more")), 0 },
			     { "word/footnotes.xml",
			       "<w:footnotes xmlns:w='w'><w:footnote w:type='separator' w:id='-1'><w:p><w:r><w:separator/></w:r></w:p></w:footnote>"
			       NOTE("footnote", "3", "struck out") NOTE("footnote", "1", "in the cell")
			       "<w:footnote w:id='2'>" P("Larus") P("argentatus") "</w:footnote></w:footnotes>", 0 },
			     { "word/endnotes.xml", "<w:endnotes xmlns:w='w'>" NOTE("endnote", "2", "at the end") "</w:endnotes>", 0 } },
		  .reading = { .name = "a.docx",
			       .text = "Forty gulls before the storm.\n\nLarus\n\nargentatus\n\nat the end\n\nab | c\n\nin the cell\n\nend\n\nmore\n",
			       .marks = "page1(Forty gulls before the storm...end)row2(ab | c)page2(more)" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

#define O(body) "<o:document-content xmlns:o='o' xmlns:text='t' xmlns:table='b' xmlns:style='s' xmlns:fo='f' xmlns:draw='d'>" body "</o:document-content>"

#define C(text) "<table:table-cell><text:p>" text "</text:p></table:table-cell>"
#define GAPS(count) "<table:table-cell table:number-columns-repeated='" count "'/>"
#define ODF_NOTE(body) "<text:note><text:note-citation>1</text:note-citation><text:note-body>" body "</text:note-body></text:note>"

static void open_documents_have_them_too(void **state)
{
	static const struct zip_case cases[] = {
		{ .parts = { { "mimetype", "application/vnd.oasis.opendocument.text", 0 },
			     { "content.xml",
			       O("<style:style style:name='B'><style:paragraph-properties fo:break-before='page'/></style:style>"
				 "<text:h text:outline-level='1'>Head</text:h><text:p>One\n <text:span>two</text:span><text:s text:c='2'/>x</text:p>"
				 "<text:list><text:list-item><text:p>i</text:p></text:list-item></text:list>"
				 "<table:table><table:table-row><table:table-cell><text:p>a</text:p></table:table-cell>"
				 "<table:table-cell><text:p>b</text:p></table:table-cell></table:table-row></table:table>"
				 "<text:p text:style-name='B'>p2</text:p><text:soft-page-break/><text:p>p3</text:p>"), 0 } },
		  .reading = { .name = "a", .text = "Head\n\nOne two  x\n\n- i\n\na | b\n\np2\n\np3\n", .title = "Head",
			       .marks = "page1(Head..a | b)h1(Head)item1(- i)row2(a | b)page2(p2)page3(p3)" } },
		/* notes behind their paragraph, the title's style, what a picture shows */
		{ .parts = { { "content.xml",
			       O("<style:style style:name='P1' style:parent-style-name='Title'/>"
				 "<style:style style:name='P2'><style:paragraph-properties fo:break-before='page'/></style:style>"
				 "<text:p text:style-name='P1'>Birds</text:p>"
				 "<text:p>Forty gulls" ODF_NOTE("<text:p>Larus</text:p><text:list><text:list-item><text:p>argentatus</text:p></text:list-item></text:list>")
				 " before" ODF_NOTE("<text:p>a<text:span> b</text:span></text:p>") " the storm.</text:p>"
				 "<table:table><table:table-row><table:table-cell><text:p>x" ODF_NOTE("<text:p>in the cell</text:p>")
				 "y</text:p></table:table-cell><table:table-cell><text:p>z</text:p></table:table-cell></table:table-row></table:table>"
				 "<text:p text:style-name='P2'><draw:frame xmlns:svg='g'><draw:image/><svg:title>A square</svg:title>"
				 "<svg:desc>red</svg:desc></draw:frame>beside it</text:p>"), 0 } },
		  .reading = { .name = "a.odt", .title = "Birds",
			       .text = "Birds\n\nForty gulls before the storm.\n\nLarus\n\n- argentatus\n\na b\n\nxy | z\n\nin the cell\n\nA square red beside it\n",
			       .marks = "page1(Birds..in the cell)h1(Birds)row2(xy | z)page2(A square red beside it)" } },
		/* a note in a note */
		{ .parts = { { "content.xml",
			       O("<text:p>x" ODF_NOTE("<text:p>a" ODF_NOTE("<text:p>b</text:p>") " c</text:p>") "y</text:p><text:p>z</text:p>"), 0 } },
		  .reading = { .name = "a.odt", .text = "xy\n\na\nb c\n\nz\n" } },
		/* slides */
		{ .parts = { { "content.xml",
			       O("<draw:page><draw:frame presentation:class='title' xmlns:presentation='n'><draw:text-box><text:p>One</text:p></draw:text-box>"
				 "</draw:frame><draw:frame><draw:text-box><text:p>text</text:p></draw:text-box></draw:frame></draw:page>"
				 "<draw:page><draw:frame><draw:text-box><text:p>more</text:p></draw:text-box></draw:frame></draw:page>"), 0 } },
		  .reading = { .name = "a.odp", .text = "One\n\ntext\n\nmore\n", .title = "One", .marks = "page1(One..text)h2(One)page2(more)" } },
		/* a sheet's cells stay in their columns */
		{ .parts = { { "content.xml",
			       O("<o:spreadsheet><table:table table:name='S'>"
				 "<table:table-row>" C("a") C("b") C("c") C("d") GAPS("9999") "</table:table-row>"
				 "<table:table-row>" GAPS("2") C("1") "<table:table-cell table:number-columns-repeated='2'><text:p>0</text:p></table:table-cell>"
				 GAPS("99999999") "</table:table-row>"
				 "<table:table-row>" C("wide") "<table:covered-table-cell table:number-columns-repeated='2'/>" C("d") "</table:table-row>"
				 "<table:table-row>" GAPS("1024") "</table:table-row></table:table></o:spreadsheet>"), 0 } },
		  .reading = { .name = "a.ods", .title = "S", .text = "S\n\na | b | c | d\n |  | 1 | 0 | 0\nwide |  |  | d\n",
			       .marks = "h2(S)row2(a | b | c | d)row2( |  | 1 | 0 | 0)row2(wide |  |  | d)" } },
		/* a table in a cell */
		{ .parts = { { "content.xml",
			       O("<table:table><table:table-row>" C("a") "<table:table-cell><text:p>b</text:p><table:table><table:table-row>" C("c") C("d")
				 "</table:table-row></table:table><text:p>e</text:p></table:table-cell>"
				 "<table:table-cell><table:table><table:table-row>" C("") C("f") "</table:table-row></table:table></table:table-cell>"
				 "</table:table-row></table:table>"), 0 } },
		  .reading = { .name = "a.odt", .text = "a | b c | d e |  | f\n", .marks = "row2(a | b c | d e |  | f)" } },
		{ .parts = { { "META-INF/manifest.xml", "<m:manifest><m:encryption-data/></m:manifest>", 0 }, { "content.xml", "\1\2", 0 } },
		  .reading = { .name = "a.odt", .code = E_document_unreadable, .says = "encrypted" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

#define REL(id, type, target) "<Relationship Id='" id "' Type='x/" type "' Target='" target "'/>"
#define RELS(rows) "<Relationships xmlns='r'>" rows "</Relationships>"
#define SLIDE(ph, text) "<p:sld xmlns:p='p' xmlns:a='a'><p:sp><p:ph type='" ph "'/><a:p><a:r><a:t>" text "</a:t></a:r></a:p></p:sp></p:sld>"

static void slides_are_pages_in_the_order_of_the_show(void **state)
{
	static const struct zip_case one = {
		.parts = { { "ppt/presentation.xml", "<p xmlns:r='r'><sldId id='256' r:id='r2'/><sldId id='257' r:id='r1'/></p>", 0 },
			   { "ppt/_rels/presentation.xml.rels", RELS(REL("r1", "slide", "slides/slide1.xml") REL("r2", "slide", "slides/slide2.xml")), 0 },
			   { "ppt/slides/slide1.xml", SLIDE("body", "second"), 0 },
			   { "ppt/slides/slide2.xml", SLIDE("ctrTitle", "First"), 0 },
			   { "ppt/slides/_rels/slide2.xml.rels", RELS(REL("n", "notesSlide", "../notesSlides/n.xml")), 0 },
			   { "ppt/notesSlides/n.xml", SLIDE("body", "said aloud"), 0 } },
		.reading = { .name = "a.pptx", .text = "First\nsaid aloud\n\nsecond\n", .title = "First",
			     .marks = "page1(First..said aloud)h2(First)page2(second)" },
	};

	(void)state;
	check(&one);
}

static void sheets_are_records_with_names(void **state)
{
	static const struct zip_case one = {
		.parts = { { "xl/workbook.xml", "<w xmlns:r='r'><sheet name='Stock' sheetId='1' r:id='r1'/></w>", 0 },
			   { "xl/_rels/workbook.xml.rels", RELS(REL("r1", "worksheet", "/xl/worksheets/sheet1.xml")), 0 },
			   { "xl/sharedStrings.xml", "<s><si><t>name</t></si><si><r><t>da</t></r><r><t>te</t></r><rPh><t>no</t></rPh></si></s>", 0 },
			   { "xl/styles.xml", "<s><numFmts><numFmt numFmtId='170' formatCode='dd.mm.yy'/></numFmts>"
					      "<cellStyleXfs><xf numFmtId='0'/></cellStyleXfs><cellXfs><xf numFmtId='0'/><xf numFmtId='170'/></cellXfs></s>", 0 },
			   { "xl/worksheets/sheet1.xml",
			     "<s><row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='s'><v>1</v></c></row>"
			     "<row r='2'><c r='A2' t='inlineStr'><is><t>Ada</t></is></c><c r='B2' s='1'><v>45000</v></c><c r='D2' t='b'><v>1</v></c></row>"
			     "<row r='3'><c r='B3'><v>1.5</v></c></row><row r='4'/></s>", 0 } },
		.reading = { .name = "a.xlsx", .text = "Stock\n\nname: Ada\ndate: 2023-03-15\ncolumn 4: true\n\ndate: 1.5\n", .title = "Stock",
			     .marks = "page1(Stock..date: 1.5)h2(Stock)record0(name: Ada..column 4: true)record0(date: 1.5)" },
	};

	(void)state;
	check(&one);
}

static void books_are_their_chapters(void **state)
{
	static const struct zip_case cases[] = {
		{ .parts = { { "mimetype", "application/epub+zip", 0 },
			     { "META-INF/container.xml", "<c><rootfile full-path='OPS/b.opf'/></c>", 0 },
			     { "OPS/b.opf", "<p><title>Book</title><item id='b' href='b%20b.xhtml' media-type='application/xhtml+xml'/>"
					    "<item id='a' href='./x/../a.xhtml' media-type='application/xhtml+xml'/>"
					    "<itemref idref='a'/><itemref idref='b'/></p>", 0 },
			     { "OPS/a.xhtml", "<html><head><title>no</title></head><body><h1>One</h1><p>first</p></body></html>", 0 },
			     { "OPS/b b.xhtml", "<h1>Two</h1>", 0 } },
		  .reading = { .name = "x", .text = "One\n\nfirst\n\nTwo\n", .marks = "h1(One)h1(Two)", .title = "Book" } },
		{ .parts = { { "META-INF/container.xml", "<c><rootfile full-path='b.opf'/></c>", 0 },
			     { "META-INF/encryption.xml", "<e><EncryptionMethod Algorithm='aes'/><CipherReference URI='a'/></e>", 0 } },
		  .reading = { .name = "a.epub", .code = E_document_unreadable, .says = "encrypted" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

static void what_is_damaged_locked_or_a_bomb_is_refused(void **state)
{
	static const struct zip_case cases[] = {
		{ .parts = { { "word/document.xml", W(P("x")), 0 } }, .password = "secret",
		  .reading = { .name = "a.docx", .code = E_document_unreadable, .says = "encrypted" } },
		{ .parts = { { "word/document.xml", W(P("x")), 0 } }, .cut = 40,
		  .reading = { .name = "a.docx", .code = E_document_unreadable } },
		{ .parts = { { "word/document.xml", "<w:document><w:p>", 0 } },
		  .reading = { .name = "a.docx", .code = E_document_unreadable, .says = "XML is damaged" } },
		{ .parts = { { "else.xml", "<x/>", 0 } }, .reading = { .name = "a.docx", .code = E_document_unreadable, .says = "no Word document" } },
		{ .parts = { { "else.xml", "<x/>", 0 } }, .reading = { .name = "a", .code = E_unsupported_document, .says = "zip archive" } },
		{ .parts = { { "word/document.xml", "                                                                ", 1000000 } },
		  .reading = { .name = "a.docx", .code = E_document_too_large, .says = "times its size" } },
		{ .parts = { { "word/document.xml", W(P("x")), 0 }, { "word/footnotes.xml", "0123456789", 1000 } },
		  .reading = { .name = "a.docx", .limits = { .text_max = 2000 }, .code = E_document_too_large, .says = "come out" } },
		{ .parts = { { "word/document.xml",
			       "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c SYSTEM 'file:///etc/passwd'>]>"
			       "<w:document xmlns:w='w'><w:p><w:t>x&b;&c;y</w:t></w:p></w:document>", 0 } },
		  .reading = { .name = "a.docx", .code = E_document_unreadable, .says = "XML" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		check(&cases[i]);
}

static long peak_kib(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss;
}

/* Each of the notes says a word in as many cells as a row may have, in rows of cells. */
static void notes_take_no_more_room_than_the_text(void **state)
{
	enum { NOTES = 8 };
	static const char row[] = "<table:table><table:table-row><table:table-cell table:number-columns-repeated='1024'>";
	static const char end[] = "</table:table-cell></table:table-row></table:table>";
	struct zip_case bomb = { .reading = { .name = "a.odt", .limits = { .text_max = MIB },
					      .code = E_document_too_large, .says = "its text is longer" } };
	struct buf xml;
	long before;

	(void)state;
	buf_init(&xml, MIB);
	buf_add_str(&xml, "<o:document-content xmlns:o='o' xmlns:text='t' xmlns:table='b'><text:p>a");
	for (int i = 0; i < NOTES; i++)
		buf_printf(&xml, "<text:note-body>%s%s<text:p>Forty gulls came before the storm.</text:p>%s%s</text:note-body>",
			   row, row, end, end);
	buf_add_str(&xml, "</text:p></o:document-content>");
	bomb.parts[0] = (struct zip_part){ "content.xml", buf_str(&xml), 0 };
	before = peak_kib();
	check(&bomb);
	assert_true(peak_kib() - before < 64 * 1024);
	buf_free(&xml);
}

/* Word wraps what has a password into a file of its older format. */
static void what_office_has_locked_or_kept_as_before_is_refused(void **state)
{
#define OLD "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0\0\0"
	static const char locked[] = OLD "R\0o\0o\0t\0 \0E\0n\0t\0r\0y\0" "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";
	static const char old[] = OLD "R\0o\0o\0t\0 \0E\0n\0t\0r\0y\0" "W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0";
	static const struct reading_case cases[] = {
		{ .name = "a.docx", .bytes = locked, .len = sizeof(locked), .code = E_document_unreadable, .says = "encrypted and wants a password" },
		{ .name = "a.xlsx", .bytes = locked, .len = sizeof(locked), .code = E_document_unreadable, .says = "encrypted and wants a password" },
		{ .name = "a.docx", .bytes = old, .len = sizeof(old), .code = E_document_unreadable, .says = "old (binary) Office file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		reading_check(&cases[i]);
}

/* ---- made by pandoc ---- */

static const char source[] =
	"---\ntitle: The handbook\n---\n\n# Birds\n\nThe heron stands in *the* reeds.\n\n- one\n- two\n\n"
	"## Table\n\n| n | v |\n|---|---|\n| a | 1 |\n\n```c\nint x;\n```\n";

static void what_pandoc_makes_is_read(void **state)
{
	static const char *const names[] = { "docx", "odt", "epub", "html" };
	struct child_end end;
	struct reading r;
	struct buf out, marks;

	(void)state;
	buf_init(&out, 4 * MIB);
	buf_init(&marks, MIB);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char line[1000], name[20];
		const char *argv[] = { "/bin/sh", "-c", line, NULL };
		struct child_options o = { .argv = argv, .timeout_ms = 120000 };
		struct err err = ERR_INIT;

		snprintf(line, sizeof(line), "printf '%%s' '%s' | pandoc -s -f markdown -t %s -o -", source, names[i]);
		snprintf(name, sizeof(name), "a.%s", names[i]);
		buf_clear(&out);
		assert_int_equal(child_run(&o, &out, &end, NULL), 0);
		if (end.status == 127)
			skip();
		assert_int_equal(end.status, 0);
		reading_init(&r);
		if (read_document(&r, name, NULL, buf_span(&out), NULL, &err) < 0)
			fail_msg("%s: %s", name, err.message);
		reading_check_whole(&r);
		buf_clear(&marks);
		reading_print_marks(&r, &marks);
		assert_non_null(strstr(buf_str(&r.text), "The heron stands in the reeds.\n"));
		assert_string_equal(r.title, "The handbook");
		assert_non_null(strstr(buf_str(&marks), "h1(Birds)"));
		assert_non_null(strstr(buf_str(&marks), "h2(Table)"));
		assert_non_null(strstr(buf_str(&marks), "(- two)"));
		assert_non_null(strstr(buf_str(&marks), "(a | 1)"));
		reading_free(&r);
	}
	buf_free(&out);
	buf_free(&marks);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(word_documents_have_headings_lists_tables_pages),
		cmocka_unit_test(notes_of_word_stand_behind_their_paragraph),
		cmocka_unit_test(open_documents_have_them_too),
		cmocka_unit_test(slides_are_pages_in_the_order_of_the_show),
		cmocka_unit_test(sheets_are_records_with_names),
		cmocka_unit_test(books_are_their_chapters),
		cmocka_unit_test(what_is_damaged_locked_or_a_bomb_is_refused),
		cmocka_unit_test(notes_take_no_more_room_than_the_text),
		cmocka_unit_test(what_office_has_locked_or_kept_as_before_is_refused),
		cmocka_unit_test(what_pandoc_makes_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
