#!/bin/sh
# peakpipe: one command from captures to CXI files and a report.

. tests/lib.sh

"$PYTHON" -B -c 'import sys; sys.path.insert(0, "tests"); import proc
proc.dump_make(sys.argv[1], 24)' "$T/run.h5" || exit 1
PATH=$PWD/scripts:$PATH
export PATH
cd "$T" || exit 1
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
	files out >before && peakpipe run.q2 -m 2 -g sim.geom -o out >/dev/null 2>&1 &&
	    files out >after && cmp before after
}
check 'a complete run is left as it is, status 0' again

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

status_is() {
	want=$1
	shift
	"$@" >/dev/null 2>err2
	got=$?
	[ $got -eq "$want" ] || { echo "status $got"; cat err2; return 1; }
}
check 'no file is a usage error, 1' status_is 1 peakpipe -o none
check 'an option that is unknown is one, too' status_is 1 peakpipe -X run.q2
check 'a file that is missing ends with 5, nothing came, and is named' \
    status_is 5 peakpipe missing.q2 -o none
check '... in a message' grep -q missing.q2 err2
check 'a geometry that does not fit ends with 6' sh -c \
    'sed "s/max_fs = .*/max_fs = 1/" sim.geom >bad.geom
    peakpipe run.q2 -g bad.geom -o bad >/dev/null 2>&1; [ $? -eq 6 ]'
done_testing
