#!/bin/sh
# What make lint and the sanitizers pass over has its reason beside it.

. tests/lib.sh

# reasons FILE: each check that the file switches off has a line "# off CHECK: WHY",
# and each such line a check.
reasons() {
	sed -nE 's/^  -([a-z][^,]*),?$/\1/p' "$1" | sort >"$T/off"
	sed -nE 's/^# off ([^ ]+): .{10,}$/\1/p' "$1" | sort >"$T/why"
	test -s "$T/off" && diff "$T/off" "$T/why"
}

# commented FILE: no entry comes first, or after an empty line.
commented() {
	awk '/^#/ { why = 1; next } /^$/ { why = 0; next } !why { print; bad = 1 }
	    END { exit bad || NR == 0 }' "$1"
}

# Blocks in braces are one entry.
commented_blocks() {
	awk '/^#/ { why = 1 } /^\{/ { if (!why) { print NR; bad = 1 } why = 0 }
	    END { exit bad || NR == 0 }' "$1"
}

# Every NOLINT names its checks and has a comment on the line before it.
nolint() {
	find cmd lib tests scripts -name '*.[ch]' -exec awk '
	    FNR == 1 { before = "" }
	    /NOLINT/ && !(/NOLINTNEXTLINE\([a-z]/ && before ~ /\*\/$/) {
		print FILENAME ":" FNR; bad = 1 }
	    { before = $0 }
	    END { exit bad }' {} +
}

for f in .clang-tidy tests/.clang-tidy; do
	check "$f has a reason for each check that is off" reasons "$f"
done
for f in scripts/cppcheck.supp scripts/lsan.supp; do
	check "$f has reasons" commented "$f"
done
check 'scripts/valgrind.supp has a reason for each block' \
    commented_blocks scripts/valgrind.supp
check 'every NOLINT names a check and has a reason' nolint
done_testing
