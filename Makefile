# peakpipe: from Q2 to CXI as a pipeline of small programs. See README.

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man

CC = gcc
CFLAGS = -O3 -g
PYTHON = /usr/bin/python3

VERSION = 0.1

PROGRAMS = q2slots q2cat peakfind cxiwrite q2ls q2sim

PKG_CFLAGS := $(shell pkg-config --cflags hdf5 libbsd-overlay libisal jansson 2>/dev/null || echo -I/usr/include/hdf5/serial -isystem /usr/include/bsd -DLIBBSD_OVERLAY)
PKG_LIBS := $(shell pkg-config --libs hdf5 libbsd-overlay libisal jansson 2>/dev/null || echo -L/usr/lib/x86_64-linux-gnu/hdf5/serial -lhdf5 -lbsd -lisal -ljansson)

# -ffp-contract=off: with it on, two instruction sets give two sums.
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Ilib \
	-Wall -Wextra -Wshadow -Wconversion -ffp-contract=off \
	$(PKG_CFLAGS) $(SANITIZE) $(CFLAGS)
ALL_LIBS = $(LDFLAGS) $(SANITIZE) $(PKG_LIBS) -lmd -ldl -lpthread -lm

B = build
LIB_SRC := $(wildcard lib/*/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$B/%.o)
SHARED_OBJ := $(patsubst %.c,$B/%.o,$(filter-out $(PROGRAMS:%=cmd/%.c),$(wildcard cmd/*.c)))
HEADERS := $(wildcard lib/*/*.h cmd/*.h)
UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_BIN := $(UNIT_SRC:%.c=$B/%)
TOOL_BIN := $(patsubst %.c,$B/%,$(wildcard tests/tools/*.c))

all: $(PROGRAMS:%=$B/%)

$B/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$B/libpeakpipe.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

$(PROGRAMS:%=$B/%): $B/%: $B/cmd/%.o $(SHARED_OBJ) $B/libpeakpipe.a
	$(CC) $(ALL_CFLAGS) -o $@ $< $(SHARED_OBJ) $B/libpeakpipe.a $(ALL_LIBS)

$(UNIT_BIN): $B/%: %.c $B/libpeakpipe.a $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $B/libpeakpipe.a $(ALL_LIBS) -lcmocka

$(TOOL_BIN): $B/%: %.c $B/libpeakpipe.a $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -o $@ $< $B/libpeakpipe.a $(ALL_LIBS)

units: $(UNIT_BIN) $(TOOL_BIN)

clean:
	rm -rf $B

.PHONY: all units clean
