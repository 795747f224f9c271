/* tests/unit/test_gateway.c - which gateway a command finds, which token it sends, what it leaves.
 */
#include "cmd/gateway.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "server/server.h"
#include "tests/support/tree.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char directory[] = "/tmp/spass-gateway-XXXXXX";
static struct cmd_globals *globals;

static int fresh(void **state)
{
	(void)state;
	unsetenv("SPASS_SERVER");
	unsetenv("SPASS_TOKEN");
	globals = mem_new(struct cmd_globals);
	return 0;
}

static int release(void **state)
{
	(void)state;
	mem_free(globals);
	return 0;
}

static void require_models(const struct gateway *gateway)
{
	const struct wire_target target = gateway_target(gateway, globals);
	struct wire *wire = wire_new(&target);
	struct err err = ERR_INIT;
	json_t *info = wire_get(wire, "/v1/info", NULL, &err);

	if (!info)
		fail_msg("%s", err.message);
	assert_true(json_array_size(json_object_get(info, "models")) > 0);
	json_decref(info);
	wire_free(wire);
}

static void bind_socket(const char *path, bool listening)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	if (listening)
		assert_int_equal(listen(fd, 1), 0);
	close(fd);
}

/* The number of a process that has ended. */
static pid_t dead_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return pid;
}

static void one_is_started_when_none_runs_and_leaves_nothing(void **state)
{
	struct err err = ERR_INIT;
	char *runtime = file_place(FILE_RUNTIME, ""), *name, *stale, *own;
	struct gateway *gateway;

	(void)state;
	assert_int_equal(file_make_dirs(runtime, &err), 0);
	name = mem_printf("embedded-%ld.sock", (long)dead_process());
	stale = file_place(FILE_RUNTIME, name);
	bind_socket(stale, false);

	gateway = gateway_find(globals, true, &err);
	if (!gateway)
		fail_msg("%s", err.message);
	assert_non_null(gateway->server);
	assert_non_null(gateway->token);
	assert_false(file_exists(stale));
	own = mem_strdup(gateway->target.unix_path);
	assert_true(file_exists(own));
	require_models(gateway);
	gateway_close(gateway);
	assert_false(file_exists(own));
	mem_free(runtime);
	mem_free(name);
	mem_free(stale);
	mem_free(own);
}

static void the_one_that_runs_is_found_with_its_token(void **state)
{
	char *path = gateway_socket(), *listen = mem_printf("unix:%s", path);
	const struct config_flag flags[] = { { "listen", listen },
					     { "workers", "1" },
					     { "log_level", "error" } };
	const struct server_source source = { .flags = flags, .flag_count = ARRAY_LEN(flags) };
	struct err err = ERR_INIT;
	struct server *server;
	struct gateway *gateway;

	(void)state;
	assert_false(gateway_answers(path));
	server = server_start(config_load(NULL, environ, flags, ARRAY_LEN(flags), &err), &source,
			      &err);
	if (!server)
		fail_msg("%s", err.message);
	assert_true(gateway_answers(path));
	gateway = gateway_find(globals, true, &err);
	assert_non_null(gateway);
	assert_null(gateway->server);
	assert_string_equal(gateway->target.unix_path, path);
	assert_string_equal(gateway->token, server_token(server));
	require_models(gateway);
	gateway_close(gateway);
	server_stop(server);
	assert_false(gateway_answers(path));
	mem_free(path);
	mem_free(listen);
}

static void none_is_started_for_a_command_that_wants_a_running_one(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_null(gateway_find(globals, false, &err));
	assert_int_equal(err.code, E_connect_failed);
}

static void a_socket_left_behind_is_not_a_gateway(void **state)
{
	char *path = gateway_socket();
	struct err err = ERR_INIT;

	(void)state;
	unlink(path);
	bind_socket(path, true);
	assert_false(gateway_answers(path));
	assert_null(gateway_find(globals, false, &err));
	assert_int_equal(err.code, E_connect_failed);
	unlink(path);
	mem_free(path);
}

static char *token_for(const char *server)
{
	struct err err = ERR_INIT;
	struct gateway *gateway;
	char *token;

	globals->server = server;
	gateway = gateway_find(globals, false, &err);
	if (!gateway)
		fail_msg("%s", err.message);
	token = gateway->token ? mem_strdup(gateway->token) : NULL;
	gateway_close(gateway);
	return token;
}

static void the_own_token_goes_to_this_machine_only(void **state)
{
	char *path = file_place(FILE_DATA, "token"), *parent = file_place(FILE_DATA, ""), *token,
	     *other = mem_printf("%s/other", directory);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(file_make_dirs(parent, &err), 0);
	assert_int_equal(file_write(path, SPAN_LIT("own\n"), &err), 0);
	assert_int_equal(file_write(other, SPAN_LIT("other\n"), &err), 0);

	assert_null(token_for("https://llm.example.org"));
	token = token_for("127.0.0.1:3000");
	assert_string_equal(token, "own");
	mem_free(token);
	setenv("SPASS_TOKEN", "given", 1);
	token = token_for("https://llm.example.org");
	assert_string_equal(token, "given");
	mem_free(token);
	globals->token_file = other;
	token = token_for("https://llm.example.org");
	assert_string_equal(token, "other");
	mem_free(token);
	globals->token_file = "/nowhere/token";
	globals->server = "127.0.0.1:3000";
	assert_null(gateway_find(globals, false, &err));
	mem_free(path);
	mem_free(parent);
	mem_free(other);
}

static void the_environment_names_one_unless_the_option_does(void **state)
{
	struct err err = ERR_INIT;
	struct gateway *gateway;

	(void)state;
	setenv("SPASS_SERVER", "http://a.example", 1);
	gateway = gateway_find(globals, true, &err);
	assert_string_equal(gateway->target.url, "http://a.example");
	gateway_close(gateway);
	globals->server = "http://b.example";
	gateway = gateway_find(globals, true, &err);
	assert_string_equal(gateway->target.url, "http://b.example");
	gateway_close(gateway);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_is_started_when_none_runs_and_leaves_nothing,
						fresh, release),
		cmocka_unit_test_setup_teardown(the_one_that_runs_is_found_with_its_token, fresh,
						release),
		cmocka_unit_test_setup_teardown(
			none_is_started_for_a_command_that_wants_a_running_one, fresh, release),
		cmocka_unit_test_setup_teardown(a_socket_left_behind_is_not_a_gateway, fresh,
						release),
		cmocka_unit_test_setup_teardown(the_own_token_goes_to_this_machine_only, fresh,
						release),
		cmocka_unit_test_setup_teardown(the_environment_names_one_unless_the_option_does,
						fresh, release),
	};
	static const char *const places[] = { "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
					      "HOME" };
	int failed;

	if (!mkdtemp(directory))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		setenv(places[i], directory, 1);
	unsetenv("SPASS_CONFIG");
	unsetenv("RUST_API_BEARER");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tree_remove(directory);
	return failed;
}
