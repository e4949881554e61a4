/*
 * One event, from the crystal to the planes:
 *
 *	orientation -> reflections on the Ewald sphere (lattice.h)
 *	reflections -> spots on the ASICs, with photons (spot.h)
 *	image = background (scatter.h) + photons of the spots
 *	logits = quiet background + marks of the spots + specks (marks.h)
 *
 * A hit is a crystal in the beam, with its own size and its own shot's energy; a
 * miss has background and perhaps a speck or two, so it stays below any sensible
 * minimum of peaks. The true energy of the shot is the one that the event tells.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/scatter.h"
#include "sim/lattice.h"
#include "sim/marks.h"
#include "sim/sim.h"

enum {
	MAX_SPOTS = 16384,	/* memory for an event */
	MAX_EXPECTED = 8192,	/* mean number; leaves room for the unlucky */
	CAPACITY = 2048,	/* peaks, as q2cat has it */
	EPOCH = 1700000000,	/* seconds since 1970 of event 0 */
	RATE = 120,		/* events a second, as at LCLS */
	FIRST_STREAM = 16	/* random streams below are for tables */
};

#define BANDWIDTH 0.001		/* of a self-amplified pulse, full width */
#define RADIUS 0.0005		/* 1/A, of the mosaic blocks' reciprocal points */
#define Q_MIN 0.04		/* 1/A; what is nearer to the beam is stopped */
#define JITTER 0.0015		/* of the photon energy, from shot to shot */
#define B_FACTOR 15.0		/* A^2 */
#define PHOTONS 3000.0		/* mean of a whole reflection at q = 0 */
#define MISS_RATE 0.02		/* of spots that a network should have found */
#define FAINT 1.7		/* extent below which it misses more */
#define FAINT_MISS_RATE 0.2
#define SPECKS 1.5		/* mean number of false marks in an event */
#define MAX_SPECKS 6

struct sim {
	struct detector		detector;
	struct layout		layout;
	struct lattice		lattice;
	struct beam		beam;		/* of the mean energy */
	struct scatter	scatter;
	struct marks		marks;
	double			energy, distance, hit_fraction;
	uint64_t		seed;
	struct reflection	*reflections;	/* MAX_SPOTS */
	struct spot		*spots;		/* MAX_SPOTS */
};

void
sim_options_init(struct sim_options *o)
{
	*o = (struct sim_options){
		.detector = "epix10k2m",
		.seed = 1,
		.cell = { 79.2, 79.2, 37.9, 90, 90, 90 },
		.energy = 9500,
		.distance = 0,
		.hit_fraction = 0.5,
		.type = LOGITS_F32,
	};
}

static int
options_check(const struct sim_options *o, struct fault *f)
{
	if (!(o->energy >= 1000 && o->energy <= 100000))
		return fault_set(f, "photon energy of %g eV, not 1000 to 100000",
		    o->energy);
	if (o->distance != 0 && !(o->distance >= 0.01 && o->distance <= 10))
		return fault_set(f, "detector distance of %g m, not 0.01 to 10",
		    o->distance);
	if (!(o->hit_fraction >= 0 && o->hit_fraction <= 1))
		return fault_set(f, "hit fraction of %g, not 0 to 1",
		    o->hit_fraction);
	if (logits_type_size(o->type) == 0)
		return fault_set(f, "logits must be f32, f16 or bf16");
	return 0;
}

static void
layout_fill(struct layout *l, const struct detector *d, enum logits_type type)
{
	*l = (struct layout){
		.panels = d->panels,
		.classes = 2,
		.height = d->height,
		.width = d->width,
		.real_height = d->real_height,
		.real_width = d->real_width,
		.logits_type = type,
		.image_type = IMAGE_F32,
		.capacity = CAPACITY,
	};
}

/* What the furthest pixel sees sets the largest q. */
static int
beam_make(struct sim *s, struct fault *f)
{
	double z = s->distance / s->detector.pixel_size;
	double radius = detector_extent(&s->detector);
	double cosine = z / sqrt(z * z + radius * radius), n;

	s->beam.k = s->energy / EVENT_HC;
	s->beam.bandwidth = BANDWIDTH;
	s->beam.radius = RADIUS;
	s->beam.q_min = Q_MIN;
	s->beam.q_max = s->beam.k * sqrt(2 * (1 - cosine));
	n = reflections_expected(&s->lattice, &s->beam);
	if (n > MAX_EXPECTED)
		return fault_set(f, "about %.0f spots an event, more than %d: the"
		    " cell is too large for this distance and energy", n,
		    MAX_EXPECTED);
	return 0;
}

static int
parts_make(struct sim *s, const struct sim_options *o, struct fault *f)
{
	if (detector_make(o->detector, &s->detector, f) == -1 ||
	    lattice_from_cell(o->cell, &s->lattice, f) == -1)
		return -1;
	s->energy = o->energy;
	s->distance = o->distance != 0 ? o->distance : s->detector.distance;
	s->hit_fraction = o->hit_fraction;
	s->seed = o->seed;
	layout_fill(&s->layout, &s->detector, o->type);
	if (beam_make(s, f) == -1 ||
	    scatter_make(&s->scatter, &s->detector, s->distance,
	    s->beam.k, s->seed, f) == -1 ||
	    marks_make(&s->marks, &s->layout, s->seed, f) == -1)
		return -1;
	s->reflections = calloc(MAX_SPOTS, sizeof *s->reflections);
	s->spots = calloc(MAX_SPOTS, sizeof *s->spots);
	if (s->reflections == NULL || s->spots == NULL)
		return fault_lack(f, "no memory for spots");
	return 0;
}

