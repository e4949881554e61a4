/*
 * What happened lately: counts that only grow, noted once a second for the last
 * minute, and from them rates over a window. The caller brings the time.
 */
#ifndef BASE_RECENT_H
#define BASE_RECENT_H

#include <stdint.h>

enum { RECENT_POINTS = 61 };	/* the last minute, both ends */

struct recent {
	struct recent_point {
		double		at;	/* seconds, of any clock that only grows */
		uint64_t	events, hits;
	} points[RECENT_POINTS];	/* a ring */
	unsigned	n, next;
};

/*
 * Notes the counts at a time, and gives events a second over the last 10 seconds, or
 * since the note before; 0 for the first. The last note goes if it came less than a
 * second after that before it: so they reach back a minute however often this is
 * called.
 */
double	recent_rate(struct recent *, double now, uint64_t events, uint64_t hits);

/*
 * Events and hits since the oldest point that is at most window seconds old, or since
 * the last but one where that is older, and the seconds between. All are 0 before the
 * second note.
 */
void	recent_since(const struct recent *, double now, double window,
	    uint64_t *events, uint64_t *hits, double *seconds);

#endif
