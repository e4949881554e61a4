#!/bin/sh
# The manual pages: sound, complete, true to the programs, and their examples work.
. tests/lib.sh

PATH=$PATH:$PWD/scripts
PROGRAMS='q2slots q2cat peakfind cxiwrite q2serve q2ls q2sim cxiview cxireport cximerge ray2q2 peakpipe
    peakpipe-array q2top'
PAGES=$(echo man/*.[1357])

# Letters of the options in a program's usage, one a line.
usage_options() {
	"$1" -h | sed -n '1,/^See /p' | grep -o '\[-[A-Za-z]*' |
	    tr -d '[\n-' | fold -w 1 | sort -u
}

page_options() {
	sed -n 's/^\.It Fl \([A-Za-z]\).*/\1/p' "man/$1.1" | sort -u
}

options_same() {
	usage_options "$1" >"$T/usage"
	page_options "$1" >"$T/page"
	diff "$T/usage" "$T/page"
}

# Without the folding of lines, words only.
synopsis_same() {
	"$1" -h | sed '/^See /d; s/^usage: //' | xargs -d '\n' >"$T/words"
	tr -s ' ' <"$T/words" | sed 's/ *$//' >"$T/usage"
	mandoc -T ascii -O width=400 "man/$1.1" |
	    sed 's/.\x08//g; s/^ *//' | sed -n '/^SYNOPSIS$/{n;p;}' >"$T/page"
	diff "$T/usage" "$T/page"
}

references_exist() {
	sed -n 's/.*\.*Xr \([a-z0-9]*\) \([1-9]\).*/man\/\1.\2/p' "$1" |
	    sort -u >"$T/pages"
	test -s "$T/pages" && xargs ls <"$T/pages"
}

# Numbers and meanings have one table in the code and one in the pages.
statuses_same() {
	sed -n 's/.*STATUS_[A-Z]* = \([0-9]*\).*/\1/p' cmd/status.h >"$T/code"
	sed -n '/^\.Sh EXIT STATUS/,/^\.Sh SEE/s/^\.It \([0-9]*\)$/\1/p' \
	    man/peakpipe.7 >"$T/page"
	diff "$T/code" "$T/page"
}

# example PAGE NAME: the text of a display between its two marks.
example() {
	sed -n "/^\.\\\\\" $2 begins/,/^\.\\\\\" $2 ends/p" "$1" |
	    sed '/^\./d; s/\\(ha/^/g; s/\\e/\\/g; s/\\&//g'
}

