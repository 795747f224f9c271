#!/bin/sh
# Runs the terminal's cases: run.sh BUILD-DIRECTORY [SLOWNESS] [CASE...]; one closing line.
here=$(dirname "$0")
build=$1 slow=${2:-1}
shift $(($# < 2 ? $# : 2))
# shellcheck disable=SC2046 # a name has no blank
[ $# -gt 0 ] || set -- $(ls "$here" | sed -n 's/\.sh$//p' | grep -vx -e run -e lib)
passed=0 failed=0
for case in "$@"; do
	if sh "$here/$case.sh" "$build" "$slow"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "terminal: $passed passed, $failed failed"
[ "$failed" = 0 ]
