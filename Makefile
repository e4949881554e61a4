# peakpipe: from Q2 to CXI as a pipeline of small programs. See README.
#
#	make		build into build/		make install	PREFIX, DESTDIR
#	make clean	remove what was built		make uninstall	the same
#	make deb	a Debian package, in build/
#	make demo	simulate a run, process it	make check	all tests
#	make check-san	the tests under the address and undefined sanitizers, then
#			check-tsan and check-valgrind
#	make check-tsan	the tests with threads under the thread sanitizer
#	make lint	gcc, clang, clang-tidy, cppcheck, mandoc: all must be silent
#	make check-valgrind	the unit tests and the main pipeline under valgrind
#	make fuzz	the parsers of bytes from outside under libFuzzer
#	make torture	kill, stop, signal and resume at random, 10 minutes
#	make bench	measure it beside its rivals and its limits, 10 minutes

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
LIBDIR = $(PREFIX)/lib
INCDIR = $(PREFIX)/include
BASHDIR = $(PREFIX)/share/bash-completion/completions
ZSHDIR = $(PREFIX)/share/zsh/site-functions

CC = gcc
OBJCOPY = objcopy
CFLAGS = -O3 -g
PYTHON = /usr/bin/python3

# Where the python3 of Debian looks for modules of this PREFIX.
PYDIR = $(if $(filter /usr,$(PREFIX)),/usr/lib/python3,$(PREFIX)/lib/$(notdir \
	$(realpath $(PYTHON))))/dist-packages

VERSION = 0.1

PROGRAMS = q2slots q2cat peakfind cxiwrite q2serve q2ls q2sim cxiview cxireport cximerge
SCRIPTS = ray2q2 peakpipe peakpipe-array q2top
MODULES = q2.py

# Functions that have libq2(3) for their page.
LIBQ2_PAGES = q2_open q2_slot q2_put q2_close q2_count

B = build

# Asked for when they are used: on a fresh machine they are installed by then.
# msgpack has another name since Debian 13.
PKG = libbsd-overlay libisal liblz4 jansson libseccomp cairo libpng libzmq \
	$(shell pkg-config --exists msgpack && echo msgpack || echo msgpack-c)
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags hdf5 $(PKG)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKG)))$(PKG_LIBS)

# Debian's shared HDF5 brings 30 other libraries, for reading over networks, which
# cost every process 5 ms and 6 MiB: the archive is linked where that is possible.
# -rdynamic: filter plugins must find this HDF5, not the shared one that they load.
HDF5_LIBS = $(eval HDF5_LIBS := $$(shell CC=$(CC) scripts/hdf5))$(HDF5_LIBS)

# -ffp-contract=off: with it on, two instruction sets give two sums.
# H5_USE_110_API: what Debian 12 has is known to all later versions of HDF5.
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ilib \
	-DH5_USE_110_API -Wall -Wextra -Wshadow -Wconversion -ffp-contract=off \
	$(PKG_CFLAGS) $(SANITIZE) $(CFLAGS)
# --as-needed: a program that has nothing to do with HDF5 starts without it.
ALL_LIBS = $(LDFLAGS) $(SANITIZE) -Wl,--as-needed $(HDF5_LIBS) $(PKG_LIBS) \
	-lmd -lpthread -lm

