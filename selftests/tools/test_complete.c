// SPDX-License-Identifier: GPL-2.0
/* Completion: the words of an unfinished command line, and the candidates for the last one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "support.h"

#define WORDS_MAX	16

#define DEVICE_SETTINGS	"listen-port\nfwmark\nlisten-address\nbind-device\nprivate-key\npmtu\ndscp\n"
#define PEER_SETTINGS	"remove\npreshared-key\nendpoint\nroam\npersistent-keepalive\nallowed-ips\nexclusive\nname\nnext-public-key\nprevious-public-key\nnext-preshared-key\nprevious-preshared-key\ngrace\nforget-timestamp\n"

static const char wft0_conf[] =
	"[Interface]\nListenPort = 51820\nPrivateKey = " KEY_P "\n"
	"[Peer]\nPublicKey = " KEY_A "\nAllowedIPs = 10.0.0.1/32\n"
	"[Peer]\nPublicKey = " KEY_B "\nName = hub\n";
static const char wg0_conf[] = "[Interface]\nFwMark = 1\n";

/**
 * struct complete_case - one command line
 * @words: the words after the program's name; "''" is an empty one
 * @out: the candidates
 * @fail_get: reading an interface fails
 */
struct complete_case {
	const char *words;
	const char *out;
	const char *fail_get;
};

static const struct complete_case cases[] = {
	/* Commands. */
	{ "sh", "show\nshowconf\n" },
	{ "gen", "genkey\ngenpsk\n" },
	{ "frobnicate", "" },
	{ "help pub", "pubkey\n" },
	{ "frobnicate ''", "" },
	{ "genkey ''", "" },

	/* Interfaces, fields, files. */
	{ "show ''", "wft0\nwg0\nall\ninterfaces\n" },
	{ "show w", "wft0\nwg0\n" },
	{ "show wg", "wg0\n" },
	{ "show ''", "all\ninterfaces\n", .fail_get = "Operation not permitted" },
	{ "show wft0 p", "public-key\nprivate-key\npeers\npreshared-keys\npersistent-keepalive\nprevious-public-key\nprevious-keys\n" },
	{ "show wft0 du", "dump\n" },
	{ "show wft0 dump ''", "" },
	{ "showconf wg", "wg0\n" },
	{ "monitor w", "wft0\nwg0\n" },
	{ "top w", "wft0\nwg0\n" },
	{ "top wft0 ''", "batch\nevery\ncount\nsort\nreverse\nfilter\n" },
	{ "top wft0 batch e", "every\n" },
	{ "top wft0 every ''", "" },
	{ "top wft0 sort r", "rx\nrtt\n" },
	{ "top wft0 sort rx re", "reverse\n" },
	{ "wait w", "wft0\nwg0\n" },
	{ "wait wft0 ''", "peer\n" },
	{ "wait wft0 peer h", "hub\n" },
	{ "syncconf wft0 ''", "/\n" },
	{ "syncconf wft0 /etc/weft/w", "/\n" },

	{ "metrics ''", "wft0\nwg0\nwrite\npeers\n" },
	{ "metrics wg0 w", "wft0\nwg0\nwrite\n" },
	{ "metrics write ''", "/\n" },
	{ "metrics write f w", "wft0\nwg0\nwrite\n" },
	{ "metrics peers ''", "on\nkeys\noff\n" },
	{ "metrics write f peers o", "on\noff\n" },
	{ "metrics peers off w", "wft0\nwg0\nwrite\n" },

	/* Settings. */
	{ "set ''", "wft0\nwg0\n" },
	{ "set wft0 ''", DEVICE_SETTINGS "peer\n" },
	{ "set wft0 p", "private-key\npmtu\npeer\n" },
	{ "set wft0 pmtu ''", "on\noff\n" },
	{ "set wft0 dscp ''", "inherit\noff\n" },
	{ "set wft0 listen-port ''", "" },
	{ "set wft0 fwmark ''", "off\n" },
	{ "set wft0 private-key ''", "/\n" },
	{ "set wft0 nonsense ''", "" },
	{ "set wft0 listen-port 7 fw", "fwmark\n" },
	{ "set wft0 listen-address an", "any\n" },
	{ "set wft0 bind-device of", "off\n" },
	{ "set wft0 peer " KEY_A " roam ''", "on\noff\n" },
	{ "set wft0 peer ''", KEY_A "\nhub\n" KEY_B "\n" },
	{ "set wft0 peer h", "hub\n" },
	{ "set wft0 peer hub exc", "exclusive\n" },
	{ "set wft0 peer hub exclusive forg", "forget-timestamp\n" },
	{ "set wft0 peer Qk", KEY_B "\n" },
	{ "set wft0 peer ''", "", .fail_get = "Operation not permitted" },
	{ "set nope peer ''", "" },
	{ "set wft0 peer " KEY_A " ''", DEVICE_SETTINGS PEER_SETTINGS "peer\n" },
	{ "set wft0 peer " KEY_A " remove p", "private-key\npmtu\npreshared-key\npersistent-keepalive\nprevious-public-key\nprevious-preshared-key\npeer\n" },
	{ "set wft0 peer " KEY_A " persistent-keepalive o", "off\n" },
	{ "set wft0 peer " KEY_A " endpoint ''", "" },
	{ "set wft0 peer " KEY_A " allowed-ips ''", "" },

	{ "rotate ''", "wft0\nwg0\n" },
	{ "rotate wft0 ''", "private-key\ngrace\nfinish\nundo\n" },
	{ "rotate wft0 private-key ''", "/\n" },
	{ "rotate wft0 private-key FILE ''", "private-key\ngrace\n" },
	{ "rotate wft0 grace ''", "" },

	/* Fleets. */
	{ "flee", "fleet\n" },
	{ "fleet ''", "init\nadmit\nrevoke\nput\nbundle\nlist\nrender\nimport\nhello\napply\nstatus\nrotate\nrun\nleave\n" },
	{ "fleet re", "revoke\nrender\n" },
	{ "fleet nonsense ''", "" },
	{ "fleet apply ''", "prod\ntest\n" },
	{ "fleet status p", "prod\n" },
	{ "fleet status prod ''", "" },
	{ "fleet leave ''", "prod\ntest\n" },
	{ "fleet apply prod ''", "/\n" },
	{ "fleet rotate prod ''", "announce\nchange\nfinish\nundo\n" },
	{ "fleet rotate prod announce ''", "id\ngrace\n" },
	{ "fleet rotate prod announce id x ''", "grace\n" },
	{ "fleet rotate prod announce id ''", "" },
	{ "fleet run prod ''", "store\nuser\npsk\npsk-user\n" },
	{ "fleet init new s", "store\n" },
	{ "fleet init new store ''", "/\n" },
	{ "fleet init new store S topology ''", "mesh\nhub\ngroups\n" },
	{ "fleet init new store S topology hub ro", "rotate-every\nrotate-window\nrotate-grace\nrotate-order\n" },
	{ "fleet admit store S admin-key ''", "/\n" },
	{ "fleet admit store S admin-key K ''", "node\naddress\nidentity\npublic-key\nprefix\ngroups\nhub\nendpoint\nnot-after\ntrust\nfrom\n" },
	{ "fleet admit store S hub ''", "on\noff\n" },
	{ "fleet admit store S from ''", "/\n" },
	{ "fleet admit store S identity ''", "" },
	{ "fleet admit store S nonsense ''", "" },
	{ "fleet revoke store STORE node ''", "ant\n" },
	{ "fleet revoke store S node ''", "" },
	{ "fleet revoke node ''", "" },
	{ "fleet render store STORE ''", "node\ntrust\n" },
	{ "fleet put store S from ''", "/\n" },
	{ "fleet hello prod endpoint ''", "off\n" },
	{ "fleet hello prod endpoints-from publ", "public\n" },
	{ "fleet hello prod e", "endpoint\nendpoints-from\n" },
	{ "fleet hello prod private-key ''", "/\n" },

	/* Options of the unfinished line do not apply to "complete" itself. */
	{ "--help", "" },
	{ "show --help", "" },
};

