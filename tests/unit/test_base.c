/* The ground floor: fields, whole reads and writes, numbers, checksums, faults. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/crc.h"
#include "base/fault.h"
#include "base/filename.h"
#include "base/io.h"
#include "base/le.h"
#include "base/newfile.h"
#include "base/number.h"
#include "base/pages.h"
#include "base/sidefile.h"

static void
test_fields(void **state)
{
	unsigned char p[9];
	float nan32;
	uint32_t bits = 0x7fc01234;

	(void)state;
	memset(p, 0xee, sizeof p);
	le_put64(p, UINT64_C(0x0123456789abcdef));
	assert_memory_equal(p, "\xef\xcd\xab\x89\x67\x45\x23\x01\xee", 9);
	assert_true(le_get64(p) == UINT64_C(0x0123456789abcdef));
	assert_int_equal(le_get32(p), 0x89abcdef);
	assert_int_equal(le_get16(p), 0xcdef);
	le_put32(p + 1, 0xfedcba98);
	assert_memory_equal(p, "\xef\x98\xba\xdc\xfe\x45", 6);
	le_put16(p + 1, 0xffff);
	assert_int_equal(le_get16(p + 1), 0xffff);
	le_putf64(p, -2.5);
	assert_memory_equal(p, "\0\0\0\0\0\0\x04\xc0", 8);
	assert_true(le_getf64(p) == -2.5);
	le_putf32(p + 1, 1.0f);
	assert_memory_equal(p + 1, "\0\0\x80\x3f", 4);
	assert_true(le_getf32(p + 1) == 1.0f);
	/* A NaN keeps its bits. */
	memcpy(&nan32, &bits, sizeof nan32);
	le_putf32(p, nan32);
	assert_int_equal(le_get32(p), bits);
}

static void
test_crc(void **state)
{
	unsigned char p[32], *large;
	const size_t n = (1u << 30) + 77;
	unsigned i;

	(void)state;
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
	assert_int_equal(crc32c("", 0), 0);
	/* RFC 3720, appendix B.4. */
	memset(p, 0, sizeof p);
	assert_int_equal(crc32c(p, sizeof p), 0x8a9136aa);
	memset(p, 0xff, sizeof p);
	assert_int_equal(crc32c(p, sizeof p), 0x62a8ab43);
	for (i = 0; i < sizeof p; i++)
		p[i] = (unsigned char)i;
	assert_int_equal(crc32c(p, sizeof p), 0x46dd794e);

	/*
	 * More than ISA-L takes at once. The ones bring the register to zero, where
	 * zeros leave it, and the last byte alone decides.
	 */
	large = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(large != MAP_FAILED);
	le_put32(large, 0xffffffff);
	assert_int_equal(crc32c(large, n), 0xffffffff);
	large[n - 1] = 1;
	assert_int_equal(crc32c(large, n), 0x0d947cfc);
	munmap(large, n);
}

static void
test_crc_plain(void **state)
{
	unsigned char p[300];
	size_t i, n;

	(void)state;
	assert_int_equal(crc32c_plain("123456789", 9), 0xe3069283);
	for (i = 0; i < sizeof p; i++)
		p[i] = (unsigned char)(i * i * 167 + 13 * i + 5);
	for (i = 0; i < 9; i++)
		for (n = 0; n <= sizeof p - i; n++)
			assert_int_equal(crc32c_plain(p + i, n), crc32c(p + i, n));
}

