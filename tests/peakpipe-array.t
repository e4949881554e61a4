#!/bin/bash
# peakpipe-array: a job array of a real Slurm, which is started here; tasks that are
# killed and begun again; the last job.

. tests/lib.sh

ROOT=$PWD
REAL_PEAKFIND=$(cd "$B" && pwd)/peakfind
export REAL_PEAKFIND T
"$PYTHON" -B -c 'import sys; sys.path.insert(0, "tests"); import proc
proc.dump_make(sys.argv[1] + "/1.h5", 300, height=8, width=8)
proc.dump_make(sys.argv[1] + "/2.h5", 290, height=8, width=8, seed=2, blobs=lambda k: k % 9)' "$T" || exit 1

# A peakfind that stops in the middle, when a task runs for the first time and there
# is a file held.TASK: 140 references are more than the first CXI file.
mkdir "$T/bin"
cat >"$T/bin/peakfind" <<'END'
#!/bin/sh
[ -p /dev/stdin ] && [ -e "$T/held.$SLURM_ARRAY_TASK_ID" ] &&
    [ -z "$SLURM_RESTART_COUNT" ] ||
    exec "$REAL_PEAKFIND" "$@"
"$REAL_PEAKFIND" "$@" |
    { stdbuf -o0 head -c $((4096 + 64 * 140)); sleep 60; }
END
chmod +x "$T/bin/peakfind"
PATH=$T/bin:$ROOT/scripts:$PATH
export PATH
cd "$T" || exit 1
one="a b's \$x.q2" two='c"d;.q2' out="o'ut \$x %a"
q2cat -k run=1 1.h5 >"$one"
q2cat -k run=2 2.h5 >"$two"
run() { peakpipe-array -n 4 -o "$out" "$one" -m 2 "$two" "$@"; }

# ---- without Slurm ----

check '-N prints' eval 'run -N >plan 2>err && [ ! -s err ]'
check '... a script for sh, with an array of four and a job behind it' \
    sh -c 'bash -n plan && grep -q -- --array=0-3 plan && grep -q afterany plan'
check '... and does nothing' test ! -e "$out"

# shares TASKS FILE...: what each task has.
shares() {
	peakpipe-array -N -n "$1" "${@:2}" | sed -n "s|^\([0-9]*)\) set -- \(.*\) ;;|\1 \2|p" |
	    sed "s|$PWD/||g; s|'||g" | xargs -d '\n' | sed 's/ *$//'
}
touch f0 f1 f2 f3 f4
share() {
	got=$(shares "${@:2}")
	[ "$got" = "$1" ] || { echo "$got"; return 1; }
}
check 'tasks have whole files, neighbours together' \
    share '0) f0 1) f1 f2 2) f3 f4' 3 f0 f1 f2 f3 f4
check 'a task a file' share '0) f0 1) f1' 2 f0 f1
check 'with fewer files than tasks each has every n-th event of one' \
    share '0) -i 0/3 f0 1) -i 1/3 f0 2) -i 2/3 f0 3) -i 0/2 f1 4) -i 1/2 f1' 5 f0 f1
check 'the default is a task a file' eval \
    'peakpipe-array -N f0 f1 f2 | grep -q -- --array=0-2'
check 'no file is a usage error, 1' refused 1 usage peakpipe-array -n 4
check 'so is a number of tasks that is none' refused 1 '0x9' peakpipe-array -n 0x9 f0
check 'and an option that is unknown' refused 1 usage peakpipe-array -X f0
check 'a file that is missing is named, 6' refused 6 gone.q2 peakpipe-array f0 gone.q2
mkdir few
for c in bash getopt; do ln -s "$(command -v $c)" few; done
check 'without sbatch it says so, 8' refused 8 sbatch \
    env PATH="$ROOT/scripts:$T/few" peakpipe-array f0 -o none
check '... and leaves nothing' test ! -e none

# A Slurm that refuses all.
mkdir no
printf '#!/bin/sh\necho "sbatch: no" >&2\nexit 1\n' >no/sbatch
chmod +x no/sbatch
refuses() { refused "$@" && [ ! -e none/run.sh ]; }
check 'what Slurm refuses is said, 8, and nothing stands in the way of another' \
    refuses 8 'Slurm did not take it' env PATH="$PWD/no:$PATH" \
    peakpipe-array -n 2 -o none "$one"
for mistake in '1 -m.-1 -m -1' '6 nowhere.geom:.No.such -g nowhere.geom' '1 -w.um -w um'; do
	read -r want said words <<<"$mistake"
	check "peakpipe-array $words: a mistake is found before it is submitted" \
	    refuses "$want" "$said" env PATH="$PWD/no:$PATH" \
	    peakpipe-array -n 2 -o none $words "$one"
done
check 'so is a file that is no capture' refuses 6 'f0: empty' \
    env PATH="$PWD/no:$PATH" peakpipe-array -o none f0

# ---- on a full disk, with a Slurm that takes all and does nothing ----

