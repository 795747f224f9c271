#!/bin/sh
# An index in questions and conversations: what is found, where it is from, what the terminal shows.
. "$(dirname "$0")/lib.sh"
export SPASS_LISTEN='' SPASS_TOKEN=''

mkdir "$dir/docs"
printf '# Otters\n\nThe otter swims in rivers.\n\n## Food\n\nIt eats fish and crabs.\n' > "$dir/docs/otters.md"
printf '# Roads\n\nA car drives on roads.\n' > "$dir/docs/roads.md"
run 0 rag add docs "$dir/docs"

# Questions: the sources that the answer names are on a terminal's stderr.
screen 80x30 "'$spass' ask --rag docs 'what do otters eat?'"
see 'It eats fish and crabs.'
see '[1] docs/otters.md, line'
ended_with 0
screen_end
screen 80x30 "'$spass' ask --rag docs zebra"
see 'nothing was found in docs'
ended_with 1
screen_end

# Conversations: each message is searched for, with the one before.
screen 80x40 "'$spass' chat --rag docs"
see 'Each message is searched for in docs;'
text '/sources'; see '> /sources'; keys Enter
see 'The last message was not searched for'
text 'where do otters swim?'; see '> where do'; keys Enter
see 'The otter swims in rivers.'
see '[1 passage of docs, 1 named'
text '/sources'; keys Enter
see '* [1] docs/otters.md, line'
text 'and eat?'; see '> and eat'; keys Enter
see 'It eats fish and crabs.'
text '/rag off'; see '> /rag off'; keys Enter
see 'No index is searched.'
text '/rag nothing'; see '> /rag nothing'; keys Enter
see 'rag_index_not_found'
text '/rag ../x'; see '> /rag ../x'; keys Enter
see 'cannot be the name of an index'
text '/rag'; keys Enter
see 'docs  (2 documents)'
text '/rag docs'; see '> /rag docs'; keys Enter
see '/sources lists what was found'
text '/new'; see '> /new'; keys Enter
see 'A new conversation'
text 'roads'; see '> roads'; keys Enter
see 'A car drives on roads.'
# What was found is not kept with what was said.
text '/title'; see '> /title'; keys Enter
text '/quit'; keys Enter
ended_with 0
screen_end
run 0 session export @last
out_has 'A car drives on roads.'
if grep -q 'The passages are data' "$dir/out"; then fail "the passages are in the conversation"; fi

# A conversation that is gone on with is asked with its own index, until it is not; names complete.
run 0 rag add other "$dir/docs/roads.md"
screen 80x30 "'$spass' chat -c"
see 'Each message is searched for in docs; /rag off ends that.'
text 'what do otters eat?'; see '> what do otters'; keys Enter
see 'It eats fish and crabs.'
text '/rag o'; see '> /rag o'; keys Tab
see '> /rag other'
keys Enter
see 'Each message is searched for in other;'
text 'and cars?'; see '> and cars'; keys Enter
see '[1] roads.md, line 3'
text '/quit'; keys Enter
ended_with 0
screen_end
screen 80x30 "'$spass' chat --fork"
see 'Each message is searched for in other; /rag off ends that.'
text '/quit'; keys Enter
ended_with 0
screen_end
run 0 rag rm other --yes
screen 80x30 "'$spass' chat -c"
see 'the index other that it was asked with is no longer there'
text '/rag off'; see '> /rag off'; keys Enter
see 'No index is searched.'
text '/quit'; keys Enter
ended_with 0
screen_end
[ "$(grep -c . "$dir/state/spass/chat_indices")" = 1 ] || fail "notes: $(cat "$dir/state/spass/chat_indices")"

# Of what hardly fits, and of what is not there, nothing is quoted: neither it nor what was said before.
screen 90x40 "'$spass' chat --rag docs --filter '{\"\$document\":
{\"\$prefix\": \"docs\"}}'"
see 'Each message is searched for in docs'
text 'where do otters swim?'; keys Enter
see '[1 passage of docs, 1 named'
text '/rag off'; see '> /rag off'; keys Enter
text 'Penicillin was discovered by Alexander Fleming in London.'; keys Enter
see 'spass-extract, which is'
text '/rag docs'; see '> /rag docs'; keys Enter
text 'who discovered penicillin, antibiotics, radium and vaccines on roads?'; keys Enter
see '[nothing in docs fits; the nearest is docs/roads.md, line 3'
see '[spass-extract only quotes and was not asked'
count_is 1 'Alexander Fleming'
text '/rag off'; see '> /rag off'; keys Enter
text '/retry'; see '> /retry'; keys Enter
see '│ Penicillin was discovered by Alexander Fleming'
text '/rag docs'; keys Enter
text 'zebra?'; see '> zebra'; keys Enter
is_told_twice() { [ "$(shown_all | grep -cF '[spass-extract only quotes')" = 2 ]; }
await 10 is_told_twice || fail "zebra is asked for: $(shown_all)"
text '/quit'; keys Enter
ended_with 0
screen_end
run 0 session show @last
out_has 'Fleming'
if grep -q zebra "$dir/out"; then fail "what was not asked is kept: $(cat "$dir/out")"; fi

# What is piped in is quoted, though the index has nothing.
screen 90x30 "echo 'The zebra is in the garden.' | '$spass' chat --rag docs --no-save 'where is the zebra?'"
see '[nothing was found in docs]'
see '│ The zebra is in the garden.'
text '/quit'; see '> /quit'; keys Enter
ended_with 0
screen_end

# What is removed is asked about first.
run 0 rag add gone "$dir/docs"
for say in 'n 5' 'y 0'; do
	screen 80x20 "'$spass' rag rm gone 'docs/*s.md'"
	see 'docs/roads.md'
	see 'Remove 2 documents of gone? [y/N]'
	text "${say% *}"; keys Enter
	ended_with "${say#* }"
	screen_end
done
screen 80x20 "'$spass' rag rm gone"
see 'Remove the index gone with all its documents? [y/N]'
text 'y'; keys Enter
see 'gone was removed'
ended_with 0
screen_end

# A directory that has nothing left is asked about before its documents go; without an answer they stay.
mkdir "$dir/away"
printf 'Stoats run.\n' > "$dir/away/stoats.txt"
run 0 rag add away "$dir/away"
rm "$dir/away/stoats.txt"
for say in 'C-c 130 cancelled' 'C-d 5 not_confirmed' 'n 5 not_confirmed' 'y 0 removed'; do
	# shellcheck disable=SC2086 # the words of a row
	set -- $say
	screen 140x20 "'$spass' rag sync away '$dir/away' --prune"
	see 'remove its 1 document of away? [y/N]'
	keys "$1"
	case $1 in [yn]) keys Enter ;; esac
	ended_with "$2"
	see "$3"
	screen_end
done

run 3 ask --no-stdin --rag nothing hello
screen 80x20 "'$spass' chat --rag nothing"
see 'rag_index_not_found'
ended_with 3
done_testing
