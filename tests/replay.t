#!/bin/sh
# Replay without copies: a capture in a file, passed on by reference.
. tests/lib.sh

q2sim -n 6 -x 1 -D cspad -S 3 >"$T/run.q2"
q2cat "$T/run.q2" | peakfind | cxiwrite -m 0 -o "$T/inline" 2>/dev/null

check 'a replayed capture gives the bytes that copying gives' \
	q2slots -n 2 sh -c 'q2cat "$1/run.q2" | peakfind -P 2 |
	cxiwrite -m 0 -o "$1/replay" &&
	cmp "$1/inline/peaknet_0000.cxi" "$1/replay/peaknet_0000.cxi"' - "$T"
check 'a capture with peaks and maps of before is found anew' \
	q2slots -n 2 sh -c 'peakfind -k <"$1/run.q2" >"$1/kept.q2" &&
	q2cat "$1/kept.q2" | peakfind -k | q2ls -p >"$1/again" &&
	q2ls -p "$1/kept.q2" | cmp - "$1/again"' - "$T"
q2sim -n 2 -x 1 -D cspad -S 4 >"$T/hits.q2"
q2sim -n 2 -x 0 -D cspad -S 5 >"$T/misses.q2"
q2sim -n 1 -x 1 -D mfx -S 6 >"$T/other.q2"
check 'a slot leaves nothing of its earlier events behind the peaks of a later one' \
	sh -c 'mix="q2cat $1/hits.q2 $1/misses.q2 $1/other.q2 - $1/misses.q2 $1/other.q2"
	cat "$1/hits.q2" | $mix | peakfind >"$1/whole.q2" &&
	cat "$1/hits.q2" | q2slots -n 1 sh -c "$mix | peakfind | q2cat" >"$1/slot.q2" &&
	test "$(q2ls "$1/slot.q2" | grep -c "^event")" -eq 10 &&
	cmp "$1/whole.q2" "$1/slot.q2"' - "$T"
rm "$T/hits.q2" "$T/misses.q2" "$T/other.q2" "$T/whole.q2" "$T/slot.q2"
check 'q2cat promises no more memory for replay than the slots will hold' \
	sh -c 'q2slots -n 2 sh -c "q2cat $1/run.q2 | q2ls >/dev/null" 2>"$1/err"
	grep -q "2 slots x 2\.[0-9] MiB" "$1/err" || { cat "$1/err"; exit 1; }' - "$T"

# All references wait in a file while the capture is cut behind the second event.
cut_behind() {
	cp "$T/run.q2" "$T/cut.q2"
	q2slots -n 8 sh -c 'q2cat "$1/cut.q2" | {
		cat >"$1/references"
		truncate -s 65000000 "$1/cut.q2"
		cat "$1/references"
	} | peakfind -P 2 | cxiwrite -f -m 0 -o "$1/cut" -l "$1/cut.tsv"' - "$T"
}
check 'a capture that is truncated is an error, not a death' \
	refused 4 'truncated while it was replayed' cut_behind
check 'the events before the cut are written, the others named as failed' \
	sh -c 'cut -f 1,7 "$1/cut.tsv" | tr "\n\t" " :" | tee "$1/lines" &&
	grep -q "0:1 1:1 2:failed 3:failed 4:failed 5:failed" "$1/lines"' - "$T"
check 'the log tells why they failed' \
	sh -c 'awk -F "\t" "\$7 == \"failed\" && \$10 ~ /could not read/ { n++ }
	    END { exit n != 4 }" "$1/cut.tsv"' - "$T"
# q2cat waits for the only slot while the capture is cut within the third event.
length=$((($(wc -c <"$T/run.q2") - 4096 - 64) / 6))
cut_before() {
	cp "$T/run.q2" "$T/cut.q2"
	q2slots -n 1 sh -c '{ q2cat "$1/cut.q2"; echo "status $?" >&2; } 2>"$1/said" | {
		head -c $((4096 + 64)) >"$1/references"
		truncate -s '$((4096 + 2 * length + $1))' "$1/cut.q2"
		cat "$1/references" -
	} | peakfind | cxiwrite -f -m 0 -o "$1/cut"' - "$T"
	cat "$T/said" >&2
}
for bytes in 30 100; do
	cut_before $bytes >"$T/out" 2>"$T/err"
	check "a capture that is cut before q2cat has come there is an error ($bytes)" \
	    sh -c 'cat "$1/err"; grep -q "byte.*(truncated)" "$1/said" &&
	    grep -q "status 6" "$1/said" && grep -q " = 2 written" "$1/err"' - "$T"