mkdir takes logs small
printf '#!/bin/sh\necho 1\n' >takes/sbatch
chmod +x takes/sbatch
# said_status COMMAND...: by a Slurm that takes all, the status and what it was asked.
said_status() {
	printf '#!/bin/sh\necho "$@" >>asked\necho 1\n' >logs/sbatch
	chmod +x logs/sbatch
	rm -f asked
	PATH=$PWD/logs:$PATH "$@" 2>err
	echo "$? $(cat asked 2>/dev/null | wc -l)" >&3
}
lines_lost() {
	# shellcheck disable=SC2086 # two words
	[ "$(said_status peakpipe-array $1 -m 2 -o "$2" "$one" 3>&1 >/dev/full)" = '7 0' ] &&
	    grep 'standard output' err && [ ! -e "$2" ]
}
check 'a full standard output is said, 7, and nothing is submitted' lines_lost '-n 2' lost
check '... nor has -N printed' lines_lost -N lost
lines_gone() {
	[ "$({ { sleep 0.3; said_status "$@"; } | true; } 3>&1)" = '2 0' ] && [ ! -s err ]
}
check 'a reader of it that has gone is status 2' \
    lines_gone peakpipe-array -m 2 -o lost "$one"
# on_small KIB COMMAND: with a disk of that size, small, in a mount namespace of its own.
on_small() {
	PATH=$PWD/takes:$PATH unshare -m bash -c '
	    mount -t tmpfs -o size="$0k" none small || exit 99
	    fill() { cat /dev/zero >small/ballast; true; } 2>/dev/null
	    array() { peakpipe-array -n "$1" -m 2 -o small "$one" >/dev/null; }
	    eval "$1"' "$@"
}
export one
# last_job FIELD VALUE HAPPENS: two tasks are done; a value in the totals of the second
# is replaced, and something happens before the last job.
last_job() {
	field=$1 value=$2 happens=$3 on_small 99000 '
	    array 2 && bash small/run.sh 0 >said 2>&1 && bash small/run.sh 1 >said 2>&1 || exit 98
	    sed -i "s/\"$field\": [a-z0-9]*/\"$field\": $value/" small/task0001.json
	    eval "$happens"
	    bash small/run.sh last
	    s=$?
	    cat small/run.json
	    [ $s -lt 5 ] || [ ! -e small/run.cxi ] || exit 97
	    exit $s'
}
if unshare -m true 2>/dev/null; then
	check 'a full disk is said, 7' refused 7 'small: cannot be written to' \
	    on_small 4 'fill; array 80'
	full='head -c 4096 /dev/zero >small/ballast; ! array 80 && rm small/ballast'
	check '... and nothing of the job script is left' \
	    on_small 8 "$full"' && ls -A small && [ -z "$(ls -A small)" ]'
	check '... so that the same command does it when there is room' \
	    on_small 8 "$full"' && mount -o remount,size=1m small && array 80 &&
	    bash -n small/run.sh'
	check 'a job script that is there stays whole' on_small 100 \
	    'array 80 && cp small/run.sh kept && fill; ! array 80 && cmp small/run.sh kept'
	for totals in 'complete false' 'failed 1' 'complete true'; do
		# shellcheck disable=SC2086 # two words
		check "last job, $totals: totals that cannot be written are said, 7" \
		    refused 7 'small/run.json cannot be written' last_job $totals fill
		# shellcheck disable=SC2086
		check '... and those that cannot be opened' refused 7 \
		    'small/run.json cannot be written' last_job $totals 'mkdir small/run.json'
	done
	check 'last job: a task that is not complete is said, 5' \
	    refused 5 'task0001 is not complete' last_job complete false :
	check 'last job: events that failed are 4' refused 4 '1 failed' last_job failed 1 :
	check 'last job: else it is 0' refused 0 '0 failed' last_job failed 0 :
else
	skip 'a full disk is said, 7' 'mounting is not allowed here'
fi

# ---- with Slurm ----

slurm_start() {
	for c in munged slurmctld slurmd sbatch; do
		PATH=$PATH:/usr/sbin command -v $c >which || {
			echo "no $c: scripts/deps cluster"
			return 1
		}
	done
	ports=$("$PYTHON" -c 'import socket
s = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(x.getsockname()[1] for x in s))')
	mkdir slurm
	chmod 755 . slurm
	# shellcheck disable=SC2086 # two ports
	"$ROOT/tests/alone.sh" "$ROOT/tests/slurm.sh" "$PWD/slurm" $ports 2>slurm/err &
	slurm=$!
	export SLURM_CONF=$PWD/slurm/slurm.conf
	poll 20 idle || { cat slurm/err slurm/out 2>which | tail -n 1; return 1; }
}
idle() { sinfo -h -o %t 2>which | grep -qx idle; }