static void
test_fault(void **state)
{
	struct fault f;
	char text[2000];

	(void)state;
	assert_int_equal(fault_set(&f, "%d of %s", 3, "4"), -1);
	assert_string_equal(f.text, "3 of 4");
	assert_int_equal(fault_prefix(&f, "file %c", 'x'), -1);
	assert_string_equal(f.text, "file x: 3 of 4");
	assert_int_equal(fault_set(NULL, "nobody listens"), -1);
	assert_int_equal(fault_prefix(NULL, "nobody listens"), -1);
	/* What is lacking stays so whatever is put in front, until the next fault. */
	assert_false(f.lack);
	assert_int_equal(fault_lack(&f, "no %s", "memory"), -1);
	fault_prefix(&f, "file");
	assert_string_equal(f.text, "file: no memory");
	assert_true(f.lack);
	fault_set(&f, "cut");
	assert_false(f.lack);
	assert_int_equal(fault_lack(NULL, "nobody listens"), -1);

	/* Too long: cut, never beyond the end. */
	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	fault_set(&f, "%s", text);
	assert_int_equal(strlen(f.text), sizeof f.text - 1);
	fault_prefix(&f, "%s", "file");
	assert_int_equal(strlen(f.text), sizeof f.text - 1);
	assert_int_equal(strncmp(f.text, "file: aaa", 9), 0);
	/* A long prefix loses its beginning, and the cause stays. */
	text[sizeof text - 2] = 'z';
	fault_set(&f, "why");
	fault_prefix(&f, "%s", text);
	assert_int_equal(strncmp(f.text, "...aaa", 6), 0);
	assert_int_equal(strcmp(f.text + strlen(f.text) - 7, "az: why"), 0);
	assert_true(strlen(f.text) < sizeof f.text / 2 + 5);
	fault_prefix(&f, "%s", text);
	fault_prefix(&f, "%s", text);
	fault_prefix(&f, "%s", text);
	assert_int_equal(strlen(f.text), sizeof f.text - 1);
}

static void
test_a_fault_is_text_for_people(void **state)
{
	struct fault f;

	(void)state;
	fault_set(&f, "%s", "a\033[31m\nb\177 \xc3\xa9 \xc2\x9b \xe9");
	assert_string_equal(f.text, "a?[31m?b? \xc3\xa9 ?? ?");
	fault_prefix(&f, "\tp%s", "\xe2\x82");
	assert_string_equal(f.text, "?p??: a?[31m?b? \xc3\xa9 ?? ?");
}

static void
test_integers(void **state)
{
	static const char *const bad[] = { "", " ", "x", "5x", "0x10", "1.5", "1e3",
	    "--1", "99999999999999999999", "-99999999999999999999", "11", "-11" };
	const char *cause;
	long long v;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cause = NULL;
		assert_int_equal(number_int(bad[i], -10, 10, &v, &cause), -1);
		assert_non_null(cause);
	}
	assert_int_equal(number_int("10", -10, 10, &v, &cause), 0);
	assert_int_equal(v, 10);
	assert_int_equal(number_int("-10", -10, 10, &v, &cause), 0);
	assert_int_equal(v, -10);
	assert_int_equal(number_int("9223372036854775807", 0, INT64_MAX, &v,
	    &cause), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(number_int("11", -10, 10, &v, &cause), -1);
	assert_string_equal(cause, "too large");
	assert_int_equal(number_int("-11", -10, 10, &v, &cause), -1);
	assert_string_equal(cause, "too small");
}

static void
test_reals(void **state)
{
	static const char *const bad[] = { "", ".", "-", "e5", "x", "1x", "1 ",
	    " 1", "0x10", "nan", "inf", "-inf", "infinity", "1e999", "1,5",
	    "1e", "10.0001", "-10.0001" };
	const char *cause;
	double v;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		cause = NULL;
		assert_int_equal(number_real(bad[i], -10, 10, &v, &cause), -1);
		assert_non_null(cause);
	}
	assert_int_equal(number_real("1.5e+0", -10, 10, &v, &cause), 0);
	assert_true(v == 1.5);
	assert_int_equal(number_real("-10", -10, 10, &v, &cause), 0);
	assert_int_equal(number_real("+.5", -10, 10, &v, &cause), 0);
	assert_int_equal(number_real("11", -10, 10, &v, &cause), -1);
	assert_string_equal(cause, "too large");
	assert_int_equal(number_real("-11", -10, 10, &v, &cause), -1);
	assert_string_equal(cause, "too small");
}

