#!/bin/sh
# What the end-to-end cases must show, taken from the program's own tables:
# - each error of common/base/errors.def that the program can raise reaches a client in a case; when it is an
#   answer of the gateway, in one that runs over TCP, TLS and the Unix socket;
# - each route of server/api/routes.c answers 2xx in a case that runs over all three.
# Exceptions stand here with their reason; one that is none any more is a failure too: the list can only shrink.
set -u
# Shown by no case, or by none over all transports.
unseen="
document_too_large   # until a case sends one
loader_failed        # likewise
rag_dimension_mismatch # in the log: vectors are made in the background
"
one_transport="
connect_failed      # said by a command
internal_error      # likewise: a fault of the gateway itself
usage               # a command's own
not_confirmed       # likewise
"
status=0
fail() {
	echo "covered: $*"
	status=1
}
holds() { # LIST WORD
	printf '%s\n' "$1" | grep -qE "^$2( |\$)"
}
codes=$(sed -n 's/^E(\([a-z_]*\),.*/\1/p' common/base/errors.def)
cases=$(find tests/e2e/cases -name '*.case')
# shellcheck disable=SC2086
everywhere=$(grep -lx 'transports: all' $cases)

# Codes in answers: an answer's error, a refusal of the wire; or a cell of a table whose case puts ${code} there
# (which the case of the catalogue does not: its word for it is "code":"${code}").
answered() {
	sed -En 's/^ *(event (last|[0-9]+) )?json error\.code = "([a-z_]+)".*/\3/p
		s/^refused [0-9]+ ([a-z_]+)$/\1/p' "$@"
	# shellcheck disable=SC2016,SC2046
	awk '/^each / { col = 0; for (i = 2; i <= NF; i++) if ($i == "code") col = i }
		/^ *\|/ && col { split($0, cell, / *\| */); print cell[col] }' $(grep -lF '= "${code}"' "$@")
}
# What a command printed, and what stands in the records of a client that has left.
printed() {
	sed -En 's/^ *stderr (contains|starts) (spass: )?([a-z_]+):?( .*)?$/\3/p
		s/^ *row ([^|]*\|)*(cancelled)\|.*/\2/p' "$@"
}
# shellcheck disable=SC2086
in_answers=$(answered $cases) in_all=$(answered $everywhere) elsewhere=$(printed $cases)
sources=$(ls common/*/*.c server/*.c server/*/*.c tui/*.c cmd/*.c)
seen=0 unused=
for code in $codes; do
	# shellcheck disable=SC2086
	if ! grep -qE "\bE_$code\b" $sources; then
		unused="$unused $code"
		holds "$unseen" "$code" && fail "nothing in the program says $code: it is no exception"
	elif holds "$in_answers" "$code"; then
		seen=$((seen + 1))
		holds "$unseen" "$code" && fail "$code is shown by a case: it is no exception any more"
		if holds "$in_all" "$code"; then
			holds "$one_transport" "$code" && fail "$code is shown over all transports: it is no exception any more"
		elif ! holds "$one_transport" "$code"; then
			fail "no case shows $code over all transports"
		fi
	elif holds "$elsewhere" "$code"; then
		seen=$((seen + 1))
	elif ! holds "$unseen" "$code"; then
		fail "no case shows $code"
	fi
done
for code in $(printf '%s\n' "$unseen$one_transport" | sed 's/ .*//'); do
	holds "$codes" "$code" || fail "errors.def has no $code"
done

routes=$(sed -n 's/^\t\(ROUTE\|METRICS\|PUBLIC\)(\([A-Z]*\), "\([^"]*\)".*/\2 \3/p' server/api/routes.c)
# shellcheck disable=SC2086
served=$(awk '/^(send|until) / { asked = $2 " " $3; if ($1 == "until") print asked }
	/^(expect|await-head)( 20[0-6])?$/ { print asked }' $everywhere)
count=0
while read -r method path; do
	count=$((count + 1))
	pattern=$(printf '%s' "$path" | sed 's/\./\\./g; s/{[^}]*}/[^ ]+/g')
	printf '%s\n' "$served" | grep -qxE "$method $pattern" || fail "no case is served $method $path over all transports"
done <<END
$routes
END
[ "$count" -gt 5 ] || fail "only $count routes were found"
echo "covered: $seen errors, $count routes; not used by the program yet:${unused:- none}"
exit $status
