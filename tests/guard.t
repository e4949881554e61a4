#!/bin/sh
# HDF5 is not trusted: what crashes it, takes too much, or is hostile code in it, is
# an error message of q2cat, peakfind and cxiwrite, and the rest of the run goes on.
. tests/lib.sh

PYTHON="$PYTHON" B="$B" "$PYTHON" tests/make_dumps.py "$T" || exit 1
mkdir "$T/plugins"
cat >"$T/filter.c" <<'END'
#define _GNU_SOURCE
#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <H5PLextern.h>
/* Packs to the same bytes; on unpacking it does what ATTEMPT says. 0: failed. */
static size_t
attempt(const char *what, size_t n)
{
	if (what == NULL)
		return n;
	if (strcmp(what, "write") == 0)
		return open(getenv("TARGET"), O_WRONLY | O_CREAT, 0600) != -1;
	if (strcmp(what, "read") == 0)
		return open("/etc/passwd", O_RDONLY) != -1;
	if (strcmp(what, "connect") == 0)
		return socket(AF_INET, SOCK_STREAM, 0) != -1;
	if (strcmp(what, "fork") == 0)
		return fork() != -1;
	if (strcmp(what, "exec") == 0)
		return execl("/bin/true", "true", NULL) != -1;
	if (strcmp(what, "kill") == 0)
		return kill(getppid(), SIGTERM) != -1;
	if (strcmp(what, "print") == 0)
		/* Not 2: the sanitizers keep it for their reports. */
		return write(1, "x", 1) != -1;
	if (strcmp(what, "hog") == 0) {
		volatile char *p;
		size_t all = 0;
		while (all < (size_t)6 << 30) {
			if ((p = malloc(1 << 24)) == NULL)
				return 0;
			p[1 << 12] = 1;
			all += 1 << 24;
		}
		return n;
	}
	if (strcmp(what, "crash") == 0)
		raise(SIGSEGV);
	return n;
}
static size_t
filter(unsigned flags, size_t nv, const unsigned v[], size_t n, size_t *size,
    void **buf)
{
	return (flags & H5Z_FLAG_REVERSE) ? attempt(getenv("ATTEMPT"), n) : n;
}
static const H5Z_class2_t class = { H5Z_CLASS_T_VERS, 300, 1, 1, "hostile", NULL,
    NULL, filter };
H5PL_type_t H5PLget_plugin_type(void) { return H5PL_TYPE_FILTER; }
const void *H5PLget_plugin_info(void) { return &class; }
END
gcc -shared -fPIC -o "$T/plugins/libhostile.so" "$T/filter.c" \
    $(pkg-config --cflags --libs hdf5) || exit 1
export HDF5_PLUGIN_PATH="$T/plugins" TARGET="$T/written"

cat >"$T/make.py" <<'END'
import os, random, sys
import h5py, numpy as np
os.chdir(sys.argv[1])
logits = np.zeros((4, 2, 16, 16), np.float32)
logits[:, 1, 3, 4:6] = 5
logits[:, 0] = 1
with h5py.File("filtered.h5", "w") as f:
    for b in 0, 1:
        f.create_dataset("batch_%d/logits" % b, data=logits, chunks=(1, 2, 16, 16),
                         **({"compression": 300} if b == 0 else {}))
mask = np.zeros((2, 15, 14), np.uint8)
with h5py.File("filtered-mask.h5", "w") as f:
    f.create_dataset("mask", data=mask, chunks=(1, 15, 14), compression=300)
with h5py.File("good-mask.h5", "w") as f:
    f.create_dataset("mask", data=mask, chunks=(1, 15, 14), compression="gzip")
with h5py.File("gzip.h5", "w") as f:
    g = f.create_group("batch_0")
    g.create_dataset("logits", data=np.random.default_rng(1).normal(
        size=(4, 2, 16, 16)).astype("f4"), chunks=(2, 2, 16, 16), compression="gzip")
    g["metadata/timestamp"] = ["%d.5" % i for i in range(4)]
random.seed(3)
for name, count in ("gzip", 60), ("good-mask", 12):
    whole = open(name + ".h5", "rb").read()
    for i in range(count):
        b = bytearray(whole)
        for _ in range(1 + i % 3):
            b[random.randrange(len(b))] = random.randrange(256)
        open("flip-%s-%d.h5" % (name, i), "wb").write(b)
for kind in "link", "virtual", "external":
    with h5py.File("mask-%s.h5" % kind, "w") as f:
        if kind == "link":
            f["mask"] = h5py.ExternalLink("good-mask.h5", "/mask")
        elif kind == "virtual":
            l = h5py.VirtualLayout((2, 15, 14), "u1")
            l[:] = h5py.VirtualSource("good-mask.h5", "mask", (2, 15, 14))
            f.create_virtual_dataset("mask", l)
        else:
            f.create_dataset("mask", (2, 15, 14), "u1", external=[("good.h5", 0, 420)])
END
"$PYTHON" "$T/make.py" "$T" || exit 1
q2cat "$T/good.h5" >"$T/good.q2" || exit 1

