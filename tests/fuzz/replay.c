/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 The crier authors */

/*
 * Feeds a harness the inputs in the files that are named, or else of its
 * corpus, $srcdir/tests/fuzz/corpus/NAME; TAP output. Each input lies in
 * memory that ends where it ends, for a sanitizer or valgrind to see.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

static int
replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	long size = -1;
	int result = -1;

	if (file != NULL && fseek(file, 0, SEEK_END) == 0)
		size = ftell(file);
	if (size < 0)
		goto out;
	rewind(file);
	data = malloc(size > 0 ? (size_t)size : 1);
	if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
		goto out;
	LLVMFuzzerTestOneInput(data, (size_t)size);
	result = 0;
out:
	if (result == -1)
		printf("# %s: %s\n", path, strerror(errno));
	if (file != NULL)
		fclose(file);
	free(data);
	return result;
}

static int
replay_one(const char *path, unsigned number)
{
	const char *name = strrchr(path, '/');
	int result = replay_file(path);

	printf("%s %u - %s: %s\n", result == 0 ? "ok" : "not ok", number,
	    fuzz_name, name != NULL ? name + 1 : path);
	/* A harness that aborts must not take the lines before with it. */
	fflush(stdout);
	return result;
}

static int
replay_is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int
replay_corpus(unsigned *number)
{
	const char *srcdir = getenv("srcdir");
	struct dirent **entries;
	char dir[1024];
	char path[2048];
	int result = 0;
	int count;

	snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s",
	    srcdir != NULL ? srcdir : ".", fuzz_name);
	count = scandir(dir, &entries, replay_is_input, alphasort);
	if (count <= 0) {
		printf("not ok 1 - no inputs in %s\n", dir);
		*number = 1;
		return -1;
	}
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		if (replay_one(path, ++*number) == -1)
			result = -1;
		free(entries[i]);
	}
	free(entries);
	return result;
}

int
main(int argc, char **argv)
{
	unsigned number = 0;
	int result = 0;

	for (int i = 1; i < argc; i++) {
		if (replay_one(argv[i], ++number) == -1)
			result = -1;
	}
	if (argc == 1)
		result = replay_corpus(&number);
	printf("1..%u\n", number);
	return result == 0 ? 0 : 1;
}
