/* cmd/cmd_version.c - spass version: the program's, and with -v what it was built with. */
#include "cmd/cmd.h"

#include "common/base/mem.h"

#include <curl/curl.h>
#include <ev.h>
#include <libwebsockets.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <yaml.h>
#include <zlib.h>

static json_t *libraries(void)
{
	json_t *all = json_object();
	char ev[32];

	snprintf(ev, sizeof ev, "%d.%d", ev_version_major(), ev_version_minor());
	json_object_set_new(all, "libwebsockets", json_string(lws_get_library_version()));
	json_object_set_new(all, "libcurl",
			    json_string(curl_version_info(CURLVERSION_NOW)->version));
	json_object_set_new(all, "libev", json_string(ev));
	json_object_set_new(all, "jansson", json_string(jansson_version_str()));
	json_object_set_new(all, "sqlite", json_string(sqlite3_libversion()));
	json_object_set_new(all, "libyaml", json_string(yaml_get_version_string()));
	json_object_set_new(all, "openssl", json_string(OpenSSL_version(OPENSSL_VERSION_STRING)));
	json_object_set_new(all, "zlib", json_string(zlibVersion()));
	return all;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	json_t *all = libraries(), *version;
	const char *name;

	(void)argc, (void)argv, (void)err;
	if (g->json) {
		cmd_print_json_take(json_pack("{s:i,s:s,s:o}", "schema_version", 1, "version",
					      SPASS_VERSION, "libraries", all));
		return 0;
	}
	puts("spass " SPASS_VERSION);
	if (g->verbose) {
		json_object_foreach(all, name, version)
			printf("%s %s\n", name, json_string_value(version));
	}
	json_decref(all);
	return 0;
}

static const struct cmd_example examples[] = {
	{ "spass version -v", "The versions of the libraries too, for a report of a fault." },
	{ NULL, NULL },
};

const struct cmd cmd_version = {
	.name = "version",
	.summary = "Show the version",
	.flags = CMD_JSON | CMD_VERBOSE,
	.examples = examples,
	.run = run,
};
