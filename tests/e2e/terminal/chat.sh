#!/bin/sh
# spass chat: streaming below the transcript, typing meanwhile, Ctrl-C, history, pastes, sizes.
. "$(dirname "$0")/lib.sh"

upstream <<'END'
rule model=quick
say Hello *there*
rule model=slow
pace 20 20 60
tokens 200
rule model=short
pace 20 20 80
tokens 30
rule model=cut
cut-after 3
tokens 9
rule model=limited
error 429 rate_limit_exceeded slow down
rule model=evil
say x\x1b[2Jy\x1b]0;gotcha\x07z
rule model=think
think pondering
say done
END
export SPASS_SERVER="$url"
chat="'$spass' chat"

# Start, answer, quit; the terminal is left as it was.
screen 70x20 "stty -g > '$dir/before'; $chat -m quick; rc=\$?; stty -g > '$dir/after'; (exit \$rc)"
see 'quick answers.'
text 'hi'; see '> hi'; keys Enter
see 'Hello there'
text '/quit now'; see '> /quit now'; keys Enter
see '/quit takes no argument.'
text '/quit'; keys Enter
ended_with 0
cmp -s "$dir/before" "$dir/after" || fail "the terminal's settings have changed"
screen_end

# Type while it streams: each word once, the draft untouched; Ctrl-C keeps program and draft.
screen 70x20 "$chat -m slow"
see 'slow answers.'
text 'go'; see '> go'; keys Enter
see 'w5 '
text 'a draft'
see '> a draft'
see 'w12 '
keys C-c
see '[interrupted]'
see '> a draft'
count_is 1 'w3 '
count_is 1 '> a draft'
keys C-c
gone '> a draft'
at_left() { shown | grep -qx '> *'; }
await 10 at_left || fail "the empty prompt is not at the left edge: $(shown)"
keys Up
see '> a draft'
keys C-c
gone '> a draft'
keys C-c
see 'Ctrl-C again'
keys C-c
ended_with 130
screen_end

# So does a SIGTERM stop the answer, and then it ends.
screen 70x20 "sh -c 'echo \$\$ > $dir/pid; exec \"\$@\"' sh $chat -m slow"
see 'slow answers.'
text 'go'; see '> go'; keys Enter
see 'w5 '
kill -TERM "$(cat "$dir/pid")"
ended_with 143
count_is 1 '[interrupted]'
count_is 0 'cancelled'
screen_end

# So does Ctrl-D, and what was repainted above the prompt stands there once; readline ends its row or does not.
for marks in on off; do
	printf 'set enable-bracketed-paste %s\n' $marks > "$dir/inputrc"
	screen 60x20 "INPUTRC='$dir/inputrc' $chat -m slow"
	see 'slow answers.'
	text 'go'; see '> go'; keys Enter
	see 'w5 '
	text 'm1'; see '> m1'; keys Enter
	see 'queued'
	keys C-d
	ended_with 0
	got=$(shown_all | tr '\n' ' ' | sed 's/.*> go *//; s/ *> m1 .*//')
	want=$(seq -s ' ' -f 'w%g' 1 "$(echo "$got" | wc -w)")
	[ "$got" = "$want" ] || fail "marks $marks: the answer's rows are not there once: $(shown_all)"
	count_is 1 '[interrupted]'
	screen_end
done

# Whole answer while typing: every word exactly once and in order.
screen 50x12 "$chat -m short"
see 'short answers.'
text 'go'; see '> go'; keys Enter
for word in a b c d e f g; do
	text "$word"
done
see '> abcdefg'
see 'w30'
got=$(shown_all | grep -o 'w[0-9][0-9]*' | tr '\n' ' ')
want=$(seq 1 30 | sed 's/^/w/' | tr '\n' ' ')
[ "$got" = "$want" ] || fail "words are missing or doubled: $got"
# A message that is sent while an answer comes waits for it.
keys C-u
text 'one'; see '> one'; keys Enter
see '> one'
text 'two'; see '> two'; keys Enter
see 'queued'
await 20 grep -q '"body".*two' "$dir/log1" || fail "the queued message was not sent"
screen_end

# What a command says while an answer comes stands below the row that grows, and at the end behind the paragraph.
screen 50x14 "$chat -m short"
see 'short answers.'
text 'go'; see '> go'; keys Enter
see 'w5 '
text '/usage'; see '> /usage'; keys Enter
see 'tokens of prompt'
text 'a draft'; see '> a draft'
see 'w30'
at_end() { shown_all | tr '\n' ' ' | grep -q 'w28 w29 w30 *> /usage *messages: .*tokens of prompt.* > a draft *$'; }
await 10 at_end || fail "the command's answer is not behind the paragraph: $(shown_all)"
got=$(shown_all | tr '\n' ' ' | grep -o 'w1 .*w30' | tr -s ' ')
[ "$got" = "$(seq -s ' ' -f 'w%g' 1 30)" ] || fail "the paragraph is cut: $(shown_all)"
count_is 1 '> /usage'
count_is 1 'tokens of prompt'
keys C-u
text '/quit'; keys Enter
ended_with 0
screen_end

