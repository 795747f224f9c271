/*
 * tests/support/indices_main.c - rounds of changing indices, of a sudden end, and of looking at
 * what was kept.
 *
 * A child works until it is killed with -9, or until the disk is full many times over.  After it
 * each document is what was acknowledged, whole, or what the call under way would have made of all
 * of them together; and the index is what its texts say.
 */
#include "tests/support/indices.h"
#include "tests/support/kit.h"

#include <ftw.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
	"usage: indices [--rounds N] [--full N] [--threads SECONDS] [--seed N]\n"
	"N rounds of kill -9 under changes, N of a full disk; then 8 readers beside\n"
	"the one who writes and the one who tends, for so long.\n";

enum { LIVE_US = 250000, FULL_DISK = 3 << 20, FULL_REFUSALS = 60, NEVER = 1 << 30, READERS = 8 };

static char dir[64];

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

static void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "indices: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; kept in %s\n", dir);
	exit(1);
}

/* ---- looking ---- */

struct look {
	struct rag *rag;
	struct state found;
	int64_t findings;
};

static void tell(void *arg, const struct rag_finding *f)
{
	struct look *l = arg;

	fprintf(stderr, "%s %.*s: %.*s\n", f->what, SPAN_ARGS(f->document), SPAN_ARGS(f->detail));
	l->findings++;
}

/* Its version, once it has proved to be whole. */
static int note(void *arg, const struct rag_document_info *info)
{
	struct look *l = arg;
	struct rag_document_info again;
	struct err err = ERR_INIT;
	struct arena arena;
	char expected[TEXT_MAX];
	struct span text;
	long number = strtol(info->name.ptr + 1, NULL, 10);
	int64_t version = info->mtime_us;
	size_t len = indices_text((int)number, version, expected);

	arena_init(&arena, 1 << 20);
	if (rag_document_get(l->rag, indices_tenant, indices_index, info->name, &arena, &again,
			     &text, &err) < 0)
		fail("%.*s: %s", SPAN_ARGS(info->name), err.message);
	if (!span_equal(text, span_of(expected, len)))
		fail("%.*s is not what version %lld was", SPAN_ARGS(info->name),
		     (long long)version);
	l->found.versions[number] = version;
	arena_clear(&arena);
	return 0;
}

static bool is_same(const struct state *a, const struct state *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static void look_at(struct ledger *l)
{
	const struct rag_options options = { .dir = dir };
	struct err err = ERR_INIT;
	struct look look = { .rag = rag_open(&options, &err) };

	if (!look.rag)
		fail("%s", err.message);
	if (rag_document_each(look.rag, indices_tenant, indices_index, SPAN_NONE, SPAN_NONE, -1,
			      note, &look, &err) < 0 &&
	    err.code != E_rag_index_not_found)
		fail("%s", err.message);
	if (!is_same(&look.found, &l->kept) &&
	    !(atomic_load(&l->is_asked) && is_same(&look.found, &l->asked))) {
		for (int i = 0; i < DOCUMENTS; i++)
			fprintf(stderr, "d%d: found %lld, kept %lld, asked %lld\n", i,
				(long long)look.found.versions[i], (long long)l->kept.versions[i],
				(long long)l->asked.versions[i]);
		fail("the documents are neither what was kept nor what was asked");
	}
	if (err.code == E_none &&
	    rag_check(look.rag, indices_tenant, indices_index, tell, NULL, &look, &err) < 0)
		fail("%s", err.message);
	if (look.findings > 0)
		fail("%lld findings", (long long)look.findings);
	l->kept = look.found;
	atomic_store(&l->is_asked, false);
	rag_close(look.rag);
}

/* In a process of its own: this one must not have the database open when it forks. */
static void look(struct ledger *l)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		look_at(l);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		exit(1);
}

/* ---- rounds ---- */

static pid_t start(struct ledger *l, int refusals)
{
	pid_t pid;

	l->seed = ((uint64_t)rand() << 32 | (uint64_t)rand()) | 1;
	pid = fork();
	if (pid == 0) {
		indices_work(dir, l, &(struct work_plan){ .refusals = refusals });
		_exit(atomic_load(&l->failed));
	}
	if (pid < 0)
		kit_fatal("fork: %s", strerrordesc_np(1));
	return pid;
}

