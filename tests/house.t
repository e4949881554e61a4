#!/bin/sh
# The rooms of the house (DESIGN.md, House): who may include whom, and who may
# print, exit, map memory, wait for processes.

. tests/lib.sh

# stays ROOM DIR...: files of a room include nothing in quotes but from DIRs.
stays() {
	room=$1
	shift
	allowed=$(echo "$*" | tr ' ' '|')
	! grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "$room"/*.[ch] |
	    grep -vE "include[[:space:]]+\"($allowed)/[a-z0-9_]+\.h\""
}

# only FILES PATTERN PLACE...: no file but FILES (an extended regular expression
# for its whole path) has a line like PATTERN.
only() {
	files=$1
	pattern=$2
	shift 2
	! grep -rnE "$pattern" --include='*.[ch]' "$@" | grep -vE "^($files):"
}

# The source without comments and texts, a file a line prefix, for words that
# prose may use.
code() {
	for f in lib/*/*.[ch]; do
		gcc -fpreprocessed -dD -E -P "$f" 2>/dev/null |
		    sed -E 's/"([^"\\]|\\.)*"/""/g' | sed "s|^|$f: |"
	done
}

# unspoken PATTERN [EXCEPT]: lib/ has no such code, but for lines like EXCEPT.
unspoken() {
	! grep -E "$1" "$T/code" | grep -vE "${2:-^$}"
}

include='#[[:space:]]*include[[:space:]]*'

check 'every room in lib is one of these' test -z "$(ls lib |
    grep -vxE 'base|data|format|producer|python|report|sim|transport')"
check 'base includes only base' stays lib/base base
check 'transport includes only base' stays lib/transport base transport
check 'data includes only base' stays lib/data base data
check 'sim includes only base and data' stays lib/sim base data sim
check 'format includes transport, data and base' \
    stays lib/format base data transport format
check 'report includes format, data and base' \
    stays lib/report base data format report
check 'producer includes neither sim nor report' \
    stays lib/producer base data transport format producer
check 'the header that is installed needs no other of ours' \
    only '' "$include\"" lib/producer/q2.h
check 'no command includes another, and none a file of C' \
    only '' "$include\"((q2slots|q2cat|peakfind|cxiwrite|q2serve|q2ls|q2sim|cxiview|cxireport|cximerge)\.h|.*\.c)\"" \
    cmd lib
check 'nobody in lib includes a file of cmd' only '' "$include\"[a-z0-9_]+\.h\"" lib
check '<hdf5.h> appears only in format' \
    only 'lib/format/(cxi|dump|badpixels|guard_hdf|hdf_)[a-z0-9_]*\.[ch]' "$include<hdf5" cmd lib
check 'HDF5 is called only there' \
    only 'lib/format/(cxi|dump|badpixels|guard_hdf|hdf_)[a-z0-9_]*\.[ch]' '\<H5[A-Z][a-z_]+\(' \
    cmd lib
check '<zmq.h> is only in server, <msgpack.h> only in reply' \
    only 'lib/transport/server\.c|lib/format/reply\.c' "$include<(zmq|msgpack)" cmd lib
check 'mmap is only in slots, slotmap, capture and shared, and what it lacks of malloc in pages' \
    only 'lib/transport/(slots|slotmap|capture|shared)\.c|lib/base/pages\.c' \
    "$include<sys/mman|\<(mmap|munmap|memfd_create)\(" cmd lib
check '<sys/wait.h> is only in worker' \
    only 'lib/transport/worker\.c' "$include<sys/wait|\<waitpid\(" cmd lib

code >"$T/code"
check 'the code of lib was read' test "$(wc -l <"$T/code")" -gt 3000
check 'lib prints nothing' unspoken \
    '\<(v?printf|puts|putchar|perror|psignal|v?warn[xc]?|syslog)[[:space:]]*\('
check 'lib knows no standard streams' unspoken '\<(stdout|stderr|stdin)\>'
check 'lib never exits' unspoken \
    '\<(exit|_Exit|quick_exit|abort|assert|v?err[xc]?)[[:space:]]*\('
check 'only a worker process ends itself' unspoken '\<_exit[[:space:]]*\(' \
    '^lib/transport/worker\.c:'
check 'no name, host or path of a person is in the project' \
    test -z "$(grep -rnIE '/(home|Users)/[a-z]|/sdf/|/reg/d/' README NEWS Makefile \
    cmd lib man scripts 2>/dev/null)"
check 'nothing is left to do' \
    test -z "$(grep -rnIwE 'TODO|FIXME|XXX|HACK' README NEWS Makefile cmd lib man \
    scripts 2>/dev/null)"
done_testing