# Three lines in one paste are one message; Ctrl-J makes a line too; the history keeps them whole.
screen 70x20 "$chat -m quick"
see 'quick answers.'
paste 'first\nsecond\nthird'
see 'third'
count_is 0 'Hello'
keys Enter
see 'Hello there'
text 'up'; keys C-j; text 'down'; see 'down'; keys Enter
await 5 grep -q 'first.*second.*third' "$dir/log1" || fail "the paste was not one message"
text '/quit'; keys Enter
ended_with 0
screen_end
[ "$(stat -c %a "$dir/state/spass/chat_history")" = 600 ] || fail "the history's mode is not 600"
grep -qx 'first\\nsecond\\nthird' "$dir/state/spass/chat_history" || fail "history: $(cat "$dir/state/spass/chat_history")"
screen 70x20 "$chat -m quick"
see 'quick answers.'
keys Up Up Up
see 'second'
keys Enter
see 'Hello there'
keys C-d
ended_with 0
screen_end

# Alt-Enter makes a line, as Ctrl-J does, where a terminal cannot tell Shift-Enter.
screen 70x20 "$chat -m quick"
see 'quick answers.'
text 'alt one'; keys M-Enter; text 'alt two'; see 'alt two'
count_is 0 'Hello'
keys Enter
see 'Hello there'
await 5 grep -q 'alt one.*alt two' "$dir/log1" || fail "Alt-Enter sent the message: $(shown_all)"
screen_end

# Names of files are completed where a command wants one, and nowhere else.
printf 'Otters swim.\n' > "$dir/otters-in-rivers.txt"
screen 120x20 "$chat -m quick"
see 'quick answers.'
text "/file $dir/ott"; see "/file $dir/ott"; keys Tab
see "> /file $dir/otters-in-rivers.txt"
keys Enter
see "$dir/otters-in-rivers.txt goes with your next message"
text '/file ~/ott'; see '/file ~/ott'; keys Tab
see '> /file ~/otters-in-rivers.txt'
keys Enter
see_times 2 "$dir/otters-in-rivers.txt goes with your next message"
text 'see otters'; keys Tab; text '?'
see '> see otters?'
screen_end

# The editing mode of the user's inputrc: vi.
printf 'set editing-mode vi\n' > "$dir/inputrc"
screen 70x20 "INPUTRC='$dir/inputrc' $chat -m quick"
see 'quick answers.'
text 'xold words'; see '> xold words'
keys Escape; text '0x'; see '> old words'
text 'cwnew'; see '> new words'
keys Escape; keys Enter
see 'Hello there'
await 5 grep -q 'new words' "$dir/log1" || fail "vi's editing was not sent: $(shown_all)"
screen_end

# Another size while it streams.
screen 80x24 "$chat -m slow"
see 'slow answers.'
text 'go'; see '> go'; keys Enter
see 'w5 '
resize 40x12
see 'w30 '
resize 120x40
see 'w45 '
resize 80x24
see 'w55 '
keys C-c
see '[interrupted]'
for n in 3 8 14 20 25 29 33; do
	count_is 1 "w$n "
done
text 'still here'
see '> still here'
screen_end

# A draft that takes more rows on a narrower terminal leaves no half of the answer's row above it.
screen 80x24 "$chat -m slow"
see 'slow answers.'
text 'go'; see '> go'; keys Enter
text 'a draft of more words than there will be room for in a row of it'; see 'in a row of it'
see 'w33'
resize 50x24
see 'w48'
resize 30x10
see 'w61'
keys C-c
see '[interrupted]'
got=$(shown_all | grep -o 'w[0-9][0-9]*' | tr '\n' ' ')
want=$(seq 1 "$(echo "$got" | wc -w)" | sed 's/^/w/' | tr '\n' ' ')
[ "$got" = "$want" ] || fail "words are missing or doubled after another size: $got"
count_is 1 'a draft of more'
screen_end

# Errors and cuts are told, and the conversation goes on.
screen 70x20 "$chat -m cut"
text 'hi'; see '> hi'; keys Enter
see 'the answer is cut off here'
see 'stream_cut'
text '/model limited'; see '/model limited'; keys Enter
see 'limited answers.'
text '/retry'; see '> /retry'; keys Enter
see 'slow down'
text '/model quick'; see '/model quick'; keys Enter
text '/retry'; keys Enter
see 'Hello there'
text '/hlep'; keys Enter
see 'did you mean /help?'
text '//not a command'; keys Enter
text '/us'; keys Tab; see '/usage'; keys Enter
see 'tokens of prompt'
keys C-d
ended_with 0
screen_end

