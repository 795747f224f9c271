#!/bin/sh
# The README's tour: what is printed at the first start works, and each command says what stands below it there.
. "$(dirname "$0")/lib.sh"
readme=$(dirname "$0")/../../../README.md
command -v script > /dev/null || { echo "skip $name: no script"; exit 0; }
build=$(cd "$build" && pwd) || exit 2

mkdir "$dir/user" "$dir/user/handbook" "$dir/bin"
ln -s "$build/spass" "$dir/bin/spass"
printf 'Guests use the network garden.\n' > "$dir/user/handbook/guests.txt"
printf '# Backups\n\n## When\n\nCopies are kept for thirty days, the first of each month for a year.\n' \
	> "$dir/user/handbook/backups.md"
# Nothing of this machine: no keys, no servers that are looked for.
clean() {
	env -i HOME="$HOME" PATH="$dir/bin:$PATH" LC_ALL=C.UTF-8 TERM=xterm-256color SPASS_DISCOVER=false \
		XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" ${ASAN_OPTIONS:+ASAN_OPTIONS="$ASAN_OPTIONS"} \
		${TSAN_OPTIONS:+TSAN_OPTIONS="$TSAN_OPTIONS"} "$@"
}

# The first start: address, token, and a line for curl that answers.
clean spass serve --show-token --listen 127.0.0.1:0 > "$dir/serve" 2>&1 &
pids="$pids $!"
await 10 grep -qs '^try: ' "$dir/serve" || { fail "no line to try: $(cat "$dir/serve")"; exit 1; }
grep -qE 'listening on http://127\.0\.0\.1:[0-9]+ ' "$dir/serve" || fail "no address: $(cat "$dir/serve")"
token=$(sed -n 's/^token: //p' "$dir/serve")
kept=$(sed -n 's/^token made, kept in //p' "$dir/serve")
[ -n "$token" ] && [ "$token" = "$(cat "$kept")" ] || fail "token $token is not what $kept has"
[ "$(stat -c %a "$kept")" = 600 ] || fail "the token's mode is not 600"
sed -n 's/^try: //p' "$dir/serve" > "$dir/try"
clean bash "$dir/try" > "$dir/out" 2> /dev/null
out_has '"content":"I am spass-extract'

# A command stands behind "$ ", what it prints below, up to the next command or the end of the block.
tour() {
	sed -n '/^## A minute/,/^\*\*A conversation/p; /^\*\*Your documents/,/^A language model/p' "$readme" |
		sed -n 's/^    //p; /^$/p'
}
tour > "$dir/tour"
commands=$(grep -c '^\$ ' "$dir/tour")
[ "$commands" -ge 5 ] || fail "the README's tour has $commands commands"
number=0
while [ $number -lt "$commands" ]; do
	number=$((number + 1))
	# Blank lines at the end belong to the text around the block.
	awk -v wanted=$number -v code="$dir/code" '
		/^\$ / { n++; if (n == wanted) print substr($0, 3) > code; next }
		n == wanted { if ($0 == "") blanks++; else { while (blanks) { print ""; blanks-- } print } }' \
		"$dir/tour" > "$dir/wanted"
	# Of a row that grows the last drawing counts.
	(cd "$dir/user" && clean script -qec "stty cols 100; $(cat "$dir/code")" /dev/null < /dev/null) |
		sed 's/.*\r\x1b\[K//; s/\r//g; s/\x1b\[[0-9;]*m//g; s|unix:.*/spass/gateway.sock|unix:/run/user/1000/spass/gateway.sock|' |
		sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' > "$dir/got"
	cmp -s "$dir/wanted" "$dir/got" ||
		fail "$(cat "$dir/code"): the README has < and it prints >: $(diff "$dir/wanted" "$dir/got")"
done
done_testing
