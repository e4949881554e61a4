#include <asm/mman.h>
#include <sys/resource.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "transport/sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/*
 * What may be called whatever the arguments are: none of it names a file or
 * another process. lseek tells how long the file is. The last ones are what
 * threads of filters need (bitshuffle's are OpenMP's), and glibc's malloc.
 */
static const int allowed[] = {
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(lseek),
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(restart_syscall),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask), SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid), SCMP_SYS(gettid),
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
	SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep)
};

/* 0, or a negative error number, as libseccomp has it. */
static int
rules_add(scmp_filter_ctx c, int out)
{
	/* Nobody's file: fd is -1, of which the kernel sees 32 bits. */
	const struct scmp_arg_cmp anonymous = SCMP_A4(SCMP_CMP_MASKED_EQ,
	    0xffffffff, 0xffffffff);
	const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC,
	    0);
	const struct scmp_arg_cmp thread = SCMP_A0(SCMP_CMP_MASKED_EQ,
	    CLONE_THREAD, CLONE_THREAD);
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof allowed / sizeof allowed[0] && r == 0; i++)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, allowed[i], 0);
	/* Answers leave by writev: io_write has no other. */
	if (r != 0 || (r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(writev),
	    1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)out, 0))) != 0 ||
	    (r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2, no_code,
	    anonymous)) != 0 ||
	    (r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
	    no_code)) != 0 ||
	    (r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	    thread)) != 0)
		return r;
	/* Its flags lie in memory: glibc then takes clone, whose do not. */
	if ((r = seccomp_rule_add(c, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0))
	    != 0)
		return r;
	/* abort(3) ends the process by a signal to itself. */
	r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
	    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	if (r == 0 && SANITIZED)
		r = seccomp_rule_add(c, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
		    SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0));
	return r;
}

static int
filter_load(int out, struct fault *f)
{
	scmp_filter_ctx c = seccomp_init(SCMP_ACT_ERRNO(EACCES));
	int r;

	/* Libraries may have started threads by now: they stay in as well. */
	if (c == NULL)
		r = -ENOMEM;
	else if ((r = seccomp_attr_set(c, SCMP_FLTATR_CTL_TSYNC, 1)) == 0 &&
	    (r = rules_add(c, out)) == 0)
		r = seccomp_load(c);
	seccomp_release(c);
	return r == 0 ? 0 : fault_set(f, "this system cannot confine a process"
	    " (seccomp: %s), and HDF5 files are not read without that",
	    strerror(-r));
}

/* Private memory that this process has now. */
static int
memory_now(uint64_t *bytes, struct fault *f)
{
	FILE *statm = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;
	int got = 0;

	if (statm != NULL) {
		got = fscanf(statm, "%*u %*u %*u %*u %*u %llu", &pages);
		fclose(statm);
	}
	if (got != 1)
		return fault_set(f, "cannot read /proc/self/statm");
	*bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

/*
 * Of the limits on memory that on data leaves out what is shared, what is mapped
 * from libraries, and the address space that malloc reserves for threads.
 */
static int
limits_set(uint64_t memory, struct fault *f)
{
	struct rlimit none = { 0, 0 }, data, before;
	uint64_t now = 0;
	int fd;

	if (memory_now(&now, f) == -1)
		return -1;
	data.rlim_cur = data.rlim_max = now + memory;
	if (getrlimit(RLIMIT_DATA, &before) == 0 &&
	    before.rlim_max < data.rlim_max)
		data = before;
	/* A crash leaves no core file, full of what is not trusted, either. */
	if (setrlimit(RLIMIT_DATA, &data) == -1 ||
	    setrlimit(RLIMIT_CORE, &none) == -1)
		return fault_set(f, "cannot limit a process: %s", strerror(errno));
	/* When memory runs out it is this process that has to go. */
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd != -1) {
		(void)!write(fd, "1000", 4);
		close(fd);
	}
	return 0;
}

static bool
under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "/vgpreload_") != NULL;
}

bool
sandbox_watched(void)
{
	return SANITIZED || under_valgrind();
}

int
sandbox_enter(int out, uint64_t memory, struct fault *f)
{
	if (limits_set(memory, f) == -1)
		return -1;
	return under_valgrind() ? 0 : filter_load(out, f);
}
