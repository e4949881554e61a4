#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fenv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <H5PLextern.h>

#include "format/guard_hdf.h"
#include "format/hdf_driver.h"
#include "format/hdf_fault.h"

/*
 * A driver for HDF5 that reads from a descriptor, since HDF5's own opens a path,
 * and the door is closed by then; and the loading of plugins, which HDF5 would put
 * off until a dataset needs them.
 */

/* An open file, as HDF5 hands it back to the driver. */
struct input {
	H5FD_t		public;		/* first: HDF5 keeps its own here */
	int		fd;
	haddr_t		eoa, eof;	/* end of what HDF5 uses, and of the file */
};

static bool taken;		/* the only file is open */
static hid_t driver = H5I_INVALID_HID, list = H5I_INVALID_HID;

static H5FD_t *
input_open(const char *name, unsigned flags, hid_t options, haddr_t max)
{
	const int *fd = H5Pget_driver_info(options);
	struct input *in;
	off_t end;

	(void)name;
	/* A second one is a link's, which wants another file. */
	if (taken || fd == NULL || (flags & H5F_ACC_RDWR) ||
	    (end = lseek(*fd, 0, SEEK_END)) == -1 || (haddr_t)end > max ||
	    (in = calloc(1, sizeof *in)) == NULL)
		return NULL;
	in->fd = *fd;
	in->eof = (haddr_t)end;
	taken = true;
	return &in->public;
}

static herr_t
input_close(H5FD_t *file)
{
	taken = false;
	free(file);
	return 0;
}

static int
input_compare(const H5FD_t *a, const H5FD_t *b)
{
	return a < b ? -1 : a > b;
}

static herr_t
input_query(const H5FD_t *file, unsigned long *flags)
{
	(void)file;
	*flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA |
	    H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA |
	    H5FD_FEAT_SUPPORTS_SWMR_IO | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
	return 0;
}

static haddr_t
input_get_eoa(const H5FD_t *file, H5FD_mem_t type)
{
	(void)type;
	return ((const struct input *)file)->eoa;
}

static herr_t
input_set_eoa(H5FD_t *file, H5FD_mem_t type, haddr_t eoa)
{
	(void)type;
	((struct input *)file)->eoa = eoa;
	return 0;
}

static haddr_t
input_get_eof(const H5FD_t *file, H5FD_mem_t type)
{
	(void)type;
	return ((const struct input *)file)->eof;
}

/*
 * As HDF5's own driver: what lies behind the end of the file is zeros. But not what
 * did not when it was opened: then it was cut, and zeros would pass for values.
 */
static herr_t
input_read(H5FD_t *file, H5FD_mem_t type, hid_t options, haddr_t at, size_t n,
    void *buf)
{
	const struct input *in = (const struct input *)file;
	unsigned char *to = buf;
	ssize_t r;

	(void)type;
	(void)options;
	if (at > INT64_MAX || n > INT64_MAX - at)
		return -1;
	while (n > 0) {
		r = pread(in->fd, to, n, (off_t)at);
		if (r == -1 && errno == EINTR)
			continue;
		if (r == -1)
			return hdf_fault_push(strerror(errno));
		if (r == 0 && at < in->eof)
			return hdf_fault_push("the file became shorter since it"
			    " was opened");
		if (r == 0) {
			memset(to, 0, n);
			return 0;
		}
		to += r;
		at += (haddr_t)r;
		n -= (size_t)r;
	}
	return 0;
}

static herr_t
input_write(H5FD_t *file, H5FD_mem_t type, hid_t options, haddr_t at, size_t n,
    const void *buf)
{
	(void)file;
	(void)type;
	(void)options;
	(void)at;
	(void)n;
	(void)buf;
	return -1;
}

/*
 * There is nothing to lock, but HDF5 heeds the mark of a writer that is at work or
 * has died only with drivers that can.
 */
static herr_t
input_lock(H5FD_t *file, hbool_t write)
{
	(void)file;
	(void)write;
	return 0;
}

static herr_t
input_unlock(H5FD_t *file)
{
	(void)file;
	return 0;
}

static const H5FD_class_t input_class = {
	HDF_DRIVER(HDF_DRIVER_INPUT)
	.name = "descriptor",
	.maxaddr = INT64_MAX,
	.fc_degree = H5F_CLOSE_WEAK,
	.fapl_size = sizeof(int),
	.open = input_open,
	.close = input_close,
	.cmp = input_compare,
	.query = input_query,
	.get_eoa = input_get_eoa,
	.set_eoa = input_set_eoa,
	.get_eof = input_get_eof,
	.read = input_read,
	.write = input_write,
	.lock = input_lock,
	.unlock = input_unlock,
	.fl_map = H5FD_FLMAP_DICHOTOMY
};

