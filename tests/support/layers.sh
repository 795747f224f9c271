#!/bin/sh
# Prints every include that points the wrong way by the floors of the tree, and fails if there is
# one.  Floors: cmd may use tui, server, common; tui and server use common and never each other;
# inside common a folder uses only those before it in this list; inside server, http < api < site.
cd "$(dirname "$0")/../.." || exit 2
find common server tui cmd -name '*.[ch]' 2>/dev/null | sort | xargs awk '
BEGIN {
	split("base text observe loop config store tenant model upstream rag tool chat agent", c, " ")
	for (i in c) common[c[i]] = i + 0
	split("http api site", s, " ")
	for (i in s) server[s[i]] = i + 0
	allowed["cmd"] = " cmd tui server common "
	allowed["tui"] = " tui common "
	allowed["server"] = " server common "
	allowed["common"] = " common "
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	split(FILENAME, from, "/")
	n = split(quoted[2], to, "/")
	why = ""
	if (index(allowed[from[1]], " " to[1] " ") == 0)
		why = from[1] " may not include " to[1]
	else if (n < 2)
		why = "include from the root"
	else if (to[1] == "common" && n > 2 && !(to[2] in common))
		why = "common/" to[2] " has no floor"
	else if (from[1] == "common" && common[to[2]] > common[from[2]])
		why = "common/" from[2] " lies below common/" to[2]
	else if (from[1] == "server" && to[1] == "server" && (from[2] in server) && ((to[2] in server) ? server[to[2]] > server[from[2]] : 1))
		why = "server/" from[2] " lies below server/" to[2]
	if (why != "") {
		print FILENAME ":" FNR ": " quoted[2] ": " why
		bad++
	}
}
END {
	print "layers: " bad + 0 " includes point the wrong way"
	exit bad > 0
}'
