#!/bin/sh
# libq2, the producer in C: from the installed tree, with libc alone, and the same
# bytes as q2.py writes.

. tests/lib.sh

unset MAKEFLAGS MAKELEVEL MFLAGS
export NODEPS=1
D=$T/dest
P=/opt/peak
check 'make install puts library, header and q2.pc' \
    make -s B="$B" DESTDIR="$D" PREFIX=$P install
export PKG_CONFIG_PATH="$D$P/lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$D"
flags=$(pkg-config --cflags --libs q2)
warnings='-Wall -Wextra -Wshadow -Wconversion -Werror'

check 'q2.pc tells the version of the Makefile' \
    test "$(pkg-config --modversion q2)" = "$(sed -n 's/^VERSION = //p' Makefile)"
for cc in 'gcc -std=c11' 'clang -std=c11'; do
	if command -v "${cc%% *}" >"$T/which"; then
		check "the example compiles without a warning: $cc" \
		    $cc -pedantic $warnings -o "$T/producer" scripts/examples/producer.c $flags
	else
		skip "the example compiles without a warning: $cc" "no ${cc%% *}"
	fi
done
printf '#include <q2.h>\nint main() { return q2_close(nullptr, Q2_WHOLE, nullptr); }\n' \
    >"$T/plus.cc"
for cc in g++ clang++; do
	if command -v $cc >"$T/which"; then
		check "the header is C++, and links: $cc" \
		    $cc -std=c++11 -pedantic $warnings -o "$T/plus" "$T/plus.cc" $flags
	else
		skip "the header is C++, and links: $cc" "no $cc"
	fi
done

gcc -o "$T/producer" scripts/examples/producer.c $flags
needs() { objdump -p "$T/producer" | sed -n 's/^ *NEEDED *//p'; }
check 'a producer needs libc and no other library' test "$(needs)" = libc.so.6
check 'it can be linked statically' gcc -static -o "$T/static" \
    scripts/examples/producer.c $flags
check 'the library goes into a shared object' gcc -shared -o "$T/shared.so" \
    -Wl,-z,defs,--whole-archive $flags -Wl,--no-whole-archive
others() { nm -g --defined-only "$D$P/lib/libq2.a" | awk 'NF == 3 && $3 !~ /^q2_/'; }
check 'it defines no names but q2_...' test -z "$(others)"
check 'and the five of the page' test "$(nm -g --defined-only "$D$P/lib/libq2.a" |
    grep -c ' T q2_')" -eq 5

