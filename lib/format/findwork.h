/*
 * What a worker of peakfind does, and what it and its parent tell each other:
 * jobs and results packed into the messages of transport/worker.h. Results come
 * in the order of the jobs.
 */
#ifndef FORMAT_FINDWORK_H
#define FORMAT_FINDWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "data/event.h"
#include "format/eventfind.h"
#include "format/findstream.h"
#include "transport/slots.h"
#include "transport/worker.h"

struct findwork_job {
	uint64_t	seq;
	uint32_t	slot;
	uint32_t	flags;		/* of the record */
	bool		own;		/* a slot of ours; else of Q2_SLOTS */
};

enum { FINDWORK_TEXT_SIZE = WORKER_MESSAGE - 12 };

struct findwork_result {
	enum event_cause cause;		/* EVENT_OK, or why the event has failed */
	uint32_t	found;		/* peaks */
	uint32_t	nans;		/* pixels with a NaN among their logits */
	char		text[FINDWORK_TEXT_SIZE];	/* the cause in words, or "" */
};

void	findwork_job_pack(struct worker_message *, const struct findwork_job *);
void	findwork_job_unpack(const struct worker_message *,
	    struct findwork_job *);
void	findwork_result_pack(struct worker_message *,
	    const struct findwork_result *);
void	findwork_result_unpack(const struct worker_message *,
	    struct findwork_result *);

/* Why a worker gave up, for its parent; empty if it did not. */
struct findwork_words {
	char	text[128];
};

/* What a worker needs, shared with its parent by the fork. */
struct findwork {
	const struct findstream *stream;	/* borrowed */
	struct slots	*own, *shared;	/* borrowed; shared may be NULL */
	struct findwork_words *words;	/* one a worker, in shared memory; borrowed */

	struct eventfind finder;	/* in a worker */
	unsigned	self;
};

/* A duty for crew_start; the ctx of both is a struct findwork. */
int	findwork_prepare(void *ctx, unsigned worker);
int	findwork_work(void *ctx, struct worker_message *);

#endif
