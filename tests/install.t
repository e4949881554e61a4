#!/bin/sh
# make install puts programs and pages, uninstall removes them, and a build in a
# fresh tree leaves no litter.

. tests/lib.sh

# make as a person calls it, not as a part of the make that runs the tests.
unset MAKEFLAGS MAKELEVEL MFLAGS
export NODEPS=1
programs='q2slots q2cat peakfind cxiwrite q2serve q2ls q2sim cxiview cxireport cximerge'
scripts='ray2q2 peakpipe peakpipe-array q2top'
pages='q2.3 libq2.3 ray2q2.1 q2top.1 peakpipe.1 peakpipe-array.1 peakpipe-tutorial.7 q2slots.1 q2cat.1 peakfind.1 cxiwrite.1 q2serve.1 q2ls.1 q2sim.1 cxiview.1 cxireport.1 cximerge.1 q2.5 peakpipe.7
    peakpipe-performance.7 peakpipe-scale.7'
D=$T/dest
P=/opt/peak

installed() {
	for p in $programs $scripts; do
		[ -x "$D$P/bin/$p" ] || { echo "no $p"; return 1; }
	done
}

pages_installed() {
	for m in $pages; do
		[ -s "$D$P/share/man/man${m##*.}/$m" ] || { echo "no $m"; return 1; }
	done
}

