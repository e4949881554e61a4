#!/bin/sh
# A name that was mistyped, or forgotten in front of a list of files, costs no data:
# an output replaces files of its own kind only.
. tests/lib.sh

q2sim -n 3 -D cspad -g "$T/det.geom" -T "$T/truth.tsv" >"$T/run.q2"
peakfind <"$T/run.q2" >"$T/found.q2"
cxiwrite -g "$T/det.geom" -o "$T/cxi" -l "$T/log.tsv" -S "$T/stats.json" \
    <"$T/found.q2" 2>/dev/null
echo '; measured for a year' >"$T/mine.geom"

write_hits() {
	cxiwrite -g "$T/det.geom" "$@" <"$T/found.q2"
}

# kept FILE PATTERN COMMAND...: it is refused, and the file is as it was.
kept() {
	file=$1
	pattern=$2
	shift 2
	cp "$file" "$T/before"
	refused 7 "$pattern" "$@" && cmp "$file" "$T/before"
}

check 'cxiview -o does not replace a CXI file' \
    kept "$T/cxi/peaknet_0000.cxi" '-o .*peaknet_0000.cxi: exists and is not a picture' \
    cxiview -o "$T"/cxi/peaknet_0000.cxi "$T/cxi/peaknet_0000.cxi"
check 'cxireport -o does not replace a CXI file' \
    kept "$T/cxi/peaknet_0000.cxi" '-o .* is not a report' \
    cxireport -o "$T/cxi/peaknet_0000.cxi" "$T/cxi"
printf 'My notes on PNG pictures\n' >"$T/notes.png"
printf '<!DOCTYPE html>\n<html lang="en">\n<p>cxireport is what I used\n' >"$T/book.html"
printf '; mine, after one simulated by q2sim, by q2serve\nclen = 0.1\n' >"$T/own.geom"
printf '{ "mine": 1, "events_in": 2 }\n' >"$T/own.json"
mkdir "$T/list"
printf 'my hits, http://one //\n' >"$T/list/run.events"
check 'nor a text that has the word PNG' kept "$T/notes.png" 'is not a picture' \
    cxiview -o "$T/notes.png" "$T/cxi"
check 'nor another page of HTML' kept "$T/book.html" 'is not a report' \
    cxireport -o "$T/book.html" "$T/cxi"
check 'nor a geometry that names the program' kept "$T/own.geom" \
    'is not a geometry of q2sim' q2sim -n 1 -g "$T/own.geom"
check 'whichever it is' kept "$T/own.geom" 'is not a geometry of q2serve' \
    q2serve -l "ipc://$T/socket" -g "$T/own.geom" -G "$T/own.geom"
check 'nor other JSON' kept "$T/own.json" 'is not statistics' \
    write_hits -f -o "$T/cxi" -S "$T/own.json"
check 'nor a list of other things' kept "$T/list/run.events" 'is not a list of events' \
    cximerge -o "$T/list/run.cxi" "$T/cxi"
check 'q2sim -T does not replace a capture' \
    kept "$T/run.q2" '-T .* is not a table of q2sim -T' q2sim -n 1 -T "$T/run.q2"
check 'q2sim -g does not replace a geometry that it did not write' \
    kept "$T/mine.geom" '-g .* is not a geometry of q2sim' q2sim -n 1 -g "$T/mine.geom"
check 'q2serve -G does not replace a geometry that it did not write' \
    kept "$T/mine.geom" '-G .* is not a geometry of q2serve' \
    q2serve -l "ipc://$T/socket" -g "$T/mine.geom" -G "$T/mine.geom"
check 'cxiwrite -f -l does not replace what is no log' \
    kept "$T/mine.geom" '-l .* is not a log' \
    write_hits -f -o "$T/cxi" -l "$T/mine.geom"
check 'cxiwrite -f -S does not replace what is no statistics' \
    kept "$T/mine.geom" '-S .* is not statistics' \
    write_hits -f -o "$T/cxi" -S "$T/mine.geom"
check '... nor without -f' kept "$T/mine.geom" '-S .* exists' \
    write_hits -o "$T/new" -S "$T/mine.geom"
check 'a log is not replaced without -f, which would' \
    kept "$T/log.tsv" '-l .*log.tsv exists; -f replaces it' \
    write_hits -o "$T/new" -l "$T/log.tsv"
check 'nor are statistics' kept "$T/stats.json" '-S .* exists; -f replaces it' \
    write_hits -o "$T/new" -S "$T/stats.json"
check 'statistics into a directory are refused at once' \
    refused 7 '-S .*: Is a directory' write_hits -o "$T/new" -S "$T"
check 'cxiwrite refuses one file for log and statistics' \
    refused 1 'same file' write_hits -o "$T/new2" -l "$T/both" -S "$T/both"
