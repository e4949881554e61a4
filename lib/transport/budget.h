/*
 * How much memory the slots may come to need. The segment is sparse: its pages
 * become real when they are touched, and then it is too late to refuse.
 */
#ifndef TRANSPORT_BUDGET_H
#define TRANSPORT_BUDGET_H

#include <stdint.h>

#include "base/fault.h"

/*
 * n slots of this size, bytes, against the memory that the machine has to give and
 * that the control group of the process may use. 0 with the product in the fault's
 * text, for whoever wants to say it; -1 if that is more than there is. What a machine
 * does not tell is not checked.
 */
int	budget_check(unsigned n, uint64_t size, struct fault *);

#endif
