#!/bin/sh
# Memory: what the slots may take is said; more than there is, is refused before
# anything is in hand. The machine's words are ours, in a mount namespace of our own.
. tests/lib.sh

q2sim -n 2 >"$T/a.q2" || exit 1
# slots N: N slots of events that come and go by pipes, so all of them is copied.
cat >"$T/slots" <<'END'
#!/bin/bash
set -o pipefail
cat "${0%/*}/a.q2" | q2slots -n "$1" bash -o pipefail -c 'q2cat | q2cat >/dev/null'
END
chmod +x "$T/slots"
size=$("$T/slots" 1 2>&1 | sed -n 's/.*1 slots x \([0-9.]*\) MiB.*/\1/p')

# with FILE TEXT PLACE COMMAND...: the text as a file, which is seen at the place.
with() {
	told=$T/root/$1
	mkdir -p "$(dirname "$told")"
	echo "$2" >"$told"
	place=$3
	shift 3
	unshare -m sh -c 'mount --bind "$1" "$2" && shift 2 && "$@"' - \
	    "$([ -d "$place" ] && echo "$T/root" || echo "$told")" "$place" "$@"
}

# fits N SIZE BYTES: N slots of SIZE MiB do, and one more does not.
fits() {
	"$PYTHON" -c 'import sys; n, size, there = map(float, sys.argv[1:])
sys.exit(not n * (size - .05) * 2**20 <= there < (n + 1) * (size + .05) * 2**20)' \
	    "$@"
}

named() {
	sed -n 's/.*give q2slots -n \([0-9]*\) or less.*/\1/p' "$T/err"
}

said_once() {
	"$T/slots" 3 >"$T/out" 2>"$T/err"
	cat "$T/err"
	[ "$(grep -Ec "^q2cat: 3 slots x $size MiB: at most [0-9.]+ MiB of shared memory$" \
	    "$T/err")" -eq 1 ]
}
check 'what the slots may take is said once, with both factors' said_once
check 'more than a GiB is said in GiB' sh -c '"$1" 255 2>&1 |
	grep "255 slots x [0-9.]* MiB: at most [0-9.]* GiB"' - "$T/slots"
if with none '' "$PWD/README" true 2>"$T/why"; then
	free=200000
	check 'more than the machine has is refused, and how many would do' \
	    refused 8 '^q2cat: .*free are 0.2 GiB: give q2slots -n [0-9]+ or less$' \
	    with meminfo "MemAvailable: $free kB" /proc/meminfo \
	    "$T/slots" 255
	n=$(named)
	check 'and so many do, one more does not' \
	    fits "$n" "$size" $((free * 1024))
	check 'and with so many it starts' \
	    with meminfo "MemAvailable: $free kB" /proc/meminfo \
	    "$T/slots" "$n"
	check 'a machine that has not enough for one says so' \
	    refused 8 '^q2cat: .*free are 0.0 GiB: not one fits$' \
	    with meminfo 'MemAvailable: 100 kB' /proc/meminfo \
	    "$T/slots" 2
	for file in memory.max memory/memory.limit_in_bytes; do
		rm -rf "$T/root"
		check "more than a control group may use is refused ($file)" \
		    refused 8 '^q2cat: .*control group.* may use 0.2 GiB: give' \
		    with $file 200000000 /sys/fs/cgroup \
		    "$T/slots" 255
		check "and how many would do ($file)" \
		    fits "$(named)" "$size" 200000000
		check "a group without a limit has none ($file)" \
		    with $file max /sys/fs/cgroup "$T/slots" 3
	done
else
	skip 'more than there is is refused' 'no mount namespaces here'
fi

