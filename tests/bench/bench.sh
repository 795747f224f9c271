#!/bin/sh
# The bench: spass beside nginx and the direct path on the same scripted upstream, in alternation.
#
#   tests/bench/bench.sh [-b BUILD] [-r ROUNDS] [-s SECONDS] [ROW...]
#
# Rows: plain single features ttfb streams writes tls body20 tools start reload everything turns history
# many ledger portkey sync cold ingest taking words vectors visible bytes (default: all; rag: the last eight).
# With two cores or more the gateway under test runs on core 1, load and upstream on core 0.
# Every figure is a median over the rounds; ratios are taken inside a round and then their median.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=build/release rounds=3 seconds=4
while getopts b:r:s: option; do
	case $option in
	b) build=$OPTARG ;;
	r) rounds=$OPTARG ;;
	s) seconds=$OPTARG ;;
	*) sed -n '2,9p' "$0" >&2; exit 2 ;;
	esac
done
shift $((OPTIND - 1))
rows=${*:-plain single features ttfb streams writes tls body20 tools start reload everything turns history many ledger portkey rag}
case $build in /*) ;; *) build=$PWD/$build ;; esac
spass=$build/spass upstream=$build/tests/upstream load=$build/tests/load
root=$PWD
. tests/bench/lib.sh
. tests/bench/rows_tenants.sh
. tests/bench/rows_rag.sh

rows=$(for row in $rows; do [ "$row" = rag ] && row="sync cold ingest visible bytes taking words vectors"; echo "$row"; done)
setup
for row in $rows; do
	case $row in
	plain) row_plain ;;
	single) row_single ;;
	features) row_features ;;
	ttfb) row_ttfb ;;
	streams) row_streams ;;
	writes) row_writes ;;
	tls) row_tls ;;
	body20) row_body20 ;;
	tools) row_tools ;;
	start) row_start ;;
	reload) row_reload ;;
	everything) row_everything ;;
	turns) row_turns ;;
	history) row_history ;;
	many) row_many ;;
	ledger) row_ledger ;;
	portkey) row_portkey ;;
	sync) row_sync ;;
	cold) row_cold ;;
	ingest) row_ingest ;;
	taking) row_taking ;;
	words) row_words ;;
	vectors) row_vectors ;;
	visible) row_visible ;;
	bytes) row_bytes ;;
	*) echo "bench: no row is called $row" >&2; exit 2 ;;
	esac
done
report
