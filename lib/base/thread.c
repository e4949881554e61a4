#include <signal.h>

#include "base/thread.h"

int
thread_start(pthread_t *t, void *(*run)(void *), void *arg)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGFPE, SIGILL };
	sigset_t others, before;
	unsigned i;
	int e;

	sigfillset(&others);
	for (i = 0; i < sizeof own / sizeof own[0]; i++)
		sigdelset(&others, own[i]);
	pthread_sigmask(SIG_SETMASK, &others, &before);
	e = pthread_create(t, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return e;
}
