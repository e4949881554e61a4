/*
 * A file that is not trusted, in the hands of a library that is not trusted with
 * it: HDF5. What reads the file runs in a child that can do nothing else
 * (transport/sandbox.h) and has no more than the file's descriptor and a piece of
 * memory that it shares with its parent, for what it found. The parent asks, by a
 * number, waits, and believes nothing that lies in that memory without a look: it
 * is as foreign as the file, and may change under its hands.
 *
 * The child may crash, be ended for what it takes, or answer nonsense: then the
 * request has failed, with a fault that says so, and a new child waits for the
 * next one. The limit on its memory is GUARD_MEMORY.
 *
 * A child may have several files, to be read one after the other: starting one takes
 * longer than a small file. What one of them does to the child, the others suffer.
 */
#ifndef FORMAT_GUARD_H
#define FORMAT_GUARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"

/*
 * Private memory of a child, bytes. A filter holds a chunk twice, packed and
 * unpacked, and two datasets have caches of 256 MiB at most: so this is enough
 * for chunks of 1.5 GiB, and little enough for any machine that has room for a
 * few large events. Planes lie in the shared memory, not in this.
 */
#define GUARD_MEMORY (UINT64_C(4) << 30)

/*
 * Seconds for one request. Of processor time: a survey of ten thousand batches
 * takes 10, unpacking the largest chunk 20. In all: disks may stall for minutes,
 * but nobody waits for ever.
 */
enum { GUARD_CPU = 120, GUARD_WALL = 600 };

struct guard_limits {
	double		cpu, wall;	/* seconds a request */
	uint64_t	memory;		/* bytes */
};

/* Files that one child has, at most. */
enum { GUARD_FILES = 32 };

/* GUARD_CPU, GUARD_WALL and GUARD_MEMORY. */
extern const struct guard_limits guard_limits;

/* What the child does. ctx is the parent's, as it was when the child began. */
struct guard_duty {
	/* Once, before the door closes; 0, or -1 with a fault. Never the file. */
	int	(*prepare)(void *ctx, struct fault *);
	/*
	 * Fills the shared memory for a request; 0, or -1 with a fault. Each file
	 * has a descriptor of its own, always the same.
	 */
	int	(*serve)(void *ctx, int fd, void *memory, uint64_t request,
		    struct fault *);
	void	*ctx;
	size_t	memory;		/* bytes of shared memory, at most 4 GiB - 4 KiB */
};

/*
 * Opens a regular file for reading and takes the lock that HDF5 takes, so that none
 * is read that another program writes with HDF5. The descriptor, or -1.
 */
int	guard_open(const char *path, struct fault *);

struct guard;

/*
 * Starts a child with n files, 1 to GUARD_FILES. The duty and limits are copied; the
 * descriptors and their array are borrowed until guard_stop. NULL: fault.
 */
struct guard	*guard_start(const struct guard_duty *, const int *fds, int n,
		    const struct guard_limits *, struct fault *);

/* Requests are about file i from now on; about the first one from the start. */
void	guard_turn(struct guard *, int i);

/* Ends the child and takes the shared memory away. NULL is nothing. */
void	guard_stop(struct guard *);

/* The shared memory, zeroed at first, on a multiple of 64 bytes; borrowed. */
void	*guard_memory(const struct guard *);

enum guard_answer {
	GUARD_DONE,	/* the fault has what serve said all the same, if anything */
	GUARD_REFUSED,	/* serve returned -1; the fault is its own, in plain text */
	GUARD_DIED	/* no answer; there is a new child, which knows nothing */
};

/*
 * For programs that end at once when they are told to: as soon as *stop is not 0,
 * a child that has not answered yet is ended, and guard_ask says "stopped". For all
 * guards of this process.
 */
void	guard_heed(const volatile int *stop);

/* Has one request served, within the limits. */
enum guard_answer	guard_ask(struct guard *, uint64_t request,
			    struct fault *);

/*
 * Makes a text of foreign memory one that ends and has no control characters;
 * 1 if it was that already.
 */
int	guard_text(char *text, size_t size);

#endif