functions_have_pages() {
	sed -n '/^.Sh NAME/,/^.Nd/s/^.Nm \([a-z0-9_]*\).*/\1.3/p' man/libq2.3 | sort >"$T/names"
	(cd "$D$P/share/man/man3" && grep -lx '.so man3/libq2.3' ./*) |
	    sed 's|^./||' | sort >"$T/links"
	[ -s "$T/names" ] && diff "$T/names" "$T/links"
}

# make ARGUMENTS, which must change nothing below a directory with a blank's first half.
blank_refused() {
	mkdir -p "$T/my place" && : >"$T/my"
	! make -s "$@" 2>"$T/err" && grep -q 'a name with a blank will not do' "$T/err" &&
	    [ -f "$T/my" ] && [ -z "$(ls "$T/my place")" ]
}

# And links to the one for bash, one less than there are commands.
completions_installed() {
	links=$(find "$D$P/share/bash-completion" -type l | wc -l)
	[ -s "$D$P/share/zsh/site-functions/_peakpipe" ] &&
	    [ "$links" -eq $(($(echo $programs $scripts | wc -w) - 1)) ] &&
	    [ -s "$D$P/share/bash-completion/completions/q2cat" ]
}

library_installed() {
	[ -s "$D$P/lib/libq2.a" ] && [ -s "$D$P/include/q2.h" ] &&
	    [ -s "$D$P/lib/pkgconfig/q2.pc" ] && ! grep @ "$D$P/lib/pkgconfig/q2.pc"
}

modes() {
	! find "$D$P/bin" -type f ! -perm 755 | grep . &&
	    ! find "$D$P/share" -type f ! -perm 644 | grep . &&
	    ! find "$D" -type d ! -perm 755 | grep .
}

runs() {
	for p in $programs; do
		"$D$P/bin/$p" --version | grep -q "^$p " ||
		    { echo "$p --version"; return 1; }
	done
}

check 'make install DESTDIR= PREFIX= succeeds, whatever the umask' \
    sh -c 'umask 077; make -s B="$0" DESTDIR="$1" PREFIX=$2 install' "$B" "$D" $P
check 'all programs are there' installed
check 'all pages are there, in the sections they belong to' pages_installed
check 'each function of libq2 has a page' functions_have_pages
check 'completions are there, for all programs' completions_installed
check 'libq2 is there with its header and q2.pc' library_installed
check 'programs are executable, pages only readable, directories open' modes
check 'nothing else is there' test "$(find "$D" -type f | wc -l)" -eq 47
module_found() {
	found=$("$PYTHON" -c 'import sys; print(*sys.path, sep="\n")')
	at=$(make -s B="$B" --eval='where: ; @echo $(PYDIR)' where) &&
	    echo "$found" | grep -x "$at" &&
	    at=$(make -s B="$B" PREFIX=/usr --eval='where: ; @echo $(PYDIR)' where) &&
	    echo "$found" | grep -x "$at"
}
ray2q2_runs() {
	PYTHONDONTWRITEBYTECODE=1 "$D$P/bin/ray2q2" --version | grep -qx "ray2q2 $(sed -n \
	    's/^VERSION = //p' Makefile)"
}
check 'the module is where python3 looks for it, for /usr/local and /usr' module_found
check 'ray2q2 finds it and tells the version of the Makefile' ray2q2_runs
q2top_runs() {
	"$D$P/bin/q2top" --version | grep -qx "q2top $(sed -n \
	    's/^VERSION = //p' Makefile)"
}
check 'q2top tells the version of the Makefile' q2top_runs
check 'installed programs tell their version' runs
check 'make install again succeeds' \
    make -s B="$B" DESTDIR="$D" PREFIX=$P install
check 'make uninstall succeeds' \
    make -s B="$B" DESTDIR="$D" PREFIX=$P uninstall
check 'nothing that was installed is left' \
    test -z "$(find "$D" ! -type d)"
for what in "DESTDIR=$T/my place" "PREFIX=$T/my place" "LIBDIR=$T/my place/lib"; do
	for target in install uninstall; do
		check "make $target refuses a place with a blank (${what%%=*})" \
		    blank_refused B="$B" "$what" $target
	done
done
check 'all directories can be named' \
    make -s B="$B" DESTDIR="$D" BINDIR=/b MANDIR=/m PYDIR=/y LIBDIR=/l INCDIR=/i \
    BASHDIR=/c ZSHDIR=/z install
check 'and are used' test -x "$D/b/q2cat" -a -e "$D/m/man1/q2cat.1" -a \
    -e "$D/y/q2.py" -a -e "$D/l/libq2.a" -a -e "$D/i/q2.h" -a -e "$D/c/q2cat" -a \
    -e "$D/z/_peakpipe" -a \
    ! -e "$D/usr"
# An archive that cannot be linked by itself, as one that needs libraries for networks.
hdf5_shared() {
	mkdir -p "$T/h" && : >"$T/h/none" && ar rc "$T/h/libhdf5.a" "$T/h/none" &&
	printf 'Name: h\nDescription: h\nVersion: 1\nLibs: -L%s -lhdf5\n' "$T/h" \
	    >"$T/h/hdf5.pc" &&
	said=$(PKG_CONFIG_PATH=$T/h scripts/hdf5 | xargs) && echo "$said" &&
	[ "$said" = "-L$T/h -lhdf5" ]
}
check 'the shared HDF5 is taken where its archive cannot be linked' hdf5_shared
# A fresh tree: what git would hand out, and no build yet.
mkdir "$T/tree"
tar -c --exclude=.git --exclude='./build*' . | tar -x -C "$T/tree"
git() {
	command git -C "$T/tree" -c user.name=t -c user.email=t@example.org "$@"
}
git init -q && git add -A && git commit -q -m t
check 'make succeeds in a fresh tree' \
    make -s -j2 -C "$T/tree" B=build CFLAGS=-O0
check 'all programs are built' \
    test "$(ls "$T/tree/build" | grep -cxE 'q2slots|q2cat|peakfind|cxiwrite|q2ls|q2sim|cxiview')" -eq 7
check 'git sees no litter' test -z "$(git status --porcelain)"
check 'everything made is in build/' \
    test "$(git status --porcelain --ignored)" = '!! build/'
# Not by -q: make 4.4 counts deps-build.
make -C "$T/tree" B=build CFLAGS=-O0 >"$T/again"
check 'make again has nothing to do' test "$(grep -c -- ' -o ' "$T/again")" -eq 0
make -s -C "$T/tree" clean
check 'make clean leaves nothing' \
    test -z "$(git status --porcelain --ignored)"
done_testing
