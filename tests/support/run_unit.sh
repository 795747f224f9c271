#!/bin/sh
# Runs unit test programs; prints the output of those that fail and one closing line.
passed=0 failed=0
for test in "$@"; do
	if output=$("$test" 2>&1); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s\n' "--- $test" "$output"
	fi
done
echo "unit: $passed passed, $failed failed"
[ "$failed" = 0 ]
