/*
 * tests/support/durable_main.c - rounds of writing, of the gateway's sudden end, and of looking at
 * what was kept.
 *
 * A memory holds a number that its client raises: after the end it is at least the last that was
 * acknowledged and at most the last that was sent.  A turn of a conversation that was answered is
 * there with its answer.  `spass db verify` finds nothing wrong.
 */
#include "tests/support/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
	"usage: durable --spass PATH [--rounds N] [--full N] [--clients N] [--seed N]\n"
	"N rounds of kill -9 under writing, N of a full disk, and one of a read-only database.\n";

enum {
	LIVE_US = 250000,      /* longest life under writing */
	FULL_DISK = 2 << 20,   /* bytes */
	FULL_REFUSALS = 50,    /* writes that fail before the end comes */
	FULL_US = 20000000,
};

static void fail(struct durable *d, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

static void fail(struct durable *d, const char *format, ...)
{
	va_list args;

	if (d->pid > 0)
		gateway_end(d, SIGKILL);
	gateway_show_log(d);
	fprintf(stderr, "durable: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; kept in %s\n", d->dir);
	exit(1);
}

/* ---- looking ---- */

/* The first column of the first row as a number; -1: no row. */
static int64_t ask(struct durable *d, sqlite3 *db, const char *sql, const char *text,
		   const char *other)
{
	sqlite3_stmt *st = NULL;
	int64_t value = -1;
	int code = sqlite3_prepare_v2(db, sql, -1, &st, NULL);

	if (code == SQLITE_OK) {
		sqlite3_bind_text(st, 1, text, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, other, -1, SQLITE_STATIC);
		code = sqlite3_step(st);
	}
	if (code == SQLITE_ROW)
		value = sqlite3_column_int64(st, 0);
	else if (code != SQLITE_DONE)
		fail(d, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_finalize(st);
	return value;
}

static void look_at_memory(struct durable *d, sqlite3 *db, struct client *c)
{
	char name[32];
	int64_t kept;

	snprintf(name, sizeof name, "client%d", c->number);
	kept = ask(d, db, "SELECT CAST(content AS INTEGER) FROM memory WHERE name = ?1", name, NULL);
	if (kept < 0)
		kept = 0;
	if (kept < c->acked)
		fail(d, "the memory of %s has %lld, but %lld was acknowledged", name,
		     (long long)kept, (long long)c->acked);
	if (kept > c->sent)
		fail(d, "the memory of %s has %lld, but %lld was the last to be sent", name,
		     (long long)kept, (long long)c->sent);
}

static void look_at_turns(struct durable *d, sqlite3 *db, struct client *c)
{
	for (size_t i = 0; i < c->turn_count; i++) {
		char text[64];
		int64_t found;

		snprintf(text, sizeof text, "client %d says %lld", c->number,
			 (long long)c->turns[i]);
		found = ask(d, db,
			    "SELECT count(*) FROM conversation AS c"
			    " JOIN message AS q ON q.conversation = c.number"
			    " JOIN message AS a ON a.number = q.number + 1 AND a.conversation = c.number AND a.seq = q.seq + 1"
			    " WHERE c.id = ?1 AND q.role = 'user' AND q.text = ?2"
			    " AND a.role = 'assistant' AND length(a.text) > 0",
			    c->conversation, text);
		if (found != 1)
			fail(d, "\"%s\" was answered and is %s", text,
			     found == 0 ? "not there" : "there more than once");
	}
}

static void look(struct durable *d)
{
	static const char *const verify[] = { "db", "verify", NULL };
	char *path = kit_printf("%s/spass.db", d->data);
	int status = gateway_run(d, verify);
	sqlite3 *db = NULL;
	int64_t rows;

	if (status != 0)
		fail(d, "spass db verify ended with %d", status);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		fail(d, "%s: %s", path, sqlite3_errmsg(db));
	sqlite3_busy_timeout(db, 10000);
	for (int i = 0; i < d->client_count; i++) {
		look_at_memory(d, db, &d->clients[i]);
		look_at_turns(d, db, &d->clients[i]);
	}
	rows = ask(d, db, "SELECT count(*) FROM usage", NULL, NULL);
	if (rows < d->usage_rows)
		fail(d, "%lld usage rows became %lld", (long long)d->usage_rows, (long long)rows);
	d->usage_rows = rows;
	sqlite3_close(db);
	free(path);
}

/* ---- rounds ---- */

static void start(struct durable *d)
{
	if (!gateway_start(d))
		fail(d, "the gateway has ended at its start");
}

/* Every other time what was kept is looked at through the next gateway's recovery. */
static void kill_once(struct durable *d, int round)
{
	start(d);
	if (round % 2 == 1)
		look(d);
	clients_start(d);
	usleep((useconds_t)(rand() % LIVE_US));
	gateway_end(d, SIGKILL);
	clients_join(d);
	if (round % 2 == 1)
		look(d);
}

static void kill_rounds(struct durable *d, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		kill_once(d, i);
		if (isatty(STDERR_FILENO))
			fprintf(stderr, "\r%d of %d", i + 1, rounds);
	}
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	start(d);
	look(d);
	gateway_end(d, SIGTERM);
	look(d);
	printf("killed: %d rounds, %lld writes acknowledged, none missing\n", rounds,
	       (long long)atomic_load(&d->answered));
}

static bool mount_data(struct durable *d, const char *options)
{
	return mount("none", d->data, "tmpfs", MS_NOSUID | MS_NODEV, options) == 0;
}

static void forget(struct durable *d)
{
	for (int i = 0; i < d->client_count; i++)
		d->clients[i].sent = d->clients[i].acked = 0;
	atomic_store(&d->answered, 0);
	atomic_store(&d->refused, 0);
	d->usage_rows = 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void empty_data(struct durable *d)
{
	forget(d);
	nftw(d->data, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	if (mkdir(d->data, 0700) < 0)
		kit_fatal("%s: %s", d->data, strerrordesc_np(errno));
}

/* Writes until the disk is full and many were refused; then the end, by either signal. */
static void fill_once(struct durable *d, int round)
{
	char size[32];
	bool mounted;
	int64_t until = kit_now_us() + FULL_US;

	empty_data(d);
	snprintf(size, sizeof size, "size=%d,mode=700", FULL_DISK);
	mounted = mount_data(d, size);
	d->file_max = mounted ? 0 : FULL_DISK / 2;
	start(d);
	clients_start(d);
	while (atomic_load(&d->refused) < FULL_REFUSALS && kit_now_us() < until)
		usleep(10000);
	if (client_ask(d, "GET", "/v1/models", NULL, NULL, NULL) != 200)
		fail(d, "with a full disk the gateway does not answer what needs none");
	atomic_store(&d->stop, true);
	if (round % 2 == 0)
		gateway_end(d, SIGKILL);
	clients_join(d);
	if (round % 2 == 1 && gateway_end(d, SIGTERM) != 0)
		fail(d, "with a full disk the gateway does not end with status 0");
	if (atomic_load(&d->refused) == 0 || atomic_load(&d->answered) == 0)
		fail(d, "%lld writes were taken and %lld refused: the disk was not full",
		     (long long)atomic_load(&d->answered), (long long)atomic_load(&d->refused));
	d->file_max = 0;
	if (mounted && mount("none", d->data, NULL, MS_REMOUNT, "size=64m") < 0)
		kit_fatal("remount: %s", strerrordesc_np(errno));
	look(d);
	kill_once(d, 1); /* with room again it goes on */
	if (mounted)
		umount(d->data);
}

static void full_rounds(struct durable *d, int rounds)
{
	for (int i = 0; i < rounds; i++)
		fill_once(d, i);
	printf("full disk: %d rounds, none missing\n", rounds);
}

/* A gateway does not start on what it cannot write, and leaves it as it is. */
static void read_only(struct durable *d)
{
	char *path = kit_printf("%s/spass.db", d->data);

	empty_data(d);
	if (geteuid() == 0 && !mount_data(d, "size=64m,mode=700")) {
		printf("read-only: skipped, root may write everywhere and nothing can be mounted\n");
		free(path);
		return;
	}
	kill_once(d, 0);
	if (geteuid() == 0) {
		if (mount("none", d->data, NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
			kit_fatal("remount: %s", strerrordesc_np(errno));
	} else if (chmod(path, 0400) < 0 || chmod(d->data, 0500) < 0) {
		kit_fatal("%s: %s", path, strerrordesc_np(errno));
	}
	if (gateway_start(d))
		fail(d, "the gateway starts on a read-only database");
	if (geteuid() == 0) {
		if (mount("none", d->data, NULL, MS_REMOUNT, NULL) < 0)
			kit_fatal("remount: %s", strerrordesc_np(errno));
	} else if (chmod(d->data, 0700) < 0 || chmod(path, 0600) < 0) {
		kit_fatal("%s: %s", path, strerrordesc_np(errno));
	}
	look(d);
	kill_once(d, 1);
	if (geteuid() == 0)
		umount(d->data);
	printf("read-only: refused, none missing\n");
	free(path);
}

static void make_dirs(struct durable *d)
{
	char template[] = "/tmp/spass-durable.XXXXXX";

	if (!mkdtemp(template))
		kit_fatal("no temporary directory: %s", strerrordesc_np(errno));
	d->dir = kit_strdup(template);
	d->data = kit_printf("%s/data", d->dir);
	d->socket = kit_printf("%s/socket", d->dir);
	if (mkdir(d->data, 0700) < 0)
		kit_fatal("%s: %s", d->data, strerrordesc_np(errno));
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "spass", required_argument, NULL, 'p' },   { "rounds", required_argument, NULL, 'r' },
		{ "full", required_argument, NULL, 'f' },    { "clients", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },    { NULL, 0, NULL, 0 },
	};
	static struct durable d = { .client_count = 8 };
	unsigned seed = (unsigned)kit_now_us();
	int rounds = 10, full = 2, option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int64_t number = optarg ? kit_number(optarg, strlen(optarg)) : -1;

		if (option == 'p')
			d.spass = optarg;
		else if (option == '?' || number < 0 || (option == 'c' && number > CLIENTS_MAX))
			kit_fatal("%s", usage);
		else if (option == 'r')
			rounds = (int)number;
		else if (option == 'f')
			full = (int)number;
		else if (option == 'c')
			d.client_count = (int)number;
		else
			seed = (unsigned)number;
	}
	if (!d.spass)
		kit_fatal("%s", usage);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed %u\n", seed);
	srand(seed);
	kit_keep_mounts();
	make_dirs(&d);
	kill_rounds(&d, rounds);
	if (full > 0)
		full_rounds(&d, full);
	read_only(&d);
	nftw(d.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