# The same events by the module.
cat >"$T/same.py" <<'END'
import sys
import numpy as np
import q2
N, H, W = int(sys.argv[1]), 60, 120
p, y, x = np.indices((1, H, W))
with q2.Writer(1, panels=1, shape=(H, W)) as w:
    for k in range(N):
        spot = ((y + k) % 20 // 2 == 4) & (x % 30 // 2 == 4)
        logits = np.stack([4 - 12 * spot, 12 * spot - 4], 1).astype("f4")
        with w.slot() as s:
            s.logits[:] = logits
            s.image[:] = x % 10 + 500 * spot
            s.timestamp = 1700000000 + k << 32
            s.photon_energy = 9500
END
"$T/producer" 7 >"$T/c.q2"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=lib/python "$PYTHON" "$T/same.py" 7 >"$T/py.q2"
check 'its bytes are those of q2.py' cmp "$T/c.q2" "$T/py.q2"
check 'and it ended well' "$T/static" 0
passes() { q2cat "$T/c.q2" | cmp - "$T/c.q2"; }
check 'and q2cat passes them on' passes

# 9 spots, where the formula has them.
hits() {
	"$PYTHON" - "$1" <<'END'
import sys
import h5py
with h5py.File(sys.argv[1] + "/peaknet_0000.cxi") as f:
    r = f["entry_1/result_1"]
    n = r["nPeaks"][:]
    print(n)
    assert len(n) == 7
    for k in range(7):
        want = {(y + .5, x + .5)
                for y in range(60) for x in range(120)
                if (y + k) % 20 == 8 and y < 59 and x % 30 == 8}
        ys = r["peakYPosRaw"][k, :n[k]]
        got = {(float(a), float(b)) for a, b in zip(ys, r["peakXPosRaw"][k, :n[k]])}
        whole = {g for g in got if g in want}
        assert whole == want, (sorted(want - got)[:4], sorted(got - want)[:4])
END
}
check 'inline, peakfind and cxiwrite take it' \
    sh -c "'$T/producer' 7 | peakfind | cxiwrite -m 1 -o '$T/inline'"
check 'and its spots are the peaks' hits "$T/inline"
check 'by reference, with fewer slots than events, likewise' \
    q2slots -n 2 sh -c "'$T/producer' 7 | peakfind | cxiwrite -m 1 -o '$T/slots'"
check 'and its spots are the peaks, too' hits "$T/slots"
refers() { q2slots -n 8 sh -c "'$T/producer' 3 | head -c 4288 | wc -c" | grep -qx 4288 &&
    q2slots -n 8 sh -c "'$T/producer' 3 | cat" | wc -c | grep -qx 4352; }
check 'under q2slots references of 64 bytes leave' refers
gone() {
	{ "$T/producer" 100000 2>"$T/err"; echo $? >"$T/gone"; } | head -c 9000 >"$T/out"
	cat "$T/err"
	[ "$(cat "$T/gone")" -eq 2 ] && [ ! -s "$T/err" ]
}
check 'it ends when its reader has gone' gone
gone_before() {
	{ sleep 0.2; "$T/producer" 2>"$T/err"; echo $? >"$T/gone"; } | true
	[ "$(cat "$T/gone")" -eq 2 ] && [ ! -s "$T/err" ]
}
check 'also where it has gone before anything is written' gone_before
gone_slots() {
	q2slots -n 3 sh -c "{ '$T/producer' 100000; echo \$? >'$T/gone'; } |
	    head -c 4200 | wc -c" >"$T/out"
	[ "$(cat "$T/gone")" -eq 2 ]
}
check 'also when it waits for a slot' gone_slots

cat >"$T/errors.c" <<'END'
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <q2.h>

static int bad;
#define MUST(x) do { if (!(x)) { bad = 1; \
	fprintf(stderr, "%d: %s (%s)\n", __LINE__, #x, error.text); } } while (0)

int
main(void)
{
	struct q2_layout l = { .panels = 1, .classes = 2, .height = 3, .width = 5,
	    .padded_height = 4, .padded_width = 8, .logits = Q2_LOGITS_BF16, .image = Q2_IMAGE_U16,
	    .quantities = Q2_TIMESTAMP | Q2_ENCODER, .crc = 1 };
	struct q2_layout wrong = l;
	const char *facts[] = { "no fact", NULL };
	const char *many[36] = { NULL };
	char key[80];
	int n;
	const char *good[] = { "experiment=example", "run=1", NULL };
	struct q2_error error = { "" };
	struct q2_event e;
	volatile int stop = 0;
	struct q2 *q;

	wrong.padded_height = 2;
	MUST(q2_open(1, &wrong, NULL, NULL, &error) == NULL);
	MUST(strstr(error.text, "padded"));
	wrong = l;
	wrong.logits = (enum q2_logits)0;
	MUST(q2_open(1, &wrong, NULL, NULL, NULL) == NULL);
	MUST(q2_open(1, &l, facts, NULL, &error) == NULL);
	MUST(strstr(error.text, "no fact: not key=value"));
	for (n = 0; n < 35; n++)
		many[n] = "run=1";
	MUST(q2_open(-1, &l, many, NULL, &error) == NULL);
	MUST(strstr(error.text, "run=1: more than 34 facts"));
	many[34] = NULL;
	MUST(q2_open(-1, &l, many, NULL, &error) == NULL);
	MUST(strstr(error.text, "output: Bad file"));
	memset(key, 'k', 64);
	strcpy(key + 64, "=v");
	facts[0] = key;
	MUST(q2_open(-1, &l, facts, NULL, &error) == NULL);
	MUST(strstr(error.text, "=v: a key of more than 63 bytes"));
	facts[0] = key + 1;
	MUST(q2_open(-1, &l, facts, NULL, &error) == NULL);
	MUST(strstr(error.text, "output: Bad file"));
	MUST(q2_open(-1, &l, NULL, NULL, &error) == NULL);
	MUST(strstr(error.text, "output: Bad file"));
	q = q2_open(1, &l, good, &stop, &error);
	MUST(q != NULL);
	MUST(q2_put(q, &e, &error) == Q2_FAULT && strstr(error.text, "q2_slot"));
	MUST(q2_slot(q, &e, &error) == Q2_OK && e.logits && e.image);
	MUST(isnan(e.photon_energy) && isnan(e.encoder) && e.timestamp == 0);
	memset(e.logits, 7, 128);
	memset(e.image, 9, 64);
	e.photon_energy = 9000;
	MUST(q2_put(q, &e, &error) == Q2_FAULT && strstr(error.text, "quantities"));
	e.photon_energy = NAN;
	e.encoder = -100;
	strcpy(e.source, "here");
	MUST(q2_put(q, &e, &error) == Q2_OK);
	MUST(q2_put(q, &e, &error) == Q2_FAULT);
	MUST(q2_slot(q, &e, &error) == Q2_OK);
	e.cause = Q2_NO_IMAGE;
	e.timestamp = 5;
	memset(e.logits, 7, 128);
	MUST(q2_put(q, &e, &error) == Q2_OK);
	MUST(q2_slot(q, &e, &error) == Q2_OK);
	e.cause = Q2_UNREADABLE;
	MUST(q2_put(q, &e, &error) == Q2_OK && q2_count(q) == 3);
	MUST(q2_slot(q, &e, &error) == Q2_OK);
	stop = 1;
	MUST(q2_slot(q, &e, &error) == Q2_STOPPED);
	MUST(q2_put(q, &e, &error) == Q2_FAULT && strstr(error.text, "q2_slot"));
	MUST(q2_close(q, Q2_INTERRUPTED, &error) == Q2_OK);
	MUST(q2_close(NULL, Q2_WHOLE, &error) == Q2_OK);
	facts[0] = "a=1\n2";
	MUST(q2_open(1, &l, facts, NULL, &error) == NULL);
	MUST(strcmp(error.text, "a=1?2: a: control character in the value") == 0);
	return bad;
}
END
cat >"$T/errors.py" <<'END'
import sys
import numpy as np
import q2
w = q2.Writer(1, panels=1, shape=(3, 5), padded=(4, 8), logits="bf16", image="u16",
              quantities=("timestamp", "encoder"), crc=True,
              text={"experiment": "example", "run": 1})
logits = np.full((1, 2, 4, 8), 0x0707, "u2")
w.put(logits, np.full((1, 4, 8), 0x0909, "u2"), encoder=-100, source="here")
w.put(logits, timestamp=5)
w.fail()
w.close(interrupted=True)
END
gcc -std=c11 $warnings -o "$T/errors" "$T/errors.c" $flags
check 'what is wrong is refused, with a text' sh -c "'$T/errors' >'$T/c.q2'"
PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=lib/python "$PYTHON" "$T/errors.py" >"$T/py.q2"
check 'failed events, CRCs and an interrupted end are those of q2.py' \
    cmp "$T/c.q2" "$T/py.q2"
by_reference() { q2slots -n 4 sh -c "'$T/errors' | q2cat" >"$T/slots.q2" &&
    cmp "$T/slots.q2" "$T/py.q2"; }
check 'also by reference' by_reference
cat >"$T/refused.c" <<'END'
#include <stdio.h>
#include <q2.h>

/* Puts an event, and one that is refused; with an argument it then puts another. */
int
main(int argc, char *argv[])
{
	struct q2_layout l = { .panels = 1, .classes = 2, .height = 3, .width = 5,
	    .logits = Q2_LOGITS_F32 };
	struct q2_error error = { "" };
	struct q2_event e;
	struct q2 *q = q2_open(1, &l, NULL, NULL, &error);
	int r;

	(void)argv;
	if (q2_slot(q, &e, &error) != Q2_OK || q2_put(q, &e, &error) != Q2_OK ||
	    q2_slot(q, &e, &error) != Q2_OK)
		return 9;
	e.encoder = 5;
	if (q2_put(q, &e, &error) != Q2_FAULT)
		return 9;
	if (argc > 1 && (q2_slot(q, &e, &error) != Q2_OK ||
	    q2_put(q, &e, &error) != Q2_OK))
		return 9;
	r = q2_close(q, Q2_WHOLE, &error);
	if (r != Q2_OK)
		fprintf(stderr, "%s\n", error.text);
	return -r;
}
END
gcc -std=c11 $warnings -o "$T/refused" "$T/refused.c" $flags
check 'a stream is not called whole while an event is missing that was refused' \
    refused 1 'not whole: the event in hand was refused' "$T/refused"
check '... it has no end' refused 5 'ended without its end record' sh -c \
    "'$T/refused' 2>&1 | peakfind | cxiwrite -m 0 -o '$T/o'"
check '... but when it was put after all, it is whole' sh -c \
    "'$T/refused' again | peakfind | cxiwrite -m 0 -o '$T/o2'"
if [ -c /dev/full ]; then
	full() { "$T/producer" 1 >/dev/full; }
	check 'a full disk is said' refused 7 'producer: the output: No space' full
fi
done_testing
