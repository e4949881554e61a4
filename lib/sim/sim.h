/*
 * Simulated serial crystallography: an endless run of still diffraction
 * patterns of one crystal, as events with logits and image, and the truth about
 * every spot. Event k depends on the options and k alone.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"
#include "data/event.h"
#include "data/layout.h"
#include "sim/spot.h"

/* What an image value is worth: ADU a photon. */
#define SIM_ADU 10.0f

struct sim_options {
	const char	*detector;	/* a name that detector_make knows; borrowed
					   by sim_new only */
	uint64_t	seed;
	double		cell[6];	/* angstrom and degrees */
	double		energy;		/* eV, 1000 to 100000, mean of the run */
	double		distance;	/* metres, 0.01 to 10; 0: the detector's own */
	double		hit_fraction;	/* 0 to 1 */
	enum logits_type type;		/* not LOGITS_NONE */
};

/* epix10k2m, seed 1, tetragonal lysozyme, 9.5 keV, every second event a hit, f32. */
void	sim_options_init(struct sim_options *);

struct sim;

/* 0 and *s, for sim_free; -1 with the option that is wrong. */
int	sim_new(const struct sim_options *, struct sim **s, struct fault *);
void	sim_free(struct sim *);

/* Borrowed, valid until sim_free. */
const struct layout	*sim_layout(const struct sim *);

/* Metres. */
double	sim_distance(const struct sim *);

/* The CrystFEL geometry; NULL when memory is short; the caller frees it. */
char	*sim_geometry(const struct sim *);

/*
 * Makes event k: fills the planes (sizes of layout.h; the rounding bytes behind
 * them are not touched) and all of *e. *spots (borrowed, valid until the next
 * call) becomes the true spots on the detector, none for a miss; returns their
 * number.
 */
size_t	sim_event(struct sim *, uint64_t k, void *logits, float *image,
	    struct event *e, const struct spot **spots);

#endif