# In their own directory, where the pages find each other before they are
# installed.
lint_silent() {
	(cd man && mandoc -T lint ./*.[1357]) >"$T/lint" 2>&1
	cat "$T/lint"
	test ! -s "$T/lint"
}

# Literal text is never folded: a wide line of it makes a page a mess.
pages_narrow() {
	for p in $PAGES; do
		mandoc -T ascii -O width=78 "$p" | sed 's/.\x08//g' |
		    awk -v "page=$p" 'length > 78 { print page ": " $0 }'
	done >"$T/wide"
	cat "$T/wide"
	test ! -s "$T/wide"
}

# groff, which man(1) of Debian uses, folds what does not fit into a column.
columns_wide_enough() {
	for p in $PAGES; do
		groff -mandoc -ww -Tascii -rLL=78n "$p" 2>&1 >"$T/text" |
		    sed "s|^|$p: |"
	done >"$T/warnings"
	cat "$T/warnings"
	test ! -s "$T/warnings"
}

if command -v mandoc >/dev/null; then
	check 'mandoc has nothing to say about any page' lint_silent
	check 'every page fits into a terminal of 80 columns' pages_narrow
else
	skip 'mandoc has nothing to say about any page' 'no mandoc'
	skip 'every page fits into a terminal of 80 columns' 'no mandoc'
fi
if command -v groff >/dev/null; then
	check 'groff has nothing to say about any page' columns_wide_enough
else
	skip 'groff has nothing to say about any page' 'no groff'
fi

for p in $PROGRAMS; do
	check "$p has a page" test -s "man/$p.1"
	check "$p and its page know the same options" options_same "$p"
	if command -v mandoc >/dev/null; then
		check "$p and its page have the same synopsis" synopsis_same "$p"
	else
		skip "$p and its page have the same synopsis" 'no mandoc'
	fi
done
for p in $PAGES; do
	check "$p refers to pages that exist" references_exist "$p"
done
# Every item of peakpipe-recovery(7) follows a comment that names its test.
recovery_tested() {
	awk '/^\.\\" test / { named = 1 }
	    /^\.It/ { if (!named) { print "no test: " $0; bad = 1 } named = 0 }
	    END { exit bad }' man/peakpipe-recovery.7 || return 1
	sed -n 's/^\.\\" test //p' man/peakpipe-recovery.7 >"$T/tests"
	[ "$(wc -l <"$T/tests")" -gt 20 ] || return 1
	while IFS= read -r line; do
		grep -qF -- "${line#*: }" "tests/${line%%: *}" || {
			echo "not there: $line"
			return 1
		}
	done <"$T/tests"
}
check 'every line of peakpipe-recovery(7) is one of the tests' recovery_tested
check 'peakpipe(7) lists the exit statuses of the code' statuses_same

# The filter of q2(5), in a pipeline.
example man/q2.5 filter >"$T/minpeaks"
q2sim -n 6 -D mfx -t f16 | peakfind >"$T/all.q2"
"$PYTHON" "$T/minpeaks" 20 <"$T/all.q2" >"$T/some.q2"
check 'the filter of q2(5) ends well' test $? -eq 0

# seq, and the peaks found, of a listing's events.
events() {
	awk -F '\t' '$1 == "event" { sub(/.*peaks /, "", $5); print $3, $5 + 0 }'
}

filter_right() {
	q2ls "$T/all.q2" | events | awk '$2 >= 20' >"$T/want"
	q2ls "$T/some.q2" | events >"$T/got"
	test "$(q2ls "$T/all.q2" | events | wc -l)" -eq 6 &&
	    test -s "$T/want" && test "$(wc -l <"$T/want")" -lt 6 &&
	    diff "$T/want" "$T/got"
}
check 'the filter of q2(5) drops the events with few peaks' filter_right

ends_right() {
	q2ls "$T/some.q2" >"$T/list"
	cat "$T/list"
	grep -q "^end.*	$(wc -l <"$T/got") events" "$T/list" &&
	    grep -q '^stream.* minpeaks.n=20' "$T/list"
}
check 'the filter of q2(5) corrects the end record and signs the header' ends_right
check 'cxiwrite takes what the filter of q2(5) makes for complete' \
    cxiwrite -o "$T/cxi" <"$T/some.q2"
head -c 50000 "$T/all.q2" >"$T/cut.q2"
check 'the filter of q2(5) refuses a truncated stream' refused 6 'inside a record' \
    sh -c "'$PYTHON' '$T/minpeaks' 20 <'$T/cut.q2'"
dd if="$T/all.q2" of="$T/bad.q2" bs=1M count=1 2>"$T/dd"
printf x | dd of="$T/bad.q2" bs=1 seek=130 conv=notrunc 2>"$T/dd"
check 'the filter of q2(5) refuses a damaged header' refused 6 'damaged stream' \
    sh -c "'$PYTHON' '$T/minpeaks' 20 <'$T/bad.q2'"
check 'the filter of q2(5) refuses a word for a number' refused 1 usage \
    "$PYTHON" "$T/minpeaks" many
sh -c "'$PYTHON' '$T/minpeaks' 0; echo \$? >'$T/gone'" <"$T/all.q2" 2>"$T/err" |
    true
check 'the filter of q2(5) ends quietly when its reader has gone' \
    sh -c "cat '$T/err'; test \$(cat '$T/gone') -eq 2 -a ! -s '$T/err'"

done_testing
