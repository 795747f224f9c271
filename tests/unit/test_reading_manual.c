/* Tests of common/rag/reading_manual.c. */
#include "common/rag/reading.h"

#include "tests/support/reading.h"

#include <setjmp.h>
#include <cmocka.h>

static void a_manual_page_reads_as_it_is_shown(void **state)
{
	static const struct reading_case cases[] = {
		{ .name = "otter.1",
		  .bytes = ".\\\" a comment\n.Dd November 21, 2026\n.Dt OTTER 1\n.Os x\n.Sh NAME\n.Nm otter\n.Nd swims\n"
			   ".Sh SYNOPSIS\n.Nm otter\n.Op Fl v\n.Op Ar file ...\n.Nm\n.Cm rest\n.Sh DESCRIPTION\n.Nm\nswims in\n"
			   ".Pa /river ,\nas\n.Xr beaver 1\ndoes.\n.Pp\nMore.\n",
		  .type = NULL,
		  .text = "NAME\n\notter - swims\n\nSYNOPSIS\n\notter [-v] [file ...]\notter rest\n\nDESCRIPTION\n\n"
			  "otter swims in /river, as beaver(1) does.\n\nMore.\n",
		  .marks = "h1(NAME)h1(SYNOPSIS)h1(DESCRIPTION)",
		  .title = "OTTER(1)" },
		{ .name = "a.5",
		  .bytes = ".Sh FILES\n.Bl -tag\n.It Fl k , Fl -top Ar NUMBER\nHow many.\n.It Cm limit\nOne of\n"
			   ".Ql on , off\nor\n.Ql a b .\n.El\n.Dl spass ask Qq hello there\n.Bd -literal\n  two\n  lines\n.Ed\n",
		  .text = "FILES\n\n-k, --top NUMBER\nHow many.\n\nlimit\nOne of 'on', 'off' or 'a b'.\n\n"
			  "spass ask \"hello there\"\n\n  two\n  lines\n",
		  .marks = "h1(FILES)" },
		{ .name = "b.8",
		  .bytes = ".TH B 8 \"2026-11-21\"\n.SH \"SEE ALSO\"\n.BR beaver (1),\n.I river\nand \\fBbold\\fR \\-x \\(em a\\&b.\n"
			   ".TP\n.B \\-v\nTell more.\n.SS Part\n.de XX\nnothing of this\n..\n.unknown thing\nend\n",
		  .text = "SEE ALSO\n\nbeaver(1), river and bold -x \xe2\x80\x94 ab.\n\n-v\nTell more.\n\nPart\n\nend\n",
		  .marks = "h1(SEE ALSO)h2(Part)",
		  .title = "B(8)" },
		/* macros of its own, what is left out, and requests on several lines stand before the first heading */
		{ .name = "pod.1",
		  .bytes = ".\\\" made by Pod\n.de Sp\nif t .sp\n..\n.ie n \\{\\\n.    ds -- \\(*W-\n'br\\}\n.el \\{\\\n.    ds -- \\|\n"
			   "'br\\}\n\\#  Setup ////\n.ig\n. a note\nand its text\n..\n.ds XX a long \\\nstring \\\nof three lines\n"
			   ".IX Title \"POD 1\"\n.TH POD 1 x\n.SH NAME\npod\n\\\" no text\n\\- a page\n",
		  .text = "NAME\n\npod - a page\n",
		  .marks = "h1(NAME)",
		  .title = "POD(1)" },
		/* what is shown is shown on the next line, too */
		{ .name = "on.1", .bytes = ".TH ON 1\n.SH NAME\n.B one \\\ntwo \\\nthree\n.ds XX four \\\nfive\n",
		  .text = "NAME\n\none two three\n",
		  .marks = "h1(NAME)",
		  .title = "ON(1)" },
		/* macros of every kind are left out below it, too */
		{ .name = "own.1",
		  .bytes = ".am XX\nnothing\n..\n.TH OWN 1\n.SH NAME\nown\n.de1 XX\nnothing of this\n..\n.am XX\nnor of this\n..\n\\- a page\n",
		  .text = "NAME\n\nown - a page\n",
		  .marks = "h1(NAME)",
		  .title = "OWN(1)" },
		/* of sections that have letters, and of a name that says nothing */
		{ .name = "CA.pl.1ssl", .bytes = ".TH CA 1ssl\n.SH NAME\nCA.pl\n", .text = "NAME\n\nCA.pl\n",
		  .marks = "h1(NAME)", .title = "CA(1ssl)" },
		/* pandoc's, of a text that is no manual page */
		{ .name = "doc.1", .bytes = ".TH \"\" \"\" \"\" \"\"\n.SH Otters\n.PP\nThey swim.\n",
		  .text = "Otters\n\nThey swim.\n", .marks = "h1(Otters)" },
		{ .name = "half.1", .bytes = ".TH HALF \"\"\n.SH NAME\nhalf\n", .text = "NAME\n\nhalf\n",
		  .marks = "h1(NAME)", .title = "HALF" },
		{ .name = "page", .bytes = ".TH PAGE 3pm\n.SH NAME\npage\n", .text = "NAME\n\npage\n",
		  .marks = "h1(NAME)", .title = "PAGE(3pm)" },
		{ .name = "dots", .bytes = "...\n.and so on\n", .text = "...\n.and so on\n", .marks = "" },
		{ .name = "app.log.1", .bytes = "one\n.Sh two\n", .text = "one\n.Sh two\n", .marks = "" },
		{ .name = "open.1", .bytes = ".Sh \"never closed\n.Op Ar a\n\\", .text = "never closed\n\n[a]\n",
		  .marks = "h1(never closed)" },
		{ .name = "empty.1", .bytes = ".Sh x\n.Sh\n.Nm\n.Fl\n.It\n.TP\n.\n'\n.de\n", .text = "x\n\n-\n", .marks = "h1(x)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		reading_check(&cases[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_manual_page_reads_as_it_is_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
