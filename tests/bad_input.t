#!/bin/sh
# Bad inputs and outputs: a clear message, a status of the table, and nothing
# lost of the good part.
. tests/lib.sh

"$PYTHON" tests/make_dumps.py "$T" || exit 1
cp "$B/q2ls" "$T/binary"
: >"$T/empty"
echo 'no records here' >"$T/text"
mkdir "$T/dir"
q2cat "$T/good.h5" >"$T/good.q2" || exit 1
peakfind <"$T/good.q2" >"$T/peaks.q2" || exit 1
head -c 12000 "$T/good.q2" >"$T/cut.q2"	# the first of three events, and a piece

# events FILE: the numbers of the events in a capture, on a line.
events() {
	q2ls "$1" | awk -F '\t' '$1 == "event" { printf "%s%s", s, $3; s = " " }'
}

# sends STATUS PATTERN COMMAND...: as refused, and the events before the damage
# went through: those in $sent.
sends() {
	refused "$@" || return 1
	cp "$T/out" "$T/sent"
	[ ! -s "$T/sent" ] && [ -z "$sent" ] && return 0
	[ "$(events "$T/sent")" = "$sent" ] || {
		echo "sent: $(events "$T/sent"), not $sent"
		return 1
	}
}

# wrote N: the files listed in $T/o hold N events, are whole, and nothing else
# lies there. The directory goes.
wrote() {
	left=$(ls "$T/o" | grep -v '_[0-9]*\.cxi$' | grep -Ev '\.(lst|journal)$')
	"$PYTHON" - "$T"/o/*.lst <<'END' >"$T/.rows"
import sys, h5py
rows = 0
for name in open(sys.argv[1]).read().split():
    with h5py.File(name) as f:
        rows += len(f["/entry_1/data_1/data"])
        assert len(f["/entry_1/result_1/nPeaks"]) == len(f["/entry_1/data_1/data"])
print(rows)
END
	got=$(cat "$T/.rows")
	rm -rf "$T/o"
	[ "$got" = "$1" ] && [ -z "$left" ] || {
		echo "rows: $got, not $1; left: $left"
		return 1
	}
}

# ---- q2cat: what it is given ----

sent=
check 'q2cat: a missing file' \
	sends 6 '^q2cat: /no/such.q2: No such file' q2cat /no/such.q2
check 'q2cat: a directory' \
	sends 6 "^q2cat: $T/dir: .*directory" q2cat "$T/dir"
check 'q2cat: a directory on standard input' \
	sends 6 '^q2cat: standard input: .*directory' sh -c 'q2cat <"$1"' - "$T/dir"
check 'q2cat: an empty file' \
	sends 6 "^q2cat: $T/empty: empty" q2cat "$T/empty"
check 'q2cat: /dev/null' sends 6 '^q2cat: /dev/null: empty' q2cat /dev/null
check 'q2cat: a text file' \
	sends 6 "^q2cat: $T/text: .*not a q2 record" q2cat "$T/text"
check 'q2cat: a binary' \
	sends 6 "^q2cat: $T/binary: .*not a q2 record" q2cat "$T/binary"
check 'q2cat: an HDF5 file on a pipe' \
	sends 6 '^q2cat: standard input: .*HDF5 file.*operand of q2cat.*pipe' \
	sh -c 'cat "$1" | q2cat' - "$T/good.h5"
check 'q2cat: a CXI file is no dump' \
	sends 6 "^q2cat: $T/no-batches.h5: .*batch_" q2cat "$T/no-batches.h5"
check 'q2cat: half an HDF5 file' \
	sends 6 "^q2cat: $T/cut.h5: ." q2cat "$T/cut.h5"
check 'q2cat: an HDF5 signature and nothing behind it' \
	sends 6 "^q2cat: $T/signature.h5: ." q2cat "$T/signature.h5"
for rank in 2 3 5; do
	check "q2cat: logits of rank $rank" sends 6 \
		"^q2cat: $T/rank$rank.h5: .*batch_0/logits.*([Rr]ank|dimensions|[0-9]-D)" \
		q2cat "$T/rank$rank.h5"
done
check 'q2cat: text for logits' \
	sends 6 "^q2cat: $T/text-logits.h5: .*batch_0/logits" q2cat "$T/text-logits.h5"
check 'q2cat: a real size beyond the padded one' \
	sends 6 "^q2cat: $T/shape-too-large.h5: .*batch_0.*17" \
	q2cat "$T/shape-too-large.h5"
check 'q2cat: a negative number of panels' \
	sends 6 "^q2cat: $T/shape-negative.h5: .*batch_0" q2cat "$T/shape-negative.h5"
check 'q2cat: a batch without logits' \
	sends 6 "^q2cat: $T/no-logits.h5: .*logits" q2cat "$T/no-logits.h5"
check 'q2cat: a link into another file is not followed' \
	sends 6 "^q2cat: $T/link.h5: .*(external|link)" q2cat "$T/link.h5"
for odd in image-rank image-size; do
	check "q2cat: an image that does not fit ($odd) is said" \
		refused 6 "^q2cat: $T/$odd.h5: .*original_image" q2cat "$T/$odd.h5"
done

sent='0 1'
check 'q2cat: a later batch of a wrong rank' \
	sends 6 "^q2cat: $T/rank-later.h5: .*batch_1/logits" q2cat "$T/rank-later.h5"
check 'q2cat: a plane count that is no multiple of the panels' \
	sends 6 "^q2cat: $T/planes.h5: .*batch_1.*3 planes" q2cat "$T/planes.h5"
sent='0 1 2 3'
check 'q2cat: a gap in the numbering is said, and what is there goes on' \
	sends 0 "^q2cat: $T/gap.h5: .*(batch_1|gap)" q2cat "$T/gap.h5"
sent='0 1 2'
check 'q2cat: a damaged chunk fails its event alone' \
	sends 6 "^q2cat: $T/chunk.h5: .*batch_0/(logits|1)" q2cat "$T/chunk.h5"
check 'and it is marked as failed' \
	test "$(q2ls "$T/sent" | grep -c 'failed: ')" -eq 1
"$PYTHON" - "$T/values.h5" <<'END' || exit 1
import h5py, numpy as np, sys
with h5py.File(sys.argv[1], "w") as f:
    g = f.create_group("batch_0")
    g["logits"] = np.zeros((3, 2, 16, 16), np.float32)
    for name, v in ("timestamp", np.arange(3) + (7 << 32)), \
            ("photon_wavelength", np.full(3, 1.3)):
        g.create_dataset("metadata/" + name, data=v, chunks=(1,), fletcher32=True)
    at = [g["metadata/timestamp"].id.get_chunk_info(1).byte_offset,
          g["metadata/photon_wavelength"].id.get_chunk_info(2).byte_offset]
with open(sys.argv[1], "r+b") as f:
    for a in at:
        f.seek(a)
        f.write(b"x")
END
check 'q2cat: a damaged timestamp is said, and its event is sent' \
	sends 6 "^q2cat: $T/values.h5: batch_0/1: .*timestamp: .*unknown" \
	q2cat "$T/values.h5"
check 'and so is a damaged wavelength' \
	grep -q "^q2cat: $T/values.h5: batch_0/2: .*wavelength: .*unknown" "$T/err"
check 'and all other values are there' sh -c 'q2ls "$1" | cut -f 5 |
	tr "\n" "," | grep "time 7.000000000 energy.*,energy.*,time 7.000000002 ,3 ev"' \
	- "$T/sent"
# The first event, larger than a pipe, has been read when the file is cut.
"$PYTHON" - "$T/shorter.h5" <<'END' || exit 1
import h5py, numpy as np, sys
with h5py.File(sys.argv[1], "w") as f:
    for b in 0, 1:
        f["batch_%d/logits" % b] = np.ones((1, 2, 400, 400), np.float32)
END
shorter() {
	{ q2cat "$T/shorter.h5"; echo $? >"$T/shorter.status"; } | {
		head -c 8192 >"$T/head"		# more than the header
		truncate -s 4000 "$T/shorter.h5"
		cat "$T/head" -
	} | q2ls >"$T/shorter.ls"
	[ "$(cat "$T/shorter.status")" -eq 6 ] &&
		awk -F '\t' '$1 == "event" { print $5 }' "$T/shorter.ls" | {
		read -r first
		read -r second
		echo "$first, $second"
		[ "${first#failed}" = "$first" ] && [ "${second#failed}" != "$second" ]
	}
}
check 'q2cat: a dump that is cut while it is read has no events of zeros' shorter
check 'a good capture behind a missing file goes through' \
	sends 6 'No such file' q2cat /no/such.q2 "$T/good.q2"
sent=0
check 'q2cat: a capture cut inside a plane' \
	sends 6 "^q2cat: $T/cut.q2: event 1: .*ends inside an event.*truncated" \
	q2cat "$T/cut.q2"
sent=1
check 'q2cat -s: a capture cut inside an event that is skipped' \
	sends 6 "^q2cat: $T/cut2.q2: .*ends inside an event.*truncated" \
	sh -c 'head -c 17000 "$1" >"$2"; q2cat -s 1 -n 9 "$2"' - "$T/good.q2" "$T/cut2.q2"

# ---- the whole pipeline keeps the good part ----

# pipe STATUS PATTERN ROWS FILE: q2cat | peakfind | cxiwrite, by pipes and slots.
pipe() {
	for q2slots in '' "$B/q2slots -n 3"; do
		rm -rf "$T/o"
		refused "$1" "$2" $q2slots sh -c 'q2cat "$1" | peakfind |
			cxiwrite -m 1 -n 2 -o "$2"' - "$4" "$T/o" || return 1
		wrote "$3" || return 1
	done
}

check 'a cut capture: the event before the cut is written' \
	pipe 5 'without its end' 1 "$T/cut.q2"
check 'a later batch of a wrong rank: those before are written' \
	pipe 5 'without its end' 2 "$T/rank-later.h5"
check 'a bad plane count: batches before are written' \
	pipe 5 'without its end' 2 "$T/planes.h5"
check 'a gap in the numbering: all that is there is written' \
	pipe 0 'batch_1 missing' 4 "$T/gap.h5"
check 'a damaged chunk: the other events are written' \
	pipe 4 'event 1 \(batch_0/1\) of stream [0-9a-f]* failed: .' 2 "$T/chunk.h5"
check 'a missing file: nothing is written' \
	pipe 5 'empty: no stream came' 0 /no/such.q2
head -c 4160 "$T/peaks.q2" >"$T/header.q2"
check 'cxiwrite: a file that ends at a record has no end record' refused 5 \
	'^cxiwrite: .*without its end' sh -c 'head -c 4096 "$1" | cxiwrite -o "$2"' \
	- "$T/peaks.q2" "$T/o"
rm -rf "$T/o"

# ---- peakfind and q2ls ----

for program in peakfind q2ls cxiwrite; do
	check "$program: a directory on standard input" refused 6 \
		"^$program: standard input: .*directory" \
		sh -c 'cd "$3" && "$1" <"$2"' - $program "$T/dir" "$T/dir"
	check "$program: a text file on standard input" refused 6 \
		"^$program: standard input: .*not a q2 record" \
		sh -c 'cd "$3" && "$1" <"$2"' - $program "$T/text" "$T/dir"
done
check 'q2ls: a missing file' refused 6 '^q2ls: /no/such: No such' q2ls /no/such
check 'q2ls: a directory' refused 6 "^q2ls: $T/dir: .*directory" q2ls "$T/dir"
q2sim -n 3 >"$T/three.q2"
check 'q2cat -s: that it skips all is said' \
	refused 0 '^q2cat: -s 3: no event is left to send' q2cat -s 3 "$T/three.q2"
check '... by the place that was given, also where a share lacks what is behind' \
	refused 0 '^q2cat: -s 0:2: no event is left' q2cat -i 0/3 -s 0:2 "$T/three.q2"
check '... and by the last one, where a place is given before' \
	refused 0 '^q2cat: -s 3: no event is left' q2cat -s 5:0 -s 3 "$T/three.q2"
check '... and not where it sends some, or was to send none' \
	sh -c 'e=$( { q2cat -s 2 "$1"; q2cat -s 2 -n 0 "$1"; } 2>&1 >/dev/null) && [ -z "$e" ]' \
	- "$T/three.q2"
check 'q2ls -p: a stream without peaks is no stream of events without peaks' \
	refused 6 'carries no peaks: put peakfind in front' \
	sh -c 'q2sim -n 3 | q2ls -p'
check 'q2ls: an empty file' refused 6 "^q2ls: $T/empty: empty" q2ls "$T/empty"
check 'q2ls: a dump is not for it' \
	refused 6 "^q2ls: $T/good.h5: .*HDF5.*q2cat" q2ls "$T/good.h5"
check 'q2ls: a cut capture' \
	refused 6 "^q2ls: $T/cut.q2: event 1: .*truncated" q2ls "$T/cut.q2"

for mask in '/no/such.h5|No such file' "$T/text|HDF5" "$T/empty|HDF5" \
    "$T/dir|." "$T/mask-shape.h5|3.*15.*14" "$T/mask-rank.h5|." \
    "$T/mask-fits.h5:/nothing|nothing" "$T/cut.h5|."; do
	file=${mask%%|*}
	check "peakfind -b ${file##*/}" refused 6 \
		"^peakfind: -b: .*${file%%:*}.*${mask#*|}" \
		sh -c 'peakfind -b "$1" <"$2"' - "$file" "$T/good.q2"
	check "cxiwrite -b ${file##*/}" refused 6 \
		"^cxiwrite: .*${file%%:*}.*${mask#*|}" \
		sh -c 'cxiwrite -m 1 -o "$3" -b "$1" <"$2"' - "$file" "$T/peaks.q2" "$T/o"
	rm -rf "$T/o"
done
check 'a mask that fits is taken' test 0 -eq "$(status sh -c \
	'peakfind -b "$1" <"$2"' - "$T/mask-fits.h5" "$T/good.q2")"

# ---- cxiwrite: geometry ----

geometry() {
	sed "$1" >"$T/bad.geom" <<-'END'
	clen = 0.1
	res = 10000
	peak_list = /entry_1/result_1
	p0/min_fs = 0
	p0/max_fs = 13
	p0/min_ss = 0
	p0/max_ss = 14
	p0/corner_x = 0
	p0/corner_y = 0
	p0/fs = x
	p0/ss = y
	p1/min_fs = 0
	p1/max_fs = 13
	p1/min_ss = 15
	p1/max_ss = 29
	p1/corner_x = 0
	p1/corner_y = 20
	p1/fs = x
	p1/ss = y
	END
}
with_geometry() {
	refused "$1" "$2" sh -c 'cxiwrite -m 1 -g "$1" -o "$3" <"$2"' - "$3" \
		"$T/peaks.q2" "$T/o" || return 1
	[ "$1" -eq 0 ] || ! ls "$T/o" | grep -q cxi
}
geometry ''
check 'a geometry that fits is taken' with_geometry 0 '3 written' "$T/bad.geom"
rm -rf "$T/o"
check 'a missing geometry' \
	with_geometry 6 '^cxiwrite: /no/such.geom: No such file' /no/such.geom
check 'a directory for a geometry' \
	with_geometry 6 "^cxiwrite: $T/dir: .*directory" "$T/dir"
check 'an empty geometry' with_geometry 6 "^cxiwrite: $T/empty: ." "$T/empty"
check 'text for a geometry' with_geometry 6 "^cxiwrite: $T/text: ." "$T/text"
check 'a binary for a geometry' with_geometry 6 "^cxiwrite: $T/binary: ." "$T/binary"
geometry '/^p1/d'
check 'a geometry with one module of two says so' \
	with_geometry 6 "^cxiwrite: $T/bad.geom: .*1.*2" "$T/bad.geom"
geometry 's/^p1.max_ss.*/p1\/max_ss = 30/'
check 'a geometry with a larger module names the sizes' \
	with_geometry 6 "^cxiwrite: $T/bad.geom: .*16.*15" "$T/bad.geom"
geometry 's/^p0.max_fs.*/p0\/max_fs = x/'
check 'a geometry with a word for a number names the line' \
	with_geometry 6 "^cxiwrite: $T/bad.geom: .*(line 5|max_fs)" "$T/bad.geom"
geometry '/corner_y/d; $a\
bad0/min_x = 0\
bad0/max_x = 3\
bad0/min_y = 0\
bad0/max_y = 3'
check 'a bad region in x and y where a panel has no corner' \
	with_geometry 6 "^cxiwrite: $T/bad.geom: bad region bad0 .*p0" "$T/bad.geom"
geometry 's/^p0.max_fs.*/p0\/max_fs = 99999999999999999999/'
check 'a geometry with a huge number' \
	with_geometry 6 "^cxiwrite: $T/bad.geom: .*max_fs" "$T/bad.geom"
rm -rf "$T/o"
"$PYTHON" - "$T/one.h5" <<'END' || exit 1
import h5py, sys
with h5py.File(sys.argv[1], "w") as f:
    f["batch_0/logits"] = [[[[1.0] * 40] * 30, [[0.0] * 40] * 30]]
END
geometry '/^p1/d'
check 'a geometry that ends before the image of one panel does is told of' sh -c '
	q2cat "$1/one.h5" 2>/dev/null | peakfind |
	    cxiwrite -m 0 -g "$1/bad.geom" -o "$1/o" 2>"$1/err" &&
	grep "bad.geom: its ASICs reach to ss 14, fs 13 only.*30 x 40" "$1/err"' - "$T"
rm -rf "$T/o"

# ---- cxiwrite: where it writes ----

write_to() {
	sh -c 'shift; cxiwrite -m 1 "$@" <"$0"' "$T/peaks.q2" - "$@"
}
check 'an output directory whose parent is missing' \
	refused 7 "^cxiwrite: .*$T/no/such: No such file" write_to -o "$T/no/such"
check 'a file in place of the output directory' \
	refused 7 "^cxiwrite: .*$T/text.*(Not a directory|exists)" write_to -o "$T/text"
check 'an output directory whose parent is a file' \
	refused 7 "^cxiwrite: .*$T/text/o: Not a directory" write_to -o "$T/text/o"
check 'a prefix with a slash' \
	refused 1 "^cxiwrite: -p" write_to -o "$T/o" -p a/b
tab=$(printf '\t')
check 'a prefix with a tab, which the journal could not hold' \
	refused 1 '^cxiwrite: -p' write_to -o "$T/o" -p "a${tab}b"
mkdir "$T/tab$tab"
check 'a directory with a tab in its name, which the list could not hold' \
	refused 7 'control characters' write_to -o "$T/tab$tab"
check 'an empty prefix' refused 1 '^cxiwrite: -p' write_to -o "$T/o" -p ''
check 'a prefix that is too long' refused 1 '^cxiwrite: -p .* 224 bytes' \
	write_to -o "$T/long" -p "$(printf %0225d 0)"
check 'and it has made nothing' test ! -e "$T/long"
check 'one that is just not' test 0 -eq \
	"$(status write_to -o "$T/long" -p "$(printf %0224d 0)")"
if [ "$(id -u)" -eq 0 ]; then
	as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
	chmod 755 "$T"
else
	as() { "$@"; }
fi
mkdir -m 555 "$T/locked"
as_writes() {
	as "$(command -v cxiwrite)" -m 1 "$@" <"$T/peaks.q2"
}
if as test -x "$(command -v cxiwrite)"; then
	check 'an output directory that is not writable' \
		refused 7 "^cxiwrite: $T/locked/.*Permission denied" \
		as_writes -o "$T/locked"
	check 'an output directory in one that is not writable' \
		refused 7 "^cxiwrite: .*$T/locked/o: Permission denied" \
		as_writes -o "$T/locked/o"
	# Opened by who may, and read by who may not: as with sudo.
	cp "$T/good.q2" "$T/handed.q2"
	handed() {
		{ chmod 0 "$T/handed.q2"; as "$@"; } <"$T/handed.q2" |
			tee "$T/handed.ls"
		grep -q '3 events' "$T/handed.ls" &&
			! grep -q failed "$T/handed.ls"
		good=$?
		chmod 600 "$T/handed.q2"
		return $good
	}
	check 'q2cat: a capture that it may read but not open' \
		handed sh -c 'q2cat | q2ls'
	check '... nor may those behind it, with slots' \
		handed q2slots -n 2 sh -c 'q2cat | peakfind | q2ls'
else
	skip 'q2cat: a capture that it may read but not open' 'nobody cannot reach us'
	skip '... nor may those behind it, with slots' 'nobody cannot reach us'
	skip 'an output directory that is not writable' 'nobody cannot reach us'
	skip 'an output directory in one that is not writable' 'nobody cannot reach us'
fi

check 'a first run' test 0 -eq "$(status write_to -o "$T/o")"
cp "$T/o/peaknet_0000.cxi" "$T/first.cxi"
check 'files of an earlier run are not overwritten' \
	refused 7 "^cxiwrite: $T/o/peaknet_0000.cxi exists; -f" write_to -o "$T/o"
check 'nor changed' cmp "$T/o/peaknet_0000.cxi" "$T/first.cxi"
check 'nor the list' test "$(wc -l <"$T/o/peaknet.lst")" -eq 1
check '-f replaces them' test 0 -eq "$(status write_to -f -o "$T/o")"
check '-f with a damaged input replaces nothing before a stream comes' \
	refused 6 'wrong magic' sh -c 'cxiwrite -f -o "$1" <"$2"' - "$T/o" "$T/text"
check 'and the earlier files are still there' \
	cmp "$T/o/peaknet_0000.cxi" "$T/first.cxi"
echo x >"$T/o/log"
check 'a file that is no log is not overwritten' \
	refused 7 "^cxiwrite: -l $T/o/log: exists and is not a log" \
	write_to -o "$T/o" -p log -l "$T/o/log"
false | cxiwrite -o "$T/o" -p heading -l "$T/o/heading" 2>/dev/null
check 'but a log without events is: nothing came of that run' \
	sh -c 'test -s "$1" && test 0 -eq "$2"' - "$T/o/heading" \
	"$(status write_to -o "$T/o" -p heading -l "$T/o/heading")"
check 'a file that is no statistics is not overwritten' \
	refused 7 "^cxiwrite: -S $T/o/log: exists and is not stat" \
	write_to -o "$T/o" -p log -S "$T/o/log"
check 'a log in a missing directory' \
	refused 7 '^cxiwrite: .*/no/such/log: No such file' \
	write_to -o "$T/o" -p log -l /no/such/log
check 'statistics in a missing directory' \
	refused 7 '^cxiwrite: .*/no/such/stats: No such file' \
	write_to -o "$T/o" -p stats -S /no/such/stats
rm -rf "$T/o"

# The second one comes while the first holds the series, waiting for its input.
mkfifo "$T/fifo"
cxiwrite -m 1 -o "$T/o" <"$T/fifo" >/dev/null 2>&1 &
first=$!
exec 9>"$T/fifo"
while [ ! -e "$T/o/peaknet.lst" ]; do
	kill -0 $first || break
	sleep 0.05
done
sleep 0.1
check 'a second writer of one series is refused' refused 7 \
	'^cxiwrite: .*peaknet.lst: another cxiwrite writes this series; -p' \
	write_to -f -o "$T/o"
check 'and one with another prefix is not' \
	test 0 -eq "$(status write_to -o "$T/o" -p other)"
cat "$T/peaks.q2" >&9
exec 9>&-
wait $first
check 'the first one ends well' test $? -eq 0 -a -s "$T/o/peaknet_0000.cxi"
rm -rf "$T/o"

# ---- Q2_SLOTS ----

# slots_all FIELD VALUE: all programs refuse a Q2_SLOTS with this field changed.
slots_all() {
	for p in 'q2cat /dev/null' peakfind "cxiwrite -o $T/o" q2serve q2ls; do
		refused 8 "^${p%% *}: Q2_SLOTS .*q2slots" q2slots -n 2 sh -c '
			Q2_SLOTS=$(echo "$Q2_SLOTS" | awk -F : -v OFS=: -v f="$1" \
			-v v="$2" "{ \$f = v; print }") exec $3 </dev/null' \
			- "$1" "$2" "$p" || return 1
	done
}
for text in '' x 1 1: 1:2:3:4 ::::::: '1:100:101:102:2:00000001:1' \
    "$(printf %0500d 1)"; do
	check "Q2_SLOTS=$(echo "$text" | cut -c 1-40) is malformed" \
		refused 8 '^q2ls: Q2_SLOTS is malformed.*q2slots' \
		env "Q2_SLOTS=$text" q2ls
done
for field in '1 2' '1 x' '2 x' '2 -1' '2 0' '2 99' '2 101' '2 99999999999' \
    '3 x' '3 99' '3 100' '3 0' '4 x' '4 99' '4 100' '4 101' '5 0' '5 1' '5 3' \
    '5 256' '5 -1' '5 x' '6 x' '6 00000000' '7 x' '7 0' '7 99999999999999999999' \
    '8 x' '8 0' '8 1:9'; do
	set -- $field
	check "Q2_SLOTS with $2 for field $1 is refused" slots_all "$1" "$2"
done
check 'Q2_SLOTS without its descriptors is refused' refused 8 \
	'^q2ls: Q2_SLOTS names descriptors' \
	env Q2_SLOTS=1:100:101:102:2:00000001:1:2 q2ls
check 'q2slots inside q2slots is refused' refused 1 \
	'^q2slots: Q2_SLOTS is set' q2slots q2slots true
check 'q2slots: a command that is not there' refused 1 \
	'^q2slots: /no/such: No such file' q2slots /no/such
check 'q2slots: a command that cannot run' refused 8 \
	"^q2slots: $T/text: Permission denied" q2slots "$T/text"
check 'q2slots: the status is that of the command' \
	test 42 -eq "$(status q2slots sh -c 'exit 42')"

# ---- closed descriptors ----

for p in q2cat peakfind cxiwrite q2ls; do
	check "$p <&-: a closed standard input is said" refused 6 \
		"^$p: standard input: .*Bad file" sh -c 'cd "$2"; "$1" <&-' - $p "$T/dir"
done
for p in 'q2cat good.h5' 'q2cat good.q2' 'peakfind <good.q2' 'q2ls good.q2' \
    'q2ls -p peaks.q2' 'q2sim -n 1 -D mfx' 'q2ls -h' 'q2cat --version'; do
	check "$p >&-: a closed standard output is said" refused 7 \
		"^${p%% *}: standard output: Bad file" \
		sh -c 'cd "$1"; eval "$2 >&-"' - "$T" "$p"
	check "$p >/dev/full: a full output is said" refused 7 \
		"^${p%% *}: standard output: No space left" \
		sh -c 'cd "$1"; eval "$2 >/dev/full"' - "$T" "$p"
done
check 'q2ls: damage in front does not hide that the output was lost' \
	test 7 -eq "$(status sh -c 'q2ls "$1" >/dev/full' - /dev/null)"
for p in peakpipe peakpipe-array; do
	check "$p -h >/dev/full: a full output is said" \
		test 7 -eq "$(status sh -c '"scripts/$1" -h >/dev/full' - $p)"
done
check 'q2cat: all descriptors closed end it with a status' \
	test 7 -eq "$(status sh -c 'q2cat "$1" <&- >&- 2>&-' - "$T/good.h5")"
check 'cxiwrite 2>&-: messages do not land in a file' test 0 -eq \
	"$(status sh -c 'cxiwrite -m 1 -o "$1" -l "$1/log" <"$2" 2>&- >&-' - \
	"$T/o" "$T/peaks.q2")" -a "$(wc -l <"$T/o/peaknet.lst")" -eq 1
check 'and the file is that of a run with standard error' \
	cmp "$T/o/peaknet_0000.cxi" "$T/first.cxi"

done_testing