/* Splits the words of a case, in a copy that the caller frees. */
static int split_words(char *text, char **words)
{
	char *rest = NULL, *word;
	int count = 2;

	words[0] = "weft";
	words[1] = "complete";
	for (word = strtok_r(text, " ", &rest); word && count < WORDS_MAX - 1;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = strcmp(word, "''") ? word : "";
	words[count] = NULL;
	return count;
}

/* Two fleets of this machine, a folder that is none, and a store with one node. */
static const char * const fleet_paths[] = {
	"prod/", "prod/self", "test/", "test/self", "none/", "STORE/", "STORE/node/", "STORE/node/ant",
};

static char folder[] = "/tmp/weft-complete-XXXXXX";

static void make_fleets(void)
{
	char path[128];
	FILE *file;
	size_t i;

	if (!mkdtemp(folder) || chdir(folder))
		abort();
	for (i = 0; i < ARRAY_SIZE(fleet_paths); i++) {
		snprintf(path, sizeof(path), "%s", fleet_paths[i]);
		if (path[strlen(path) - 1] == '/') {
			if (mkdir(path, 0700))
				abort();
			continue;
		}
		file = fopen(path, "w");
		if (!file || fclose(file))
			abort();
	}
}

static void remove_fleets(void)
{
	size_t i = ARRAY_SIZE(fleet_paths);

	while (i--)
		remove(fleet_paths[i]);
	rmdir(folder);
}

static void test_case(const struct complete_case *test)
{
	char *words[WORDS_MAX], *text = strdup(test->words), name[256];
	struct test_bench bench;
	int count, status;

	test_bench_start(&bench, "");
	bench.devices[0] = test_device("wft0", WEFT_KIND_WEFT, wft0_conf);
	bench.devices[1] = test_device("wg0", WEFT_KIND_WIREGUARD, wg0_conf);
	bench.fail_get = test->fail_get;
	bench.ctx.state = folder;
	count = split_words(text, words);
	status = weft_command_main(&bench.ctx, count, words);
	test_bench_flush(&bench);
	snprintf(name, sizeof(name), "%s: exit status", test->words);
	test_ok(!status, name);
	snprintf(name, sizeof(name), "%s: offers", test->words);
	test_text(name, bench.out, test->out);
	snprintf(name, sizeof(name), "%s: no messages on standard error", test->words);
	test_text(name, bench.err, "");
	test_bench_end(&bench);
	free(text);
}

static bool has_line(const char *text, const char *line)
{
	size_t length = strlen(line);

	while (text && *text) {
		if (!strncmp(text, line, length) && text[length] == '\n')
			return true;
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return false;
}

/* Every command of the table is a candidate for the first word. */
static void test_all_commands(void)
{
	char *words[] = { "weft", "complete", "", NULL };
	const struct weft_command *command;
	struct test_bench bench;

	test_bench_start(&bench, "");
	weft_command_main(&bench.ctx, 3, words);
	test_bench_flush(&bench);
	for (command = weft_commands; command->name; command++)
		test_ok(has_line(bench.out, command->name), command->name);
	test_bench_end(&bench);
}

int main(void)
{
	size_t i;

	make_fleets();
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		test_case(&cases[i]);
	remove_fleets();
	test_all_commands();
	return test_end();
}
