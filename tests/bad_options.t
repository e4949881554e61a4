#!/bin/sh
# Options and operands out of range or malformed: nothing is done, status 1.
. tests/lib.sh

PROGRAMS='q2slots q2cat peakfind cxiwrite q2serve q2ls q2sim cxiview cxireport cximerge'

# Nothing may be made: all run in an empty directory, which stays empty.
mkdir "$T/empty"
in_empty() {
	(cd "$T/empty" && "$@" </dev/null)
}

for p in $PROGRAMS; do
	check "$p -h says how it is called" sh -c \
		'"$1" -h | head -n 1 | grep -q "^usage: $1 "' - $p
	check "$p --version says its version" sh -c \
		'"$1" --version | grep -Eq "^$1 [0-9]+\.[0-9]+$"' - $p
	check "$p -h and --version end with 0 and say nothing on standard error" \
		sh -c 'e=$("$1" -h 2>&1 >/dev/null && "$1" --version 2>&1 >/dev/null) &&
		[ -z "$e" ]' - $p
	check "$p -h and --version end with 2 and without a word when the reader has gone" \
		sh -c 'for o in -h --version; do
			s=$({ { sleep 0.2; "$1" $o 2>&3; echo $? >&3; } | true; } 3>&1)
			[ "$s" = 2 ] || exit
		done' - $p
	check "$p: an unknown option gets the usage" \
		refused 1 "^usage: $p " in_empty $p -@
	check "$p: an unknown long option gets the usage" \
		refused 1 "^usage: $p " in_empty $p --frobnicate
done

for command in 'q2ls a b' 'q2sim a' q2slots 'q2slots -n 5' 'q2slots --' \
    'cxireport a b' cxireport cxiview cximerge; do
	check "$command: operands" refused 1 "^usage: ${command%% *} " \
		in_empty $command
done
for p in peakfind cxiwrite q2serve; do
	check "$p with a file says how to read it" \
		refused 1 "^$p: run.q2: .* standard input: $p <run.q2" \
		in_empty $p run.q2
done
check 'peakfind -: standard input needs no name' \
	refused 1 '^peakfind: -: .* standard input anyway' in_empty peakfind -
check 'q2slots: a name with a blank is a name, and is not there' \
	refused 1 '^q2slots: ./no such: No such file' in_empty q2slots './no such'
for command in 'q2cat a -n 3' 'q2ls a -p' 'cxiview a -o b' 'cxireport a -o b' \
    'cximerge a -o b'; do
	check "$command: an option behind a file is refused, and nothing is read" \
		refused 1 "^${command%% *}: -. behind a: options come first" \
		in_empty $command
done
: >"$T/-x"
check 'behind -- a file may look like an option' \
	refused 6 '^q2ls: -x: empty' sh -c "cd '$T' && q2ls -- -x"
check 'q2slots: a pipeline that is one word is told to be for a shell' \
	refused 1 "q2slots sh -c '" in_empty q2slots 'q2cat a | peakfind'

# at_terminal COMMAND: standard input is a terminal.
at_terminal() {
	"$PYTHON" -c 'import os, pty, subprocess, sys
sys.exit(subprocess.run(["sh", "-c", sys.argv[1]], stdin=pty.openpty()[1],
                        cwd=sys.argv[2], timeout=60).returncode)' "$1" "$T/empty"
}
for command in 'q2cat >/dev/null' 'peakfind >/dev/null' 'cxiwrite -o new' q2serve \
    q2ls 'q2ls -'; do
	check "$command does not wait for records from a terminal" \
		refused 1 "^${command%% *}: .*which is a terminal" \
		at_terminal "$command"
done

# Programs and their options that take a value.
while read -r p letters; do
	for c in $letters; do
		check "$p -$c without a value gets the usage" \
			refused 1 "^usage: $p " in_empty "$p" "-$c"
	done
done <<'END'
q2slots n
q2cat C L e i k l n r s w
peakfind A P a b c
cxiwrite M S b g j l m n o p z
q2serve G M g k l m n w
q2sim C D S T e g n t x z
cxiview e g o t
cxireport S g l o
cximerge o
END

# Program, option, refused values; "" is the empty one.
while read -r p option values; do
	for value in $values; do
		[ "$value" = '""' ] && value=
		check "$p $option '$value' is refused" \
			refused 1 "^$p: ($option|cell a|no detector)" in_empty "$p" "$option" "$value"
	done
