#include <stdio.h>

#include "transport/budget.h"

/* Bytes that can be had without swapping; 0: the kernel does not say. */
static uint64_t
memory_available(void)
{
	unsigned long long kib = 0;
	char line[160];
	FILE *m;

	if ((m = fopen("/proc/meminfo", "re")) == NULL)
		return 0;
	while (fgets(line, sizeof line, m) != NULL)
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			break;
	fclose(m);
	return kib * 1024;
}

int
budget_check(unsigned n, uint64_t size, struct fault *f)
{
	uint64_t there = memory_available();
	double mib = (double)size / 1048576, all = n * mib;

	if (there != 0 && n * size > there)
		return fault_set(f, "%u slots of %.1f MiB are %.1f GiB, free are"
		    " %.1f GiB: give q2slots -n %llu or less", n, mib, all / 1024,
		    (double)there / 1073741824,
		    (unsigned long long)(there / size));
	fault_set(f, "%u slots x %.1f MiB: at most %.1f %s of shared memory", n, mib,
	    all < 1024 ? all : all / 1024, all < 1024 ? "MiB" : "GiB");
	return 0;
}
