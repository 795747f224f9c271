#!/bin/sh
# make install puts all that there is below DESTDIR and PREFIX, and make uninstall leaves nothing of it.
# usage: installed.sh MODE
set -u
dir=$(mktemp -d "${TMPDIR:-/tmp}/spass-install-XXXXXX") || exit 2
trap 'rm -rf "$dir"' EXIT
status=0
fail() {
	echo "installed: $*"
	status=1
}
run() { make --no-print-directory MODE="$1" DESTDIR="$dir/to" PREFIX=/opt/spass "$2" > "$dir/log" 2>&1 || fail "$2: $(cat "$dir/log")"; }

run "$1" install
at=$dir/to/opt/spass
[ "$("$at/bin/spass" version 2>&1)" = "$(build/"$1"/spass version)" ] || fail "the program that is installed does not run"
for page in man/*.[1-8]; do
	cmp -s "$page" "$at/share/man/man${page##*.}/${page##*/}" || fail "$page is not there"
done
for file in bash-completion/completions/spass zsh/site-functions/_spass fish/vendor_completions.d/spass.fish; do
	[ -s "$at/share/$file" ] || fail "$file is not there"
done
grep -qx 'ExecStart=/opt/spass/bin/spass serve.*' "$at/lib/systemd/system/spass.service" || fail "the unit starts another program"
grep -q '@' "$at/lib/systemd/system/spass.service" && fail "the unit has names that stand for others"
[ -s "$at/lib/systemd/system/spass.socket" ] || fail "spass.socket is not there"
run "$1" uninstall
left=$(cd "$dir" && find to -mindepth 1 2>/dev/null)
[ -z "$left" ] || fail "uninstall leaves $left"
[ $status = 0 ] && echo "installed: all of it, and all taken away again"
exit $status