# A writer that died left its mark, whatever it had flushed.
check 'a dump and a mask that are marked as open for writing are refused' sh -c '
    . tests/lib.sh
    "$PYTHON" - "$1/open.h5" "$1/open-mask.h5" <<END || exit 1
import h5py, os, sys
f = h5py.File(sys.argv[1], "w", libver="latest")
for i in range(2):
    f["batch_%d/logits" % i] = h5py.File("$1/good.h5")["batch_0/logits"][...]
f.flush()
m = h5py.File(sys.argv[2], "w", libver="latest")
m["mask"] = h5py.File("$1/good-mask.h5")["mask"][...]
m.flush()
os._exit(0)
END
    refused 6 "open.h5: .*already open for write" q2cat "$1/open.h5" &&
    refused 6 "open-mask.h5: .*already open for write" peakfind -b "$1/open-mask.h5" \
        <"$1/good.q2"' - "$T"
# Where the first name of a mask is, no other dataset is taken for it.
for kind in linked passed damaged; do
	check "a mask whose default dataset is $kind is refused" sh -c '
	    . tests/lib.sh
	    "$PYTHON" - "$1" "$2" <<END || exit 1
import sys, h5py
name = sys.argv[1] + "/first.h5"
with h5py.File(name, "w", libver="latest") as f:
    mask = h5py.File(sys.argv[1] + "/good-mask.h5")["mask"][...]
    if sys.argv[2] == "linked":
        f["entry_1/data_1/mask"] = h5py.ExternalLink("good-mask.h5", "/mask")
    elif sys.argv[2] == "passed":
        f["entry_1"] = h5py.ExternalLink("good-mask.h5", "/")
    else:
        s = f.create_dataset("entry_1/data_1/mask", data=mask)
    f["mask"] = mask
    at = 0 if sys.argv[2] != "damaged" else h5py.h5o.get_info(s.id).addr
if at:
    with open(name, "r+b") as f:
        f.seek(at + 20)
        b = f.read(1)[0]
        f.seek(at + 20)
        f.write(bytes([b ^ 255]))
END
	    refused 6 "first.h5: .*(external link|checksum)" peakfind -b "$1/first.h5" \
	        <"$1/good.q2"' - "$T" $kind
done

check 'a filter that behaves is used' test "$(status q2cat "$T/filtered.h5")" -eq 0
[ "$(q2ls "$T/out" | grep -c '^event')" -eq 8 ] || exit 1

# stopped WHAT PATTERN: four events fail with a message like it, the four of the
# other batch are as ever, and nothing was written.
stopped() {
	rm -f "$TARGET"
	ATTEMPT=$1 refused 6 "^q2cat: $T/filtered.h5: .*$2" q2cat "$T/filtered.h5" ||
	    return 1
	[ "$(grep -c "^q2cat: $T/filtered.h5: .*batch_0/" "$T/err")" -eq 4 ] || return 1
	cp "$T/out" "$T/sent"
	[ "$(q2ls "$T/sent" | grep -c '^event')" -eq 8 ] &&
	    [ "$(q2ls "$T/sent" | grep '^event' | grep -c 'could not read')" -eq 4 ] &&
	    [ ! -e "$TARGET" ]
}
for what in write read connect fork exec kill print; do
	check "a filter may not $what" stopped $what 'filter returned failure'
done
check 'a filter may not take all memory' \
    stopped hog '(filter returned failure|memory|crashed)'
check 'a filter that crashes is a failed event, not more' stopped crash 'crashed'
check 'peakfind -b: a filter that crashes is a message' env ATTEMPT=crash sh -c '
    . tests/lib.sh; refused 6 "filtered-mask.h5: .*crashed" peakfind -b "$1" <"$2"' - \
    "$T/filtered-mask.h5" "$T/good.q2"
peakfind <"$T/good.q2" >"$T/peaks.q2"
check 'cxiwrite -b: a filter that crashes is a message' env ATTEMPT=crash sh -c '
    . tests/lib.sh; refused 6 "filtered-mask.h5: .*crashed" cxiwrite -o "$3" \
    -b "$1" <"$2"' - "$T/filtered-mask.h5" "$T/peaks.q2" "$T/o"

# survives FILE COMMAND...: a status of the table, with words if it is not 0.
survives() {
	s=$(status "$@")
	[ "$s" -le 8 ] && { [ "$s" -eq 0 ] || [ -s "$T/err" ]; } ||
	    { echo "$*: status $s"; cat "$T/err"; return 1; }
	cat "$T/err" >>"$T/all"
}
flips() {
	for f in "$T"/flip-gzip-*.h5; do survives q2cat "$f" || return 1; done
}
mask_flips() {
	for f in "$T"/flip-good-mask-*.h5; do
		survives sh -c 'peakfind -b "$1" <"$2"' - "$f" "$T/good.q2" || return 1
	done
}
check 'q2cat: flipped bytes end in a message or in good events' flips
check 'peakfind -b: flipped bytes' mask_flips
for kind in link:external virtual:virtual external:outside; do
	check "a mask with ${kind#*:} data is refused" \
	    refused 6 "mask-${kind%:*}.h5: .*no other files are read" \
	    sh -c 'peakfind -b "$1" <"$2"' - "$T/mask-${kind%:*}.h5" "$T/good.q2"
done
done_testing
