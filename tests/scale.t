#!/bin/sh
# peakpipe-scale(7): its recipes as they stand there, beside runs that are not spread.

. tests/lib.sh

ROOT=$PWD
PAGE=$ROOT/man/peakpipe-scale.7
recipes='captures hosts shards stream pull peaks far far-producer near near-producer'
for n in 1 2 3; do
	"$PYTHON" -B -c 'import sys; sys.path.insert(0, "tests"); import proc
proc.dump_make(sys.argv[1], 40, seed=int(sys.argv[2]),
    blobs=lambda k: 3 if k % 5 == 4 else 20)' \
	    "$T/$n.h5" $n || exit 1
	q2cat -k run=$n "$T/$n.h5" >"$T/run$n.q2"
done
sed -n 's/^\.\\" \([a-z-]*\) begins$/\1/p' "$PAGE" | grep -vx table | xargs >"$T/marks"
check 'the recipes of the page are those that are run here' \
    test "$(cat "$T/marks")" = "$recipes"

# recipe NAME: the text of the display between the marks; sockets of our own, not in /tmp.
recipe() {
	sed -n "/^\.\\\\\" $1 begins/,/^\.\\\\\" $1 ends/p" "$PAGE" |
	    sed "/^\./d; s/\\\\(ha/^/g; s/\\\\e/\\\\/g; s|/tmp/|$T/far-|g"
}

# fresh CAPTURE...: a new directory with these captures; we go there.
fresh() {
	rm -rf "$T/here"
	mkdir "$T/here"
	cd "$T/here" || exit 1
	for c; do
		cp "$T/$c" .
	done
}
PATH=$ROOT/scripts:$PATH
export PATH
HOME=$T/home
mkdir "$HOME"
export HOME
# The runs that are not spread.
plain=$T/plain
for n in 1 2 3; do
	q2cat "$T/run$n.q2" | peakfind | cxiwrite -o "$plain" -p run$n 2>"$T/err"
done
q2cat "$T/run1.q2" "$T/run2.q2" "$T/run3.q2" | peakfind |
    cxiwrite -o "$T/all" 2>"$T/err"

# same WANT GOT: two files, the same bytes.
same() { [ -s "$1" ] && cmp "$1" "$2"; }
same_captures() {
	for n in 1 2 3; do
		same "$plain/run${n}_0000.cxi" "out/run${n}_0000.cxi" || return 1
	done
}

# merged WANT... GOT: each dataset of the last file has the rows of the others.
merged() {
	"$PYTHON" - "$@" <<'END'
import sys
import h5py, numpy
*files, run = [h5py.File(f) for f in sys.argv[1:]]
seen = 0
def look(name, x):
    global seen
    if isinstance(x, h5py.Dataset) and x.shape and not name.endswith("mask"):
        want = numpy.concatenate([f[name][...] for f in files])
        assert run[name].dtype == x.dtype and numpy.array_equal(run[name][...], want), name
        seen += 1
files[0].visititems(look)
assert seen > 15, seen
END
}

run() {
	recipe "$1" >"$T/recipe"
	sh "$T/recipe" >"$T/said" 2>&1 </dev/null
	r=$?
	cat "$T/said"
	return $r
}

