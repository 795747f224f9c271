#!/bin/sh
# Runs fuzzers one after another and prints a table.  usage: run_fuzz.sh SECONDS NAME...
# Inputs start from tests/fuzz/corpus/NAME; new ones go to build/fuzz/corpus/NAME, what breaks
# an invariant to build/fuzz/NAME-crash-*, the fuzzer's own words to build/fuzz/NAME.log.
set -u
seconds=$1
shift
failed=0
printf '%-10s %12s %8s %9s %9s %7s  %s\n' fuzzer executions per_s coverage features inputs result
for name in "$@"; do
	found=build/fuzz/corpus/$name
	seeds=tests/fuzz/corpus/$name
	log=build/fuzz/$name.log
	result=clean
	mkdir -p "$found"
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086
	"build/fuzz/$name" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="build/fuzz/$name-" "$found" $seeds >"$log" 2>&1 ||
		{ result="FAILED, see $log"; failed=1; }
	awk -v name="$name" -v result="$result" '
		{ for (i = 1; i < NF; i++) { if ($i == "cov:") cov = $(i + 1); if ($i == "ft:") ft = $(i + 1);
			if ($i == "corp:") corp = $(i + 1) } }
		/number_of_executed_units/ { runs = $2 }
		/average_exec_per_sec/ { rate = $2 }
		END { sub("/.*", "", corp)
			printf "%-10s %12s %8s %9s %9s %7s  %s\n", name, runs, rate, cov, ft, corp, result }' "$log"
done
exit $failed
