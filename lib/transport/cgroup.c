#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "transport/cgroup.h"

/* Of one group; UINT64_MAX: "max", or there is no such file. */
static uint64_t
group_limit(const char *root, const char *group, const char *file)
{
	char path[2 * PATH_MAX];
	uint64_t bytes;
	FILE *s;
	int n;

	n = snprintf(path, sizeof path, "%s%s/%s", root, group, file);
	if (n < 0 || (size_t)n >= sizeof path || (s = fopen(path, "re")) == NULL)
		return UINT64_MAX;
	if (fscanf(s, "%" SCNu64, &bytes) != 1)
		bytes = UINT64_MAX;
	fclose(s);
	return bytes;
}

/* Of the group and all around it, up to the root's own. */
static uint64_t
groups_limit(const char *root, char *group, const char *file)
{
	uint64_t least = UINT64_MAX, bytes;
	char *end;

	for (;;) {
		bytes = group_limit(root, group, file);
		if (bytes < least)
			least = bytes;
		if ((end = strrchr(group, '/')) == NULL)
			return least;
		*end = '\0';
	}
}

/* A controller is one of a list with commas between. */
static bool
list_has(const char *list, const char *word)
{
	const size_t n = strlen(word);
	const char *at;

	for (at = list; (at = strstr(at, word)) != NULL; at += n)
		if ((at == list || at[-1] == ',') &&
		    (at[n] == '\0' || at[n] == ','))
			return true;
	return false;
}

/* A line is "number:controllers:group", for version 2 "0::group". */
static uint64_t
line_limit(char *line, const char *root)
{
	char *controllers, *group, v1[PATH_MAX];

	line[strcspn(line, "\n")] = '\0';
	if ((controllers = strchr(line, ':')) == NULL ||
	    (group = strchr(++controllers, ':')) == NULL)
		return UINT64_MAX;
	*group++ = '\0';
	if (*controllers == '\0')
		return groups_limit(root, group, "memory.max");
	if (!list_has(controllers, "memory") ||
	    snprintf(v1, sizeof v1, "%s/memory", root) >= (int)sizeof v1)
		return UINT64_MAX;
	return groups_limit(v1, group, "memory.limit_in_bytes");
}

uint64_t
cgroup_memory(const char *groups, const char *root)
{
	uint64_t least = UINT64_MAX, bytes;
	char line[PATH_MAX];
	FILE *s;

	if ((s = fopen(groups, "re")) == NULL)
		return UINT64_MAX;
	while (fgets(line, sizeof line, s) != NULL) {
		bytes = line_limit(line, root);
		if (bytes < least)
			least = bytes;
	}
	fclose(s);
	return least;
}