# poll SECONDS COMMAND...: until it is true.
poll() {
	local end=$((SECONDS + $1))
	until "${@:2}"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
# Jobs outlive their Slurm where it has no namespace; all run below T.
ended() {
	local p
	[ -n "$slurm" ] && kill -9 "$slurm" && wait "$slurm"
	for p in /proc/[0-9]*; do
		case $(readlink "$p/cwd") in
		"$T"/*) kill -9 "${p#/proc/}" ;;
		esac
	done
	rm -rf "$T"
} 2>/dev/null
trap ended EXIT

job() { scontrol -o show job "$1" 2>job.err; }
state_is() { job "$1" | grep -qE "JobState=($2)"; }
over() { state_is "$1" 'COMPLETED|FAILED|CANCELLED|TIMEOUT'; }
status_of() { job "$1" | sed -n 's/.*ExitCode=\([0-9:]*\).*/\1/p'; }

# Lines of the journal: the heading, how it began, and one a file.
first_file() { [ "$(cat "$out/task000$1.journal" 2>which | wc -l)" -ge 3 ]; }

# SIGKILL for all processes of a task but Slurm's own.
task_kill() {
	local p
	for p in $(grep -slzx "SLURM_ARRAY_TASK_ID=$1" /proc/[0-9]*/environ); do
		p=${p%/environ}
		[ "$(readlink "$p/cwd")" != "$T/$out" ] || kill -9 "${p#/proc/}"
	done
	true
}

# As the tasks should have done it.
undisturbed() {
	for k in 0 1 2 3; do
		[ $k -lt 2 ] && f=$one || f=$two
		q2cat -i $((k % 2))/2 "$f" | "$REAL_PEAKFIND" |
		    cxiwrite -m 2 -o ref -p task000$k -l ref/task000$k.tsv || return 1
	done
}
same_bytes() {
	(cd ref && ls ./*.cxi ./*.tsv) >want
	(cd "$out" && ls ./*.cxi ./*.tsv) | grep -v run.cxi >got
	cat want
	[ "$(wc -l <want)" -ge 10 ] && diff want got || return 1
	while read -r f; do
		cmp "ref/$f" "$out/$f" || return 1
	done <want
}
total() { grep -q "\"$1\": $2" "$out/run.json" || { cat "$out/run.json"; return 1; }; }

if ! slurm_start >why; then
	skip 'a job array runs on a Slurm that the test started' "$(cat why)"
	done_testing
	exit
fi
touch held.1 held.2
submitted() { run >said 2>err; r=$?; cat err; [ $r -eq 0 ]; }
check 'it is submitted' submitted
check '... as -N said' eval 'head -n -1 said | cmp - plan'
array=$(sed -n 's/^job \([0-9]*\), and job .*/\1/p' said)
last=$(sed -n 's/^job .*, and job \([0-9]*\) .*/\1/p' said)
check 'two tasks are in the middle of their share' eval \
    'poll 30 first_file 1 && poll 30 first_file 2'
check 'one of them is requeued as it runs' scontrol requeue "${array}_2"
task_kill 1
check 'the other, killed, has failed' poll 20 state_is "${array}_1" FAILED
check 'the first runs again, and to its end' eval \
    'poll 40 over ${array}_2 && job ${array}_2 | grep -q " Restarts=1 .*ExitCode=0:0"'
check 'the last job runs though a task has failed' poll 30 over "$last"
check '... and ends with 5' test "$(status_of "$last")" = 5:0
check '... naming the task' grep -q '^task0001 is not complete' "$out/run.log"
check '... does not merge' test ! -e "$out/run.cxi"
check '... and its totals are not complete' total complete false
check 'the task that was killed is requeued' scontrol requeue "${array}_1"
check '... runs to its end' eval 'sleep 1; poll 40 over ${array}_1 &&
    [ "$(status_of "${array}_1")" = 0:0 ]'
check 'a run is made without Slurm to compare with' undisturbed
check 'all files and logs are those of tasks that nothing disturbed' same_bytes
rm held.1 held.2
check 'the same command submits all again' submitted
last=$(sed -n 's/^job .*, and job \([0-9]*\) .*/\1/p' said)
check '... and the last job ends well' eval \
    'poll 40 over $last && [ "$(status_of $last)" = 0:0 ]'
check '... all files are as they were' same_bytes
check '... the totals are complete' total complete true
check '... and those of all tasks' total events_in 590
# Each dataset of the merged file beside the same rows of a run that is not spread.
merged() {
	q2cat "$one" "$two" | "$REAL_PEAKFIND" | cxiwrite -m 2 -o whole || return 1
	"$PYTHON" - whole "$out/run.cxi" <<'END'
import glob, sys
import h5py, numpy
files = [h5py.File(f) for f in sorted(glob.glob(sys.argv[1] + "/*.cxi"))]
run, seen = h5py.File(sys.argv[2]), []
def look(name, x):
    if isinstance(x, h5py.Dataset) and x.shape and x.shape[0] == rows and \
       not name.endswith("mask"):
        want = numpy.concatenate([f[name][...] for f in files])
        assert run[name].dtype == x.dtype and numpy.array_equal(run[name][...], want), name
        seen.append(name)
rows = files[0]["entry_1/data_1/data"].shape[0]
files[0].visititems(look)
assert rows == 100 and len(files) == 6 and len(seen) > 15, (rows, seen)
END
}
check '... and one view of all files, which is the run as if it were not spread' merged
check 'another number of tasks is refused there, 7' refused 7 'another -o' \
    peakpipe-array -n 3 -o "$out" "$one" -m 2 "$two"
check 'so is another option' refused 7 'another -o' run -z gzip
done_testing