# No text of a model reaches the terminal's controls.
screen 70x20 "$chat -m evil"
text 'hi'; see '> hi'; keys Enter
see 'x^[[2Jy^[]0;gotcha^Gz'
see '> hi'
screen_end

# Thoughts, the editor, a stop and going on.
printf '#!/bin/sh\nprintf "written elsewhere\\n" > "$1"\n' > "$dir/editor"
chmod +x "$dir/editor"
screen 70x20 "EDITOR='$dir/editor' $chat -m think"
see 'think answers.'
keys C-x C-e
see '> written elsewhere'
keys Enter
see 'pondering'
see 'done'
screen_end
screen 70x20 "sh -i"
text "exec 2>&1; PS1='shell: '; $chat -m slow"; keys Enter
see 'slow answers.'
text 'go'; see '> go'; keys Enter
see 'w5 '
text 'draft'; see '> draft'
keys C-z
await 10 sh -c "tmux -L '$socket' capture-pane -p | grep -q '^shell: *$'" || fail "no prompt after Ctrl-Z: $(shown_all)"
text 'fg'; keys Enter
see 'w40 '
see '> draft'
screen_end

# Piped context, the keyboard from the terminal; no terminal at all.
screen 70x20 "printf 'piped words' | $chat -m quick"
see '11 bytes go with the first message'
text 'what?'; see '> what?'; keys Enter
see 'Hello there'
keys C-d
ended_with 0
screen_end
run 2 chat < /dev/null
err_has 'needs a terminal'

# Without colours and on a dumb terminal.
screen 70x20 "NO_COLOR=1 $chat -m quick"
text 'hi'; see '> hi'; keys Enter
see 'Hello there'
tmux -L "$socket" capture-pane -p -e -t 0 | grep -q "$(printf '\033\[[0-9;]*[1-9]')" && fail "colours in spite of NO_COLOR"
screen_end
screen 70x20 "TERM=dumb $chat -m short"
see 'short answers.'
see '>'
text 'hi'; keys Enter
see 'w30'
text '/usage'; keys Enter
see 'tokens of prompt'
text '/quit'; keys Enter
ended_with 0
count_is 1 'w3 '
count_is 0 '> w1'
count_is 1 '> /usage'
screen_end

# Ctrl-C ends what a gateway that has fallen silent is asked for, and neither the draft nor the chat.
upstream <<'END'
rule path=/v1/info
body {"models":[{"alias":"mock","routing":[]}],"default_model":"mock"}
rule path=/c1/conversations*
stall
END
screen 70x20 "SPASS_SERVER='$url' $chat"
see 'mock answers.'
for n in 1 2; do
	text '/sessions'; see_times $n '> /sessions'; keys Enter
	is_asked() { [ "$(grep -c '"path":"/c1/conversations' "$dir/log2")" = $n ]; }
	await 10 is_asked || fail "the list is not asked for: $(shown_all)"
	keys C-c
	see_times $n '[interrupted]'
done
text 'a draft'; see '> a draft'
count_is 0 'Ctrl-C again'
count_is 2 '[interrupted]'
keys C-c
gone '> a draft'
keys C-d
ended_with 0
screen_end

# A gateway that wants the user named is told who it is with the first message, and asked for the cost.
upstream <<'END'
rule path=/v1/info
body {"gateway":{"user_id_required":true},"models":[{"alias":"mock","routing":[]}],"default_model":"mock"}
rule path=/c1/chat
type text/event-stream
event {"choices":[{"delta":{"content":"Hello there"}}],"usage":{"prompt_tokens":3,"completion_tokens":2}}
chunk event: spass.cost\ndata: {"eur":null,"usd":0.0015,"source":"table"}\n\n
event [DONE]
end
END
screen 70x20 "SPASS_SERVER='$url' $chat hi"
see 'Hello there'
text '/retry'; keys Enter
see_times 2 'Hello there'
# What the answers have cost is added up.
text '/usage'; keys Enter
see 'cost: 0.003 USD.'
keys C-d
ended_with 0
grep -q "\"POST\",\"path\":\"/c1/chat\".*\"spass-user-id\":\"$(id -un)\"" "$dir/log3" ||
	fail "the user is not named: $(cat "$dir/log3")"
grep -q '"spass-cost-trailer":"on"' "$dir/log3" || fail "the cost is not asked for: $(cat "$dir/log3")"
screen_end

# The gateway in the same process, and its built-in model.
screen 78x24 "unset SPASS_SERVER; $chat 'who are you?'"
see 'spass-extract'
see 'It is no language model'
see '> who are you?'
see 'I am spass-extract'
keys C-d
ended_with 0
done_testing
