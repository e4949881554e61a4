/* Threads that leave signals to whoever starts them. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

/*
 * As pthread_create(3), and in the new thread all signals are blocked but those that
 * tell of what it did itself, such as SIGBUS: blocked, it would kill the process
 * before any handler heard of it. The answer is 0 or an errno.
 */
int	thread_start(pthread_t *, void *(*)(void *), void *arg);

#endif
