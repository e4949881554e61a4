#!/bin/sh
# Tokens come back on every way out: from who leaves before the end, from who is
# told twice to stop, from misses before a slow disk, and from who only writes files.
. tests/lib.sh

"$PYTHON" - "$T" <<'END' || exit 1
import sys
sys.path.insert(0, "tests")
from pipetest import dump
dump(sys.argv[1] + "/run.h5", [30, 30], panels=2)
END
export T PYTHON
q2cat -C 64 "$T/run.h5" >"$T/run.q2" || exit 1

# tokens COMMAND: runs it under q2slots -n 8, and prints the tokens that are left.
tokens() {
	timeout -k 2 60 q2slots -n 8 bash -c "cd '$T'; { $1; } >&2;
	    cd '$PWD'; '$PYTHON' tests/q2refs.py tokens" 2>"$T/err"
}
all='0 1 2 3 4 5 6 7'

# full N: waits until standard input has a header and N references in it.
cat >"$T/full" <<'END'
import array, fcntl, sys, termios, time
there = array.array("i", [0])
for _ in range(2000):
    fcntl.ioctl(0, termios.FIONREAD, there)
    if there[0] >= 4096 + 64 * int(sys.argv[1]):
        sys.exit()
    time.sleep(.01)
sys.exit("%d bytes came" % there[0])
END
check 'a filter that leaves early releases what is on its way to it' test "$all" = \
    "$(tokens 'q2cat run.q2 | ("$PYTHON" full 8 && exec q2cat -n 2) | peakfind |
	cxiwrite -m 0 -o a')"
check '... and what it sent is written' grep -q '2 events in = 2 written' "$T/err"
check 'another source behind it finds its tokens' test 0 -eq "$(status timeout -k 2 60 \
    q2slots -n 2 sh -c 'cd "$T"; {
	for _ in 1 2; do q2cat run.q2 | ("$PYTHON" full 2 && exec q2cat -n 1); done
	q2cat run.q2; } | peakfind | cxiwrite -m 0 -o c')"
check '... and all is written' grep -q '62 events in = 62 written' "$T/err"

check 'a reference to a capture that has gone gives its token back' test "$all" = \
    "$(tokens 'cp run.q2 gone.q2; q2cat -n 3 gone.q2 | cat >references; rm gone.q2
	cat references | q2cat >whole')"
check '... and is an error' grep -q 'q2cat: .*gone.q2' "$T/err"

# Locks, or memory of one size, are not to be had.
cat >"$T/lack.c" <<'END'
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#define NEXT(type, name, args)						\
	type (*next) args;						\
	void *symbol = dlsym(RTLD_NEXT, name);				\
	memcpy(&next, &symbol, sizeof next)

#ifdef SIZE
void *
malloc(size_t n)
{
	NEXT(void *, "malloc", (size_t));

	return n == SIZE ? NULL : next(n);
}
#else
int
fcntl(int fd, int command, ...)
{
	NEXT(int, "fcntl", (int, int, ...));
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (command != F_SETLK)
		return next(fd, command, arg);
	errno = ENOLCK;
	return -1;
}
#endif
END
# lacking NAME [FLAG]: builds that as a library to be preloaded.
lacking() {
	"${CC:-cc}" -shared -fPIC -D_GNU_SOURCE $2 -o "$T/$1.so" "$T/lack.c" -ldl
}
lacking lock || exit 1
check 'q2cat that cannot tell that it takes the references takes none' \
    test "$all" = "$(tokens 'q2cat -n 3 run.q2 | cat >references
	cat references | { LD_PRELOAD="$T/lock.so${LD_PRELOAD:+ $LD_PRELOAD}" \
	    q2cat >none; echo "status $?"; }; cat references | q2cat >whole')"
check '... and says so, status 8' sh -c 'grep -q "q2cat: cannot lock the slots: " \
    "$T/err" && grep -qx "status 8" "$T/err" && [ ! -s "$T/none" ]'

