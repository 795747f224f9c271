#!/bin/sh
# Conversations that are kept: gone on with after quitting, listed, resumed, forked, named, deleted.
. "$(dirname "$0")/lib.sh"

upstream <<'END'
rule body=silence
stall
rule body=fourth
say Four it is
rule body=third
say Three it is
rule body=slowly
pace 20 20 60
tokens 200
rule body=second
say Two *it* is
rule
say Hello *there*
END
behind_gateway
chat="'$spass' chat"

# Kept with the first answer; -c goes on after quitting.
screen 90x30 "$chat first question"
see 'Hello there'
text '/system be brief'; see '> /system be brief'; keys Enter
see 'The system message is set'
text '/title Rivers of the world'; keys Enter
see 'Rivers of the world'
keys C-d
ended_with 0
see 'goes on with it'
screen_end
screen 90x30 "$chat -c"
see 'Rivers of the world'
see '> first question'
see 'Hello there'
see '[system message: be brief]'
text 'the second'; see '> the second'; keys Enter
see 'Two it is'
asks 'first question.*Hello \*there\*.*the second'
asked 'be brief' || fail "the system message was not sent: $(last_request)"

# A copy of the first turn goes its own way.
text '/fork 1'; see '> /fork 1'; keys Enter
see 'with 1 turn]'
text 'the third'; see '> the third'; keys Enter
see 'Three it is'
asked 'first question.*the third' || fail "the fork was not sent: $(last_request)"
asked 'the second' && fail "the fork has what came later: $(last_request)"
text '/fork 9'; keys Enter
see 'there is no turn 9; the conversation has 2 turns'

# The list, and going on by its number and by a beginning of an id.
text '/sessions'; keys Enter
see '/resume N goes on'
shown_all | grep -q '^\* 1  .*now  .*Rivers of the world' || fail "the list: $(shown_all)"
text '/resume 2'; keys Enter
see_times 2 'Two it is'
see '> the second'
text '/retry'; see '> /retry'; keys Enter
see 'the other answer stays where it is'
see_times 3 'Two it is'
text '/resume zzzz'; keys Enter
see 'conversation_not_found'
text '/resume'; keys Enter
see '/resume wants a number'

# Each has a row of the terminal as wide as it is now.
text '/title A title of so many words that a narrow terminal has not nearly room for it'; keys Enter
see_times 2 'A title of so many words'
resize 44x30
text '/sessions'; see_times 2 '> /sessions'; keys Enter
see_times 2 '/resume N goes on'
rows=$(shown | sed -n '/> \/sessions/,/resume N goes on/p' | wc -l)
[ "$rows" = 5 ] || fail "the list of three takes $rows rows: $(shown)"
resize 90x30

# A new one; an answer that is stopped is kept, and the next turn goes on.
text '/new'; keys Enter
see 'A new conversation'
text '/fork'; keys Enter
see 'nothing is kept yet'
text 'silence'; see '> silence'; keys Enter
asks silence
keys C-c
see '[interrupted, not kept]'
text 'go slowly'; see '> go slowly'; keys Enter
see 'w5 '
keys C-c
see '[interrupted]'
text 'the third time'; see '> the third time'; keys Enter
see_times 2 'Three it is'
asked 'go slowly.*w5 .*the third time' || fail "the stopped answer was not sent: $(last_request)"
keys C-d
ended_with 0
screen_end
run 0 session show @last
out_has '[interrupted]'
out_has 'Three it is'

# A system message goes with each turn; --no-save keeps nothing; a fork from the start.
count=$("$spass" session list -a | wc -l)
screen 90x30 "$chat --no-save --system 'be brief' unkept"
see 'Hello there'
text '/sessions'; keys Enter
see 'Nothing of this conversation is kept'
keys C-d
ended_with 0
screen_end
[ "$("$spass" session list -a | wc -l)" = "$count" ] || fail "--no-save has kept something"
id=$("$spass" session list -q -n 1 | cut -f1)
screen 90x30 "$chat --fork=$id --system 'be brief' 'and the fourth'"
see 'Four it is'
keys C-d
ended_with 0
screen_end
asked 'be brief.*go slowly.*and the fourth' || fail "no system message: $(last_request)"
[ "$("$spass" session list -a | wc -l)" = "$((count + 1))" ] || fail "no copy was made"

# Tables fit the screen; the tree draws forks; deleting asks.
screen 60x24 "'$spass' session list"
ended_with 0
see 'TITLE'
[ "$(shown | sed 's|…|.|g' | awk '{ if (length > 60) print }' | wc -l)" = 0 ] || fail "too wide: $(shown)"
screen_end
screen 60x24 "'$spass' session list --all-users"
ended_with 0
see ' USER '
[ "$(shown | sed 's|…|.|g' | awk '{ if (length > 60) print }' | wc -l)" = 0 ] || fail "too wide: $(shown)"
screen_end
screen 70x24 "'$spass' session tree"
ended_with 0
see '└─ '
screen_end
screen 70x24 "'$spass' session show @last --last 1"
ended_with 0
see 'Four it is'
screen_end
screen 70x24 "'$spass' session delete @last"
see '[y/N]'
see 'messages, of user '
keys n Enter
ended_with 5
see 'not_confirmed'
screen_end
screen 70x24 "'$spass' session delete @last"
see '[y/N]'
keys y Enter
ended_with 0
screen_end
[ "$("$spass" session list -a | wc -l)" = "$count" ] || fail "nothing was deleted"

# A setting of hundreds of characters does not bury the others; in a pipe it is whole.
screen 140x60 "'$spass' tenant config list"
ended_with 0
see 'compaction_threshold_pct'
[ -z "$(shown_all | grep -v '^Pane is dead' | awk 'length > 140')" ] || fail "a row runs on: $(shown_all)"
screen_end
screen 80x60 "'$spass' tenant config list"
ended_with 0
see 'compaction_threshold_pct'
[ -z "$(shown_all | grep -v '^Pane is dead' | sed 's/…/./g' | awk 'length > 80')" ] || fail "a row runs on: $(shown_all)"
screen_end
run 0 tenant key create -q --label 'a label that is much too long for what the other columns leave' \
	--model spass-extract --model spass-embed
screen 80x60 "'$spass' tenant key list"
ended_with 0
see 'a label'
[ -z "$(shown_all | grep -v '^Pane is dead' | sed 's/…/./g' | awk 'length > 80')" ] || fail "a row runs on: $(shown_all)"
screen_end
run 0 tenant config list
awk 'length > 140 { n++ } END { exit !n }' "$dir/out" || fail "a value is cut in a pipe: $(cat "$dir/out")"

# What cannot be gone on with.
screen 70x24 "$chat -s zzzz"
ended_with 3
see 'conversation_not_found'
screen_end
run 2 chat -c --no-save < /dev/null
err_has 'no-save'
run 2 chat -c -s x < /dev/null
screen 70x24 "SPASS_SERVER='$url' $chat -c"
ended_with 2
see 'no gateway that keeps conversations'
screen_end
done_testing
