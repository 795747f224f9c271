# tests/bench/rows_rag.sh - how fast and how large indices are.  Sourced by bench.sh.
#
# All text and all vectors are made up (made.h, vectors.h), the same each time.

chunks_wanted=${BENCH_CHUNKS:-100000}

# client NAME [VARIABLE=VALUE...] COMMAND...: by the user whose gateway start_spass NAME has prepared
client() {
	home=$tmp/$1
	shift
	env -i PATH="$PATH" HOME="$home" XDG_CONFIG_HOME="$home" XDG_DATA_HOME="$home/data" XDG_RUNTIME_DIR="$home" "$@"
}

# told LINE NAME: the value of NAME=VALUE in it
told() { printf '%s\n' "$1" | tr ' ' '\n' | sed -n "s/^$2=//p"; }

# One index for all rows that ask one.
big_index() {
	[ -n "${big_told:-}" ] && return
	start_spass big "" "" later
	mkdir -p "$tmp/big/data/spass/rag"
	chmod 700 "$tmp/big/data" "$tmp/big/data/spass" "$tmp/big/data/spass/rag"
	big_told=$(micro rag index "$tmp/big/data/spass/rag" default "$chunks_wanted")
	[ -n "$big_told" ] || { echo "bench: no index could be made" >&2; return 1; }
	micro rag questions "$tmp/questions" 16
	asked=$(for i in $(seq 0 15); do printf ' --body %s' "$tmp/questions/$i"; done)
}

# Files that are there already are not read again.
row_sync() {
	start_spass syncing "" "" later
	micro rag files "$tmp/syncing/files" 10000 60
	client syncing "$spass" rag add docs "$tmp/syncing/files" --no-wait 2>/dev/null || { echo "bench: sync skipped: nothing was added" >&2; return; }
	took=$(client syncing "$root/build/${build##*/}/tests/micro_rag" run 9 "$spass" rag sync docs "$tmp/syncing/files" 2>/dev/null)
	line "sync of 10,000 files, none changed: ms, with a gateway's start" "$(told "$took" wall)" "-" "-" at-most 400 "$(told "$took" wall)"
	line "the same: CPU ms" "$(told "$took" cpu)" "-" "-" - 0
}

row_cold() {
	big_index || return
	took=$(client big "$root/build/${build##*/}/tests/micro_rag" run 9 "$spass" rag query docs "how is the weather told" 2>/dev/null)
	line "query of $chunks_wanted chunks by a command: ms, with a gateway's start" "$(told "$took" wall)" "-" "-" at-most 300 "$(told "$took" wall)"
	line "the same: CPU ms" "$(told "$took" cpu)" "-" "-" - 0
	for round in $(seq 9); do
		# shellcheck disable=SC2046
		echo "cold spass $round $($far $load --to "127.0.0.1:$big_port" --path /a1/rag/indices/docs/query --header "Authorization: Bearer bench" --body "$tmp/questions/0" --until-ready -- $(cat "$tmp/big/command") 2>/dev/null | tail -1)" >> "$results"
	done
	ms=$(value cold spass ready_ms)
	[ "$ms" = -1.00 ] && ms=never
	line "start to the first query answered, $chunks_wanted chunks: ms" "$ms" "-" "-" at-most 300 "$ms"
}

# Files go into the same index until it is stopped.
feed() {
	for i in $(seq 100); do
		[ -d "$tmp/big/fresh/$i" ] || micro rag files "$tmp/big/fresh/$i" 1000 1000 $((i * 1000 + 100000))
		client big SPASS_TOKEN=bench "$spass" rag add docs "$tmp/big/fresh/$i" --no-wait >/dev/null 2>&1 || exit
	done
}

# The gateway has all cores: what answers and what takes documents in are threads of it.
row_ingest() {
	big_index || return
	mkdir -p "$tmp/big/fresh"
	for i in 1 2 3 4 5 6 7 8 9; do
		micro rag files "$tmp/big/fresh/$i" 1000 1000 $((i * 1000 + 100000))
	done
	far_before=$far far=
	launch big
	far=$far_before
	measure ingest warm 1 "$big_port" "" --connections 32 --seconds 1 --path /a1/rag/indices/docs/query $asked
	for round in $(seq "$rounds"); do
		measure ingest idle "$round" "$big_port" "" --connections 32 --seconds "$seconds" --path /a1/rag/indices/docs/query $asked
	done
	feed & feeder=$!
	sleep 1
	for round in $(seq "$rounds"); do
		measure ingest busy "$round" "$big_port" "" --connections 32 --seconds "$seconds" --path /a1/rag/indices/docs/query $asked
	done
	kill -0 $feeder 2>/dev/null || echo "bench: ingest: it ended before the questions did" >&2
	kill $feeder 2>/dev/null
	wait $feeder 2>/dev/null
	line "queries of 32 clients during ingest, and idle: p99 ms" "$(in_ms "$(value ingest busy p99)")" "$(in_ms "$(value ingest idle p99)")" "$(ratio ingest busy idle p99)" at-most 3
	line "the same: p50 ms" "$(in_ms "$(value ingest busy p50)")" "$(in_ms "$(value ingest idle p50)")" "$(ratio ingest busy idle p50)" - 0
	line "the same: queries/s" "$(value ingest busy rps)" "$(value ingest idle rps)" "$(ratio ingest busy idle rps)" - 0
	no_errors ingest "idle busy"
	stop big
}

