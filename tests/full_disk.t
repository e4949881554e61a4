#!/bin/sh
# No room: a clear message, status 7, files that are complete or not there, and
# programs in front that end.
. tests/lib.sh

"$PYTHON" tests/make_dumps.py "$T" || exit 1
q2cat -C 16 "$T/good.h5" >"$T/good.q2" && peakfind <"$T/good.q2" >"$T/peaks.q2" || exit 1

# whole DIRECTORY ROWS: the list names files that hold ROWS events, if given,
# and nothing unfinished lies beside them.
whole() {
	"$PYTHON" - "$@" <<'END'
import glob, os, sys
import h5py
d, rows = sys.argv[1], 0
names = [n for l in glob.glob(d + "/*.lst") for n in open(l).read().splitlines()]
for name in names:
    with h5py.File(name) as f:
        n = len(f["/entry_1/data_1/data"])
        assert f["/entry_1/data_1/data"][...].min() == 1, "rows never written"
        assert len(f["/entry_1/result_1/nPeaks"]) == n
        rows += n
left = [n for n in os.listdir(d) if n.endswith((".cxi", ".tmp"))]
assert sorted(left) == sorted(map(os.path.basename, names)), left
assert len(sys.argv) < 3 or rows == int(sys.argv[2]), rows
print(rows)
END
}

# adds_up: in = written + filtered + failed + lost, in $T/err, and there are rows.
adds_up() {
	rows=$(whole "$1") || return 1
	"$PYTHON" - "$T/err" "$rows" <<'END'
import re, sys
said, rows = open(sys.argv[1]).read(), int(sys.argv[2])
lost = int(re.search(r"cxiwrite: (\d+) events were taken but are NOT", said)[1])
n = list(map(int, re.search(r"cxiwrite: (\d+) events in = (\d+) written \+ (\d+)"
                            r" filtered \+ (\d+) failed", said).groups()))
assert n[0] == sum(n[1:]) + lost, said
assert n[1] == rows > 0, said
END
}

