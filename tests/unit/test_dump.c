#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <hdf5.h>

#include "format/dump.h"

/*
 * Most cases are dumps that tests/dump_cases.py writes with h5py, together with
 * what numpy says a reader should get; they are compared here, forwards and then
 * backwards, so that every batch is opened again. The rest is below.
 */

enum { MAX_CASES = 200, MAX_EVENTS = 2000, PLANE_MAX = 1 << 20 };

static char directory[] = "/tmp/test_dump.XXXXXX";

static const char real_dump[] =
    "../shared/data/cxi78513-r0014-thermolysin.q2dump.h5";

static const char *
in_directory(const char *name, const char *suffix)
{
	static char path[4][256];
	static unsigned n;
	char *p = path[n++ % 4];

	snprintf(p, sizeof path[0], "%s/%s%s", directory, name, suffix);
	return p;
}

static void *
read_whole(const char *path, size_t *size)
{
	FILE *f = fopen(path, "r");
	struct stat st;
	char *p;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	*size = (size_t)st.st_size;
	p = malloc(*size + 1);
	assert_non_null(p);
	assert_int_equal(fread(p, 1, *size, f), *size);
	p[*size] = '\0';
	fclose(f);
	return p;
}

static void
write_whole(const char *path, const void *data, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

/* What HDF5 holds open; the same before and after a dump. */
struct ids {
	hsize_t	spaces, types, lists;
	ssize_t	objects;
};

static struct ids
ids_count(void)
{
	struct ids i = { 0 };

	H5Inmembers(H5I_DATASPACE, &i.spaces);
	H5Inmembers(H5I_DATATYPE, &i.types);
	H5Inmembers(H5I_GENPROP_LST, &i.lists);
	i.objects = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
	return i;
}

static void
ids_equal(struct ids a, struct ids b)
{
	assert_int_equal(a.spaces, b.spaces);
	assert_int_equal(a.types, b.types);
	assert_int_equal(a.lists, b.lists);
	assert_int_equal(a.objects, b.objects);
}

/* The expectations of one case, as dump_cases.py wrote them. */
struct expected {
	char		*text;
	unsigned	n_events;
	char		*event[MAX_EVENTS];
	unsigned	n_sections;
	char		*section[16];
	unsigned	n_notes;
	char		*note[128];
	char		*refused;
	double		unit;
};

static char *
after(char *line, const char *word)
{
	size_t n = strlen(word);

	return strncmp(line, word, n) == 0 && line[n] == ' ' ? line + n + 1 : NULL;
}

static void
expected_read(struct expected *x, const char *name)
{
	char *line, *rest, *end;
	size_t size;

	memset(x, 0, sizeof *x);
	x->unit = 1;
	x->text = read_whole(in_directory(name, ".txt"), &size);
	for (line = x->text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		if (after(line, "event") || after(line, "fails")) {
			assert_true(x->n_events < MAX_EVENTS);
			x->event[x->n_events++] = line;
		} else if ((rest = after(line, "section")) != NULL)
			x->section[x->n_sections++] = rest;
		else if ((rest = after(line, "note")) != NULL)
			x->note[x->n_notes++] = rest;
		else if ((rest = after(line, "refused")) != NULL)
			x->refused = rest;
		else if ((rest = after(line, "unit")) != NULL)
			x->unit = strtod(rest, NULL);
		else
			fail_msg("%s: %s", name, line);
	}
}

static void
contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

static void
notes_equal(const struct dump *d, const struct expected *x)
{
	const char *text;
	unsigned i;
	int damage;

	for (i = 0; (text = dump_note(d, i, &damage)) != NULL; i++) {
		if (i >= x->n_notes)
			fail_msg("unexpected note: %s", text);
		contains(text, x->note[i] + 2);
		assert_int_equal(damage, x->note[i][0] - '0');
	}
	if (i < x->n_notes)
		fail_msg("note missing: %s", x->note[i]);
}

static void
sections_equal(const struct dump *d, const struct expected *x)
{
	const struct dump_section *s;
	const struct layout *l;
	uint64_t first = 0;
	unsigned i, n;
	char line[200];

	s = dump_sections(d, &n);
	assert_int_equal(n, x->n_sections);
	for (i = 0; i < n; i++, s++) {
		l = &s->layout;
		assert_int_equal(layout_check(l, NULL), 0);
		assert_int_equal(l->capacity, 77);
		assert_int_equal(s->first, first);
		first += s->count;
		snprintf(line, sizeof line, "%u %u %u %u %u %u %llu %s %s %u",
		    l->panels, l->classes, l->height, l->width, l->real_height,
		    l->real_width, (unsigned long long)s->count,
		    logits_type_name(l->logits_type),
		    image_type_name(l->image_type), s->quantities);
		assert_string_equal(line, x->section[i]);
	}
	assert_int_equal(dump_events(d), first);
	assert_int_equal(dump_events(d), x->n_events);
}

static const struct layout *
layout_of(const struct dump *d, uint64_t k)
{
	const struct dump_section *s;
	unsigned n;

	s = dump_sections(d, &n);
	while (k >= s->first + s->count)
		s++;
	return &s->layout;
}

static void
energy_equal(double a, double b)
{
	if (!(a == b || (isnan(a) && isnan(b))))
		fail_msg("energy %.17g, not %.17g", a, b);
}

static void
event_equal(const struct event *e, const char *line)
{
	char source[64], energy[64];
	unsigned known, cause;
	unsigned long long time;

	assert_int_equal(sscanf(line, "event %63s %llu %63s %u %u", source, &time,
	    energy, &known, &cause), 5);
	assert_string_equal(e->source, source);
	assert_int_equal(e->timestamp, time);
	energy_equal(e->photon_energy, strtod(energy, NULL));
	assert_int_equal(e->known, known);
	assert_int_equal(e->cause, cause);
	assert_int_equal(e->seq, 0);
	assert_true(isnan(e->encoder));
}

/* Equal bit by bit; but a NaN is a NaN, whatever conversions made of its bits. */
static void
floats_equal(const void *va, const void *vb, size_t n)
{
	float a, b;
	size_t i;

	for (i = 0; i < n; i++) {
		memcpy(&a, (const char *)va + 4 * i, 4);
		memcpy(&b, (const char *)vb + 4 * i, 4);
		if (!isnan(a) || !isnan(b))
			assert_memory_equal(&a, &b, 4);
	}
}

struct planes {
	unsigned char	*logits, *image, *in, *in_image;
	size_t		size, image_size;
};

static void
event_check(struct dump *d, uint64_t k, const char *line, const struct planes *p,
    size_t at, size_t image_at)
{
	const struct layout *l = layout_of(d, k);
	size_t n = layout_plane_bytes(l, PLANE_LOGITS);
	size_t m = layout_plane_bytes(l, PLANE_IMAGE);
	struct event e;
	struct fault f = { .text = "" };

	assert_true(n < PLANE_MAX && m < PLANE_MAX);
	memset(p->in, 0xa5, n + 1);
	memset(p->in_image, 0xa5, m + 1);
	if (strncmp(line, "fails", 5) == 0) {
		assert_int_equal(dump_read(d, k, p->in, p->in_image, &e, &f), -1);
		assert_true(strncmp(line + 6, e.source, strlen(e.source)) == 0);
		contains(f.text, strchr(line + 6, ' ') + 1);
		return;
	}
	if (dump_read(d, k, p->in, m == 0 ? NULL : p->in_image, &e, &f) != 0)
		fail_msg("%s: %s", line, f.text);
	event_equal(&e, line);
	assert_true(at + n <= p->size && image_at + m <= p->image_size);
	if (l->logits_type == LOGITS_F32)
		floats_equal(p->in, p->logits + at, n / 4);
	else
		assert_memory_equal(p->in, p->logits + at, n);
	assert_memory_equal(p->in_image, p->image + image_at, m);
	assert_int_equal(p->in[n], 0xa5);
	assert_int_equal(p->in_image[m], 0xa5);
}

static void
events_check(struct dump *d, const struct expected *x, const char *name)
{
	static size_t at[MAX_EVENTS + 1], image_at[MAX_EVENTS + 1];
	struct planes p;
	unsigned k;
	int fails;

	p.logits = read_whole(in_directory(name, ".logits"), &p.size);
	p.image = read_whole(in_directory(name, ".image"), &p.image_size);
	p.in = malloc(PLANE_MAX);
	p.in_image = malloc(PLANE_MAX);
	for (k = 0; k < x->n_events; k++) {
		const struct layout *l = layout_of(d, k);

		fails = strncmp(x->event[k], "fails", 5) == 0;
		at[k + 1] = at[k];
		image_at[k + 1] = image_at[k];
		if (!fails) {
			at[k + 1] += layout_plane_bytes(l, PLANE_LOGITS);
			image_at[k + 1] += layout_plane_bytes(l, PLANE_IMAGE);
		}
		event_check(d, k, x->event[k], &p, at[k], image_at[k]);
	}
	assert_int_equal(at[k], p.size);
	assert_int_equal(image_at[k], p.image_size);
	while (k-- > 0)
		event_check(d, k, x->event[k], &p, at[k], image_at[k]);
	free(p.logits);
	free(p.image);
	free(p.in);
	free(p.in_image);
}

static void
written_case(void **state)
{
	static struct expected x;
	const char *name = *state;
	struct dump_options o = { .wavelength_unit = 1, .capacity = 77 };
	struct fault f = { .text = "" };
	struct dump *d;
	struct ids before;

	expected_read(&x, name);
	o.wavelength_unit = x.unit;
	before = ids_count();
	if (x.refused != NULL) {
		assert_int_equal(dump_open(in_directory(name, ".h5"), &o, &d, &f),
		    -1);
		contains(f.text, x.refused);
	} else {
		if (dump_open(in_directory(name, ".h5"), &o, &d, &f) != 0)
			fail_msg("%s", f.text);
		notes_equal(d, &x);
		sections_equal(d, &x);
		events_check(d, &x, name);
		dump_close(d);
	}
	ids_equal(before, ids_count());
	free(x.text);
}

static int
probed(const char *path)
{
	int r, fd = open(path, O_RDONLY | O_NONBLOCK);
	struct fault f;

	assert_true(fd != -1);
	r = dump_probe(fd, &f);
	assert_true(lseek(fd, 0, SEEK_CUR) <= 0);
	close(fd);
	return r;
}

static void
probe(void **state)
{
	struct fault f;

	(void)state;
	assert_int_equal(probed(in_directory("everything", ".h5")), 1);
	assert_int_equal(probed(in_directory("everything", ".txt")), 0);
	write_whole(in_directory("empty", ""), "", 0);
	assert_int_equal(probed(in_directory("empty", "")), 0);
	assert_int_equal(mkfifo(in_directory("fifo", ""), 0600), 0);
	assert_int_equal(probed(in_directory("fifo", "")), 0);
	assert_int_equal(dump_probe(-1, &f), -1);
	contains(f.text, strerror(EBADF));
}

static void
not_dumps(void **state)
{
	const struct dump_options o = { .wavelength_unit = 1, .capacity = 77 };
	struct fault f;
	struct dump *d;
	char *whole;
	size_t size;

	(void)state;
	assert_int_equal(dump_open(in_directory("everything", ".txt"), &o, &d, &f),
	    -1);
	contains(f.text, "not an HDF5 file");
	whole = read_whole(in_directory("everything", ".h5"), &size);
	write_whole(in_directory("half", ""), whole, size / 2);
	assert_int_equal(dump_open(in_directory("half", ""), &o, &d, &f), -1);
	contains(f.text, "truncated");
	write_whole(in_directory("head", ""), whole, 8);
	assert_int_equal(dump_open(in_directory("head", ""), &o, &d, &f), -1);
	contains(f.text, "cannot be opened as HDF5");
	free(whole);
}

static void
past_end(void **state)
{
	const struct dump_options o = { .wavelength_unit = 1, .capacity = 77 };
	struct event e;
	struct fault f;
	struct dump *d;

	(void)state;
	assert_int_equal(dump_open(in_directory("everything", ".h5"), &o, &d, &f),
	    0);
	assert_int_equal(dump_read(d, 5, NULL, NULL, &e, &f), -1);
	assert_string_equal(f.text, "event 5 of 5");
	assert_int_equal(dump_read(d, UINT64_MAX, NULL, NULL, &e, &f), -1);
	dump_close(d);
	dump_close(NULL);
}

/* Opens a damaged dump and reads whatever it then claims to hold. */
static void
read_anything(const char *path)
{
	const struct dump_options o = { .wavelength_unit = 1, .capacity = 77 };
	const struct layout *l;
	struct event e;
	struct fault f = { .text = "" };
	struct dump *d;
	unsigned char *logits, *image;
	uint64_t k;

	if (dump_open(path, &o, &d, &f) != 0)
		return;
	for (k = 0; k < dump_events(d) && k < 20; k++) {
		l = layout_of(d, k);
		logits = malloc(layout_plane_bytes(l, PLANE_LOGITS));
		image = malloc(layout_plane_bytes(l, PLANE_IMAGE));
		if (logits != NULL && image != NULL &&
		    dump_read(d, k, logits, image, &e, &f) != 0 &&
		    f.text[0] == '\0')
			_exit(1);
		free(logits);
		free(image);
	}
	dump_close(d);
}

static void
corruption(const char *name, unsigned rounds)
{
	unsigned char *whole, *copy;
	unsigned seed = 1, i, flips;
	size_t size;

	whole = read_whole(in_directory(name, ".h5"), &size);
	copy = malloc(size);
	assert_non_null(copy);
	for (i = 0; i < rounds; i++) {
		memcpy(copy, whole, size);
		for (flips = 1 + i % 4; flips > 0; flips--)
			copy[(size_t)rand_r(&seed) % size] =
			    (unsigned char)(rand_r(&seed) >> 4);
		write_whole(in_directory("corrupt", ""), copy, size);
		read_anything(in_directory("corrupt", ""));
	}
	free(whole);
	free(copy);
}

/*
 * Neither compressed chunks nor text of varying length here: HDF5 1.10 reads past
 * its own buffers when a flipped byte lies about their lengths. It also leaks
 * when a file makes no sense, so a child does it and ends by a signal that lets
 * no leak checker take stock.
 */
static void
corrupt(void **state)
{
	int status;
	pid_t child;

	(void)state;
	fflush(NULL);
	child = fork();
	assert_true(child != -1);
	if (child == 0) {
		corruption("image_flat", 100);
		corruption("time_fixed_text", 100);
		corruption("everything", 100);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void
real_frames(void **state)
{
	const struct dump_options o = { .wavelength_unit = 1, .capacity = 77 };
	static const char *const sources[] = { "batch_0/0", "batch_0/1",
	    "batch_1/0", "batch_1/1" };
	const double energies[] = { 9742.5363, 9743.7843,
	    9748.1357, 9755.4914 };
	const struct dump_section *s;
	struct event e;
	struct fault f;
	struct dump *d;
	unsigned n, k;
	float *logits, *image;
	int damage;

	(void)state;
	if (access(real_dump, R_OK) == -1)
		skip();
	assert_int_equal(dump_open(real_dump, &o, &d, &f), 0);
	s = dump_sections(d, &n);
	assert_int_equal(n, 1);
	assert_int_equal(s->count, 4);
	assert_int_equal(s->quantities, QUANTITY_TIMESTAMP | QUANTITY_ENERGY);
	assert_int_equal(s->layout.panels, 32);
	assert_int_equal(s->layout.real_height, 185);
	assert_int_equal(s->layout.real_width, 388);
	assert_int_equal(s->layout.height, 192);
	assert_int_equal(s->layout.width, 416);
	assert_null(dump_note(d, 0, &damage));
	logits = malloc(layout_plane_bytes(&s->layout, PLANE_LOGITS));
	image = malloc(layout_plane_bytes(&s->layout, PLANE_IMAGE));
	for (k = 0; k < 4; k++) {
		assert_int_equal(dump_read(d, k, logits, image, &e, &f), 0);
		assert_string_equal(e.source, sources[k]);
		assert_int_equal(e.known, QUANTITY_TIMESTAMP | QUANTITY_ENERGY);
		assert_true(fabs(e.photon_energy - energies[k]) < 0.001);
	}
	free(logits);
	free(image);
	dump_close(d);
}

static const struct CMUnitTest others[] = {
	{ "a file is told by its first bytes", probe, NULL, NULL, NULL },
	{ "text and pieces of HDF5 files are refused", not_dumps, NULL, NULL, NULL },
	{ "an event past the end is refused", past_end, NULL, NULL, NULL },
	{ "flipped bytes are survived", corrupt, NULL, NULL, NULL },
	{ "the real frames are read", real_frames, NULL, NULL, NULL },
};

static int
cases_write(void)
{
	char command[300];

	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(command, sizeof command, "/usr/bin/python3 tests/dump_cases.py %s",
	    directory);
	return system(command) == 0 ? 0 : -1;
}

static void
directory_remove(void)
{
	char command[300];

	snprintf(command, sizeof command, "rm -rf %s", directory);
	if (system(command) != 0)
		perror(directory);
}

/* Statements of the cases become names of tests; their names are the state. */
static size_t
cases_list(char *text, struct CMUnitTest *tests)
{
	char *line, *tab, *end;
	size_t n = 0;

	for (line = text; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		*end = '\0';
		tab = strchr(line, '\t');
		if (tab == NULL || n == MAX_CASES)
			break;
		*tab = '\0';
		tests[n].name = tab + 1;
		tests[n].test_func = written_case;
		tests[n++].initial_state = line;
	}
	return n;
}

int
main(void)
{
	static struct CMUnitTest tests[MAX_CASES + sizeof others / sizeof *others];
	size_t n, size;
	char *list;
	int r;

	if (access("/usr/bin/python3", X_OK) == -1 ||
	    system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) {
		puts("1..0 # SKIP no h5py to write dumps with");
		return 0;
	}
	/* A child may be gone when it is written to, as in all programs. */
	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (cases_write() == -1) {
		puts("Bail out! tests/dump_cases.py failed");
		directory_remove();
		return 1;
	}
	H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
	list = read_whole(in_directory("cases", ".txt"), &size);
	n = cases_list(list, tests);
	memcpy(tests + n, others, sizeof others);
	r = _cmocka_run_group_tests("dump", tests,
	    n + sizeof others / sizeof *others, NULL, NULL);
	free(list);
	directory_remove();
	return r;
}
