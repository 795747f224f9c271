#!/bin/sh
# A chat whose gateway is killed in the middle of an answer and started again: nothing of what was kept is lost.
. "$(dirname "$0")/lib.sh"

upstream <<'END'
rule body=then
say Hello *there*
rule body=never
pace 20 20 100
tokens 200
rule
say Hello *there*
END
behind_gateway
# It prints its line only when it answers.
gateway() {
	: > "$dir/serve"
	"$spass" serve --listen 127.0.0.1:0 > "$dir/serve" 2>&1 &
	gateway=$!
	pids="$pids $gateway"
	await 10 grep -qs 'listening on' "$dir/serve" || { fail "no gateway: $(cat "$dir/serve")"; exit 1; }
}
crash() {
	kill -9 "$gateway"
	wait "$gateway" 2> /dev/null
}

# In a later turn: /retry asks the same in the conversation, after what was kept of it.
gateway
screen 90x40 "'$spass' chat first question"
see 'Hello there'
text 'never ends'; see '> never ends'; keys Enter
see 'w9 '
crash
see 'stream_cut'
gateway
text '/retry'; see '> /retry'; keys Enter
see 'has not kept the answer'
see_times 2 'w5 '
asks 'first question.*Hello \*there\*.*never ends'
keys C-c
see '[interrupted]'
text 'and then'; see '> and then'; keys Enter
asks 'first question.*never ends.*w5 .*and then'
keys C-d
ended_with 0
screen_end
[ "$("$spass" session list -a -q | wc -l)" = 1 ] || fail "another conversation was begun: $("$spass" session tree)"

# In the first answer there is no conversation to go on with: another begins, with the message of then or the next.
for message in '/retry' 'never mind'; do
	count=$("$spass" session list -a -q | wc -l)
	screen 90x40 "'$spass' chat never ends"
	see 'w9 '
	crash
	see 'stream_cut'
	text 'never heard'; see '> never heard'; keys Enter
	see 'connect_failed'
	gateway
	text "$message"; see "> $message"; keys Enter
	see 'kept nothing of this conversation: a new one begins'
	wanted=$([ "$message" = /retry ] && echo 'never heard' || echo "$message")
	asks "$wanted"
	see_times 2 'w5 '
	asked 'never ends' && fail "the lost message was sent too: $(last_request)"
	keys C-c
	see '[interrupted]'
	text 'and then'; see '> and then'; keys Enter
	asks "$wanted.*w5 .*and then"
	see 'Hello there'
	keys C-d
	ended_with 0
	see 'goes on with it'
	screen_end
	[ "$("$spass" session list -a -q | wc -l)" = $((count + 1)) ] || fail "not one more: $("$spass" session tree)"
done

# Twice in a row, with a message between that was never sent: of the second, which is kept, /retry makes a copy.
conversation() {
	printf '{"id":"conv_lost","messages":['
	for message in "$@"; do
		printf '{"id":"m","role":"user","content":"%s"},{"id":"m","role":"assistant","content":"Yes"},' "$message"
	done | sed 's/,$//'
	printf ']}'
}
upstream <<END
rule path=/v1/info
body {"models":[{"alias":"mock","routing":[]}],"default_model":"mock"}
rule path=/c1/chat nth=2-3
header X-Conversation-Id: conv_lost
type text/event-stream
event {"choices":[{"delta":{"content":"Cut"}}]}
cut
rule path=/c1/chat
header X-Conversation-Id: conv_lost
type text/event-stream
event {"choices":[{"delta":{"content":"Hello there"}}]}
event [DONE]
end
rule path=/c1/conversations/conv_lost nth=1
error 503 gateway_overloaded not now
rule path=/c1/conversations/conv_lost nth=1
body $(conversation first)
rule path=/c1/conversations/conv_lost
body $(conversation first fourth)
rule path=/c1/conversations/conv_lost/fork
body {"id":"conv_copy"}
END
screen 90x40 "SPASS_SERVER='$url' '$spass' chat first"
see 'Hello there'
text 'second'; see '> second'; keys Enter
see 'stream_cut'
text 'third'; see '> third'; keys Enter
see 'not now'
text 'fourth'; see '> fourth'; keys Enter
see 'has not kept the answer'
see_times 2 'stream_cut'
text '/retry'; see '> /retry'; keys Enter
see 'in a copy; the other answer stays'
count_is 1 'has not kept the answer'
await 10 grep -q '"POST".*conv_copy.*fourth' "$dir/log2" || fail "the copy was not asked: $(shown_all)"
grep -q 'message.*third' "$dir/log2" && fail "what could not be sent was sent later: $(shown_all)"
keys C-d
ended_with 0
screen_end
done_testing