/* ---- io ---- */

enum { LARGE = 1 << 20 };

struct writer {
	int		fd;
	const char	*bytes;
	int		result;
};

static void *
writer_run(void *arg)
{
	struct writer *w = arg;
	struct iovec v[4] = {
		{ (void *)(uintptr_t)w->bytes, 0 },
		{ (void *)(uintptr_t)w->bytes, 1 },
		{ (void *)(uintptr_t)w->bytes, 0 },
		{ (void *)(uintptr_t)(w->bytes + 1), LARGE - 1 }
	};

	w->result = io_writev(w->fd, v, 4);
	close(w->fd);
	return NULL;
}

static char *
noise_make(void)
{
	char *p = malloc(LARGE);
	unsigned i;

	assert_non_null(p);
	for (i = 0; i < LARGE; i++)
		p[i] = (char)(i * 2654435761u >> 24);
	return p;
}

/* Through a pipe much smaller than the data, blocking or not, at both ends. */
static void
pipe_pass(int flags)
{
	struct writer w = { .bytes = noise_make() };
	char *got = calloc(1, LARGE + 1);
	pthread_t thread;
	int ends[2];

	assert_int_equal(pipe2(ends, flags), 0);
	w.fd = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, writer_run, &w), 0);
	assert_int_equal(io_read(ends[0], got, LARGE + 1), LARGE);
	pthread_join(thread, NULL);
	assert_int_equal(w.result, 0);
	assert_memory_equal(got, w.bytes, LARGE);
	assert_int_equal(io_read(ends[0], got, 1), 0);
	close(ends[0]);
	free(got);
	free((void *)(uintptr_t)w.bytes);
}

static void
test_pipe(void **state)
{
	(void)state;
	pipe_pass(0);
	pipe_pass(O_NONBLOCK);
}

static void
nothing(int sig)
{
	(void)sig;
}

struct knocker {
	pthread_t	whom;
	int		fd;
};

/* Knocks until the pipe has been emptied of what it was given at last. */
static void *
knocker_run(void *arg)
{
	struct knocker *k = arg;
	unsigned i;

	for (i = 0; i < 1000; i++) {
		pthread_kill(k->whom, SIGUSR1);
		if (i % 250 == 249)
			(void)io_write(k->fd, "x", 1);
	}
	return NULL;
}

static void
test_signals_do_not_tear(void **state)
{
	struct sigaction sa = { .sa_handler = nothing }, old;
	struct knocker k = { .whom = pthread_self() };
	pthread_t thread;
	char got[4];
	int ends[2];

	(void)state;
	sigaction(SIGUSR1, &sa, &old);
	assert_int_equal(pipe(ends), 0);
	k.fd = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, knocker_run, &k), 0);
	assert_int_equal(io_read(ends[0], got, 4), 4);
	pthread_join(thread, NULL);
	assert_memory_equal(got, "xxxx", 4);
	sigaction(SIGUSR1, &old, NULL);
	close(ends[0]);
	close(ends[1]);
}

