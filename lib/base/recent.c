#include "base/recent.h"

#define SPACING 1.0	/* seconds between two points */
#define RATE_SECONDS 10.0

/* The point noted i before the next one, i from 1. */
static const struct recent_point *
point_back(const struct recent *r, unsigned i)
{
	return &r->points[(r->next + RECENT_POINTS - i) % RECENT_POINTS];
}

/* Notes the counts at a time. */
static void
recent_note(struct recent *r, double now, uint64_t events, uint64_t hits)
{
	if (r->n > 1 && point_back(r, 1)->at - point_back(r, 2)->at < SPACING) {
		r->next = (r->next + RECENT_POINTS - 1) % RECENT_POINTS;
		r->n--;
	}
	r->points[r->next] = (struct recent_point){ now, events, hits };
	r->next = (r->next + 1) % RECENT_POINTS;
	if (r->n < RECENT_POINTS)
		r->n++;
}

void
recent_since(const struct recent *r, double now, double window,
    uint64_t *events, uint64_t *hits, double *seconds)
{
	const struct recent_point *last, *p;
	unsigned i;

	*events = *hits = 0;
	*seconds = 0;
	if (r->n == 0)
		return;
	last = p = point_back(r, 1);
	for (i = 2; i <= r->n && (i == 2 || now - point_back(r, i)->at <= window);
	    i++)
		p = point_back(r, i);
	*events = last->events - p->events;
	*hits = last->hits - p->hits;
	*seconds = last->at - p->at;
}

double
recent_rate(struct recent *r, double now, uint64_t events, uint64_t hits)
{
	double seconds;

	recent_note(r, now, events, hits);
	recent_since(r, now, RATE_SECONDS, &events, &hits, &seconds);
	return seconds > 0 ? (double)events / seconds : 0;
}
