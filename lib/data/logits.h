/*
 * Logits to bits: where does class 1 win? It wins where its logit is larger
 * than that of every other class; a tie is background, and so is a pixel with a
 * NaN in any class (numpy and torch would let the NaN win).
 */
#ifndef DATA_LOGITS_H
#define DATA_LOGITS_H

#include <stdbool.h>
#include <stdint.h>

#include "data/layout.h"

/* Instruction sets of which there is a version; results never depend on it. */
enum logits_isa { LOGITS_PLAIN, LOGITS_AVX2 };

/* Can this processor run it? LOGITS_PLAIN always. */
bool	logits_isa_usable(enum logits_isa);

/*
 * Writes row ss (below real_height) of a panel as (real_width + 63) / 64 words:
 * 1 where class 1 wins, 0 behind the width. Adds the row's pixels with a NaN in
 * any class to *nans. logits is the whole plane, of a layout that has one.
 * Returns whether any bit is set.
 */
bool	logits_row(enum logits_isa, const struct layout *, const void *logits,
	    uint32_t panel, uint32_t ss, uint64_t *bits, uint32_t *nans);

/*
 * Writes the winning class of each real pixel of the row, 0 for a tie and for a
 * NaN in any class.
 */
void	logits_classes(const struct layout *, const void *logits,
	    uint32_t panel, uint32_t ss, uint8_t *classes);

#endif
