#!/bin/sh
# peakpipe: one command from captures to CXI files and a report.

. tests/lib.sh

mkdir "$T/w"
"$PYTHON" -B -c 'import sys; sys.path.insert(0, "tests"); import proc
proc.dump_make(sys.argv[1], 24)' "$T/w/run.h5" || exit 1
PATH=$PWD/scripts:$PATH
export PATH
cd "$T/w" || exit 1
q2cat run.h5 >run.q2
geom() {
	printf '%s\n' 'clen = 0.1' 'res = 10000' 'peak_list = /entry_1/result_1' \
	    'photon_energy = /LCLS/photon_energy_eV eV'
	for p in 0 1; do
		printf 'p%d/%s\n' $p 'min_fs = 0' $p 'max_fs = 47' $p "min_ss = $((32 * p))" \
		    $p "max_ss = $((32 * p + 31))" $p 'fs = +1.0x +0.0y' $p \
		    'ss = +0.0x +1.0y' $p 'corner_x = -24' $p "corner_y = $((40 * p))"
	done
}
geom >sim.geom
write='-m 2 -n 100 -g sim.geom'

# The CXI files of a directory.
files() {
	for f in "$1"/*.cxi; do
		sha256sum <"$f"
	done
}

plain() {
	mkdir hand && q2cat run.q2 | peakfind | cxiwrite $write -o hand
}
check 'a run is made by hand to compare with' plain
check 'peakpipe ends with status 0, options behind the file' \
    sh -c 'peakpipe run.q2 -m 2 -g sim.geom -o out >said 2>err'
same_files() { [ -s hand/peaknet_0000.cxi ] && [ "$(files hand)" = "$(files "$1")" ]; }
check 'its CXI files are those of the pipeline by hand' same_files out
sides() { [ -s out/peaknet.tsv ] && [ -s out/peaknet.json ] && [ -s out/peaknet.html ]; }
check 'log, totals and report are there' sides
check 'the line that it prints is the pipeline: it can be run elsewhere' \
    sh -c 'mkdir else && cp run.q2 sim.geom else && cd else && sh ../said 2>/dev/null'
check '... and makes the same files and the same report' same_files else/out
check '... report' cmp out/peaknet.html else/out/peaknet.html

again() {
	files out >before && cp out/peaknet.json told &&
	    peakpipe run.q2 -m 2 -g sim.geom -o out >/dev/null 2>&1 &&
	    files out >after && cmp before after
}
check 'a complete run is left as it is, status 0' again
check '... its speed in the totals, too' cmp told out/peaknet.json

carried() {
	mkdir cut && head -c $(($(wc -c <run.q2) / 2)) run.q2 >half.q2
	q2cat half.q2 2>/dev/null | peakfind 2>/dev/null | cxiwrite -r -g sim.geom \
	    -m 2 -o cut -p peaknet -l cut/peaknet.tsv -S cut/peaknet.json 2>/dev/null
	peakpipe run.q2 -m 2 -g sim.geom -o cut >/dev/null 2>&1 && same_files cut &&
	    cmp cut/peaknet.tsv out/peaknet.tsv
}
check 'a run that broke off is carried on, the log too' carried

odd() {
	mkdir "o'dd \$x" && cp run.q2 "o'dd \$x/a b.q2" &&
	    peakpipe "o'dd \$x/a b.q2" -m 2 -g sim.geom -o "o'dd \$x/out" >odd.said 2>&1 &&
	    same_files "o'dd \$x/out"
}
check 'names with blanks, quotes and dollars are taken as they are' odd
dashed() {
	cp run.q2 ./-n && peakpipe -m 2 -g sim.geom -o dashed -- -n >/dev/null 2>&1 &&
	    same_files dashed
}
check 'behind -- a name that looks like an option is a file' dashed
posix() {
	POSIXLY_CORRECT=1 GETOPT_COMPATIBLE=1 peakpipe -N run.q2 -m 2 -g sim.geom -o out |
	    diff - said
}
check 'options stand behind the files whatever the environment says' posix

status_is() {
	want=$1
	shift
	"$@" >/dev/null 2>err2
	got=$?
	[ $got -eq "$want" ] || { echo "status $got"; cat err2; return 1; }
}
check 'no file is a usage error, 1' status_is 1 peakpipe -o none
check 'an option that is unknown is one, too' status_is 1 peakpipe -X run.q2
only_printed() {
	peakpipe -N run.q2 -m 2 -g sim.geom -o out3 >lines &&
	    [ ! -e out3 ] && sed 's|out3|out|g' lines | diff - said
}
check '-N prints the lines and makes nothing' only_printed
check 'what says how many threads programs should have is not for workers' \
    sh -c 'OMP_NUM_THREADS=63 peakpipe -N run.q2 -m 2 -g sim.geom -o out | diff - said'
: >file
for d in no/such/dir file file/out; do
	check "-N finds a directory that cannot be made ($d)" \
	    refused 7 "peakpipe: -o $d: " peakpipe -N run.q2 -o $d
done

# What is whole of damaged files is worth a run, whichever comes first.
echo junk >junk.q2
head -c $(($(wc -c <run.q2) / 2)) run.q2 >half.q2
worth() {
	status_is 5 peakpipe "$@" -m 2 -g sim.geom -o "worth$#" && [ -s "worth$#/peaknet_0000.cxi" ]
}
check 'a first file that is junk does not stop the others' worth junk.q2 run.q2
check 'a file that is cut gives what is whole of it' worth half.q2
from_pipe() {
	peakpipe - -m 2 -g sim.geom -o piped <run.q2 >/dev/null 2>&1 && same_files piped &&
	    q2cat -n 12 run.q2 >first.q2 && q2cat -s 12 run.q2 >second.q2 &&
	    peakpipe first.q2 - -m 2 -g sim.geom -o both <second.q2 >/dev/null 2>&1 &&
	    [ "$(cxiview -s -o both.png both/*.cxi 2>&1)" = '' ] &&
	    grep -q '"events_in": 24' both/peaknet.json
}
check 'a capture may come from standard input, alone or behind another' from_pipe
mkfifo pipe.geom
check 'a geometry that cannot be read twice is refused' \
    refused 1 'pipe.geom: is read more than once' peakpipe run.q2 -g pipe.geom -o none
no_tmp() {
	TMPDIR=/no/such/dir peakpipe run.q2 -m 2 -g sim.geom -o notmp >/dev/null 2>err &&
	    same_files notmp && grep -q 'found as it runs' err
}
check 'without a directory for temporary files it runs all the same' no_tmp
nothing_left() {
	mkdir tmp && TMPDIR=$PWD/tmp peakpipe run.q2 -m 2 -g sim.geom -o left >/dev/null 2>&1 &&
	    [ -z "$(ls -A tmp)" ]
}
check 'with one, nothing is left there' nothing_left

# A TMPDIR too small for the rehearsal: as many KiB, and files, as OPTIONS of tmpfs say.
small_tmp() {
	rm -rf small small.out && mkdir small && TMPDIR=$PWD/small unshare -m sh -c '
	    mount -t tmpfs -o "$0" none "$TMPDIR" || exit 99
	    peakpipe run.q2 -m 2 -g sim.geom -o small.out >said.small 2>err; s=$?
	    [ -z "$(ls -A "$TMPDIR")" ] || { ls -R "$TMPDIR"; exit 98; }
	    exit $s' "$1" || { echo "$1: status $?"; cat err; return 1; }
	same_files small.out || return 1
	grep -q 'found as it runs' err || return 0
	grep "^peakpipe: $PWD/small cannot be written to, so mistakes" err &&
	    grep -iq 'no space left' err && told=$((told + 1))
}
any_tmp() {
	told=0
	for options in "$@"; do
		small_tmp "$options" || return 1
	done
	[ $told -gt 1 ] && [ $told -lt $# ] || { echo "$told of $#"; return 1; }
}
if unshare -m true 2>/dev/null; then
	check 'a TMPDIR of any size: it is named if it is full, and the run goes on' \
	    any_tmp size=4k size=8k size=12k size=16k size=20k size=40k size=100k
	check '... with any number of files' any_tmp nr_inodes=1 nr_inodes=2 nr_inodes=3 \
	    nr_inodes=4 nr_inodes=5 nr_inodes=6 nr_inodes=20
else
	skip 'a TMPDIR of any size: it is named if it is full, and the run goes on' \
	    'mounting is not allowed here'
fi

# The rehearsal comes to a peakfind that does not end.
mkdir slow
printf '#!/bin/sh\n: >begun\nexec sleep 60\n' >slow/peakfind
chmod +x slow/peakfind
ends_there() {
	rm -rf begun tmp && mkdir tmp
	TMPDIR=$PWD/tmp PATH=$PWD/slow:$PATH env --default-signal=INT,HUP setsid \
	    peakpipe run.q2 -o none >/dev/null 2>err &
	pid=$!
	for i in $(seq 200); do
		[ ! -e begun ] || break
		sleep 0.1
	done
	[ -n "$(ls -A tmp)" ] || { echo 'no rehearsal'; return 1; }
	kill -s "$1" -- -$pid
	wait $pid
	got=$?
	[ $got -eq 3 ] && [ -z "$(ls -A tmp)" ] && [ ! -e none ] ||
	    { echo "status $got"; ls -R tmp; cat err; return 1; }
}
check 'Ctrl-C in the rehearsal: status 3, and nothing is left' ends_there INT
check 'SIGTERM to all likewise' ends_there TERM
check 'a terminal that hangs up likewise' ends_there HUP

# The run itself, at 8 events a second.
mkdir rated
printf '#!/bin/sh\nexec %s -r 8 "$@"\n' "$(command -v q2cat)" >rated/q2cat
chmod +x rated/q2cat
stopped_run() {
	PATH=$PWD/rated:$PATH env --default-signal=INT setsid \
	    peakpipe run.q2 -m 2 -g sim.geom -o stopped >/dev/null 2>err &
	pid=$!
	for i in $(seq 200); do
		[ "$(cat stopped/peaknet.tsv 2>/dev/null | wc -l)" -lt 3 ] || break
		sleep 0.1
	done
	kill -s INT -- -$pid
	wait $pid
	got=$?
	[ $got -eq 3 ] && grep -q '^peakpipe: status 3.*carries the run on' err &&
	    grep -q 'data-verdict="interrupted"' stopped/peaknet.html ||
	    { echo "status $got"; cat err; return 1; }
}
check 'Ctrl-C in the run: status 3, with a report of what came' stopped_run
carried_on() {
	peakpipe run.q2 -m 2 -g sim.geom -o stopped >/dev/null 2>&1 && same_files stopped
}
check '... and the same command carries it on' carried_on

taken() {
	rm -rf taken && mkdir taken && echo mine >"taken/peaknet.$1" &&
	    refused 7 "taken/peaknet.$1: exists and is not " \
	        peakpipe run.q2 -m 2 -g sim.geom -o taken &&
	    [ "$(ls taken)" = "peaknet.$1" ] && [ "$(cat taken/*)" = mine ]
}
for e in tsv json html; do
	check "a peaknet.$e that is something else is kept, and found before the run" taken $e
done
odd_names() {
	nl='
'
	cp run.q2 "it's$nl" && peakpipe "it's$nl" -m 2 -g sim.geom -o "out's" >/dev/null 2>err &&
	    same_files "out's"
}
check 'names may have quotes, and that of an input a newline at its end' odd_names
check 'a full standard output is said before the run' sh -c '
	peakpipe run.q2 -m 2 -g sim.geom -o full >/dev/full 2>err
	[ $? -eq 7 ] && [ ! -e full ]'
dashed() {
	for d in - '-o d'; do
		peakpipe run.q2 -m 2 -g sim.geom -o "$d" >/dev/null 2>err &&
		    same_files "./$d" && [ -s "./$d/peaknet.html" ] || return
	done
}
check 'that of a directory may begin with a hyphen' dashed
# gone_status COMMAND...: the status when FIRST, which reads its output, has gone.
gone_status() { { { sleep 0.3; "$@" 2>err; echo $? >&3; } | $FIRST >/dev/null; } 3>&1; }
readers_go() {
	FIRST=true
	[ "$(gone_status peakpipe run.q2 -m 2 -g sim.geom -o gone)" = 2 ] && [ ! -s err ] &&
	    [ ! -e gone ] && [ "$(gone_status peakpipe -N run.q2)" = 2 ] &&
	    [ "$(gone_status peakpipe --version)" = 2 ] && [ ! -s err ]
}
check 'a reader that has gone is status 2, and nothing is run' readers_go
reader_leaves() {
	FIRST='head -n 1'
	[ "$(gone_status peakpipe run.q2 -m 2 -g sim.geom -o leaves)" = 2 ] &&
	    ! grep peakpipe: err && same_files leaves && [ -s leaves/peaknet.html ]
}
check 'one that leaves while it runs costs no report' reader_leaves
# Panels in layers: cxiwrite stacks them and says so, and cxireport does without.
sed 's|^p\([01]\)/min_fs.*|p\1/dim0 = %\np\1/dim1 = \1\np\1/dim2 = ss\np\1/dim3 = fs\n&|;
    s|^p1/min_ss.*|p1/min_ss = 0|; s|^p1/max_ss.*|p1/max_ss = 31|' sim.geom >layers.geom
layers() {
	peakpipe run.q2 -m 2 -g layers.geom -o layers >/dev/null 2>err && grep -q 'names a 3-D' err &&
	    [ -s layers/peaknet.html ]
}
check 'a geometry with panels in layers is taken, status 0' layers

# What -h, --help and a wrong PATH say.
for o in -h --help; do
	check "$o says how it is called" \
	    sh -c "peakpipe $o | grep -q '^usage: peakpipe ' && peakpipe $o | grep -q '(1)'"
done
check 'without the programs in PATH it says so' \
    refused 1 'q2slots is not in PATH' env PATH=/usr/bin:/bin "$(command -v peakpipe)" run.q2

# Found before anything is made: status, what is said, options. One message.
sed 's/max_fs = .*/max_fs = 1/' sim.geom >bad.geom
: >empty.q2
while read -r want said words; do
	nothing_made() {
		refused "$want" "$said" peakpipe $words -o none && [ ! -e none ] &&
		    [ "$(wc -l <"$T/err")" -eq 1 ]
	}
	check "peakpipe $words: status $want, and nothing is made" nothing_made
done <<'END'
6 missing.q2:.No.such.file missing.q2
6 missing.q2:.No.such.file run.q2 missing.q2
6 out:.is.a.directory out
6 out:.is.a.directory run.q2 out
6 sim.geom:.*not.a.q2.record sim.geom
6 empty.q2:.empty empty.q2
1 q2cat:.-i.3 run.q2 -i 3
1 q2cat:.-w.um run.q2 -w um
6 peakfind:.*nosuch.*No.such.file run.q2 -b nosuch
1 cxiwrite:.-z.foo run.q2 -z foo
1 cxiwrite:.-m.-1 run.q2 -m -1
1 cxiwrite:.-p run.q2 -p a/b
6 cxiwrite:.nosuch:.No.such.file run.q2 -g nosuch
6 reaches.over.the.edge|panels run.q2 -g bad.geom
END

ln -s no/such/dir leads.nowhere
check 'what a cure helps is said with what carries the run on' \
    refused 7 'same command carries the run on' peakpipe run.q2 -o leads.nowhere
refused_change() {
	refused 1 'options -d' peakpipe run.q2 -m 3 -g sim.geom -o out &&
	    ! grep 'carries the run\|events in' "$T/err"
}
check 'other options for the same run are refused, and nothing else is said of it' \
    refused_change
done_testing
