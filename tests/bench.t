#!/bin/sh
# The benchmark in its short form: tiny sizes, results and not times. What it
# compares must find the same peaks and write the same bytes.

. tests/lib.sh

# One line a result: "ok NAME", "not ok NAME", "skip NAME WHY", with tabs.
results() {
	while IFS='	' read -r how name why; do
		case $how in
		ok) check "$name" true ;;
		skip) skip "$name" "$why" ;;
		*) check "$name" false ;;
		esac
	done <"$T/results"
}

shm=/dev/shm
[ -w $shm ] || shm=$T
if ! "$PYTHON" -c 'import h5py, numpy, scipy' 2>/dev/null; then
	skip 'the benchmark runs in its short form' 'no h5py, numpy or scipy'
	done_testing
	exit
fi
B=$B TMPDIR=$T "$PYTHON" scripts/bench --check -m "$shm" -o "$T/none.json" \
    >"$T/results" 2>"$T/said"
ended=$?
results
check 'the benchmark runs in its short form' \
    sh -c "cat '$T/said'; test $ended -eq 0 -a -s '$T/results'"
check 'the short form writes no results' test ! -e "$T/none.json"
check 'the benchmark leaves nothing behind' \
    test -z "$(find "$T" "$shm" -maxdepth 1 -name 'peakpipe-bench.*' -newer "$T/results")"
cp man/peakpipe-performance.7 "$T/page.7"
cat >"$T/some.json" <<'END'
{"sections": {"kernel": {"date": "2000-01-01", "machine": {"cores": 2},
"about": "What is compared.\n\nread: an OR. Limits\nare ratios.", "rows":
[{"what": "f32", "value": 0.5, "unit": "ms", "note": "read 0.4"},
{"what": "  beside a rival whose name is too long for a column", "value": 1.3,
"unit": "x", "limit": 1.2, "bound": "at most", "met": false, "note": "of 3"}]},
"scale": {"date": "2000-01-01", "machine": {"cores": 2}, "about": "How.", "rows":
[{"what": "tasks", "value": 4, "unit": "x"}]}}}
END
cat >"$T/table" <<'END'
.\" table begins
.Ss KERNEL
What is compared.
.Pp
read: an OR.
Limits are ratios.
.Pp
2 cores, 2000-01-01.
.Bd -literal
f32                                         0.5 ms       (read 0.4)
  beside a rival whose name is too
      long for a column                     1.3 x        <= 1.2 not met
      (of 3)
.Ed
.\" table ends
END
"$PYTHON" scripts/bench -o "$T/some.json" --page "$T/page.7"
sed -n '/^\.." table begins/,/^\.." table ends/p' "$T/page.7" >"$T/found"
check 'results go into the manual page, with what was compared' \
    diff "$T/table" "$T/found"
cp man/peakpipe-scale.7 "$T/scale.7"
"$PYTHON" scripts/bench -o "$T/some.json" --page "$T/scale.7" scale
check 'those of a section that has a page of its own go there' \
    grep -q '^tasks  *4 x$' "$T/scale.7"
check '... and nowhere else' sh -c "! grep '^tasks' '$T/page.7'"
if command -v mandoc >/dev/null; then
	check 'and it stays a sound one' sh -c \
	    "cp man/*.[157] '$T'; cp '$T/page.7' '$T/peakpipe-performance.7';
	    cd '$T' && mandoc -T lint ./peakpipe-performance.7"
else
	skip 'and it stays a sound one' 'no mandoc'
fi
done_testing
