#include <stdlib.h>
#include <string.h>

#include "transport/askers.h"

struct askers {
	struct asker	waiting[ASKERS_MAX];	/* a ring */
	unsigned	first, n;
	struct asker	owing[ASKERS_MAX];	/* in any order */
	unsigned	n_owing;
	uint64_t	forgotten;	/* that owed, and made room for others */
};

struct askers *
askers_new(void)
{
	return calloc(1, sizeof(struct askers));
}

void
askers_free(struct askers *a)
{
	free(a);
}

static void
owing_remove(struct askers *a, unsigned i)
{
	a->owing[i] = a->owing[--a->n_owing];
}

static void
owing_confirm(struct askers *a, const void *id, size_t length)
{
	unsigned i;

	for (i = 0; i < a->n_owing; i++)
		if (a->owing[i].length == length &&
		    memcmp(a->owing[i].id, id, length) == 0) {
			owing_remove(a, i);
			return;
		}
}

static void
oldest_forget(struct askers *a)
{
	unsigned i, oldest = 0;

	for (i = 1; i < a->n_owing; i++)
		if (a->owing[i].at < a->owing[oldest].at)
			oldest = i;
	owing_remove(a, oldest);
	a->forgotten++;
}

/* Where number i of those that wait is in the ring. */
static unsigned
place(const struct askers *a, unsigned i)
{
	return (a->first + i) % ASKERS_MAX;
}

bool
askers_ask(struct askers *a, const void *id, size_t length, int connection,
    double now)
{
	struct asker *k;

	owing_confirm(a, id, length);
	if (a->n == ASKERS_MAX || length > ASKER_ID_MAX)
		return false;
	k = &a->waiting[place(a, a->n++)];
	memcpy(k->id, id, length);
	k->length = length;
	k->connection = connection;
	k->at = now;
	return true;
}

void
askers_gone(struct askers *a, int connection)
{
	struct asker *k;
	unsigned i;

	for (i = 0; i < a->n; i++) {
		k = &a->waiting[place(a, i)];
		if (k->connection == connection)
			k->connection = ASKER_GONE;
	}
}

const struct asker *
askers_first(const struct askers *a)
{
	return a->n == 0 ? NULL : &a->waiting[a->first];
}

void
askers_leave(struct askers *a, bool owes, double now)
{
	if (owes) {
		if (a->n_owing == ASKERS_MAX)
			oldest_forget(a);
		a->owing[a->n_owing] = a->waiting[a->first];
		a->owing[a->n_owing++].at = now;
	}
	a->first = (a->first + 1) % ASKERS_MAX;
	a->n--;
}

unsigned
askers_waiting(const struct askers *a)
{
	unsigned i, j, found = 0;
	int connection;

	for (i = 0; i < a->n; i++) {
		connection = a->waiting[place(a, i)].connection;
		for (j = 0; a->waiting[place(a, j)].connection != connection; j++)
			;
		/* The first of its connection counts. */
		found += connection != ASKER_GONE && j == i;
	}
	return found;
}

uint64_t
askers_unconfirmed(const struct askers *a)
{
	return a->n_owing + a->forgotten;
}
