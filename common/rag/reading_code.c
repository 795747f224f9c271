/*
 * common/rag/reading_code.c - source code: its language, and its functions as marks.
 *
 * Nothing is parsed.  Code that people keep is indented, so a block is found by the column it
 * begins and ends at; what is indented otherwise is cut less well, not read wrongly.
 */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"

enum {
	NESTED_MAX = 8, /* blocks in blocks */
	SIGNATURE_LINES = 30,
	TAB = 8,
	LINES_BETWEEN_CHECKS = 4096,
};

enum style {
	STYLE_NONE,
	STYLE_BRACES, /* from a line that ends in { to the } in its column */
	STYLE_INDENT, /* def and class, to the next line that is not indented more */
	STYLE_END,    /* def, function, ... to the "end" in its column */
	STYLE_FORMS,  /* each ( in the first column */
};

static const struct language {
	const char *name, *extensions, *files, *programs; /* separated by blanks */
	enum style style;
} languages[] = {
	{ "c", "c h", "", "tcc", STYLE_BRACES },
	{ "cpp", "cc cpp cxx hh hpp hxx ipp tpp cu", "", "", STYLE_BRACES },
	{ "csharp", "cs csx", "", "", STYLE_BRACES },
	{ "java", "java", "", "", STYLE_BRACES },
	{ "javascript", "js mjs cjs jsx", "", "node deno bun", STYLE_BRACES },
	{ "typescript", "ts tsx mts cts", "", "ts-node tsx", STYLE_BRACES },
	{ "go", "go", "", "", STYLE_BRACES },
	{ "rust", "rs", "", "rust-script", STYLE_BRACES },
	{ "kotlin", "kt kts", "", "kotlin", STYLE_BRACES },
	{ "swift", "swift", "", "swift", STYLE_BRACES },
	{ "scala", "scala sc", "", "scala", STYLE_BRACES },
	{ "dart", "dart", "", "dart", STYLE_BRACES },
	{ "zig", "zig", "", "", STYLE_BRACES },
	{ "d", "d", "", "rdmd", STYLE_BRACES },
	{ "objective-c", "m mm", "", "", STYLE_BRACES },
	{ "groovy", "groovy gradle", "Jenkinsfile", "groovy", STYLE_BRACES },
	{ "php", "php phtml", "", "php", STYLE_BRACES },
	{ "perl", "pl pm t", "", "perl", STYLE_BRACES },
	{ "awk", "awk", "", "awk gawk mawk", STYLE_BRACES },
	{ "r", "r", "", "Rscript", STYLE_BRACES },
	{ "shell", "sh bash zsh ksh fish", "PKGBUILD", "sh bash zsh ksh dash fish", STYLE_BRACES },
	{ "powershell", "ps1 psm1", "", "pwsh", STYLE_BRACES },
	{ "tcl", "tcl", "", "tclsh wish expect", STYLE_BRACES },
	{ "css", "css scss less sass", "", "", STYLE_BRACES },
	{ "protobuf", "proto", "", "", STYLE_BRACES },
	{ "graphql", "graphql gql", "", "", STYLE_BRACES },
	{ "terraform", "tf tfvars hcl", "", "", STYLE_BRACES },
	{ "solidity", "sol", "", "", STYLE_BRACES },
	{ "glsl", "glsl vert frag hlsl wgsl", "", "", STYLE_BRACES },
	{ "python", "py pyi pyw pyx", "SConstruct wscript", "python python2 python3 uv",
	  STYLE_INDENT },
	{ "nim", "nim", "", "nim", STYLE_INDENT },
	{ "gdscript", "gd", "", "", STYLE_INDENT },
	{ "ruby", "rb rake gemspec", "Rakefile Gemfile Vagrantfile", "ruby", STYLE_END },
	{ "lua", "lua", "", "lua luajit", STYLE_END },
	{ "julia", "jl", "", "julia", STYLE_END },
	{ "elixir", "ex exs", "", "elixir", STYLE_END },
	{ "vim", "vim", "", "", STYLE_END },
	{ "fortran", "f f90 f95 f03", "", "", STYLE_END },
	{ "lisp", "lisp lsp cl el scm ss rkt", "", "sbcl guile racket emacs", STYLE_FORMS },
	{ "clojure", "clj cljs cljc edn", "", "bb", STYLE_FORMS },
	{ "haskell", "hs lhs", "", "runghc runhaskell", STYLE_NONE },
	{ "ocaml", "ml mli", "", "ocaml", STYLE_NONE },
	{ "fsharp", "fs fsx fsi", "", "", STYLE_NONE },
	{ "erlang", "erl hrl", "", "escript", STYLE_NONE },
	{ "pascal", "pas pp", "", "", STYLE_NONE },
	{ "ada", "adb ads", "", "", STYLE_NONE },
	{ "vb", "vb bas vbs", "", "", STYLE_NONE },
	{ "cobol", "cob cbl", "", "", STYLE_NONE },
	{ "prolog", "pro", "", "swipl", STYLE_NONE },
	{ "vhdl", "vhd vhdl", "", "", STYLE_NONE },
	{ "verilog", "v sv svh", "", "", STYLE_NONE },
	{ "assembly", "s asm", "", "", STYLE_NONE },
	{ "sql", "sql", "", "sqlite3 psql", STYLE_NONE },
	{ "batch", "bat cmd", "", "", STYLE_NONE },
	{ "make", "mk mak", "Makefile makefile GNUmakefile", "make", STYLE_NONE },
	{ "cmake", "cmake", "CMakeLists.txt", "cmake", STYLE_NONE },
	{ "meson", "", "meson.build", "", STYLE_NONE },
	{ "docker", "dockerfile", "Dockerfile Containerfile", "", STYLE_NONE },
	{ "nix", "nix", "", "nix", STYLE_NONE },
	{ "yaml", "yaml yml", "", "", STYLE_NONE },
	{ "toml", "toml", "Pipfile", "", STYLE_NONE },
	{ "ini", "ini cfg conf properties env service", ".editorconfig .gitconfig", "",
	  STYLE_NONE },
	{ "xml", "xml xsd xsl xslt svg plist wsdl", "", "", STYLE_NONE },
	{ "diff", "diff patch", "", "", STYLE_NONE },
	{ "roff", "1 2 3 4 5 6 7 8 man mdoc ms", "", "", STYLE_NONE },
	{ "vue", "vue svelte astro", "", "", STYLE_NONE },
	{ "template", "j2 jinja jinja2 tmpl tpl erb ejs hbs mustache", "", "", STYLE_NONE },
	{ "ignore", "", ".gitignore .dockerignore", "", STYLE_NONE },
};

