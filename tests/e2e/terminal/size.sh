#!/bin/sh
# spass chat on a terminal whose width changes while an answer comes: nothing is erased, and nothing is left over.
. "$(dirname "$0")/lib.sh"

upstream <<'END'
rule
pace 20 20 250
tokens 400
END
export SPASS_SERVER="$url"
chat="'$spass' chat -m slow"
resize() { tmux -L "$socket" resize-window -x "$1" -y 24; }
last_word() { shown_all | grep -o 'w[0-9][0-9]*' | tail -1 | tr -d w; }
comes() { [ "$(last_word)" -gt "$1" ]; }
# Until words more have come.  The next follows long after: no row is under way when the size changes.
await_more() {
	seen=$(last_word)
	await 10 comes $((seen + 1)) || fail "no more words come: $(shown_all)"
}
each_word_once() {
	got=$(shown_all | grep -o 'w[0-9][0-9]*' | tr '\n' ' ')
	want=$(seq 1 "$(echo "$got" | wc -w)" | sed 's/^/w/' | tr '\n' ' ')
	[ "$got" = "$want" ] || fail "$1: words are missing or doubled: $(shown_all)"
}

# Wider, with a draft of several rows below the answer.
draft='a draft that takes three rows of forty columns, but only one where there are ninety of'
screen 40x24 "$chat"
see 'slow answers.'
text 'first'; see '> first'; keys Enter
see 'w3 '
text "$draft"; see "$draft"
see 'w16 '
for columns in 90 60 33 90 40 120; do
	resize $columns
	await_more
	each_word_once "with a draft, $columns columns"
	count_is 1 'a draft that takes'
done
keys C-c
see '[interrupted]'
each_word_once 'at the end'
count_is 1 'a draft that takes'
screen_end

# Narrower and wider, with a message queued, whose notice then takes more rows than one, and fewer again.
screen 80x24 "$chat"
see 'slow answers.'
text 'first'; see '> first'; keys Enter
see 'w3 '
text 'queued one'; keys Enter
see '[queued: '
for columns in 40 50 33 80 20 100; do
	resize $columns
	await_more
	each_word_once "with a queue, $columns columns"
	count_is 1 '> queued one'
	count_is 1 '[queued: it'
done
text 'a draft'; see '> a draft'
keys C-c
see '[interrupted]'
each_word_once 'at the end of the queue'
screen_end
done_testing