done <<'END'
q2slots -n 0 -1 256 1000000000000000000000 x 5x 1.5 0x10 ""
q2cat -C 0 -1 1048577 99999999999999999999 x 1k ""
q2cat -e 0 -1 x 1000000000000000000000 ""
q2cat -L x udp:1 tcp: tcp:65536 unix: ""
q2cat -i x 1 / 1/ /2 2/2 -1/2 0/0 0/-1 0/x 3/2 1/2/3 00000000000000000000000001/2 0/1000000001 ""
q2cat -k x = =x a/b=c experiment ""
q2cat -l -1 x 9223372036854775808 1.5 ""
q2cat -n -1 x 9223372036854775808 1e3 ""
q2cat -r 0 -1 1e7 1e-9 x nan inf 0x10 1e999 5/s ""
q2cat -s -1 x 9223372036854775808 ""
q2cat -w a nM m AA ""
peakfind -A -1 4294967296 x ""
peakfind -P -1 1000000 x 1.0 ""
peakfind -a 0 -1 4294967296 x ""
peakfind -c 0 -1 1048577 x ""
cxiwrite -M -1 4294967296 x ""
cxiwrite -j 0 -1 257 x ""
cxiwrite -m -1 4294967296 x ""
cxiwrite -n 0 -1 2147483648 x ""
cxiwrite -z zip GZIP none, ""
q2serve -M -1 4294967296 x ""
q2serve -k -1 0 1 2147483648 x ""
q2serve -l x udp://127.0.0.1:5 tcp: ipc:// tcp://127.0.0.1 tcp://127.0.0.1:65536 ""
q2serve -m -1 4294967296 x ""
q2serve -n 0 -1 10001 x ""
q2serve -w -1 1e7 nan x ""
q2sim -C 1 1,2,3,90,90 1,2,3,90,90,90,90 a,b,c,d,e,f ,,,,, 0,79,38,90,90,90 79,79,-38,90,90,90 79,79,38,0,90,90 79,79,38,180,90,90 79,79,38,30,30,90 79,79,38,90,90,nan 1e999,79,38,90,90,90 ""
q2sim -D x epix EPIX10K2M ""
q2sim -S -1 x 9223372036854775808 ""
q2sim -e 0 -9500 999 100001 nan x ""
q2sim -n -1 x 9223372036854775808 ""
q2sim -t f64 u8 F32 none ""
q2sim -x -0.1 1.1 nan x ""
q2sim -z 0 -1 0.001 11 x ""
cxiview -e -1 x 9223372036854775808 ""
cxiview -t 0 -1 401 x ""
END

check 'q2cat: -e without -L is refused' \
	refused 1 '^q2cat: -e is for -L' in_empty q2cat -e 1 x
check 'q2cat: -L with a file is refused' \
	refused 1 '^q2cat: -L takes no files' in_empty q2cat -L tcp:0 x
check 'cxiwrite: -M below -m is refused' \
	refused 1 '^cxiwrite: -M 3 is less than -m 5' in_empty cxiwrite -m 5 -M 3
check 'cxiwrite: -M below the default of -m is refused' \
	refused 1 '^cxiwrite: -M 3 is less than -m 10' in_empty cxiwrite -M 3
check 'peakfind: -A below -a is refused' \
	refused 1 '^peakfind: -A 3 is less than -a 5' in_empty peakfind -a 5 -A 3
check 'q2cat: a key with a newline in its value is refused' \
	refused 1 '^q2cat: -k' in_empty q2cat -k 'run=1
detector=x'
check 'q2cat: facts longer than the header are refused' \
	refused 1 '^q2cat: -k .*stream header' \
	in_empty q2cat -k "run=$(printf %05000d 0)"
facts=
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 \
    27 28 29 30 31 32 33; do
	facts="$facts -k k$i=$i"
done
check 'q2cat: too many facts are refused' \
	refused 1 '^q2cat: -k k33=33: more than 32 facts' in_empty q2cat $facts
for l in 0 2; do
	check "q2cat -l $l: standard input cannot be read again" \
		refused 1 '^q2cat: -l: standard input' in_empty q2cat -l $l
	check "q2cat -l $l -: standard input cannot be read again" \
		refused 1 '^q2cat: -l: standard input' in_empty q2cat -l $l x -
done
check 'q2cat - -: standard input cannot be read again' \
	refused 1 '^q2cat: -: standard input' in_empty q2cat - x -
check 'a usage error has made nothing' test -z "$(ls -A "$T/empty")"

# The ends of the ranges are in them.
while read -r p rest; do
	check "$p $rest is accepted" test "$(status in_empty $p $rest)" -ne 1
done <<'END'
q2slots -n 1 true
q2slots -n 255 true
q2cat -C 1 -c -i 0/1 -k a=b -k run= -l 1 -n 0 -r 0.001 -s 0 -w nm
q2cat -C 1048576 -i 999999999/1000000000 -n 9223372036854775807 -r 1000000 -w A
peakfind -A 0 -P 0 -a 1 -c 1 -k -v -w
peakfind -A 4294967295 -P 255 -a 4294967295 -c 1048576
cxiwrite -M 0 -m 0 -n 1 -j 1 -z none
cxiwrite -M 4294967295 -m 4294967295 -n 2147483647 -j 256 -z gzip -f
q2sim -n 0 -S 0 -x 0 -z 0.01 -e 1000 -t bf16
q2sim -n 0 -S 9223372036854775807 -x 1 -z 10 -e 100000 -t f16
END

done_testing
