/*
 * What a class of driver for HDF5 ("Virtual File Layer") begins with: nothing up to
 * HDF5 1.12, from 1.13 on its version and a number, which is from 512 on for those
 * that nobody has registered.
 */
#ifndef FORMAT_HDF_DRIVER_H
#define FORMAT_HDF_DRIVER_H

#include <hdf5.h>

#ifdef H5FD_CLASS_VERSION
#define HDF_DRIVER(number)	.version = H5FD_CLASS_VERSION, .value = (number),
#else
#define HDF_DRIVER(number)
#endif

enum { HDF_DRIVER_DISK = 512, HDF_DRIVER_INPUT };

#endif
