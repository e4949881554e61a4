#include <stdio.h>

#include "transport/budget.h"
#include "transport/cgroup.h"

/* Bytes that can be had without swapping; UINT64_MAX: the kernel does not say. */
static uint64_t
memory_available(void)
{
	uint64_t bytes = UINT64_MAX;
	unsigned long long kib;
	char line[160];
	FILE *m;

	if ((m = fopen("/proc/meminfo", "re")) == NULL)
		return bytes;
	while (fgets(line, sizeof line, m) != NULL)
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			bytes = kib * 1024;
	fclose(m);
	return bytes;
}

/* What is too much says who sets the bound, and how many slots are within. */
static int
bound_check(unsigned n, uint64_t size, uint64_t bound, const char *whose,
    struct fault *f)
{
	const double gib = (double)size / 1073741824;
	char enough[64] = "not one fits";

	if (n * size <= bound)
		return 0;
	if (size <= bound)
		snprintf(enough, sizeof enough, "give q2slots -n %llu or less",
		    (unsigned long long)(bound / size));
	return fault_set(f, "%u slots of %.1f MiB are %.1f GiB, %s %.1f GiB: %s", n,
	    gib * 1024, n * gib, whose, (double)bound / 1073741824, enough);
}

int
budget_check(unsigned n, uint64_t size, struct fault *f)
{
	double mib = (double)size / 1048576, all = n * mib;

	if (bound_check(n, size, memory_available(), "free are", f) == -1 ||
	    bound_check(n, size, cgroup_memory("/proc/self/cgroup",
	    "/sys/fs/cgroup"), "the control group (a batch job's, a container's)"
	    " may use", f) == -1)
		return -1;
	fault_set(f, "%u slots x %.1f MiB: at most %.1f %s of shared memory", n, mib,
	    all < 1024 ? all : all / 1024, all < 1024 ? "MiB" : "GiB");
	return 0;
}
