#!/bin/sh
# Runs unit test programs, several at once as most of them wait; prints the output of those that fail and one
# closing line.  One that hangs has failed.
one='if output=$(timeout -k 10 900 "$0" 2>&1); then echo "passed"; else printf "%s\n" "--- $0" "$output" "failed"; fi'
all=$(printf '%s\n' "$@" | xargs -P "$(($(nproc) * 2))" -n 1 sh -c "$one")
printf '%s\n' "$all" | grep -vx passed
passed=$(printf '%s\n' "$all" | grep -cx passed)
echo "unit: $passed passed, $(($# - passed)) failed"
[ "$passed" = $# ]
