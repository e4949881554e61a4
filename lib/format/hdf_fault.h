/*
 * Why a call of HDF5 failed, for writers and readers alike.
 */
#ifndef FORMAT_HDF_FAULT_H
#define FORMAT_HDF_FAULT_H

#include "base/fault.h"

/*
 * "what: cause", the cause being why the call of HDF5 that has just failed did so: the
 * innermost one, printable. Returns -1.
 */
int	hdf_fault_set(struct fault *, const char *what);

/* Tells HDF5 such a cause, for a driver of ours that fails. Returns -1. */
int	hdf_fault_push(const char *cause);

#endif