for own in lst journal _0000.cxi _0001.cxi.tmp; do
	case $own in _*) file=run$own ;; *) file=run.$own ;; esac
	for o in -l -S; do
		check "cxiwrite $o $file, a file of the series itself, is refused" \
		    refused 1 "$o .*$file is a file of the series" \
		    write_hits -o "$T/new3" -p run $o "$T/new3/../new3/$file"
	done
done
check 'nothing was made but the list' test "$(ls -A "$T/new3")" = run.lst
check 'a log of another prefix is none of the series' \
    write_hits -o "$T/new3" -p run -l "$T/new3/run2.lst"
printf 'shots of the night\n' >"$T/run.events"
cp "$T/run.events" "$T/before"
check 'cximerge does not replace a list that is none of events' \
    refused 7 'run.events: exists and is not a list of events' \
    cximerge -o "$T/run.cxi" "$T/cxi/peaknet_0000.cxi"
check '... and makes nothing' \
    sh -c "cmp '$T/run.events' '$T/before' && [ ! -e '$T/run.cxi' ]"
rm "$T/run.events"
check 'cximerge makes its two files, and makes them again' sh -c "cd '$T' &&
    cximerge -o run.cxi cxi/peaknet_0000.cxi && cximerge -o run.cxi cxi/peaknet_0000.cxi &&
    grep -q ' //0$' run.events"
check 'what is open already is written to where it stands' sh -c "cd '$T' &&
    echo before >told && cxireport -o /dev/stdout cxi >>told && head -n 1 told |
    grep -qx before && grep -q '</html>' told"
# A file system on which names are given by links, and one that has none of these.
cat >"$T/fat.c" <<'END'
#include <errno.h>
#include <stdlib.h>
int renameat2(int a, const char *b, int c, const char *d, unsigned e)
{
	return (void)a, (void)b, (void)c, (void)d, (void)e, errno = EINVAL, -1;
}
#ifdef NO_LINKS
int link(const char *a, const char *b)
{
	return (void)a, (void)b, errno = EPERM, -1;
}
#endif
END
for links in LINKS NO_LINKS; do
	if ${CC:-cc} -shared -fPIC -D_GNU_SOURCE -D$links -o "$T/$links.so" "$T/fat.c"; then
		check "files get their names where the file system is poor, $links" sh -c "
		    cd '$T' && export LD_PRELOAD='$T/$links.so' &&
		    cxiwrite -g det.geom -o $links <found.q2 &&
		    cxireport -o $links.html $links && cxireport -o $links.html $links &&
		    cmp $links/peaknet_0000.cxi cxi/peaknet_0000.cxi &&
		    [ \"\$(ls $links)\" = \"\$(ls cxi)\" ]"
	else
		skip "files get their names where the file system is poor, $links" 'no compiler'
	fi
done
ln -s /proc/self/fd/1 "$T/link"
check 'a symbolic link is not replaced' \
    refused 7 'link: is a symbolic link; name the file itself' cxireport -o "$T/link" "$T/cxi"
check '... and is still one' test -L "$T/link"
check 'what is open already is written to, not replaced' sh -c "cd '$T' &&
    cxireport -o /proc/self/fd/1 cxi >page.html && grep -q '^<!DOCTYPE html>' page.html &&
    cxiview -o /dev/fd/3 cxi/peaknet_0000.cxi 3>picture && head -c 4 picture | grep -q PNG"
mkfifo "$T/fifo"
cat "$T/fifo" >"$T/through" &
write_hits -o "$T/new4" -S "$T/fifo" 2>/dev/null &
wait
check 'statistics go through a FIFO to the reader that waits for them' \
    grep -q events_in "$T/through"
# As somebody who may not look at everything.
if [ "$(id -u)" -eq 0 ]; then
	as() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
else
	as() { "$@"; }
fi
chmod 755 "$T"
echo secret >"$T/closed"
chmod 0 "$T/closed"
if as cxireport -h >"$T/out" 2>&1; then
	check 'what cannot be looked at is kept' \
	    refused 7 'cannot be seen what it is: Permission denied' \
	    as cxireport -o "$T/closed" "$T/cxi"
else
	skip 'what cannot be looked at is kept' 'nobody cannot reach us'
fi

# twice NAME COMMAND...: files of the kind are replaced, the second time too.
twice() {
	"$@" && cp "$T/out.file" "$T/before" && "$@" && test -s "$T/out.file"
}
for what in 'cxiview -o|cxiview -o out.file cxi/peaknet_0000.cxi' \
    'cxireport -o|cxireport -o out.file cxi' \
    'q2sim -g|q2sim -n 1 -g out.file >sim.q2' 'q2sim -T|q2sim -n 1 -T out.file >sim.q2' \
    'cxiwrite -f -l|cxiwrite -f -o cxi -l out.file <found.q2' \
    'cxiwrite -f -S|cxiwrite -f -o cxi -S out.file <found.q2'; do
	: >"$T/out.file"
	check "${what%%|*} replaces an empty file and one of its own" \
	    twice sh -c "cd '$T' && ${what#*|}"
done
done_testing
