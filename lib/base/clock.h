/* The time that only goes on: for what is waited for or measured. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Seconds since some moment, of CLOCK_MONOTONIC. */
double	clock_seconds(void);

#endif