done
cut_before $((-length - 100)) >"$T/out" 2>"$T/err"
check 'q2cat says so where it is cut in front of what it has taken' \
    sh -c 'cat "$1/err"; grep -q "byte.*(truncated)" "$1/said" &&
    grep -q "status 6" "$1/said" && grep -q " = 0 written" "$1/err"' - "$T"
# Cut in the first event's image, when only cxiwrite has still to read it.
cut_image() {
	cp "$T/run.q2" "$T/cut.q2"
	q2slots sh -c '{
		q2cat "$1/cut.q2" | peakfind | cat >"$1/references"
		truncate -s '$((4096 + length - 100000))' "$1/cut.q2"
		cat "$1/references"
	} | cxiwrite -f -m 0 -o "$1/torn"' - "$T"
}
check 'hits whose images are cut while they are written fail' \
	refused 4 '6 events in = 0 written .* 6 failed; 0 files' cut_image
check 'and no file is made without a hit' sh -c '! ls "$1"/torn | grep cxi' - "$T"
# A filter that writes planes, as q2(5) tells it to.
cat >"$T/peaks20" <<'END'
import mmap, os, struct, sys
sys.path.insert(0, "tests")
import q2bytes as q
memory = int(os.environ["Q2_SLOTS"].split(":")[1])
source, sink = sys.stdin.buffer, sys.stdout.buffer
while h := source.read(q.RECORD):
    kind, = struct.unpack_from("<H", h, 10)
    if kind == q.TYPE_STREAM:
        b = source.read(q.STREAM - q.RECORD)
        panels, classes, height, width, _, _, logits, image, room = \
            struct.unpack_from("<9I", b)
        pixels = panels * height * width
        at = q.RECORD + q.BLOCK + q.round64(pixels) + \
            q.round64(pixels * classes * (0, 4, 2, 2)[logits]) + \
            q.round64(pixels * (0, 4, 2, 2, 4)[image])
        h += b
    if kind == q.TYPE_REFERENCE and struct.unpack_from("<Q", h, 32)[0] == 0:
        slot, = struct.unpack_from("<I", h, 44)
        m = mmap.mmap(memory, at + q.round64(room * q.PEAK), offset=slot << 32)
        kept, = struct.unpack_from("<I", m, q.RECORD + 32)
        for k in range(kept, kept + 20):
            m[at + q.PEAK * k:at + q.PEAK * (k + 1)] = m[at:at + q.PEAK]
        struct.pack_into("<II", m, q.RECORD + 28, kept + 20, kept + 20)
        struct.pack_into("<Q", m, 40, 0)
    sink.write(h)
    sink.flush()
END
filtered() {
	q2slots -n "$1" sh -c 'q2cat "$1/run.q2" | peakfind | "$2" "$1/peaks20" | q2cat' \
	    - "$T" "$PYTHON"
}
filtered 1 >"$T/filtered1" && filtered 8 >"$T/filtered8"
check 'a filter that writes peaks into a slot leaves nothing behind for the next event' \
	cmp "$T/filtered1" "$T/filtered8"
check 'and its peaks are there' sh -c '
	[ $(q2ls -p "$1/filtered8" | wc -l) -eq $(($(peakfind <"$1/run.q2" | q2ls -p | wc -l) + 20)) ]' - "$T"
gone() {
	cp "$T/run.q2" "$T/gone.q2"
	q2slots -n 8 sh -c 'q2cat "$1/gone.q2" | {
		cat >"$1/references"
		rm "$1/gone.q2"
		cat "$1/references"
	} | peakfind | cxiwrite -m 0 -o "$1/gone"' - "$T"
}
check 'a capture that is removed before it is mapped fails its events' \
	refused 4 'gone.q2: No such file' gone
check 'a capture that grows while it is replayed is read as far as it went' \
	q2slots -n 8 sh -c 'q2cat -n 3 "$1/run.q2" >"$1/grow.q2"
	q2cat "$1/grow.q2" | { cat >"$1/references"; q2cat -s 3 "$1/run.q2" >>"$1/grow.q2"
	cat "$1/references"; } | peakfind | cxiwrite -m 0 -o "$1/grow"' - "$T"
done_testing