/* ---- the language ---- */

static const struct language *language_of_shebang(struct span bytes)
{
	struct span line = span_cut(&bytes, '\n'), word;

	if (!span_starts(line, "#!"))
		return NULL;
	line = span_trim(span_from(line, 2));
	/* The program without its path; behind env, the word after options and settings. */
	while (line.ptr) {
		word = span_cut(&line, ' ');
		for (size_t i = word.len; i > 0; i--)
			if (word.ptr[i - 1] == '/') {
				word = span_from(word, i);
				break;
			}
		if (word.len == 0 || span_is(word, "env") || word.ptr[0] == '-' ||
		    memchr(word.ptr, '=', word.len))
			continue;
		while (word.len > 0 && strchr("0123456789.\r", word.ptr[word.len - 1]))
			word.len--; /* python3.11 */
		for (size_t i = 0; i < ARRAY_LEN(languages); i++)
			if (reader_has_word(languages[i].programs, word))
				return &languages[i];
		return NULL;
	}
	return NULL;
}

static const struct language *find_language(struct span name, struct span bytes)
{
	struct span ext = reader_extension(name);

	for (size_t i = 0; i < ARRAY_LEN(languages); i++)
		if (reader_has_word(languages[i].files, name))
			return &languages[i];
	for (size_t i = 0; ext.len > 0 && i < ARRAY_LEN(languages); i++)
		if (reader_has_word(languages[i].extensions, ext))
			return &languages[i];
	return language_of_shebang(bytes);
}

const char *code_language(struct span name, struct span bytes)
{
	const struct language *l = find_language(name, bytes);

	return l ? l->name : NULL;
}

const char *code_extensions(size_t i)
{
	return i < ARRAY_LEN(languages) ? languages[i].extensions : NULL;
}