# Events of 53 MB through pipes, with 20 MiB of address space. (libzmq of q2serve needs
# more to begin with, and aborts without.)
q2sim -D jungfrau4m -n 2 | peakfind -k >"$T/found.q2"
narrow() {
	(ulimit -v 20480 && "$@")
}
if narrow peakfind --version >"$T/out" 2>&1; then
	for program in 'peakfind' 'peakfind -P 2' 'cxiwrite -o "$T/narrow"' 'q2ls -p' q2cat; do
		check "without memory for an event, $program says so, status 8" \
		    refused 8 '^[a-z0-9]*: .*(emory|cannot map)' \
		    narrow sh -c "T=$T; cat '$T/found.q2' | exec $program >/dev/null"
	done

	# The same by reference: the event is not to blame, and the run is carried on.
	by_reference() {
		rm -rf "$T/slots.d"
		q2slots -n 4 bash -c "$1" - "$T"
	}
	again='cat "$1/found.q2" | q2cat -s "$(cxiwrite -R -o "$1/slots.d")" |
	    cxiwrite -r -m 0 -o "$1/slots.d"'
	check 'without memory for a slot, cxiwrite says so, status 8' refused 8 \
	    '^cxiwrite: .*event 0: cannot map slot' by_reference \
	    'cat "$1/found.q2" | q2cat | (ulimit -v 60000
		exec cxiwrite -m 0 -o "$1/slots.d")'
	check '... and the events are not lost' refused 0 '2 events in = 2 written' \
	    sh -c "$again" - "$T"
	check 'without memory for a capture, cxiwrite says so, status 8' refused 8 \
	    '^cxiwrite: .*found.q2: cannot map: ' by_reference \
	    'q2cat "$1/found.q2" | (ulimit -v 100000
		exec cxiwrite -m 0 -o "$1/slots.d")'
	check 'a worker without memory for one more slot gives way to another' \
	    refused 0 '2 events in = 2 written' by_reference \
	    'cat "$1/found.q2" | q2cat | (ulimit -v 100000; exec peakfind) |
		cxiwrite -m 0 -o "$1/slots.d"'

	if "$PYTHON" -c 'import zmq' 2>/dev/null; then
		check 'ZeroMQ without memory to begin with is said, status 8' \
		    refused 8 '^q2serve: no memory, threads or descriptors' \
		    narrow q2serve -l "ipc://$T/narrow.socket" <"$T/a.q2"
	fi
	check 'no memory for a simulation is said, status 8' \
	    refused 8 '^q2sim: no memory for' narrow q2sim -D jungfrau4m -n 1
else
	skip 'without memory for an event programs say so' 'none starts (a sanitizer)'
fi
if "$PYTHON" -c 'import h5py' 2>/dev/null; then
	"$PYTHON" -c '
import h5py, sys
h5py.File(sys.argv[1], "w")["batch_0/logits"] = [[[[0.] * 8] * 8] * 2]' "$T/d.h5"
	few() {
		(ulimit -n 8 && "$@")
	}
	check 'a dump that no process can read for lack of descriptors is not damaged' \
	    refused 8 'd.h5: .*cannot (begin|make|start)' few q2cat "$T/d.h5"

	# Half a million components of a pixel, which take more than their logits.
	"$PYTHON" -c '
import h5py, numpy as np, sys
x = np.zeros((1, 2, 1500, 1500), "f2")
x[0, 1, ::2, ::2] = 1
h5py.File(sys.argv[1], "w")["batch_0/logits"] = x' "$T/dense.h5"
	q2cat -C 8 "$T/dense.h5" >"$T/dense.q2" 2>"$T/err"
	dense() {
		(ulimit -v "$1" && peakfind <"$T/dense.q2") 2>"$T/err" | q2ls >"$T/out"
		cat "$T/out" "$T/err"
	}
	gave_up() {
		dense 35000 && grep -q "failed: " "$T/out" &&
		    [ "$(grep -Ec 'worker 0 .* gave up \(.*memory.*\) at event 0 ' \
		    "$T/err")" -eq 2 ]
	}
	if narrow peakfind --version >"$T/out" 2>&1; then
		check 'an event that lacks memory in two workers has failed of that' gave_up
		check 'with memory it has its peaks' eval \
		    'dense unlimited && grep -q "peaks 562500 " "$T/out"'
	else
		skip 'an event that lacks memory in two workers has failed of that' \
		    'none starts (a sanitizer)'
	fi
fi

done_testing
