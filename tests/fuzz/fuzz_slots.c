/*
 * libFuzzer target: any text as Q2_SLOTS, and any bytes in the shared memory.
 *
 * The input is a text up to its first NUL, in which letters stand for what the
 * process has: M, T, G the descriptors of real slots, I and J their inodes, S the
 * session; A and B the ends of a foreign pipe, D a foreign memory file, F one that
 * is sealed and as large as the slots, X a descriptor that is closed. Nothing that
 * is foreign may be touched, whatever the text says.
 *
 * Behind the NUL: 40 bytes for the head of slot 0, then the control page; an '@' as
 * the first byte of a capture's path makes it one that exists. A consumer then
 * reads a reference to slot 0, and the planes that it finds.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/le.h"
#include "format/feed.h"
#include "transport/slots.h"

enum { SLOTS = 3, FOREIGN = 5, HEAD = 40, CONTROL = 1 << 19, TEXT_MAX = 200,
	CAPTURE = 8192, NAMES_AT = 8 };

#define STRIDE (UINT64_C(1) << 32)

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct {
	int		memory, take, give, tokens;
	unsigned long long memory_inode, pipe_inode;
	unsigned	session;
	int		pipe[2], loose, sealed, capture;
	struct stat	loose_was, sealed_was;
	unsigned char	*head, *control;
} world;

static int
file_make(off_t size, int seals)
{
	int fd = memfd_create("foreign", MFD_ALLOW_SEALING);

	if (fd == -1 || ftruncate(fd, size) == -1 ||
	    (seals != 0 && fcntl(fd, F_ADD_SEALS, seals) == -1))
		abort();
	return fd;
}

/* Once: real slots, and foreign descriptors that look a little like them. */
static void
world_make(void)
{
	off_t size = (off_t)(SLOTS * STRIDE + CONTROL);
	struct fault f;
	char path[40];

	if (world.head != NULL)
		return;
	if (slots_publish(SLOTS, &f) == -1 || pipe(world.pipe) == -1 ||
	    write(world.pipe[1], "\0\1\2\0\1", FOREIGN) != FOREIGN ||
	    sscanf(getenv("Q2_SLOTS"), "1:%d:%d:%d:%*u:%x:%llu:%llu",
	    &world.memory, &world.take, &world.give, &world.session,
	    &world.memory_inode, &world.pipe_inode) != 6)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", world.take);
	world.tokens = open(path, O_RDONLY | O_NONBLOCK);
	world.loose = file_make(size, 0);
	world.sealed = file_make(size, F_SEAL_SHRINK | F_SEAL_GROW);
	world.capture = file_make(CAPTURE, 0);
	world.head = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
	    world.memory, 0);
	world.control = mmap(NULL, CONTROL, PROT_READ | PROT_WRITE, MAP_SHARED,
	    world.memory, (off_t)(SLOTS * STRIDE));
	if (world.tokens == -1 || world.head == MAP_FAILED ||
	    world.control == MAP_FAILED ||
	    fstat(world.loose, &world.loose_was) == -1 ||
	    fstat(world.sealed, &world.sealed_was) == -1)
		abort();
}

/* All tokens there, all memory that is looked at zero. */
static void
world_reset(void)
{
	unsigned char tokens[4096];
	ssize_t r;

	while ((r = read(world.tokens, tokens, sizeof tokens)) > 0)
		if (r > SLOTS + 1)
			abort();
	if (write(world.give, "\0\1\2", SLOTS) != SLOTS)
		abort();
	memset(world.head, 0, 4096);
	memset(world.control, 0, NAMES_AT + sizeof(struct capture_name));
}

static void
file_examine(int fd, const struct stat *was)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || st.st_size != was->st_size ||
	    st.st_blocks != was->st_blocks || lseek(fd, 0, SEEK_CUR) != 0 ||
	    (fcntl(fd, F_GETFL) & O_NONBLOCK))
		abort();
}

static void
foreign_examine(void)
{
	int n;

	if (ioctl(world.pipe[0], FIONREAD, &n) == -1 || n != FOREIGN ||
	    (fcntl(world.pipe[0], F_GETFL) & O_NONBLOCK) ||
	    (fcntl(world.pipe[1], F_GETFL) & O_NONBLOCK))
		abort();
	file_examine(world.loose, &world.loose_was);
	file_examine(world.sealed, &world.sealed_was);
}