static void kill_once(struct ledger *l)
{
	pid_t pid = start(l, NEVER);
	int status;

	usleep((useconds_t)(rand() % LIVE_US));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (atomic_load(&l->failed) || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail("a call failed: %s", l->message);
	look(l);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* The directory stays. */
static void empty(void)
{
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (mkdir(dir, 0700) < 0)
		kit_fatal("%s cannot be made again", dir);
}

static void forget(struct ledger *l)
{
	memset(l, 0, sizeof(*l));
}

/* False when nothing can be mounted. */
static bool fill_once(struct ledger *l)
{
	char size[32];
	pid_t pid;
	int status;

	forget(l);
	snprintf(size, sizeof(size), "size=%d,mode=700", FULL_DISK);
	if (mount("none", dir, "tmpfs", MS_NOSUID | MS_NODEV, size) < 0)
		return false;
	pid = start(l, FULL_REFUSALS);
	waitpid(pid, &status, 0);
	if (status != 0)
		fail("on a full disk: %s", l->message);
	if (atomic_load(&l->refused) == 0 || atomic_load(&l->calls) == 0)
		fail("the disk was not full");
	if (mount("none", dir, NULL, MS_REMOUNT, "size=64m") < 0)
		kit_fatal("the disk cannot be made larger");
	look(l);
	atomic_store(&l->refused, 0);
	kill_once(l); /* with room again it goes on */
	umount(dir);
	return true;
}

/* In this process: a sanitizer's report ends it. */
static void read_and_write(struct ledger *l, int64_t seconds)
{
	const struct work_plan plan = { .refusals = NEVER,
					.until_us = kit_now_us() + seconds * 1000000,
					.readers = READERS };

	forget(l);
	l->seed = ((uint64_t)rand() << 32 | (uint64_t)rand()) | 1;
	indices_work(dir, l, &plan);
	if (atomic_load(&l->failed))
		fail("%s", l->message);
	look_at(l);
	printf("threads: %lld s, %d readers, %lld questions, %lld hits, %lld calls that write, "
	       "none wrong\n",
	       (long long)seconds, READERS, (long long)l->questions, (long long)l->hits,
	       (long long)atomic_load(&l->calls));
}

static void run(struct ledger *l, int rounds, int full, int64_t seconds)
{
	for (int i = 0; i < rounds; i++)
		kill_once(l);
	printf("killed: %d rounds, %lld calls acknowledged, none missing\n", rounds,
	       (long long)atomic_load(&l->calls));
	int filled = 0;
	while (filled < full && fill_once(l))
		filled++;
	if (filled < full)
		printf("full disk: skipped, nothing can be mounted\n");
	else if (full > 0)
		printf("full disk: %d rounds, none missing\n", full);
	if (seconds > 0) {
		empty();
		read_and_write(l, seconds);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' },
						 { "full", required_argument, NULL, 'f' },
						 { "threads", required_argument, NULL, 't' },
						 { "seed", required_argument, NULL, 's' },
						 { NULL, 0, NULL, 0 } };
	unsigned seed = (unsigned)kit_now_us();
	int rounds = 20, full = 1, option;
	int64_t seconds = 0;
	struct ledger *l;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int64_t number = optarg ? kit_number(optarg, strlen(optarg)) : -1;

		if (number < 0)
			kit_fatal("%s", usage);
		if (option == 'r')
			rounds = (int)number;
		else if (option == 'f')
			full = (int)number;
		else if (option == 't')
			seconds = number;
		else
			seed = (unsigned)number;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed %u\n", seed);
	srand(seed);
	kit_keep_mounts();
	snprintf(dir, sizeof(dir), "/tmp/spass-indices-XXXXXX");
	l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!mkdtemp(dir) || l == MAP_FAILED)
		kit_fatal("no temporary directory, or no memory");
	run(l, rounds, full, seconds);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
