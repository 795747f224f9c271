/*
 * tests/support/replay_main.c - feeds files to a fuzz target's function, without a fuzzer.
 *
 * usage: replay_NAME DIRECTORY|FILE...   A directory that does not exist is an empty corpus.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	if (!f || fstat(fileno(f), &st)) {
		perror(path);
		return -1;
	}
	/* a block of the exact size, so that a sanitizer sees the first byte past it */
	uint8_t *data = malloc((size_t)st.st_size + (st.st_size == 0));
	size_t size = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
	fclose(f);
	if (!data)
		return -1;
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int replay(const char *path, size_t *count)
{
	struct stat st;
	if (stat(path, &st))
		return errno == ENOENT ? 0 : -1;
	if (!S_ISDIR(st.st_mode)) {
		(*count)++;
		return replay_file(path);
	}
	DIR *dir = opendir(path);
	if (!dir)
		return -1;
	int result = 0;
	struct dirent *entry;
	while (!result && (entry = readdir(dir))) {
		char *name = NULL;
		if (entry->d_name[0] == '.')
			continue;
		if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
			result = -1;
		else
			result = replay(name, count);
		free(name);
	}
	closedir(dir);
	return result;
}

int main(int argc, char **argv)
{
	size_t count = 0;
	for (int i = 1; i < argc; i++)
		if (replay(argv[i], &count)) {
			fprintf(stderr, "%s: failed on %s\n", argv[0], argv[i]);
			return 1;
		}
	printf("%s: %zu inputs\n", argv[0], count);
	return 0;
}