/* Makes the filter of a library known, if it has one; the library stays. */
static void
plugin_load(const char *path)
{
	H5PL_type_t (*type)(void);
	const void *(*info)(void);
	const H5Z_class2_t *filter;
	void *library;

	if ((library = dlopen(path, RTLD_LAZY)) == NULL)
		return;
	/* As POSIX has it: a function's address comes as that of an object. */
	*(void **)&type = dlsym(library, "H5PLget_plugin_type");
	*(void **)&info = dlsym(library, "H5PLget_plugin_info");
	if (type == NULL || info == NULL || type() != H5PL_TYPE_FILTER ||
	    (filter = info()) == NULL || filter->id < H5Z_FILTER_RESERVED ||
	    H5Zregister(filter) < 0)
		dlclose(library);
}

static void
directory_load(const char *name)
{
	const struct dirent *e;
	char path[4096];
	DIR *d;

	if ((d = opendir(name)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		/* The names that HDF5 tries. */
		if (strncmp(e->d_name, "lib", 3) != 0 ||
		    strstr(e->d_name, ".so") == NULL)
			continue;
		if (snprintf(path, sizeof path, "%s/%s", name, e->d_name) <
		    (int)sizeof path)
			plugin_load(path);
	}
	closedir(d);
}

/*
 * The last directory first: where two have a filter, the first one's stays. Libraries
 * built with -ffast-math change how subnormals are treated.
 */
void
guard_hdf_filters(void)
{
	char path[4096];
	unsigned i, n = 0, kinds = 0;
	fenv_t env;

	if (H5PLget_loading_state(&kinds) < 0 || !(kinds & H5PL_FILTER_PLUGIN) ||
	    H5PLsize(&n) < 0)
		return;
	fegetenv(&env);
	for (i = n; i > 0; i--)
		if (H5PLget(i - 1, path, sizeof path) > 0)
			directory_load(path);
	fesetenv(&env);
}

int
guard_hdf_prepare(void *unused, struct fault *f)
{
	static bool done;

	(void)unused;
	if (done)
		return 0;
	if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0)
		return fault_set(f, "HDF5 cannot be started");
	guard_hdf_filters();
	done = true;
	return 0;
}

hid_t
guard_hdf_open(int fd)
{
	/* H5close(3) forgets both. */
	if (H5Iis_valid(driver) <= 0)
		driver = H5FDregister(&input_class);
	if (H5Iis_valid(list) <= 0)
		list = H5Pcreate(H5P_FILE_ACCESS);
	if (driver < 0 || list < 0 || H5Pset_driver(list, driver, &fd) < 0 ||
	    H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) < 0)
		return H5I_INVALID_HID;
	/* The last call to HDF5, whose errors the caller looks at. */
	return H5Fopen("input", H5F_ACC_RDONLY, list);
}

static herr_t
link_refuse(const char *parent_file, const char *parent_group,
    const char *child_file, const char *child_object, unsigned *access,
    hid_t options, void *met)
{
	(void)parent_file;
	(void)parent_group;
	(void)child_file;
	(void)child_object;
	(void)access;
	(void)options;
	*(bool *)met = true;
	return -1;
}

int
guard_hdf_links(hid_t access, bool *met)
{
	return H5Pset_elink_cb(access, link_refuse, met) < 0 ? -1 : 0;
}

int
guard_hdf_exists(hid_t file, const char *path, hid_t access)
{
	const char *slash = path;
	char part[GUARD_HDF_PATH];
	htri_t there;

	do {
		slash = strchr(slash + 1, '/');
		snprintf(part, sizeof part, "%.*s", slash == NULL ?
		    (int)strlen(path) : (int)(slash - path), path);
		there = H5Lexists(file, part, access);
	} while (there > 0 && slash != NULL);
	return there < 0 ? -1 : there > 0;
}

int
guard_hdf_storage(hid_t creation, struct fault *f)
{
	int i, n = H5Pget_nfilters(creation);
	unsigned flags, config;
	size_t values;
	H5Z_filter_t id;

	if (H5Pget_layout(creation) == H5D_VIRTUAL)
		return fault_set(f, "a virtual dataset; no other files are read");
	if (H5Pget_external_count(creation) != 0)
		return fault_set(f, "stored outside of the file; no other files"
		    " are read");
	for (i = 0; i < n; i++) {
		values = 0;
		id = H5Pget_filter2(creation, (unsigned)i, &flags, &values, NULL,
		    0, NULL, &config);
		if (id < 0)
			return fault_set(f, "compressed, its filters cannot be"
			    " read");
		if (H5Zfilter_avail(id) <= 0)
			return fault_set(f, "compressed with HDF5 filter %d,"
			    " which is not installed here (HDF5_PLUGIN_PATH names"
			    " the directory of filters)", (int)id);
	}
	return 0;
}
