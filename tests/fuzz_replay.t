#!/bin/sh
# The seeds of the fuzz targets, and findings of old, once more: each target with a
# plain main, under the address and undefined sanitizers of gcc.

. tests/lib.sh

R=build-replay
build() {
	make -s -j2 B=$R CC=gcc CFLAGS='-O1 -g' NODEPS=1 \
	    SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=undefined' \
	    replay-programs
}

replay() {
	set -- "$1" tests/fuzz/seeds/"$1"/*
	parser=$1
	shift
	ASAN_OPTIONS=detect_leaks=1 "$R/tests/fuzz/fuzz_${parser}_replay" "$@" |
	    grep -x "$# replayed"
}

unset MAKEFLAGS MAKELEVEL
check 'the targets are built without a fuzzer' build
for target in tests/fuzz/fuzz_*.c; do
	of=$(basename "$target" .c)
	check "the seeds of $of do no harm" replay "${of#fuzz_}"
done
done_testing
