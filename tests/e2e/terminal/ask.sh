#!/bin/sh
# spass ask: the answer on stdout and nothing else, and the exit statuses.
. "$(dirname "$0")/lib.sh"

upstream <<'END'
rule model=plain stream=yes
say Hello *there*\n\n
rule model=plain stream=no
say whole
rule model=code
say Look:\n```c\nint a;\n```\nand\n~~~\nb\n~~~\n
rule model=think
think pondering
say done
rule model=length
finish length
say cut
rule model=cut
cut-after 2
tokens 9
rule model=end
end-after 2
tokens 9
rule model=broken
error-after 2 {"error":{"message":"it burst","type":"upstream_error","code":"upstream_timeout"}}
tokens 9
rule model=limited
error 429 rate_limit_exceeded slow down
rule model=patient nth=1
header Retry-After: 2
error 429 rate_limit_exceeded slow down
rule model=patient
say At last
rule model=endlessly
header Retry-After: 20
error 429 rate_limit_exceeded slow down
rule model=stall
stall-after 1
tokens 5
rule model=endless
flood
rule model=empty
say
rule model=evil
say a\x1b[2Jb
END
export SPASS_SERVER="$url"

run 0 ask -m plain hi < /dev/null
out_is 'Hello *there*\n'
err_is_empty
run 0 ask -m plain --no-stream hi < /dev/null
out_is 'whole\n'
printf 'some context\n' | run 0 ask -m plain what is 'this?'
grep -q 'what is this?.*some context' "$dir/log1" || fail "what is piped in is not in the request"
run 0 ask -m plain --json hi < /dev/null
out_has '"text":"Hello *there*\n\n"'
out_has '"finish_reason":"stop"'
run 0 ask -m code --code hi < /dev/null
out_is 'int a;\n'
run 0 ask -m code --code=-1 hi < /dev/null
out_is 'b\n'
run 1 ask -m code --code=3 hi < /dev/null
out_is ''
err_has 'no such block'
run 0 ask -m think hi < /dev/null
out_is 'done\n'
run 7 ask -m length hi < /dev/null
out_is 'cut\n'
err_has 'limit of its length'
run 1 ask -m cut hi < /dev/null
err_has 'stream_cut'
[ "$(tail -c1 "$dir/out" | od -An -c | tr -d ' ')" = '\n' ] || fail "no newline after a cut answer"
run 1 ask -m end hi < /dev/null
err_has 'stream_cut'
run 6 ask -m broken hi < /dev/null
err_has 'it burst'
run 6 ask -m limited hi < /dev/null
err_has 'slow down'
run 124 ask -m stall --timeout 500ms hi < /dev/null
run 0 ask -m empty hi < /dev/null
out_is ''
err_has 'empty'
run 2 ask < /dev/null
run 2 ask hi -f "$dir/none-such" < /dev/null
run 2 ask hi -f /bin/sh < /dev/null
err_has 'is not text'
head -c 9000000 /dev/zero | tr '\0' x | run 7 ask hi
run 6 ask hi --server http://127.0.0.1:1 < /dev/null

# A file with backticks is fenced with more of them.
printf 'a\n```\nb\n' > "$dir/file.md"
run 0 ask -m plain -f "$dir/file.md" hi < /dev/null

run 0 ask -m plain -o "$dir/answer" hi < /dev/null
out_is ''
[ "$(cat "$dir/answer")" = 'Hello *there*' ] || fail "wrong file"
chmod 640 "$dir/answer"
run 0 ask -m plain -o "$dir/answer" hi < /dev/null
[ "$(stat -c %a "$dir/answer")" = 640 ] || fail "the mode of the file has changed"
run 74 ask -m plain -o "$dir/no/such/place" hi < /dev/null

"$spass" ask -m plain hi < /dev/null > /dev/full 2> "$dir/err"
[ $? = 74 ] || fail "a full disk gives $?"
err_has 'output_failed: cannot write to standard output: No space left on device'
for option in --json --no-stream --code; do
	"$spass" ask -m code $option hi < /dev/null > /dev/full 2> "$dir/err"
	[ $? = 74 ] || fail "a full disk gives $? with $option"
	err_has 'No space left on device'
done
printf 'a\0b' | run 2 ask hi
err_has 'standard input is not text: byte 2 is NUL'
printf 'caf\351' | run 2 ask hi
err_has 'standard input is not UTF-8 text: byte 4 is 0xe9'

# The reader goes: killed by SIGPIPE, as the shell sees it.
{ "$spass" ask -m endless hi < /dev/null 2> "$dir/err"; echo $? > "$dir/piped"; } | head -c 10 > /dev/null
[ "$(cat "$dir/piped")" = 141 ] || fail "a closed pipe gives $(cat "$dir/piped")"

# A background job of a script would ignore SIGINT.
env --default-signal=INT "$spass" ask -m stall hi < /dev/null > "$dir/out" 2> "$dir/err" &
pid=$!
await 5 test -s "$dir/out" || fail "nothing streamed"
kill -INT $pid
wait $pid
[ $? = 130 ] || fail "SIGINT does not end it with 130"

# On a terminal: rendered, harmless, with one copy of each line.
screen 60x20 "'$spass' ask -m plain hi --server $url"
see 'Hello there'
ended_with 0
screen_end
screen 60x20 "NO_COLOR=1 '$spass' ask -m evil hi --server $url"
see 'a^[[2Jb'
ended_with 0
screen_end
# A rate limit that lasts longer than a second is told before it is waited for, and the notice stands alone.
waiting='the gateway limits how often it is asked: waiting'
screen 60x20 "'$spass' ask -m patient hi --server $url"
see "$waiting"
count_is 0 'At last'
see 'At last'
ended_with 0
count_is 1 "$waiting"
shown_all | grep -qx "$waiting" || fail "the notice is not alone on its row: $(shown_all)"
screen_end
screen 60x20 "'$spass' ask -m endlessly hi --server $url"
see "$waiting"
keys C-c
ended_with 130
see 'cancelled: interrupted'
screen_end
screen 60x20 "'$spass' ask -m stall hi --server $url"
see 'w1'
keys C-c
ended_with 130
done_testing