/* What a letter stands for; itself if it is none. */
static void
letter_expand(char c, char *out, size_t size)
{
	unsigned long long v;

	switch (c) {
	case 'M': v = (unsigned)world.memory; break;
	case 'T': v = (unsigned)world.take; break;
	case 'G': v = (unsigned)world.give; break;
	case 'I': v = world.memory_inode; break;
	case 'J': v = world.pipe_inode; break;
	case 'A': v = (unsigned)world.pipe[0]; break;
	case 'B': v = (unsigned)world.pipe[1]; break;
	case 'D': v = (unsigned)world.loose; break;
	case 'F': v = (unsigned)world.sealed; break;
	case 'X': v = 99; break;
	case 'S':
		snprintf(out, size, "%08x", world.session);
		return;
	default:
		snprintf(out, size, "%c", c);
		return;
	}
	snprintf(out, size, "%llu", v);
}

static void
environment_set(const char *template)
{
	char text[TEXT_MAX * 24] = "", one[24];

	for (; *template != '\0'; template++) {
		letter_expand(*template, one, sizeof one);
		strcat(text, one);
	}
	if (setenv("Q2_SLOTS", text, 1) == -1)
		abort();
}

/* The bytes behind the text: head, control page. */
static void
memory_set(const uint8_t *p, size_t n)
{
	struct capture_name *name = (void *)(world.control + NAMES_AT);
	size_t head = n < HEAD ? n : HEAD;
	struct stat st;

	memcpy(world.head, p, head);
	if (n - head > NAMES_AT + sizeof *name)
		n = head + NAMES_AT + sizeof *name;
	memcpy(world.control, p + head, n - head);
	if (name->path[0] != '@' || fstat(world.capture, &st) == -1)
		return;
	name->device = st.st_dev;
	name->inode = st.st_ino;
	snprintf(name->path, sizeof name->path, "/proc/self/fd/%d",
	    world.capture);
}

/* A stream of one reference to slot 0, as fresh as the slot's head says. */
static int
stream_open(void)
{
	struct stream s = { .planes = PLANE_LOGITS | PLANE_IMAGE, .layout = {
	    .panels = 1, .classes = 2, .height = 8, .width = 8,
	    .real_height = 8, .real_width = 7, .logits_type = LOGITS_F32,
	    .image_type = IMAGE_U16, .capacity = 4 } };
	struct record r = { .type = RECORD_REFERENCE, .length = RECORD_SIZE,
	    .planes = s.planes, .session = world.session,
	    .generation = le_get64(world.head) };
	unsigned char p[STREAM_SIZE + RECORD_SIZE];
	int ends[2];

	stream_identify(&s);
	stream_pack(&s, p);
	r.stream = s.id;
	record_pack(p + STREAM_SIZE, &r);
	if (pipe(ends) == -1 || write(ends[1], p, sizeof p) != sizeof p)
		abort();
	close(ends[1]);
	return ends[0];
}

static void
byte_touch(const volatile unsigned char *p)
{
	(void)*p;
}

static void
feed_drain(struct slots *slots)
{
	const unsigned char *plane;
	struct fault f = { .text = "" };
	enum feed_got got;
	struct feed d;
	unsigned bit;
	int fd = stream_open();

	if (feed_init(&d, fd, slots, PLANE_LOGITS | PLANE_IMAGE) == -1)
		abort();
	while ((got = feed_next(&d, &f)) > FEED_EOF)
		if (got == FEED_EVENT) {
			for (bit = 1; bit < PLANE_ALL; bit <<= 1)
				if (!(d.record.flags & RECORD_FAILED) &&
				    (plane = feed_plane(&d, bit)) != NULL) {
					byte_touch(plane);
					byte_touch(plane + layout_plane_size(
					    &d.stream.layout, bit) - 1);
				}
			(void)place_check(&d.place, &f);
			if (feed_done(&d, &f) == -1)
				abort();
		}
	feed_close(&d);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX];
	struct slots *slots;
	struct fault f = { .text = "" };
	unsigned slot;
	size_t n = strnlen((const char *)data, size);

	if (n >= sizeof text)
		return 0;
	world_make();
	world_reset();
	memcpy(text, data, n);
	text[n] = '\0';
	environment_set(text);
	if (n < size)
		memory_set(data + n + 1, size - n - 1);
	switch (slots_open(&slots, &f)) {
	case 1:
		feed_drain(slots);
		if (slots_try(slots, &slot, &f) == 1) {
			if (slot >= slots_count(slots))
				abort();
			slots_untake(slots, slot);
		}
		slots_close(slots);
		break;
	case -1:
		if (f.text[0] == '\0' || slots != NULL)
			abort();
		break;
	default:
		abort();
	}
	foreign_examine();
	return 0;
}
