#!/bin/sh
# spass chat on a terminal whose width changes while an answer comes: nothing is erased, and nothing is left over.
. "$(dirname "$0")/lib.sh"

upstream <<'END'
rule model=short
pace 20 20 100
tokens 20
rule
pace 20 20 250
tokens 400
END
export SPASS_SERVER="$url"
chat="'$spass' chat -m slow"
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

# Wider and narrower, with a draft of several rows below the answer: of words, of characters of two cells, of tabs.
for draft in 'a draft that takes three rows of forty columns, but only one where there are ninety of' \
	'这是一个很长的中文段落，用来测试换行和调整大小时的显示效果。春眠不觉晓，处处闻啼鸟。' \
	"$(printf 'tabs\tand\ttabs\tand\ttabs\tand\tmore of them')"; do
	begins=$(printf %s "$draft" | cut -c 1-12 | cut -f 1)
	# What a terminal moves out of a screen that is not full yet cannot be painted again.
	screen 40x24 "seq 30; $chat"
	see 'slow answers.'
	text 'first'; see '> first'; keys Enter
	see 'w3 '
	paste "$draft"
	see "> $begins"
	for columns in 90 60 33 29 60 17 40 120; do
		await_more
		resize ${columns}x24
		await_more
		each_word_once "with the draft $begins, $columns columns"
		count_is 1 "> $begins"
	done
	keys C-c
	see '[interrupted]'
	each_word_once 'at the end'
	count_is 1 "> $begins"
	screen_end
done

# Narrower and wider, with a message queued, whose notice then takes more rows than one, and fewer again.
screen 80x24 "$chat"
see 'slow answers.'
text 'first'; see '> first'; keys Enter
see 'w3 '
text 'queued one'; keys Enter
see '[queued: '
for columns in 40 50 33 80 20 100; do
	resize ${columns}x24
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

# Above a draft that fills the screen nothing is repainted: what leaves the screen would stay, each time.
screen 60x12 "'$spass' chat -m short"
see 'short answers.'
text 'first'; see '> first'; keys Enter
see 'w3 '
paste "$(echo top; seq 30)"
see '> top'
see 'w20'
copies=$(shown_all | grep -c '^> top')
[ "$copies" -le 2 ] || fail "the draft is there $copies times: $(shown_all)"
shown_all | tr '\n' ' ' | grep -q "w1 w2 w3 .*w18 w19 w20 *> top" || fail "the answer is not whole: $(shown_all)"
screen_end
done_testing
