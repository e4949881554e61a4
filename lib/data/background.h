/* What an image would show at a component if there were no peak. */
#ifndef DATA_BACKGROUND_H
#define DATA_BACKGROUND_H

#include "data/component.h"
#include "data/scene.h"

struct background {
	double	mean, sd;	/* image units; both 0 if unknown */
};

/*
 * Mean and population standard deviation (divided by n, not n - 1) of the pixels
 * in the component's bounding box grown by 3, as far as the panel goes, that are
 * finite, not bad, and neither in nor beside (8 neighbours) any component. With
 * fewer than 8 of them the box is grown by 5; with fewer still, both are 0.
 */
struct background	background_measure(const struct scene *,
			    const struct component *);

/* Asks for the image around the component to be brought near. */
void	background_prefetch(const struct scene *, const struct component *);

#endif