/* ---- lines ---- */

struct line {
	size_t start, end; /* without white space around it; equal when it is blank */
	size_t column;
};

struct block {
	size_t start; /* of its comment or signature */
	size_t column;
};

struct scan {
	struct reader *rd;
	struct span text;
	struct line *lines;
	size_t count;
	struct block open[NESTED_MAX];
	size_t depth;
	size_t last_end; /* of the last line that is not blank */
};

static void add_line(struct line *line, struct span text, size_t start, size_t end)
{
	line->column = 0;
	for (; start < end && (text.ptr[start] == ' ' || text.ptr[start] == '\t'); start++)
		line->column += text.ptr[start] == '\t' ? TAB - line->column % TAB : 1;
	while (end > start && strchr(" \t", text.ptr[end - 1]))
		end--;
	line->start = start;
	line->end = end;
}

static void find_lines(struct scan *s, size_t from)
{
	size_t room = 1, at = from;

	for (size_t i = from; i < s->text.len; i++)
		room += s->text.ptr[i] == '\n';
	s->lines = mem_calloc(room, sizeof(*s->lines));
	while (at < s->text.len) {
		const char *newline = memchr(s->text.ptr + at, '\n', s->text.len - at);
		size_t end = newline ? (size_t)(newline - s->text.ptr) : s->text.len;

		add_line(&s->lines[s->count++], s->text, at, end);
		at = end + 1;
	}
}

static struct span line_of(const struct scan *s, size_t i)
{
	return span_of(s->text.ptr + s->lines[i].start, s->lines[i].end - s->lines[i].start);
}

/* Where the line begins, its indentation included. */
static size_t line_begin(const struct scan *s, size_t i)
{
	size_t at = s->lines[i].start;

	while (at > 0 && s->text.ptr[at - 1] != '\n')
		at--;
	return at;
}

static bool is_word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static struct span first_word(struct span line)
{
	size_t len = 0;

	while (len < line.len && is_word_byte(line.ptr[len]))
		len++;
	return span_of(line.ptr, len);
}

static bool is_comment(struct span line)
{
	static const char *const starts[] = { "//", "/*", "*", "#", "--", ";", "@", "\"\"\"", "%" };

	for (size_t i = 0; i < ARRAY_LEN(starts); i++)
		if (span_starts(line, starts[i]))
			return true;
	return span_ends(line, "*/");
}

/* ---- blocks ---- */

static void open_block(struct scan *s, size_t start, size_t column)
{
	if (s->depth < NESTED_MAX)
		s->open[s->depth++] = (struct block){ start, column };
}

static void close_block(struct scan *s, size_t end)
{
	s->depth--;
	reader_mark_range(s->rd, MARK_CODE, (int)s->depth + 1, s->open[s->depth].start, end);
}

/* The lines directly above that are comments or attributes in the same column. */
static size_t with_comment(const struct scan *s, size_t line)
{
	size_t first = line;

	while (first > 0 && s->lines[first - 1].end > s->lines[first - 1].start &&
	       s->lines[first - 1].column >= s->lines[line].column &&
	       s->lines[first - 1].column <= s->lines[line].column + 1 &&
	       is_comment(line_of(s, first - 1)))
		first--;
	return first;
}

/* Where what ends in the { of this line begins: up to a blank line or the end of something else. */
static size_t signature_of(const struct scan *s, size_t line)
{
	size_t first = line, column = s->lines[line].column;
	struct span text = line_of(s, line);
	bool is_whole = text.len > 1 && text.ptr[0] != ')' && text.ptr[0] != '{';

	for (size_t i = line; i > 0 && line - i < SIGNATURE_LINES && !is_whole; i--) {
		text = line_of(s, i - 1);
		if (text.len == 0 || s->lines[i - 1].column < column ||
		    strchr(";{}", text.ptr[text.len - 1]) || is_comment(text))
			break;
		if (s->lines[i - 1].column == column)
			first = i - 1;
	}
	return with_comment(s, first);
}

static bool is_control(struct span line)
{
	static const char words[] =
		"if else for while do switch case default try catch finally return foreach unless "
		"until elsif elif using lock synchronized with match loop select defer guard when "
		"then";

	while (line.len > 0 && strchr("}) ", line.ptr[0]))
		line = span_from(line, 1);
	return reader_has_word(words, first_word(line));
}

