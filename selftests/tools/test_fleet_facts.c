// SPDX-License-Identifier: GPL-2.0
/*
 * The state of a node in a fleet, as "weft metrics" prints it. The records are made by the commands; /etc is the
 * test's own.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "fleet/folder.h"
#include "fleet/last.h"
#include "fleet/merge.h"
#include "host/host.h"
#include "support.h"

#define WORDS_MAX	24
#define BEGIN		1000000000
#define STATE		"/etc/fleets"
#define STORE		"store /etc/store admin-key /etc/admin "
#define OTHER		"store /etc/other admin-key /etc/other-admin "

static int no_link(struct weft_host *host, const char *name, struct weft_host_link *link)
{
	(void)host;
	(void)name;
	(void)link;
	return 0;
}

static struct weft_host host = { .link = no_link };

/* The clock of the next command. */
static time_t now = BEGIN;

/* Runs "weft @line" with the state in @state. Returns the standard output, for the caller to free. */
static char *run(const char *state, int want, const char *line)
{
	char *text = strdup(line), *rest = NULL, *word, *words[WORDS_MAX] = { "weft" }, *out;
	struct test_bench bench;
	int count = 1, status;

	for (word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	test_bench_start(&bench, "");
	bench.ctx.now = now;
	bench.ctx.host = &host;
	bench.ctx.state = state;
	bench.ctx.runtime = "/etc/run";
	status = weft_command_main(&bench.ctx, count, words);
	test_bench_flush(&bench);
	if (status != want) {
		printf("# weft %s: %d\n# %s\n", line, status, bench.err);
		test_bail("a command has another status");
	}
	out = strdup(bench.out);
	test_bench_end(&bench);
	free(text);
	return out;
}

static void run_only(const char *line)
{
	free(run(STATE, 0, line));
}

/* A text of the JSON object that the command prints. */
static char *run_json(const char *state, const char *line, const char *key)
{
	char *out = run(state, 0, line), *text;
	struct json_object *object = json_tokener_parse(out), *value = NULL;

	if (!json_object_object_get_ex(object, key, &value))
		test_bail("a key of JSON is missing");
	text = strdup(json_object_get_string(value));
	json_object_put(object);
	free(out);
	return text;
}

/* Adds the line of a bundle that contains @part to @text, with its newline. */
static void add_line(char **text, const char *bundle, const char *part)
{
	const char *begin = strstr(bundle, part), *end;
	char *longer;

	if (!begin)
		test_bail("a record is missing");
	while (begin != bundle && begin[-1] != '\n')
		begin--;
	end = strchr(begin, '\n');
	if (asprintf(&longer, "%s%.*s\n", *text ?: "", (int)(end - begin), begin) < 0)
		test_bail("no memory");
	free(*text);
	*text = longer;
}

/* As "weft fleet apply" does, without the interface. */
static void take_in(const char *text, bool ok, bool waits)
{
	struct weft_fleet_last last = { .time = now, .ok = ok, .waits = waits };
	struct weft_merge merge = { .now = now };
	struct weft_words problems = { };
	struct weft_folder folder;
	struct test_bench bench;
	bool changed = false;

	test_bench_start(&bench, "");
	bench.ctx.state = STATE;
	if (!weft_folder_read(&folder, &bench.ctx, "prod", WEFT_FOLDER_LOCKED) || !weft_folder_need(&folder) ||
	    !weft_fleet_merge(folder.fleet, text, strlen(text), &merge) || !weft_folder_write(&folder, &changed))
		test_bail("records cannot be taken in");
	if (waits && !weft_profile_words_add(&problems, "a problem with peer Zo\xc3\xab", 0))
		test_bail("no memory");
	weft_fleet_last_write(&folder, &last, &merge, &problems);
	weft_profile_words_free(&problems);
	weft_merge_free(&merge);
	weft_folder_free(&folder);
	test_bench_end(&bench);
}

static char *bundle(const char *store)
{
	char line[128];

	snprintf(line, sizeof(line), "fleet bundle store %s", store);
	/* On a controller that is no node: this node does not know the other admin key. */
	return run("/etc/none", 0, line);
}

/* Of fleet prod; the metric's name and the labels behind the fleet's, then the value. */
static void expect(const char *metrics, const char *name, const char *labels, const char *value)
{
	char line[256], title[300];

	snprintf(line, sizeof(line), "\n%s{fleet=\"prod\"%s} %s\n", name, labels, value);
	snprintf(title, sizeof(title), "%s%s is %s", name, labels, value);
	test_ok(strstr(metrics, line), title);
}

static void expect_refused(const char *metrics, const char *value)
{
	static const char * const reasons[] = { "form", "signature", "old", "revoked", "expired", "unknown" };
	char label[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		snprintf(label, sizeof(label), ",reason=\"%s\"", reasons[i]);
		expect(metrics, "weft_fleet_records_refused", label, value);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		test_bail("cannot write a file");
}

/* The identity of this node. */
static char *identity;

/* Admits ant, which is this node, with further words. */
static void admit_ant(const char *words)
{
	char line[512];

	snprintf(line, sizeof(line), "fleet admit " STORE "node ant identity %s address 10.7.0.1/24%s", identity, words);
	run_only(line);
}

/* A fleet of ant, and of bee, which has sent no hello. */
static void make_fleet(void)
{
	char line[512], *hello;
	char *admin = run_json(STATE, "-j fleet init prod " STORE "rotate-every 2592000 rotate-window 86400", "admin");

	snprintf(line, sizeof(line), "-j fleet hello prod node ant admins %s", admin);
	identity = run_json(STATE, line, "identity");
	admit_ant("");
	run_only("fleet admit " STORE "node bee identity " KEY_B " address 10.7.0.2/24");
	hello = run(STATE, 0, "fleet hello prod serial 1");
	write_file("/etc/hello", hello);
	run_only("fleet put store /etc/store from /etc/hello");
	free(hello);
	free(admin);
}

static void test_begin(void)
{
	char *metrics = run(STATE, 0, "metrics"), *first;

	expect(metrics, "weft_fleet_info", ",node=\"ant\"", "1");
	expect(metrics, "weft_fleet_in", "", "0");
	expect(metrics, "weft_fleet_epoch", "", "0");
	expect(metrics, "weft_fleet_nodes", "", "0");
	expect(metrics, "weft_fleet_last_apply_timestamp_seconds", "", "0");
	test_ok(!strstr(metrics, "weft_fleet_last_apply_success"), "no run has been yet");
	test_ok(!strstr(metrics, "weft_tunnel_configured{interface=\"prod\"}"), "the interface has no file yet");
	expect_refused(metrics, "0");
	free(metrics);
	first = bundle("/etc/store");
	now = BEGIN + 5000;
	take_in(first, true, false);
	write_file(STATE "/prod/prod.conf", "");
	metrics = run(STATE, 0, "metrics");
	expect(metrics, "weft_fleet_in", "", "1");
	expect(metrics, "weft_fleet_epoch", "", "1");
	expect(metrics, "weft_fleet_nodes", "", "2");
	expect(metrics, "weft_fleet_nodes_without_key", "", "1");
	expect(metrics, "weft_fleet_last_apply_timestamp_seconds", "", "1000005000");
	expect(metrics, "weft_fleet_last_apply_success", "", "1");
	expect(metrics, "weft_fleet_removals_waiting", "", "0");
	expect(metrics, "weft_fleet_problems", "", "0");
	expect(metrics, "weft_fleet_rotation_pending", "", "0");
	expect(metrics, "weft_fleet_key_age_seconds", "", "5000");
	expect(metrics, "weft_fleet_rotate_every_seconds", "", "2592000");
	expect(metrics, "weft_fleet_rotate_window_seconds", "", "86400");
	expect_refused(metrics, "0");
	test_ok(strstr(metrics, "\nweft_tunnel_configured{interface=\"prod\"} 1\n"), "the file beside the state counts as one");
	test_ok(!strstr(metrics, "=\"}") && !strstr(metrics, "=\","), "no key is printed");
	free(metrics);
	free(first);
}

/* One record for each reason. */
static void test_refused(void)
{
	char *before = bundle("/etc/store"), *after, *other, *dog, *text = strdup("not a record\n"), *metrics, line[256];
	char *admin = run_json(STATE, "-j fleet init prod " OTHER, "admin");

	run_only("fleet revoke " STORE "node bee");
	admit_ant(" prefix 10.9.0.0/24");
	after = bundle("/etc/store");
	take_in(after, true, false);
	metrics = run(STATE, 0, "metrics");
	expect(metrics, "weft_fleet_nodes", "", "1");
	/* A revocation has the present time for its epoch. */
	snprintf(line, sizeof(line), "%lld", (long long)now);
	expect(metrics, "weft_fleet_epoch", "", line);
	free(metrics);
	add_line(&text, before, "\"node\":\"ant\",\"serial\":1,\"admitted\"");
	add_line(&text, before, "\"node\":\"bee\"");
	run_only("fleet admit " OTHER "node cat identity " KEY_C " address 10.7.0.4/24");
	other = bundle("/etc/other");
	add_line(&text, other, "\"node\":\"cat\"");
	free(other);
	run_only("fleet admit " STORE "node eel identity " KEY_P " address 10.7.0.5/24 not-after 999");
	other = bundle("/etc/store");
	add_line(&text, other, "\"node\":\"eel\"");
	snprintf(line, sizeof(line), "fleet hello prod node dog admins %s serial 1", admin);
	dog = run("/etc/dog", 0, line);
	add_line(&text, dog, "\"node\":\"dog\"");
	take_in(text, false, true);
	metrics = run(STATE, 0, "metrics");
	expect_refused(metrics, "1");
	expect(metrics, "weft_fleet_last_apply_success", "", "0");
	expect(metrics, "weft_fleet_removals_waiting", "", "1");
	expect(metrics, "weft_fleet_problems", "", "1");
	free(metrics);
	metrics = run(STATE, 0, "fleet status prod");
	test_ok(strstr(metrics, "\nproblem: a problem with peer Zo\xc3\xab\n"), "status has the problem");
	free(metrics);
	take_in(after, true, false);
	metrics = run(STATE, 0, "metrics");
	expect_refused(metrics, "0");
	free(metrics);
	free(before);
	free(after);
	free(other);
	free(dog);
	free(text);
	free(admin);
}

static void test_revoked(void)
{
	char *metrics, *after;

	run_only("fleet revoke " STORE "node ant");
	after = bundle("/etc/store");
	take_in(after, false, false);
	metrics = run(STATE, 0, "metrics");
	expect(metrics, "weft_fleet_in", "", "0");
	expect(metrics, "weft_fleet_last_apply_success", "", "0");
	free(metrics);
	free(after);
}

static void test_rotation(void)
{
	char *metrics;

	run_only("fleet rotate prod announce id spring");
	metrics = run(STATE, 0, "metrics");
	expect(metrics, "weft_fleet_rotation_pending", "", "1");
	expect(metrics, "weft_fleet_key_age_seconds", "", "5000");
	expect(metrics, "weft_fleet_rotation_stuck", "", "0");
	expect(metrics, "weft_fleet_admission_over", "", "0");
	free(metrics);
	now = BEGIN + 5000 + 2 * 3600;
	metrics = run(STATE, 0, "metrics");
	expect(metrics, "weft_fleet_rotation_stuck", "", "1");
	expect(metrics, "weft_fleet_rotation_overdue", "", "0");
	free(metrics);
	now = BEGIN - 10;
	metrics = run(STATE, 0, "metrics");
	expect(metrics, "weft_fleet_key_age_seconds", "", "0");
	free(metrics);
}

/* A state that is damaged hides neither the other fleet nor the tunnels. */
static void test_damaged(void)
{
	char *admin = run_json(STATE, "-j fleet init zoo store /etc/zoo admin-key /etc/zoo-admin", "admin"), *metrics, line[128];

	snprintf(line, sizeof(line), "fleet hello zoo node ant admins %s", admin);
	run_only(line);
	metrics = run(STATE, 0, "metrics");
	snprintf(line, sizeof(line), "weft_fleet_epoch{fleet=\"prod\"} %lld\nweft_fleet_epoch{fleet=\"zoo\"} 0\n",
		 (long long)BEGIN + 5001);
	test_ok(strstr(metrics, line), "two fleets");
	free(metrics);
	metrics = run(STATE, 1, "metrics zoo");
	test_ok(strstr(metrics, "weft_fleet_epoch{fleet=\"zoo\"} 0\n") && !strstr(metrics, "prod"), "a named fleet alone");
	free(metrics);
	write_file(STATE "/prod/memory", "damaged\n");
	metrics = run(STATE, 1, "metrics");
	test_ok(strstr(metrics, "weft_module_loaded 1\n") && strstr(metrics, "weft_fleet_epoch{fleet=\"zoo\"} 0\n") &&
		!strstr(metrics, "fleet=\"prod\""), "a damaged state hides no other metrics");
	free(metrics);
	free(admin);
}

int main(void)
{
	if (!test_enter_etc()) {
		printf("1..0 # SKIP no namespace for an /etc of its own\n");
		return 4;
	}
	mkdir("/etc/store", 0700);
	mkdir("/etc/other", 0700);
	mkdir("/etc/zoo", 0700);
	make_fleet();
	test_begin();
	test_refused();
	test_rotation();
	test_revoked();
	test_damaged();
	free(identity);
	return test_end();
}
