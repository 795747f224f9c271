#!/bin/sh
# Prints functions of the headers that the program itself does not use, and those that only their own
# file uses and no test: they go, or become static.  Texts are read, not objects, so that every MODE
# gives the same.  A test may need a door into a room: these are named below, with who goes through.
set -eu
cd "${1:-.}"
doors='
code_extensions         each of them is tried
config_new              tests and fuzzers have no file on disk
db_log_pages            whether the log stays small
fiber_home_stacks       how many stacks there are
latent_space_dimensions whether a space is as it was stored
limiter_places          whether memory stays bounded
measure_run             benches measure rankings of other programs
reader_row              each of them is tried
setting_help            the manual says the same
store_flush             tests wait for the writer
trec_read_run           rankings of other programs
upcall_timing           phases of a call
vector_kernel_name      benches say which one they measured
vector_kernel_use       each of them is tried
'
find cmd common server tui -name '*.[ch]' -o -name '*.def' | sort > "${TMPDIR:-/tmp}/spass-unused.$$"
trap 'rm -f "${TMPDIR:-/tmp}/spass-unused.$$"' EXIT
grep -rhow '[a-z][a-z0-9_]*' tests --include='*.[ch]' | sort -u |
	awk -v doors="$doors" -v list="${TMPDIR:-/tmp}/spass-unused.$$" '
	BEGIN {
		n = split(doors, line, "\n")
		for (i = 1; i <= n; i++)
			if (split(line[i], word, " "))
				door[word[1]] = 1
	}
	{ tested[$1] = 1 }
	# Without comments and the words of messages.
	function clean(text) {
		if (inside) {
			if (!(at = index(text, "*/")))
				return ""
			text = substr(text, at + 2)
			inside = 0
		}
		gsub(/"([^"\\]|\\.)*"/, "\"\"", text)
		while ((at = index(text, "/*")) > 0) {
			rest = substr(text, at + 2)
			end = index(rest, "*/")
			if (!end) {
				inside = 1
				return substr(text, 1, at - 1)
			}
			text = substr(text, 1, at - 1) " " substr(rest, end + 2)
		}
		return text
	}
	function take(file, text,   name) {
		# A declaration begins its line; what stands before the bracket is its name.
		if (file ~ /\.h$/ && text ~ /^[a-z].*[ *][a-z][a-z0-9_]*\(/ && text !~ /^(static|typedef|return)/) {
			name = substr(text, 1, index(text, "(") - 1)
			sub(/^.*[ *]/, "", name)
			declared[name] = file
		}
		gsub(/(struct|enum|union) [a-z0-9_]+/, "", text)
		while (match(text, /[A-Za-z_][A-Za-z0-9_]*/)) {
			name = substr(text, RSTART, RLENGTH)
			text = substr(text, RSTART + RLENGTH)
			all[name]++
			if (!((name, file) in seen)) {
				seen[name, file] = 1
				if (file !~ /\.h$/)
					files[name]++
			}
			if (file ~ /\.h$/)
				heads[name]++
		}
	}
	END {
		while ((getline file < list) > 0) {
			inside = 0
			while ((getline text < file) > 0)
				take(file, clean(text))
			close(file)
		}
		for (name in declared) {
			why = ""
			if (all[name] <= 2 && !(name in door))
				why = name in tested ? "tests alone" : "nobody"
			else if (all[name] > 2 && files[name] == 1 && heads[name] == 1 && !(name in tested))
				why = "its own file alone"
			if (why == "")
				continue
			print declared[name] ": " name " is used by " why
			found++
		}
		for (name in door)
			if (all[name] != 2 || !(name in tested)) {
				print "tests/support/unused.sh: " name " needs no door"
				found++
			}
		print "unused: " found + 0 " functions"
		exit found > 0
	}'
