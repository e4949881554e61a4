#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "data/geometry_array.h"
#include "data/geometry_value.h"

enum part { LOCATION, FILENAME, GOOD_BITS, BAD_BITS };

/* The names without a number are those of mask 0. */
static const struct {
	const char	*key;
	int		array;
	enum part	part;
} array_keys[] = {
	{ "mask", 0, LOCATION }, { "mask_file", 0, FILENAME },
	{ "mask_good", 0, GOOD_BITS }, { "mask_bad", 0, BAD_BITS },
	{ "saturation_map", GEOMETRY_SATURATION, LOCATION },
	{ "saturation_map_file", GEOMETRY_SATURATION, FILENAME }
};

static const struct {
	const char	*end;		/* behind "mask" and the number */
	enum part	part;
} mask_keys[] = {
	{ "_data", LOCATION }, { "_file", FILENAME }, { "_goodbits", GOOD_BITS },
	{ "_badbits", BAD_BITS }
};

/* The mask of our files has two names. */
static const char *const our_masks[] = {
	"/entry_1/data_1/mask", "/entry_1/instrument_1/detector_1/mask"
};

/* The array that a key is about, and what of it; -1: none. */
static int
key_parse(const char *key, enum part *part)
{
	size_t i;

	for (i = 0; i < sizeof array_keys / sizeof array_keys[0]; i++)
		if (strcmp(key, array_keys[i].key) == 0) {
			*part = array_keys[i].part;
			return array_keys[i].array;
		}
	if (strncmp(key, "mask", 4) != 0 || key[4] < '0' ||
	    key[4] >= '0' + GEOMETRY_MASKS)
		return -1;
	for (i = 0; i < sizeof mask_keys / sizeof mask_keys[0]; i++)
		if (strcmp(key + 5, mask_keys[i].end) == 0) {
			*part = mask_keys[i].part;
			return key[4] - '0';
		}
	return -1;
}

int
geometry_array(const char *key)
{
	enum part part;

	return key_parse(key, &part);
}

static void
bit_put(unsigned *bits, int array, bool on)
{
	*bits = (*bits & ~(1U << array)) | (unsigned)on << array;
}

void
geometry_arrays_set(struct geometry_arrays *a, const char *key, const char *value)
{
	enum part part;
	int array = key_parse(key, &part);

	if (array == -1)
		return;
	switch (part) {
	case LOCATION:
		bit_put(&a->located, array, true);
		bit_put(&a->foreign, array, !path_same(value, our_masks[0]) &&
		    !path_same(value, our_masks[1]));
		break;
	case FILENAME:
		bit_put(&a->filed, array, true);
		break;
	case GOOD_BITS:
		bit_put(&a->good, array, strtod(value, NULL) != 0);
		break;
	case BAD_BITS:
		break;
	}
}
