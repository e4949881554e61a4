/*
 * The memory that a control group grants, as a Slurm job of a given --mem or a
 * container has it; see cgroups(7).
 */
#ifndef TRANSPORT_CGROUP_H
#define TRANSPORT_CGROUP_H

#include <stdint.h>

/*
 * The least limit of a process's groups and those around them, bytes; UINT64_MAX:
 * none is known.
 *
 * groups: its groups, as in /proc/self/cgroup.
 * root: where they are mounted: version 2 there, version 1 in a directory memory.
 */
uint64_t	cgroup_memory(const char *groups, const char *root);

#endif