int
sim_new(const struct sim_options *o, struct sim **out, struct fault *f)
{
	struct sim *s;

	if (options_check(o, f) == -1)
		return -1;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return fault_lack(f, "no memory for a simulation");
	if (parts_make(s, o, f) == -1) {
		sim_free(s);
		return -1;
	}
	*out = s;
	return 0;
}

void
sim_free(struct sim *s)
{
	if (s == NULL)
		return;
	scatter_free(&s->scatter);
	marks_free(&s->marks);
	detector_free(&s->detector);
	free(s->reflections);
	free(s->spots);
	free(s);
}

const struct layout *
sim_layout(const struct sim *s)
{
	return &s->layout;
}

double
sim_distance(const struct sim *s)
{
	return s->distance;
}

char *
sim_geometry(const struct sim *s)
{
	return detector_geometry(&s->detector, s->distance, SIM_ADU);
}

static void
event_describe(const struct sim *s, uint64_t k, double energy, struct event *e)
{
	event_init(e);
	e->seq = k;
	e->timestamp = (EPOCH + k / RATE) << 32 |
	    k % RATE * UINT64_C(1000000000) / RATE;
	e->photon_energy = energy;
	e->encoder = s->distance * 1000;
	e->known = QUANTITY_ALL;
	snprintf(e->source, sizeof e->source, "seed %llu",
	    (unsigned long long)s->seed);
}

/* A network's carelessness: more with faint spots than with others. */
static void
spot_miss(struct spot *s, struct rng *r)
{
	double rate = s->extent < FAINT ? FAINT_MISS_RATE : MISS_RATE;

	if (rng_uniform(r) < rate && s->state == SPOT_MARKED)
		s->state = SPOT_MISSED;
}

static double
local_background(const struct sim *s, const struct spot *spot)
{
	/* Positions are within half a pixel of a real one: round, in range. */
	return scatter_mean(&s->scatter, spot->panel,
	    (uint32_t)(spot->ss + 0.5), (uint32_t)(spot->fs + 0.5));
}

/* The spots of a crystal in a random orientation. */
static size_t
spots_make(struct sim *s, struct rng *r, const struct beam *b, double scale)
{
	double rotation[3][3], photons, size = rng_between(r, 0.5, 1.5);
	struct lattice turned;
	struct spot *spot = s->spots;
	const struct reflection *q, *end;

	rotation_draw(r, rotation);
	lattice_rotate(&s->lattice, rotation, &turned);
	end = s->reflections + reflections_find(&turned, b, s->reflections,
	    MAX_SPOTS);
	for (q = s->reflections; q < end; q++) {
		if (!spot_place(spot, q, b, &s->detector, s->distance /
		    s->detector.pixel_size))
			continue;
		photons = PHOTONS * size * q->partiality *
		    wilson_intensity(s->seed, q->h, q->k, q->l) *
		    wilson_falloff(B_FACTOR, q->q);
		spot_brighten(spot, photons, scale * local_background(s, spot),
		    &s->detector);
		spot_miss(spot, r);
		spot++;
	}
	spots_separate(s->spots, (size_t)(spot - s->spots));
	return (size_t)(spot - s->spots);
}

static void
planes_draw(struct sim *s, struct rng *r, size_t n, double scale, void *logits,
    float *image)
{
	unsigned specks = (unsigned)fmin(rng_poisson(r, SPECKS), MAX_SPECKS);
	const struct spot *spot;

	scatter_draw(&s->scatter, r, (float)scale, SIM_ADU, image);
	marks_clear(&s->marks, r, logits);
	for (spot = s->spots; spot < s->spots + n; spot++) {
		spot_draw(spot, r, &s->detector, SIM_ADU, image);
		if (spot->state == SPOT_MARKED)
			marks_spot(&s->marks, r, spot, logits);
	}
	while (specks-- > 0)
		marks_speck(&s->marks, r, s->spots, n, logits);
}

size_t
sim_event(struct sim *s, uint64_t k, void *logits, float *image,
    struct event *e, const struct spot **spots)
{
	struct beam beam = s->beam;
	struct rng r;
	double shift, scale;
	size_t n = 0;

	rng_seed(&r, s->seed, FIRST_STREAM + k);
	shift = fmax(-4, fmin(4, rng_normal(&r))) * JITTER;
	beam.k *= 1 + shift;
	scale = rng_between(&r, 0.6, 1.4);
	event_describe(s, k, s->energy * (1 + shift), e);
	if (rng_uniform(&r) < s->hit_fraction)
		n = spots_make(s, &r, &beam, scale);
	planes_draw(s, &r, n, scale, logits, image);
	*spots = s->spots;
	return n;
}