# A stream that has peaks already, 4000 of 48 bytes, which are made anew.
if (ulimit -v 200000 && peakfind --version) >"$T/out" 2>&1; then
	lacking memory -DSIZE=192000 || exit 1
	check 'a reference whose planes there is no memory to keep gives its token back' \
	    test "$all" = "$(tokens 'q2cat -C 4000 -n 1 run.h5 | peakfind -k |
		(LD_PRELOAD="$T/memory.so${LD_PRELOAD:+ $LD_PRELOAD}" \
		    exec peakfind -x aside) | cxiwrite -m 0 -o i')"
	check '... and is an error' \
	    grep -q 'peakfind: .*no memory to keep planes of event 0' "$T/err"
else
	skip 'a reference whose planes there is no memory to keep' \
	    'a sanitizer has memory of its own'
fi

# A whole event, and when that is in the log, it waits with the other tokens.
event=$((4096 + ($(wc -c <"$T/run.q2") - 4096 - 64) / 60))
check 'a second signal to a q2cat that waits gives its tokens back' test "$all" = \
    "$(tokens '{ head -c '$event' run.q2; until [ -e ended ]; do sleep .1; done; } |
	sh -c "echo \$\$ >pid; exec q2cat" | peakfind | cxiwrite -m 0 -o d -l log & p=$!
    until grep -q "^0" log 2>/dev/null; do sleep .1; done
    kill -TERM $(cat pid); sleep .2; kill -INT $(cat pid); : >ended; wait $p')"

check 'q2cat into a file, of files, is no consumer whose end others take for theirs' \
    test 0 -eq "$(status timeout -k 2 60 q2slots -n 2 sh -c 'cd "$T"
	q2cat run.q2 | peakfind | (until [ -s x.q2 ]; do sleep .1; done; sleep .5
	    exec cxiwrite -m 0 -o e) & p=$!
	sleep .5; q2cat -n 3 run.q2 >x; mv x x.q2; wait $p')"
check '... nor is peakfind' \
    test 0 -eq "$(status timeout -k 2 60 q2slots -n 2 sh -c 'cd "$T"
	q2cat run.q2 | peakfind | (until [ -s y.q2 ]; do sleep .1; done; sleep .5
	    exec cxiwrite -m 0 -o g) & p=$!
	sleep .5; peakfind <x.q2 >y; mv y y.q2; wait $p')"

# Eight events, of which the fourth and the eighth are hits, a file each, and a disk
# whose syncs wait for the file "go": the second file has to wait for the first.
"$PYTHON" - "$T" <<'END' || exit 1
import sys
import h5py, numpy as np
with h5py.File(sys.argv[1] + "/hits.h5", "w") as f:
    x = np.zeros((8, 2, 32, 48), "f4")
    x[:, 0] = 5
    for k in 3, 7:
        x[k, 1, 5:7, 5:7] = 9
    g = f.create_group("batch_0")
    g["logits"] = x
    g["original_image"] = np.ones((8, 1, 32, 48), "f4")
    g["preprocessing_metadata/original_shape"] = [8, 1, 32, 48]
END
"${CC:-cc}" -shared -fPIC -D_GNU_SOURCE -o "$T/slow.so" tests/slow_disk.c -ldl || exit 1
cat >"$T/free.py" <<'END'
import array, fcntl, os, sys, termios, time
take = int(os.environ["Q2_SLOTS"].split(":")[2])
free = array.array("i", [0])

def wait(enough):
    for _ in range(2000):
        fcntl.ioctl(take, termios.FIONREAD, free)
        if enough():
            break
        time.sleep(.01)

wait(lambda: free[0] == 0)
open("taken", "w").close()
wait(lambda: free[0] >= 7)
open(os.environ["GO"], "w").close()
print(free[0])
END
slow_disk() {
	GO=$T/go timeout -k 2 60 q2slots -n 8 bash -c 'cd "$T"
	    q2cat hits.h5 | peakfind | (until [ -e taken ]; do sleep .05; done
		LD_PRELOAD="$T/slow.so${LD_PRELOAD:+ $LD_PRELOAD}" \
		    exec cxiwrite -m 1 -n 1 -o h) 2>said & p=$!
	    "$PYTHON" free.py; wait $p' >"$T/free"
	cat "$T/free" "$T/said"
	[ "$(cat "$T/free")" -eq 7 ]
}
check 'misses give their tokens back before a hit that a slow disk holds' slow_disk
check '... and the hits are written' grep -q '8 events in = 2 written' "$T/said"
done_testing