in_ms() { awk -v us="$1" 'BEGIN { printf "%.2f", us / 1000 }'; }

row_taking() {
	micro ingest > "$tmp/taking" || { echo "bench: taking skipped" >&2; return; }
	ours=$(awk '/^put / { print $4 }' "$tmp/taking")
	theirs=$(awk '/^FTS5 porter/ { print $8 }' "$tmp/taking")
	ratio=$(awk '/^FTS5 \/ put/ { print $4 }' "$tmp/taking")
	line "text to searchable, beside FTS5 porter: CPU us a chunk" "$ours" "$theirs" "$ratio" at-least 1
	line "merging and latent space: CPU us a chunk" "$(awk '/^merging/ { print $(NF - 3) }' "$tmp/taking")" "-" "-" - 0
}

row_words() {
	ROWS=speed micro lexical > "$tmp/words" || { echo "bench: words skipped" >&2; return; }
	for what in p50 p95; do
		limit=60
		[ $what = p95 ] && limit=80
		# shellcheck disable=SC2046
		set -- $(awk -v what="^query $what" '$0 ~ what { print $4, $5, $6 }' "$tmp/words")
		line "words, 100,000 chunks, beside FTS5 porter: $what ms" "${1:--}" "${2:--}" "${3:--}" at-least $limit
	done
}

# seen PATTERN: the line of what micro_vector has said
seen() { grep -m 1 -F -- "$1" "$tmp/vectors"; }

row_vectors() {
	make -s -C "$root" MODE="${build##*/}" "build/${build##*/}/tests/micro_vector" >&2 || return
	ROWS=${BENCH_VECTORS:-100000} GRAPH=${BENCH_GRAPH:-20000} $far "$root/build/${build##*/}/tests/micro_vector" > "$tmp/vectors" || { echo "bench: vectors skipped" >&2; return; }
	ours=$(seen "ours  " | awk '{ print $2 }')
	recall=$(seen "ours  " | awk '{ print $NF }')
	line "vectors, ${BENCH_VECTORS:-100000} of 768 dimensions: recall@10" "$recall" "-" "-" at-least 0.99 "$recall"
	if seen "faiss flat / ours" >/dev/null; then
		line "the same: ms beside faiss flat" "$ours" "$(seen "faiss flat  " | awk '{ print $3 }')" "$(seen "faiss flat / ours" | awk '{ print $5 }')" at-least 30
		line "the same: building, times hnswlib" "-" "-" "$(seen "hnswlib, building" | sed 's/.*: \([0-9.]*\) x .*/\1/')" at-least 20
	else
		line "the same: ms (faiss and hnswlib are not installed)" "$ours" "-" "-" - 0
	fi
	if seen "sqlite-vec floats / ours" >/dev/null; then
		line "the same: beside sqlite-vec, floats" "$ours" "-" "$(seen "sqlite-vec floats / ours" | awk '{ print $5 }')" at-least 25
		line "the same: beside sqlite-vec, bits" "$ours" "-" "$(seen "sqlite-vec bits / ours" | awk '{ print $5 }')" at-least 8
	fi
	bytes=$(seen "bytes a vector" | awk '{ print $5 }')
	line "bytes a vector" "$bytes" "-" "-" at-most 900 "$bytes"
}

row_visible() {
	big_index || return
	cp -r "$tmp/big/data/spass/rag" "$tmp/seen"
	took=$(micro rag visible "$tmp/seen" default 100)
	line "commit to found in it, same process: p99 ms (p50 beside)" "$(told "$took" here99)" "$(told "$took" here50)" "-" at-most 50 "$(told "$took" here99)"
	line "commit to found in it, another process: p99 ms (p50 beside)" "$(told "$took" there99)" "$(told "$took" there50)" "-" at-most 50 "$(told "$took" there99)"
	rm -rf "$tmp/seen"
}

row_bytes() {
	big_index || return
	line "bytes a chunk in memory, without vectors (its text beside)" "$(told "$big_told" memory)" "$(told "$big_told" text)" "-" - 0
	line "bytes a chunk in the database (its text beside)" "$(told "$big_told" disk)" "$(told "$big_told" text)" "-" - 0
}