if command -v parallel >"$T/which"; then
	parallel=1
	fresh run1.q2 run2.q2 run3.q2
	mv run2.q2 whole.2
	head -c 500000 whole.2 >run2.q2
	run captures >"$T/first"
	check 'a pipeline a capture: one that is cut short has failed in the log of jobs' \
	    sh -c 'test "$(cut -f 7 jobs | sort | xargs)" = "0 0 5 Exitval"'
	mv whole.2 run2.q2
	check '... the same line succeeds when it is whole' run captures
	check '... and has run only that one' test "$(tail -n +2 jobs | cut -f 1 | sort |
	    xargs)" = '1 2 2 3'
	check '... the files are those of plain pipelines' same_captures
	check '... and one view of them that of all captures in one pipeline' \
	    merged "$T"/all/*.cxi out/all.cxi

	fresh run1.q2 && mv run1.q2 run.q2
	check 'shards of one capture' run shards
	check '... together are the capture' merged "$plain/run1_0000.cxi" out/run.cxi
	fresh run1.q2 && mv run1.q2 run.q2
	check 'one stream is shared out by reference' run stream
	check '... with the same bytes' same "$plain/run1_0000.cxi" out/peaknet_0000.cxi
else
	parallel=
	skip 'GNU parallel spreads captures, shards and a stream' 'no parallel'
fi

# ---- over ssh ----

poll() {
	tries=200
	until "$@" >"$T/poll" 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}
sshd_start() {
	for c in sshd ssh ssh-keygen; do
		PATH=$PATH:/usr/sbin command -v $c >"$T/which" || {
			echo "no $c: scripts/deps cluster"
			return 1
		}
	done
	port=$("$PYTHON" -c 'import socket
print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
	mkdir "$T/bin"
	PATH=$T/bin:$PATH
	"$ROOT/tests/alone.sh" "$ROOT/tests/sshd.sh" "$T/bin" "$port" 2>"$T/sshd" &
	sshd=$!
	poll test -x "$T/bin/ssh" && poll ssh node true || { tail -n 1 "$T/sshd" "$T/poll" | xargs; return 1; }
}
ended() {
	[ -z "$sshd" ] || kill -9 "$sshd"
	rm -rf "$T"
} 2>/dev/null
sshd=
trap ended EXIT

cd "$T" || exit 1
if ! sshd_start >"$T/why"; then
	skip 'machines are reached with ssh' "$(cat "$T/why")"
	done_testing
	exit
fi

# A producer: one that sends a capture to an address.
cat >"$T/bin/producer" <<END
#!$PYTHON -B
import socket, sys
with socket.socket(socket.AF_UNIX) as s, open("$T/run1.q2", "rb") as f:
    s.connect(sys.argv[1].removeprefix("unix:"))
    s.sendfile(f)
END
chmod +x "$T/bin/producer"

if [ -n "$parallel" ]; then
	fresh run1.q2 run2.q2 run3.q2
	check 'captures go over machines' run hosts
	check '... with the same bytes' same_captures
	check '... over both' test "$(tail -n +2 jobs | cut -f 2 | sort -u | xargs)" = \
	    'node1 node2'
fi

# The far side has its files in its home.
cp "$T/run1.q2" "$HOME/run.q2"
fresh
check 'a stream from the far side' run pull
check '... makes the same bytes' same "$plain/run1_0000.cxi" out/peaknet_0000.cxi
fresh
head -c 500000 "$T/run1.q2" >"$HOME/run.q2"
run pull >"$T/first"
check '... one that breaks off is said' grep -q 'end record' "$T/said"
cp "$T/run1.q2" "$HOME/run.q2"
check '... and carried on by the same line' run pull
check '... to the same bytes' same "$plain/run1_0000.cxi" out/peaknet_0000.cxi
fresh
check 'peaks from the far side' run peaks
check '... make the same bytes' same "$plain/run1_0000.cxi" out/peaknet_0000.cxi

# live NAME SOCKET: a pipeline that waits at the socket, and its producer.
live() {
	fresh
	recipe "$1" >"$T/pipeline"
	rm -f "$T/far-q2.sock"
	sh "$T/pipeline" >"$T/waits" 2>&1 </dev/null &
	poll test -S "$2" && run "$1-producer" && wait $! || { cat "$T/waits"; return 1; }
}
check 'a producer on the far side' live far q2.sock
check '... makes the same bytes' same "$plain/run1_0000.cxi" out/peaknet_0000.cxi
check 'a pipeline on the far side' live near "$T/far-q2.sock"
check '... makes the same bytes' same "$plain/run1_0000.cxi" "$HOME/out/peaknet_0000.cxi"
done_testing