LIB_SRC := $(wildcard lib/*/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$B/%.o)
SHARED_OBJ := $(patsubst %.c,$B/%.o,$(filter-out $(PROGRAMS:%=cmd/%.c),$(wildcard cmd/*.c)))
HEADERS := $(wildcard lib/*/*.h cmd/*.h)
UNITS := $(patsubst %.c,$B/%,$(wildcard tests/unit/*.c))
TOOLS := $(patsubst %.c,$B/%,$(wildcard tests/tools/*.c))
FUZZ := $(patsubst %.c,$B/%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY := $(FUZZ:%=%_replay)
BENCH := $(patsubst %.c,$B/%,$(wildcard scripts/bench.d/*.c)) \
	$(patsubst %.c,$B/%.so,$(wildcard scripts/bench.d/shim/*.c))
MAN := $(wildcard man/*.[1357])

# What lib/producer/q2.c needs of lib, and that needs libc only.
LIBQ2 = base/crc_plain base/fault base/io base/pages base/utf8 data/event data/layout \
	format/eventblock format/parcel format/place format/source format/stream producer/q2 \
	transport/budget transport/capture transport/cgroup transport/inlet \
	transport/outlet transport/record transport/slotmap transport/slots

all: $(PROGRAMS:%=$B/%) $B/libq2.a

deps-%:
	@scripts/deps $*

# Every object depends on every header: never stale, and the tree is small.
$B/%.o: %.c $(HEADERS) Makefile | deps-build
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$B/libpeakpipe.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

# What programs share; each takes what it calls.
$B/libcmd.a: $(SHARED_OBJ)
	@rm -f $@
	$(AR) rcs $@ $(SHARED_OBJ)

# One object that defines nothing but q2_...: it must not clash with anything that
# a producer has. Position independent, for shared objects; no sanitizer and no ISA-L.
$B/q2/%.o: lib/%.c $(HEADERS) Makefile | deps-build
	@mkdir -p $(@D)
	$(CC) $(filter-out $(PKG_CFLAGS) $(SANITIZE),$(ALL_CFLAGS)) -fPIC -Dcrc32c=crc32c_plain \
		-c -o $@ $<

$B/libq2.a: $(LIBQ2:%=$B/q2/%.o)
	@rm -f $@
	$(LD) -r -o $B/q2/q2.o $^
	$(OBJCOPY) --wildcard --keep-global-symbol='q2_*' $B/q2/q2.o
	$(AR) rcs $@ $B/q2/q2.o

$(PROGRAMS:%=$B/%): $B/%: $B/cmd/%.o $B/libcmd.a $B/libpeakpipe.a
	$(CC) $(ALL_CFLAGS) -o $@ $< $B/libcmd.a $B/libpeakpipe.a $(ALL_LIBS)

$(UNITS) $(TOOLS): $B/%: %.c $B/libpeakpipe.a $(HEADERS) $(wildcard tests/unit/*.h) | deps-check
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $B/libpeakpipe.a $(ALL_LIBS) -lcmocka

$(FUZZ): $B/%: %.c tests/fuzz/fuzz_file.h $B/libpeakpipe.a $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $< $B/libpeakpipe.a $(ALL_LIBS)

$(REPLAY): $B/%_replay: %.c tests/fuzz/replay.c tests/fuzz/fuzz_file.h \
		$B/libpeakpipe.a $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< tests/fuzz/replay.c $B/libpeakpipe.a $(ALL_LIBS)

# The limits of a guard are minutes; this one's are seconds.
$B/tests/fuzz/fuzz_cxi $B/tests/fuzz/fuzz_cxi_replay: \
	ALL_LIBS += -Wl,--wrap=guard_start

$(filter %.so,$(BENCH)): $B/%.so: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -shared -fPIC -o $@ $<

$(filter-out %.so,$(BENCH)): $B/%: %.c $B/libpeakpipe.a $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $B/libpeakpipe.a $(ALL_LIBS)

# What make splits at blanks would be installed, or removed, elsewhere.
places:
	$(foreach v,DESTDIR BINDIR PYDIR INCDIR LIBDIR BASHDIR ZSHDIR MANDIR,$(if \
		$(word 2,x$($v)),$(error $v is "$($v)": a name with a blank will not do)))

install: places all
	umask 022 && mkdir -p $(DESTDIR)$(BINDIR) $(DESTDIR)$(PYDIR) \
		$(DESTDIR)$(INCDIR) $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(BASHDIR) $(DESTDIR)$(ZSHDIR) \
		$(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man3 \
		$(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7
	install -m 755 $(PROGRAMS:%=$B/%) $(SCRIPTS:%=scripts/%) $(DESTDIR)$(BINDIR)
	install -m 644 $(MODULES:%=lib/python/%) $(DESTDIR)$(PYDIR)
	install -m 644 lib/producer/q2.h $(DESTDIR)$(INCDIR)
	install -m 644 $B/libq2.a $(DESTDIR)$(LIBDIR)
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@INCDIR@|$(INCDIR)|' \
		-e 's|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|' \
		lib/producer/q2.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/q2.pc
	chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/q2.pc
	install -m 644 scripts/completions/peakpipe.bash $(DESTDIR)$(BASHDIR)/peakpipe
	for p in $(filter-out peakpipe,$(PROGRAMS) $(SCRIPTS)); do \
		ln -sf peakpipe $(DESTDIR)$(BASHDIR)/$$p || exit 1; done
	install -m 644 scripts/completions/_peakpipe $(DESTDIR)$(ZSHDIR)
	install -m 644 $(filter %.1,$(MAN)) $(DESTDIR)$(MANDIR)/man1
	install -m 644 $(filter %.3,$(MAN)) $(DESTDIR)$(MANDIR)/man3
	for f in $(LIBQ2_PAGES); do echo .so man3/libq2.3 \
		>$(DESTDIR)$(MANDIR)/man3/$$f.3 || exit 1; done
	chmod 644 $(LIBQ2_PAGES:%=$(DESTDIR)$(MANDIR)/man3/%.3)
	install -m 644 $(filter %.5,$(MAN)) $(DESTDIR)$(MANDIR)/man5
	install -m 644 $(filter %.7,$(MAN)) $(DESTDIR)$(MANDIR)/man7

uninstall: places
	rm -f $(PROGRAMS:%=$(DESTDIR)$(BINDIR)/%) $(SCRIPTS:%=$(DESTDIR)$(BINDIR)/%)
	rm -f $(MODULES:%=$(DESTDIR)$(PYDIR)/%)
	rm -f $(DESTDIR)$(INCDIR)/q2.h $(DESTDIR)$(LIBDIR)/libq2.a \
		$(DESTDIR)$(LIBDIR)/pkgconfig/q2.pc
	rm -f $(foreach p,peakpipe $(PROGRAMS) $(SCRIPTS),$(DESTDIR)$(BASHDIR)/$p) \
		$(DESTDIR)$(ZSHDIR)/_peakpipe
	rm -f $(LIBQ2_PAGES:%=$(DESTDIR)$(MANDIR)/man3/%.3)
	rm -f $(foreach m,$(MAN),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $m))/$(notdir $m))

# A Debian package of what make install installs, in $B.
deb: deps-deb all
	B=$B VERSION=$(VERSION) scripts/deb

test-programs: all $(UNITS) $(TOOLS) $(BENCH)

check: deps-check
	$(MAKE) B=$B test-programs
	B=$B PYTHON=$(PYTHON) prove -j2 --exec tests/run $(UNITS) tests/*.t

SAN = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
check-san: deps-check
	$(MAKE) B=build-san SANITIZE='$(SAN)' CFLAGS='-O1 -g' test-programs
	ASAN_OPTIONS=verify_asan_link_order=0 \
	LSAN_OPTIONS=print_suppressions=0:suppressions=$(CURDIR)/scripts/lsan.supp \
	LIMIT=1800 B=build-san PYTHON=$(PYTHON) prove -j2 --exec tests/run $(UNITS:$B/%=build-san/%) tests/*.t
	$(MAKE) check-tsan check-valgrind

TSAN_T = tests/same_bytes.t tests/cxi_content.t tests/full_disk.t tests/status.t
check-tsan: deps-check
	$(MAKE) B=build-tsan SANITIZE=-fsanitize=thread CFLAGS='-O1 -g' test-programs
	TSAN_OPTIONS=exitcode=66 \
	LIMIT=1800 B=build-tsan PYTHON=$(PYTHON) prove -j2 --exec tests/run \
		$(UNITS:$B/%=build-tsan/%) $(TSAN_T)

LINT_SRC := $(wildcard cmd/*.c lib/*/*.c tests/*.c tests/*/*.c scripts/bench.d/*.c \
	scripts/bench.d/shim/*.c)
LINT_FLAGS = $(filter-out -O3 -g,$(ALL_CFLAGS)) -Werror

# gcc compiles in full: some of its warnings come from the optimizer.
build-lint/%.ok: %.c $(HEADERS) Makefile .clang-tidy tests/.clang-tidy
	@mkdir -p $(@D)
	@gcc $(LINT_FLAGS) -O2 -c -o /dev/null $<
	@clang $(LINT_FLAGS) -fsyntax-only $<
	@clang-tidy --quiet $< -- $(LINT_FLAGS) 2>$@.err || { cat $@.err; exit 1; }
	@touch $@

build-lint/cppcheck.ok: $(LINT_SRC) $(HEADERS) scripts/cppcheck.supp Makefile
	@mkdir -p $(@D)
	@cppcheck -q -j2 --std=c11 --error-exitcode=1 -Ilib -D_GNU_SOURCE -D__linux__ \
		-DVERSION='"$(VERSION)"' --suppressions-list=scripts/cppcheck.supp \
		--enable=warning,style,performance,portability $(LINT_SRC)
	@touch $@

lint: deps-lint
	@$(MAKE) -s -j2 lint-quiet
	@echo 'lint: $(words $(LINT_SRC)) sources and $(words $(MAN)) pages, nothing to say'

lint-quiet: $(LINT_SRC:%.c=build-lint/%.ok) build-lint/cppcheck.ok
	@cd man && mandoc -T lint $(MAN:man/%=%)

# What fuzzing found, and what it began with, once more: see tests/fuzz_replay.t.
replay-programs: $(REPLAY)

# FUZZ_SECONDS of processor time for each parser; TARGETS names some of them.
fuzz-programs: $(FUZZ)
fuzz: deps-fuzz
	$(MAKE) B=build-fuzz CC=clang CFLAGS='-O1 -g' \
		SANITIZE='$(SAN) -fsanitize=fuzzer-no-link' fuzz-programs
	$(PYTHON) scripts/fuzz $(TARGETS)

check-valgrind: deps-check
	B=$B scripts/check-valgrind

bench-programs: all $(BENCH)

# SECTIONS names some, or scale, which is else left out: make bench SECTIONS=scale
bench: deps-bench
	$(MAKE) B=$B bench-programs
	B=$B $(PYTHON) scripts/bench $(SECTIONS)

# TORTURE are its options: make torture TORTURE='-s 4711 -t 3600 kill resume'
torture: deps-check
	$(MAKE) B=$B all
	B=$B $(PYTHON) scripts/torture $(TORTURE)

demo: deps-demo
	$(MAKE) B=$B all
	B=$B scripts/demo

clean:
	rm -rf build build-*

.PHONY: all places install uninstall deb test-programs check check-san check-tsan check-valgrind lint \
	lint-quiet replay-programs fuzz-programs fuzz bench bench-programs \
	torture demo clean
