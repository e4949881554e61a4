# TAP for shell tests. Sourced by tests/*.t, which run from the project's root:
#
#	. tests/lib.sh
#	check 'an empty file is refused' test "$(status q2cat /dev/null)" -eq 6
#	done_testing
#
# B names the build directory; its programs come first in PATH. T is a scratch
# directory, removed at the end. REAL and GEOM are the real frames, if there.

B=${B:-build}
PATH=$(cd "$B" && pwd):$PATH
PYTHON=${PYTHON:-/usr/bin/python3}
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
trap 'exit 1' INT TERM
unset Q2_SLOTS
REAL=../shared/data/cxi78513-r0014-thermolysin.q2dump.h5
GEOM=../shared/geom/cspad-cxi78513.geom
tests_run=0
tests_failed=0

# check NAME COMMAND...: passes if the command exits with 0.
check() {
	name=$1
	shift
	tests_run=$((tests_run + 1))
	if "$@" >"$T/.check" 2>&1; then
		echo "ok $tests_run - $name"
	else
		echo "not ok $tests_run - $name"
		echo "# $*"
		sed 's/^/# /' "$T/.check"
		tests_failed=$((tests_failed + 1))
	fi
}

# skip NAME WHY: a test that cannot run here.
skip() {
	tests_run=$((tests_run + 1))
	echo "ok $tests_run - $1 # SKIP $2"
}

# status COMMAND...: prints the exit status; messages go to $T/err, output to $T/out.
status() {
	"$@" >"$T/out" 2>"$T/err"
	echo $?
}

# refused STATUS PATTERN COMMAND...: the command must exit with STATUS and say
# something that matches the extended regular expression.
refused() {
	want=$1
	pattern=$2
	shift 2
	"$@" >"$T/out" 2>"$T/err"
	got=$?
	cat "$T/err"
	[ $got -eq "$want" ] || { echo "status $got, not $want"; return 1; }
	grep -Eq -e "$pattern" "$T/err" || { echo "no message like: $pattern"; return 1; }
}

done_testing() {
	echo "1..$tests_run"
	[ $tests_failed -eq 0 ]
}
