/*
 * The thread waits on a condition with a deadline, so that progress_end need not
 * wait for it. All it shares with the program is behind the lock: whether a live
 * line stands on the terminal, and the end. It takes no signals: those are for the
 * program, whose waiting they interrupt.
 *
 * A process that is forked meanwhile has no such thread, and may find the lock held
 * for ever: it calls nothing of this.
 */
#include <sys/ioctl.h>

#include <err.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "progress.h"

#define PLAIN_SECONDS 10.0
#define LIVE_SECONDS 0.5

static struct {
	progress_text	*text;
	void		*arg;
	bool		live;		/* one line, kept up to date */
	bool		begun;
	pthread_t	thread;
	pthread_mutex_t	lock;
	pthread_cond_t	wake;
	bool		over;
	bool		drawn;		/* a live line stands there */
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The line gives way to a message. Under the lock. */
static void
line_clear(void)
{
	if (progress.drawn)
		fputs("\r\033[K", stderr);
	progress.drawn = false;
}

/*
 * Columns that a live line may have, one less than there are: what goes on in the
 * next row stays when the line is written over. A terminal may not tell, by 0.
 */
static int
line_room(void)
{
	struct winsize w;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ?
	    w.ws_col - 1 : INT_MAX;
}

static void
line_say(void)
{
	char text[256], line[320];

	progress.text(progress.arg, text, sizeof text);
	if (!progress.live) {
		warnx("%s", text);
		return;
	}
	snprintf(line, sizeof line, "%.40s: %s", getprogname(), text);
	fprintf(stderr, "\r%.*s\033[K", line_room(), line);
	fflush(stderr);
	progress.drawn = true;
}

static void
deadline_make(struct timespec *t, double seconds)
{
	long ns;

	clock_gettime(CLOCK_MONOTONIC, t);
	ns = t->tv_nsec + (long)((seconds - (double)(time_t)seconds) * 1e9);
	t->tv_sec += (time_t)seconds + ns / 1000000000;
	t->tv_nsec = ns % 1000000000;
}

static void *
progress_run(void *unused)
{
	struct timespec due;
	char unsaid[256];

	(void)unused;
	pthread_mutex_lock(&progress.lock);
	/* The first line's rate is that since now. */
	progress.text(progress.arg, unsaid, sizeof unsaid);
	while (!progress.over) {
		deadline_make(&due, progress.live ? LIVE_SECONDS : PLAIN_SECONDS);
		while (!progress.over && pthread_cond_timedwait(&progress.wake,
		    &progress.lock, &due) == 0)
			;
		if (!progress.over)
			line_say();
	}
	pthread_mutex_unlock(&progress.lock);
	return NULL;
}

void
progress_begin(progress_text *text, void *arg, bool live)
{
	pthread_condattr_t attr;

	progress.text = text;
	progress.arg = arg;
	progress.live = live && isatty(STDERR_FILENO);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&progress.wake, &attr);
	pthread_condattr_destroy(&attr);
	progress.begun = thread_start(&progress.thread, progress_run, NULL) == 0;
	if (!progress.begun)
		warnx("-v: no thread for it; nothing is said on the way");
}

void
progress_end(void)
{
	if (!progress.begun)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.over = true;
	line_clear();
	pthread_cond_signal(&progress.wake);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(progress.thread, NULL);
	progress.begun = false;
}

void
progress_warnx(const char *format, ...)
{
	va_list ap;

	pthread_mutex_lock(&progress.lock);
	line_clear();
	va_start(ap, format);
	vwarnx(format, ap);
	va_end(ap);
	pthread_mutex_unlock(&progress.lock);
}