# In a mount namespace of our own, on a disk of 200 KiB, where one may.
small_disk() {
	mkdir -p "$T/disk"
	unshare -m sh -c 'd=$1; shift
		mount -t tmpfs -o size=200k none "$d" && "$@"; s=$?
		rm -rf "$d.copy"; cp -a "$d" "$d.copy"
		sed -i "s|$d/|$d.copy/|" "$d.copy"/o/*.lst 2>/dev/null
		exit $s' - "$T/disk" "$@"
}
export T
if unshare -m sh -c 'mount -t tmpfs -o size=64k none "$1"' - "$T/empty" \
    2>/dev/null || { mkdir -p "$T/empty"; unshare -m sh -c \
    'mount -t tmpfs -o size=64k none "$1"' - "$T/empty" 2>/dev/null; }; then
	for options in '-z none' '-z gzip -j 2' '-z bslz4'; do
		check "cxiwrite $options: a full disk is said" refused 7 \
			'^cxiwrite: .*peaknet_[0-9]*[.]cxi.*: .*No space left' small_disk sh -c '
			q2cat -l 0 "$T/good.q2" | peakfind |
			cxiwrite -m 1 -n 3 '"$options"' -o "$T/disk/o"'
		check "cxiwrite $options: what was complete is whole, the rest is counted" \
			adds_up "$T/disk.copy/o"
	done
	check 'cxiwrite: one file larger than the disk is said' refused 7 \
		'^cxiwrite: .*No space left' small_disk sh -c '
		q2cat -l 0 "$T/good.q2" | peakfind |
		cxiwrite -m 1 -n 100000 -o "$T/disk/o"'
	check 'cxiwrite: and leaves nothing' whole "$T/disk.copy/o" 0
	check 'cxiwrite: a full disk in slots is said' refused 7 \
		'^cxiwrite: .*No space left' small_disk q2slots -n 3 sh -c '
		q2cat -l 0 "$T/good.q2" | peakfind -P 2 |
		cxiwrite -m 1 -n 3 -o "$T/disk/o"'
	check 'cxiwrite: what was complete in slots is whole' \
		adds_up "$T/disk.copy/o"
	check 'cxiwrite -l: a disk that the log fills is said' refused 7 \
		'^cxiwrite: .*/log: .*written' small_disk sh -c '
		head -c 180000 /dev/zero >"$T/disk/ballast"
		q2cat -l 700 "$T/good.q2" | peakfind |
		cxiwrite -m 99 -l "$T/disk/log" -o "$T/o"'
	for p in 'q2cat -l 0 good.q2' 'q2cat -l 90 good.q2 | peakfind -k' \
	    'q2cat -l 9000 good.q2 | q2ls' 'q2sim -D cspad'; do
		last=${p##*| }
		check "$p: a full disk is said" refused 7 \
			"^${last%% *}: standard output: No space left" \
			small_disk sh -c 'cd "$T"; eval "$0 >disk/x"' "$p"
	done
	check 'a capture cut by a full disk is known as such' \
		refused 6 'truncated|NUL' sh -c 'q2ls "$T/disk.copy/x" >/dev/null'

	# What an undisturbed run makes of the same input, in a place of that name.
	q2cat -l 3 "$T/good.q2" | peakfind >"$T/long.q2"
	(mkdir "$T/there" && cd "$T/there" &&
	    cxiwrite -m 1 -n 2 -l log -o o <"$T/long.q2" 2>"$T/err") || cat "$T/err"
	cat >"$T/again" <<'END'
		# fill SIZE: the run meets a disk of that many KiB, or WHAT happens to its
		# directory; then there is room again, and the same line carries on.
		cd "$T" && mkdir -p small && mount -t tmpfs -o size="$1"k none small || exit 99
		go_on() {
			(cd small && q2cat -s "$(cxiwrite -R -o o)" "$T/long.q2" |
			    cxiwrite -r -m 1 -n 2 -l log -o o)
		}
		go_on 2>err
		first=$?
		grep -q 'No space left' err || [ $first -eq 0 ] || exit 98
		[ $first -eq 0 ] || [ $first -eq 7 ] || exit 97
		for f in small/o/*.cxi; do
			[ ! -e "$f" ] || cmp "$f" there/o/"${f##*/}" || exit 96
		done
		mount -o remount,size=10m small || exit 99
		go_on 2>err || exit 95
		for f in there/log there/o/*.cxi; do
			cmp "$f" small/"${f#there/}" || exit 94
		done
		sed s:/small/:/there/: small/o/peaknet.lst | cmp - there/o/peaknet.lst || exit 93
		exit $first
END
	full=0
	whole=0
	for size in $(seq 4 64 1200); do
		unshare -m sh "$T/again" "$size" >"$T/out" 2>&1
		case $? in
		7) full=$((full + 1)) ;;
		0) whole=$((whole + 1)) ;;
		*) cat "$T/out" "$T/err"; full=-99 ;;
		esac
	done
	check 'a disk of any size is full at some time, is said, and carried on' \
		test $full -gt 5 -a $whole -gt 0

	# happens WHAT: something happens to the output directory in the middle of a
	# run; the shell of T/happens has the run stopped there, and lets it go on.
	cat >"$T/happens" <<'END'
		cd "$T" && mkdir -p small && mount -t tmpfs none small && cd small || exit 99
		mkfifo fifo
		cxiwrite -m 1 -n 2 -l "$T/l" -o o <fifo 2>"$T/err" &
		exec 3>fifo
		head -c $((4096 + 5 * 17408)) "$T/long.q2" >&3
		# Then it waits for the sixth event, and nothing changes.
		until [ -e o/peaknet_0000.cxi -a -e o/peaknet_0001.cxi -a \
		    -e o/peaknet_0002.cxi.tmp ]; do sleep 0.05; done
		eval "$1" || exit 98
		tail -c +$((4096 + 5 * 17408 + 1)) "$T/long.q2" >&3
		exec 3>&-
		wait $!
		s=$?
		cat "$T/err" >&2
		rm -f "$T/l"
		exit $s
END
	size=$(( ($(stat -c %s "$T/long.q2") - 4096 - 64) / 9 ))
	sed -i "s/17408/$size/g" "$T/happens"
	check 'an output directory that is removed is said' refused 7 \
		'^cxiwrite: .*o/peaknet.lst: was removed or replaced by others' \
		unshare -m sh "$T/happens" 'rm -rf o'
	check 'an output directory that becomes read-only is said' refused 7 \
		'^cxiwrite: .*o/.*Read-only file system' \
		unshare -m sh "$T/happens" 'mount -o bind o o; mount -o remount,bind,ro o;
		    cd / && cd - >/dev/null'
	check 'and how to carry on is said, too' grep -q \
		'not complete: .* q2cat -s [0-9:]* with the same' "$T/err"
	# The log on a disk of its own, which gets room while the run is carried on.
	cat >"$T/log" <<'END'
mount -t tmpfs -o size=32k none "$T/logs" || exit 99
run() {
	q2cat -l 400 -s "$(cxiwrite -R -o "$1")" "$T/good.q2" | peakfind |
	    cxiwrite -r -m "$2" -n 200 -o "$1" -l "$T/logs/log.tsv"
}
run "$T/logged$1" "$1"
s=$?
mount -o remount,size=1m "$T/logs"
run "$T/logged$1" "$1" 2>"$T/err2" || { cat "$T/err2" >&2; exit 98; }
q2cat -l 400 "$T/good.q2" | peakfind | cxiwrite -m "$1" -n 200 -o "$T/undisturbed$1" \
    -l "$T/logs/good.tsv" 2>/dev/null
cmp "$T/logs/log.tsv" "$T/logs/good.tsv" || exit 97
diff -x '*.lst' -x '*.journal' "$T/logged$1" "$T/undisturbed$1" || exit 96
exit $s
END
	mkdir "$T/logs"
	for least in 1 1000; do
		check "a disk that is too full for the log is said at once, and the run is carried on with all of it (-m $least)" \
			refused 7 'logs/log.tsv: not all of the log could be written: No space' \
			unshare -m sh "$T/log" $least
	done
else
	skip 'a full disk' 'mounting is not allowed here'
fi

# The same by a limit on the size of files.
limited() {
	sh -c 'ulimit -f 16; "$@"' - "$@"
}
check 'cxiwrite: a file beyond ulimit -f is said' refused 7 \
	'^cxiwrite: [^ ]*peaknet_0000[.]cxi.*File too large' limited sh -c \
	'cxiwrite -m 1 -o "$T/u" <"$T/peaks.q2"'
check 'cxiwrite: and leaves nothing' whole "$T/u" 0
check 'q2cat: a file beyond ulimit -f is said' refused 7 \
	'^q2cat: standard output: File too large' limited sh -c \
	'q2cat -l 90 "$T/good.q2" >"$T/u/x"'
check 'q2slots: slots beyond ulimit -f are said' refused 8 \
	'^q2slots: cannot make 100 slots: File too large' limited q2slots true
check 'peakfind: slots beyond ulimit -f are said' refused 8 \
	'^peakfind: cannot make .* slots: File too large: .* ulimit -f' limited sh -c \
	'peakfind <"$T/good.q2" | cat; peakfind <"$T/good.q2" >/dev/null'

# Slots are the descriptors 100, 101 and 102.
for n in 50 100 102; do
	check "q2slots: a limit of $n descriptors is said, and what to do" refused 8 \
		"^q2slots: .* 4 slots: .* 100 and more, but the limit is $n; raise it" \
		sh -c "ulimit -n $n; q2slots -n 4 true"
done
check 'q2slots: 103 descriptors are enough' sh -c 'ulimit -n 103; q2slots -n 4 true'

for option in -l -S; do
	rm -rf "$T/f"
	check "cxiwrite $option /dev/full is said" refused 7 \
		'^cxiwrite: .*/dev/full: ' sh -c \
		'cxiwrite -m 1 -n 2 '$option' /dev/full -o "$T/f" <"$T/peaks.q2"'
	check "cxiwrite $option /dev/full: all events are written" whole "$T/f" 3
done
for option in -g -T; do
	check "q2sim $option /dev/full is said" refused 7 \
		'^q2sim: /dev/full: No space left' sh -c \
		"q2sim -n 1 -D cspad $option /dev/full >/dev/null"
done
# A disk that fails at the last call but one and at the last, which sync the new
# name: what a file is said to be, it is.
"${CC:-cc}" -shared -fPIC -D_GNU_SOURCE -o "$T/fault_at.so" tests/fault_at.c -ldl ||
    exit 1
mkdir "$T/r"
peakfind <"$T/good.q2" | cxiwrite -m 1 -o "$T/r" 2>"$T/err" || exit 1
report() {
	env LD_PRELOAD="$T/fault_at.so${LD_PRELOAD:+ $LD_PRELOAD}" "$@" \
	    cxireport -o "$T/report.html" "$T/r/peaknet_0000.cxi"
}
report FAULT_COUNT="$T/count" >/dev/null 2>&1
calls=$(cat "$T/count")
rm -f "$T/report.html"
check 'a new file that cannot be given its name is removed, and that is said' refused 7 \
	'^cxireport: .*/report.html: Input/output error' \
	report FAULT_AT="$((calls - 1)) once"
check '... nothing is left of it' sh -c '! ls "$T" | grep "^[.]*report"'
check 'a new name that could not be synced is said' refused 7 \
	'^cxireport: .*/report.html: its directory: Input/output error' \
	report FAULT_AT="$calls once"
check '... the file is whole' grep -q '^</html>' "$T/report.html"
check 'the reader of a full disk gone, q2cat ends by itself' test 7 -eq \
	"$(status sh -c 'q2cat -l 0 "$T/good.q2" | peakfind |
	q2ls >/dev/full')"

done_testing