static void scan_braces(struct scan *s, size_t i)
{
	struct span line = line_of(s, i);
	size_t column = s->lines[i].column, first;

	if (s->depth > 0 && column <= s->open[s->depth - 1].column && line.ptr[0] == '}')
		close_block(s, s->lines[i].end);
	if (line.ptr[line.len - 1] != '{' || is_comment(line) || line.ptr[0] == '}')
		return;
	first = signature_of(s, i);
	if (line.len == 1 && first == i)
		return;
	if (!is_control(line.len == 1 ? line_of(s, i - 1) : line))
		open_block(s, line_begin(s, first), column);
}

static void scan_indent(struct scan *s, size_t i)
{
	static const char words[] = "def class proc func method iterator template macro";
	struct span line = line_of(s, i), rest = line;
	struct span word = first_word(line);

	if (line.ptr[0] == '#' || strchr(")]}", line.ptr[0]))
		return;
	while (s->depth > 0 && s->lines[i].column <= s->open[s->depth - 1].column)
		close_block(s, s->last_end);
	if (span_is(word, "async") || span_is(word, "static"))
		word = first_word(span_trim(span_from(rest, word.len)));
	if (reader_has_word(words, word))
		open_block(s, line_begin(s, with_comment(s, i)), s->lines[i].column);
}

static void scan_end(struct scan *s, size_t i)
{
	static const char words[] =
		"def class module function local defmodule defp defmacro struct "
		"mutable macro subroutine program abstract";
	struct span line = line_of(s, i);
	struct span word = first_word(line);
	bool is_end = word.len >= 3 && span_is_nocase(span_of(word.ptr, 3), "end");

	if (is_end && s->depth > 0 && s->lines[i].column <= s->open[s->depth - 1].column)
		close_block(s, s->lines[i].end);
	else if (reader_has_word(words, word) && !span_ends(line, " end") &&
		 (!span_is(word, "local") || span_starts(line, "local function")))
		open_block(s, line_begin(s, with_comment(s, i)), s->lines[i].column);
}

static void scan_forms(struct scan *s, size_t i)
{
	if (s->lines[i].column > 0 || line_of(s, i).ptr[0] != '(')
		return;
	if (s->depth > 0)
		close_block(s, s->last_end);
	open_block(s, line_begin(s, with_comment(s, i)), 0);
}

static void scan_line(struct scan *s, enum style style, size_t i)
{
	switch (style) {
	case STYLE_BRACES:
		scan_braces(s, i);
		break;
	case STYLE_INDENT:
		scan_indent(s, i);
		break;
	case STYLE_END:
		scan_end(s, i);
		break;
	case STYLE_FORMS:
		scan_forms(s, i);
		break;
	case STYLE_NONE:
		break;
	}
}

static void mark_functions(struct reader *rd, size_t from, enum style style)
{
	struct scan s = { .rd = rd, .text = buf_span(&rd->out->text) };

	if (style == STYLE_NONE)
		return;
	find_lines(&s, from);
	for (size_t i = 0; i < s.count; i++) {
		if (s.lines[i].end > s.lines[i].start) {
			scan_line(&s, style, i);
			/* A comment in the block's own column is of what follows it. */
			if (s.depth == 0 || s.lines[i].column > s.open[s.depth - 1].column ||
			    !is_comment(line_of(&s, i)) || s.last_end <= s.open[s.depth - 1].start)
				s.last_end = s.lines[i].end;
		}
		if (i % LINES_BETWEEN_CHECKS == 0 && reader_goes_on(rd, NULL) < 0)
			break;
	}
	while (s.depth > 0)
		close_block(&s, s.last_end);
	mem_free(s.lines);
}

int read_code(struct reader *rd, struct err *err)
{
	size_t from = reader_at(rd);
	const struct language *l;

	if (read_plain(rd, err) < 0)
		return -1;
	l = find_language(rd->name, rd->bytes);
	if (!l)
		return 0;
	if (rd->depth == 0)
		rd->out->language = mem_strdup(l->name);
	mark_functions(rd, from, l->style);
	return 0;
}
