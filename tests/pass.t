#!/bin/sh
# Large events that q2cat passes from a file into a pipe, without slots.
. tests/lib.sh

q2sim -n 3 -x 1 -D mfx -S 7 >"$T/run.q2"
size=$(wc -c <"$T/run.q2")
length=$(((size - 4096 - 64) / 3))

check 'a pipe gets the bytes that a file gets' \
	sh -c 'q2cat -s 1 -n 1 "$1/run.q2" >"$1/file" &&
	q2cat -s 1 -n 1 "$1/run.q2" | cat >"$1/pipe" &&
	cmp "$1/file" "$1/pipe" && test "$(q2ls "$1/pipe" | grep -c "^event")" -eq 1' - "$T"
check 'files and loops are joined in a pipe as in a file' \
	sh -c 'q2cat -l 2 "$1/run.q2" "$1/file" >"$1/joined" &&
	q2cat -l 2 "$1/run.q2" "$1/file" | cmp - "$1/joined" &&
	test "$(q2ls "$1/joined" | grep -c "^event")" -eq 8' - "$T"
rm "$T/joined" "$T/pipe"
check 'checksums are added on the way into a pipe, too' \
	sh -c 'q2cat -c "$1/run.q2" >"$1/sealed" && q2cat -c "$1/run.q2" | cmp - "$1/sealed" &&
	q2cat "$1/sealed" | cmp - "$1/sealed" && ! cmp -s "$1/run.q2" "$1/sealed"' - "$T"
rm "$T/sealed"
check 'a socket gets them as well' \
	sh -c '"$2" -c "
import socket, subprocess, sys
a, b = socket.socketpair()
q2cat = subprocess.Popen([\"q2cat\", sys.argv[1]], stdout=a)
a.close()
with open(sys.argv[1], \"rb\") as f:
    want = f.read()
got = b.makefile(\"rb\").read()
sys.exit(q2cat.wait() != 0 or got != want)" "$1/run.q2"' - "$T" "$PYTHON"

# with NAME.c COMMAND...: with that preloaded.
with() {
	"${CC:-cc}" -shared -fPIC -D_GNU_SOURCE -o "$T/with.so" "tests/$1" || return 1
	shift
	LD_PRELOAD=$T/with.so "$@"
}
unknown() {
	with no_splice.c q2cat "$T/run.q2" | cmp - "$T/run.q2"
}
unreadable() {
	{ with bad_sector.c q2cat "$T/run.q2" "$T/file"; echo "status $?" >&2; } 2>"$T/said" |
	    q2ls | grep -c "^event" >"$T/out"
	cat "$T/said" "$T/out"
	grep -q "run.q2: event 1: read: Input/output error" "$T/said" &&
	grep -q "status 6" "$T/said" && [ "$(cat "$T/out")" -eq 2 ]
}
torn() {
	{ LATE=1 with bad_sector.c q2cat "$T/run.q2" "$T/file"; echo "status $?" >&2; } 2>"$T/said" |
	    q2ls 2>"$T/err" | grep -c "^event" >"$T/out"
	cat "$T/said" "$T/out" "$T/err"
	grep -q "run.q2: event 1: part of it has left.*: read: Input/output error" "$T/said" &&
	grep -q "status 6" "$T/said" && [ "$(cat "$T/out")" -eq 1 ] &&
	grep -q "truncated" "$T/err"
}
if command -v "${CC:-cc}" >"$T/cc"; then
	check 'files that splice(2) does not know are passed as well' unknown
	check 'an event that cannot be read is not begun, and the next input is sent' \
	    unreadable
	check 'an event that cannot be read to its end is no whole event, and is named' torn
else
	skip 'passing files of other kinds' 'no C compiler'
fi

# peakfind, without slots: large events come through pipes into slots of its own.
found() {
	peakfind <"$T/run.q2" >"$T/found" &&
	cat "$T/run.q2" | peakfind | cmp - "$T/found" &&
	q2cat "$T/run.q2" | peakfind -P 2 | cmp - "$T/found" &&
	test "$(q2ls "$T/found" | grep -c "^event")" -eq 3
}
check 'peakfind takes large events from a pipe as from a file' found
check 'and says where a pipe has ended within one' \
	sh -c 'head -c $(($2 + 9000000)) "$1/run.q2" | peakfind 2>"$1/said" >"$1/part"
	test $? -eq 6 && cat "$1/said" &&
	grep -q "event 1: the input ends inside an event, at byte $(($2 + 9000000)) (truncated)" "$1/said"' \
	- "$T" $((4096 + length))

# The reader takes all but what the pipe holds; then the file is written over.
written_over() {
	cp "$T/file" "$T/over.q2"
	{ q2cat "$T/over.q2"; echo "$?" >"$T/ended"; } | {
		head -c $((4096 + 64 + length - 600000)) >"$T/got"
		until [ -s "$T/ended" ]; do sleep 0.05; done
		dd if=/dev/zero of="$T/over.q2" bs=1M count=40 conv=notrunc 2>/dev/null
		cat >>"$T/got"
	}
	[ "$(cat "$T/ended")" -eq 0 ] && cmp "$T/file" "$T/got"
}
check 'who writes over a file that q2cat is done with changes nothing that it passed' \
	written_over

# The reader begins when q2cat has filled the pipe, and the file is cut.
cut_within() {
	cp "$T/run.q2" "$T/cut.q2"
	{ q2cat "$T/cut.q2"; echo "status $?" >&2; } 2>"$T/said" | {
		head -c $((4096 + 64 + length + 1000000)) >"$T/got"
		truncate -s $((4096 + 2 * length - 5000000)) "$T/cut.q2"
		cat >>"$T/got"
	}
	cat "$T/said"
	grep -q "cut.q2: event 1: part of it has left.*: the input ends inside an event, at byte.*(truncated)" "$T/said" &&
	grep -q "status 6" "$T/said"
}
check 'a file that is cut while an event passes is an error that names the event' \
	cut_within
check 'a file that is cut while an event passes gives no end and no whole event' \
	sh -c 'q2ls "$1/got" >"$1/out" 2>"$1/err"; test $? -eq 6 && cat "$1/err" &&
	test "$(grep -c "^event" "$1/out")" -eq 1 && grep -q "truncated" "$1/err"' - "$T"
check 'a reader that goes in the middle of an event ends q2cat' \
	sh -c '{ q2cat -l 50 "$1/run.q2"; echo $? >"$1/ended"; } 2>"$1/said" | head -c 10000000 >/dev/null
	cat "$1/said"; test "$(cat "$1/ended")" -eq 2' - "$T"
check 'a socket that closes in the middle of an event ends q2cat' \
	sh -c '"$2" -c "
import socket, subprocess, sys
a, b = socket.socketpair()
q2cat = subprocess.Popen([\"q2cat\", sys.argv[1]], stdout=a)
a.close()
b.recv(1000000)
b.close()
sys.exit(q2cat.wait() != 2)" "$1/run.q2"' - "$T" "$PYTHON"
done_testing
