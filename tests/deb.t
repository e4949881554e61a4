#!/bin/sh
# The Debian package: what is in it, and that it installs, works and goes away again.

. tests/lib.sh

unset MAKEFLAGS MAKELEVEL MFLAGS
for c in dpkg-deb dpkg-shlibdeps strip; do
	command -v $c >"$T/which" || {
		echo "1..0 # SKIP no $c"
		exit 0
	}
done
case $B in
build) ;;
*) echo "1..0 # SKIP the package is that of build/, not of $B"; exit 0 ;;
esac
version=$(sed -n 's/^VERSION = //p' Makefile)
deb=$PWD/$B/peakpipe_${version}_$(dpkg --print-architecture).deb
field() { dpkg-deb -f "$deb" "$1"; }
depends() { field Depends | tr ',' '\n' | sed 's/^ *//; s/ .*//'; }

rm -f "$deb"
check 'make deb succeeds' env NODEPS=1 make -s B="$B" deb
check 'its name has the version of the Makefile' test -s "$deb"
check 'and so have its control fields' test "$(field Version)" = "$version"
for p in libc6 libcairo2 libseccomp2 python3-numpy; do
	check "it depends on $p" sh -c "echo '$(depends | xargs)' | grep -qw -- $p"
done
mkdir "$T/x"
dpkg-deb -x "$deb" "$T/x"
make -s B="$B" DESTDIR="$T/i" PREFIX=/usr LIBDIR="/usr/lib/$(gcc -print-multiarch)" \
    ZSHDIR=/usr/share/zsh/vendor-completions install
listed() { (cd "$1" && find . -type f -o -type l) | grep -v /share/doc/ | sed 's/\.gz$//' | sort; }
content() {
	listed "$T/i" >"$T/want"
	listed "$T/x" >"$T/got"
	diff "$T/want" "$T/got"
}
check 'it has what make install installs' content
pages_zipped() {
	! find "$T/x/usr/share/man" -type f ! -name '*.gz' | grep . &&
	    gzip -t "$T/x"/usr/share/man/man*/*.gz
}
check 'its pages are compressed' pages_zipped
owned() { ! dpkg-deb -c "$deb" | grep -v ' root/root '; }
check 'root owns all of it' owned
modes() {
	! find "$T/x" -type d ! -perm 755 | grep . &&
	    ! find "$T/x" -type f ! -path '*/bin/*' ! -perm 644 | grep . &&
	    ! find "$T/x/usr/bin" ! -perm 755 | grep .
}
check 'its modes are right' modes
for f in copyright changelog.gz NEWS.gz README examples/producer.c; do
	check "it has $f" test -s "$T/x/usr/share/doc/peakpipe/$f"
done
# As scripts/hdf5 has found it.
hdf5() {
	terms=$(grep -c 'Copyright.*The HDF Group' "$T/x/usr/share/doc/peakpipe/copyright")
	using=$(field Built-Using)
	echo "$terms lines of terms, built using: $using"
	if depends | grep -q hdf5; then
		[ "$terms" -eq 0 ] && [ -z "$using" ]
	else
		[ "$terms" -gt 0 ] && echo "$using" | grep -qx 'hdf5 (= .*)'
	fi
}
check 'it depends on HDF5, or has it with its terms and names its source' hdf5
sums() {
	dpkg-deb -e "$deb" "$T/control" && (cd "$T/x" && md5sum --quiet -c "$T/control/md5sums") &&
	    test "$(wc -l <"$T/control/md5sums")" -eq "$(find "$T/x" -type f | wc -l)"
}
check 'its checksums are there and right' sums
no_debug() { ! file_sections "$T/x"/usr/bin/q2cat | grep -q '\.debug'; }
file_sections() { objdump -h "$1"; }
check 'its programs are stripped' no_debug
foreign() { ! grep -rlaF -e "$PWD" -e "$T" "$T/x"; }
check 'no path of the machine that built it is in it' foreign

# A dpkg of its own below T, which knows no other package.
root=$T/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
: >"$root/var/lib/dpkg/status"
apart() {
	dpkg --root="$root" --log="$T/log" --force-script-chrootless --force-depends "$@"
}
works() (
	cd "$T" && PATH=$root/usr/bin:$PATH && [ "$(command -v q2cat)" = "$root/usr/bin/q2cat" ] &&
	    q2slots -n 4 sh -c 'q2sim -n 4 -D mfx -t f16 -x 1 | q2cat | peakfind -P 2 |
	    cxiwrite -m 1 -o out' && "$PYTHON" -c '
import h5py
with h5py.File("out/peaknet_0000.cxi") as f:
    assert (f["entry_1/result_1/nPeaks"][:] > 0).sum() == 4'
)
module_works() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$root/usr/lib/python3/dist-packages "$PYTHON" \
	    "$root/usr/share/doc/peakpipe/examples/producer.py" 3 |
	    "$root/usr/bin/q2ls" | grep -q '^end.*3 events'
}
gone() { ! find "$root" -mindepth 1 ! -path "$root/var*" | grep .; }
if [ "$(id -u)" -ne 0 ]; then
	skip 'it installs, works and is removed' 'dpkg installs for root only'
else
	check 'it installs' apart -i "$deb"
	check 'a pipeline of the installed programs finds the hits' works
	check 'the installed example runs with the installed module' module_works
	check 'dpkg finds nothing changed' test -z "$(apart -V peakpipe 2>&1)"
	check 'it is removed' apart -P peakpipe
	check 'and nothing is left of it' gone
fi
done_testing