static void
test_io_errors(void **state)
{
	char c = 0;
	int ends[2], fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_int_equal(io_write(fd, &c, 1), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(io_write(fd, &c, 0), 0);
	close(fd);
	assert_int_equal(io_read(-1, &c, 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(io_read(-1, &c, 0), 0);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(io_write(ends[1], &c, 1), -1);
	assert_int_equal(errno, EPIPE);
	close(ends[1]);
}

static void
test_is_pipe(void **state)
{
	int ends[2], fd = memfd_create("x", 0);

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_true(io_is_pipe(ends[0]));
	assert_true(io_is_pipe(ends[1]));
	assert_false(io_is_pipe(fd));
	assert_false(io_is_pipe(-1));
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

static void
test_slurp(void **state)
{
	char path[40], *text;
	size_t n = 99;
	int fd = memfd_create("x", 0);

	(void)state;
	assert_int_equal(io_write(fd, "a\0b", 3), 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	text = io_slurp(path, 3, &n);
	assert_non_null(text);
	assert_int_equal(n, 3);
	assert_memory_equal(text, "a\0b", 4);
	free(text);
	assert_null(io_slurp(path, 2, &n));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(ftruncate(fd, 0), 0);
	text = io_slurp(path, 2, &n);
	assert_non_null(text);
	assert_int_equal(n, 0);
	assert_string_equal(text, "");
	free(text);
	assert_null(io_slurp("/no/such", 2, &n));
	assert_int_equal(errno, ENOENT);
	assert_null(io_slurp("/", 2, &n));
	assert_int_equal(errno, EISDIR);
	/* Endless, and says it has no size. */
	assert_null(io_slurp("/dev/zero", 100000, &n));
	assert_int_equal(errno, EFBIG);
	close(fd);
}

static void
side_refused(const char *path, const char *why)
{
	static const char *const modes[] = { "w", "a", "r+" };
	struct fault f;
	int i;

	for (i = 0; i < 3; i++) {
		assert_null(sidefile_open(path, modes[i], &f));
		assert_memory_equal(f.text, path, strlen(path));
		assert_non_null(strstr(f.text, why));
	}
}

static void
side_put(const char *path, const char *mode, const char *text)
{
	struct fault f;
	FILE *file = sidefile_open(path, mode, &f);

	assert_non_null(file);
	assert_true(fcntl(fileno(file), F_GETFD) & FD_CLOEXEC);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

/* A file that has the text; what was there is gone. */
static void
text_is(const char *name, const char *text)
{
	size_t n;
	char *got = io_slurp(name, 100, &n);

	assert_non_null(got);
	assert_string_equal(got, text);
	free(got);
}

static void
new_write(struct newfile *n, const char *name, const char *text)
{
	struct fault f;

	assert_int_equal(newfile_open(n, name, &f), 0);
	assert_true(fputs(text, n->f) != EOF);
}

/* Two files that are there, and one of the new ones cannot be written. */
static void
test_of_two_new_files_both_are_named_or_none(void **state)
{
	char dir[] = "/tmp/test_base.XXXXXX", name[2][60];
	struct newfile n[2];
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), bad, i;
	struct fault f;

	(void)state;
	assert_true(full >= 0);
	assert_non_null(mkdtemp(dir));
	for (i = 0; i < 2; i++) {
		snprintf(name[i], sizeof name[i], "%s/name%d", dir, i);
		side_put(name[i], "w", "old");
	}
	for (bad = 0; bad < 3; bad++) {
		for (i = 0; i < 2; i++)
			new_write(&n[i], name[i], "new");
		if (bad < 2)
			assert_true(dup2(full, fileno(n[bad].f)) >= 0);
		assert_int_equal(newfile_commit_both(&n[0], &n[1], &f),
		    bad < 2 ? -1 : 0);
		for (i = 0; i < 2; i++) {
			text_is(name[i], bad < 2 ? "old" : "new");
			assert_int_equal(access(n[i].temporary, F_OK), -1);
		}
	}
	close(full);
	for (i = 0; i < 2; i++)
		unlink(name[i]);
	assert_int_equal(rmdir(dir), 0);
}

static void
test_a_new_file_replaces_only_what_it_found(void **state)
{
	char dir[] = "/tmp/test_base.XXXXXX", name[60], link_name[60];
	struct newfile n;
	struct fault f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof name, "%s/name", dir);
	snprintf(link_name, sizeof link_name, "%s/link", dir);
	new_write(&n, name, "first");
	assert_int_equal(access(name, F_OK), -1);
	assert_int_equal(newfile_commit(&n, &f), 0);
	text_is(name, "first");
	new_write(&n, name, "second");
	assert_int_equal(newfile_commit(&n, &f), 0);
	text_is(name, "second");
	/* One that came meanwhile. */
	unlink(name);
	new_write(&n, name, "third");
	side_put(name, "w", "came");
	assert_int_equal(newfile_commit(&n, &f), -1);
	assert_non_null(strstr(f.text, "File exists"));
	text_is(name, "came");
	assert_int_equal(access(n.temporary, F_OK), -1);
	new_write(&n, name, "given up");
	newfile_abort(&n);
	text_is(name, "came");
	assert_int_equal(symlink(name, link_name), 0);
	assert_int_equal(newfile_open(&n, link_name, &f), -1);
	assert_non_null(strstr(f.text, "symbolic link"));
	assert_int_equal(filename_new(name, link_name), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(filename_sync(name), 0);
	assert_int_equal(filename_sync("/no/such/name"), -1);
	assert_int_equal(errno, ENOENT);
	unlink(link_name);
	unlink(name);
	assert_int_equal(rmdir(dir), 0);
}

static void
test_sidefile(void **state)
{
	char dir[] = "/tmp/test_base.XXXXXX", name[60], other[60], self[60];
	char *text;
	size_t n;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof name, "%s/name", dir);
	snprintf(other, sizeof other, "%s/other", dir);
	side_put(name, "w", "some text");
	side_put(name, "w", "text");
	side_put(name, "a", " more");
	side_put(name, "r+", "T");
	text = io_slurp(name, 100, &n);
	assert_string_equal(text, "Text more");
	free(text);
	side_refused(dir, "directory");
	assert_int_equal(symlink(name, other), 0);
	side_refused(other, "symbolic link");
	assert_int_equal(unlink(other), 0);
	assert_int_equal(link(name, other), 0);
	side_refused(name, "hard link");
	fd = open(name, O_WRONLY | O_TRUNC);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	side_put(self, "w", "open already");
	snprintf(self, sizeof self, "/dev/fd/%d", fd);
	side_put(self, "a", ", still");
	close(fd);
	text = io_slurp(other, 100, &n);
	assert_string_equal(text, "open already, still");
	free(text);
	assert_true(sidefile_is_descriptor("/proc/123/fd/4"));
	assert_false(sidefile_is_descriptor("/proc/self/cwd/name"));
	assert_false(sidefile_is_descriptor("/dev/fd/3/name"));
	assert_false(sidefile_is_descriptor("/dev/standard"));
	unlink(name);
	unlink(other);
	rmdir(dir);
}

static void
test_pages(void **state)
{
	static const size_t sizes[] = { 1, 4096, 4097, (2 << 20) - 1, 2 << 20,
		(5 << 20) + 1 };
	unsigned char *p;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		p = pages_alloc(4096, sizes[i]);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 4096, 0);
		memset(p, 1, sizes[i]);
		free(p);
	}
	assert_null(pages_alloc(4096, SIZE_MAX));
	assert_null(pages_alloc(4096, SIZE_MAX - 4096));
}

static void
numbers_are_the_same_when_read(void **state)
{
	static const struct { double v; const char *text; } all[] = {
		{ 9500, "9500" }, { 9500.001, "9500.001" }, { 0.1, "0.1" },
		{ 0, "0" }, { 1234567, "1234567" }, { 0.1 + 0.2,
		"0.30000000000000004" }, { -1e-300 / 3, NULL }
	};
	char text[NUMBER_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof all / sizeof all[0]; i++) {
		number_text(all[i].v, text);
		assert_true(strtod(text, NULL) == all[i].v);
		if (all[i].text != NULL)
			assert_string_equal(text, all[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_crc_plain),
		cmocka_unit_test(test_fault),
		cmocka_unit_test(test_a_fault_is_text_for_people),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_reals),
		cmocka_unit_test(numbers_are_the_same_when_read),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_signals_do_not_tear),
		cmocka_unit_test(test_io_errors),
		cmocka_unit_test(test_is_pipe),
		cmocka_unit_test(test_slurp),
		cmocka_unit_test(test_a_new_file_replaces_only_what_it_found),
		cmocka_unit_test(test_of_two_new_files_both_are_named_or_none),
		cmocka_unit_test(test_sidefile),
		cmocka_unit_test(test_pages)
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
