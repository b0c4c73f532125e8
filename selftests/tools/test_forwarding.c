// SPDX-License-Identifier: GPL-2.0
/* Forwarding: the settings that are switched, and each warning about a setting that prevents it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/forwarding.h"
#include "apply/journal.h"
#include "conf/profile.h"
#include "host/host.h"
#include "support.h"

/**
 * struct machine - the state of a fake host
 * @settings: "name=value" words, a blank after each
 * @chains: the output of nft -j list, NULL without nft
 * @chain: the output of nft for one chain
 * @asked: the arguments of the last call of nft
 * @written: the written settings
 * @fail: writing fails
 */
static struct machine {
	const char *settings;
	const char *chains;
	const char *chain;
	char asked[128];
	char written[256];
	bool fail;
} machine;

/* Abbreviates "/proc/sys/net/ipv4/conf/ut0/forwarding" to "ipv4/ut0/forwarding=". */
static const char *machine_short(const char *path, char *name, size_t size)
{
	const char *family = path + strlen("/proc/sys/net/");

	snprintf(name, size, "%.4s%s", family, strstr(path, "/conf/") + strlen("/conf"));
	return name;
}

static int machine_read(struct weft_host *host, const char *path,
			char **text)
{
	char name[64], word[80];
	const char *found;

	(void)host;
	snprintf(word, sizeof(word), "%s=", machine_short(path, name, sizeof(name)));
	found = strstr(machine.settings, word);
	if (!found)
		return -ENOENT;
	found += strlen(word);
	*text = strndup(found, strcspn(found, " "));
	return 0;
}

static int machine_run(struct weft_host *host,
		       const struct weft_program *program, char **output)
{
	size_t i;

	(void)host;
	machine.asked[0] = '\0';
	for (i = 0; program->words[i]; i++)
		snprintf(machine.asked + strlen(machine.asked),
			 sizeof(machine.asked) - strlen(machine.asked), "%s ", program->words[i]);
	if (!strcmp(machine.asked, "nft -j list chains ") && machine.chains)
		*output = strdup(machine.chains);
	else if (!strcmp(machine.asked, "nft list chain inet strict pass ") && machine.chain)
		*output = strdup(machine.chain);
	else
		return -ENOENT;
	return 0;
}

static int machine_change(struct weft_host *host,
			  const struct weft_change *change)
{
	char name[64];

	if (machine.fail) {
		snprintf(host->error, sizeof(host->error), "it is broken");
		return -EIO;
	}
	snprintf(machine.written + strlen(machine.written),
		 sizeof(machine.written) - strlen(machine.written), "%s=%s ",
		 machine_short(change->path, name, sizeof(name)), change->text);
	return 0;
}

struct scene {
	struct test_bench bench;
	struct weft_host host;
	struct weft_profile *profile;
	char *text;
};

static void scene_begin_named(struct scene *scene, const char *conf,
			      const char *name)
{
	memset(scene, 0, sizeof(*scene));
	test_bench_start(&scene->bench, "");
	scene->host.read = machine_read;
	scene->host.run = machine_run;
	scene->host.change = machine_change;
	scene->bench.ctx.host = &scene->host;
	if (asprintf(&scene->text, "[Interface]\n%s", conf) < 0)
		exit(1);
	scene->profile = weft_profile_parse(&scene->bench.ctx, "ut0.conf",
					    scene->text, name);
}

static void scene_begin(struct scene *scene, const char *conf)
{
	scene_begin_named(scene, conf, "ut0");
}

static void scene_end(struct scene *scene)
{
	weft_profile_free(scene->profile);
	test_bench_end(&scene->bench);
	free(scene->text);
}

#define ON	"Forwarding = on\nAddress = 10.0.0.1/24\n"
#define SIX	"Address = fd00::1/64\n"
#define NFT(hook, policy, name)	"{\"nftables\":[{\"metainfo\":{}},{\"table\":{\"family\":\"inet\"}}," \
	"{\"chain\":{\"family\":\"inet\",\"table\":\"strict\",\"name\":\"" name "\",\"hook\":\"" hook "\",\"policy\":\"" policy "\"}}]}"
#define CHAIN	"weft: warning: ut0: the firewall drops forwarded packets: chain 'pass' of nft table 'inet strict' has policy drop, and no rule for ut0\n"
#define RPF(table)	"weft: warning: ut0: rp_filter is strict, and with 'Table = " table "' it drops packets whose source has no route through the tunnel: sysctl -w net/ipv4/conf/ut0/rp_filter=2\n"
#define IP6	"weft: warning: ut0: IPv6 is not forwarded: net.ipv6.conf.all.forwarding is 0, and overrides the interface's own setting\n"

static const struct {
	const char *name;
	const char *conf;
	const char *settings;
	const char *chains;
	const char *chain;
	const char *err;
} warnings[] = {
	{ "no obstacles", ON SIX, "ipv6/all/forwarding=1 ", NULL, NULL, "" },
	{ "IPv6 of the whole machine", ON SIX, "ipv6/all/forwarding=0 ", NULL, NULL, IP6 },
	{ "IPv6 forced for the interface", ON SIX, "ipv6/all/forwarding=0 ipv6/ut0/force_forwarding=1 ", NULL, NULL, "" },
	{ "IPv6 not forced for the interface", ON SIX, "ipv6/all/forwarding=0 ipv6/ut0/force_forwarding=0 ", NULL, NULL, IP6 },
	{ "a host without IPv6", ON SIX, "", NULL, NULL, "" },
	{ "a file without IPv6", ON, "ipv6/all/forwarding=0 ", NULL, NULL, "" },
	{ "forwarding off in the file", "Forwarding = off\n" SIX, "ipv6/all/forwarding=0 ", NFT("forward", "drop", "pass"), "", "" },
	{ "forwarding not in the file", SIX, "ipv6/all/forwarding=0 ", NFT("forward", "drop", "pass"), "", "" },
	{ "a strict filter for all", ON "Table = off\n", "ipv4/all/rp_filter=1 ipv4/ut0/rp_filter=0 ", NULL, NULL, RPF("off") },
	{ "a strict filter for one", ON "Table = 7\n", "ipv4/all/rp_filter=0 ipv4/ut0/rp_filter=1 ", NULL, NULL, RPF("7") },
	{ "a loose filter for one", ON "Table = off\n", "ipv4/all/rp_filter=1 ipv4/ut0/rp_filter=2 ", NULL, NULL, "" },
	{ "a loose filter for all", ON "Table = off\n", "ipv4/all/rp_filter=2 ipv4/ut0/rp_filter=1 ", NULL, NULL, "" },
	{ "no filter", ON "Table = off\n", "ipv4/all/rp_filter=0 ipv4/ut0/rp_filter=0 ", NULL, NULL, "" },
	{ "a strict filter, and a route back", ON, "ipv4/all/rp_filter=1 ipv4/ut0/rp_filter=1 ", NULL, NULL, "" },
	{ "a strict filter, and a route back in the main table", ON "Table = 254\n", "ipv4/all/rp_filter=1 ipv4/ut0/rp_filter=1 ", NULL, NULL, "" },
	{ "a firewall", ON, "", NFT("forward", "drop", "pass"), "chain pass { }", CHAIN },
	{ "a firewall that names another interface", ON, "", NFT("forward", "drop", "pass"), "iifname \"ut01\" accept", CHAIN },
	{ "a firewall that names the interface", ON, "", NFT("forward", "drop", "pass"), "iifname \"ut0\" accept", "" },
	{ "a chain that cannot be listed", ON, "", NFT("forward", "drop", "pass"), NULL, CHAIN },
	{ "a chain of another hook", ON, "", NFT("input", "drop", "pass"), "", "" },
	{ "a chain that accepts", ON, "", NFT("forward", "accept", "pass"), "", "" },
	{ "a chain without a hook", ON, "", "{\"nftables\":[{\"chain\":{\"family\":\"inet\",\"name\":\"x\"}}]}", "", "" },
	{ "no list of nft's", ON, "", "{\"nftables\":7}", "", "" },
	{ "no JSON", ON, "", "xyz", "", "" },
	{ "all at once", ON SIX "Table = off\n", "ipv6/all/forwarding=0 ipv4/all/rp_filter=1 ", NFT("forward", "drop", "pass"), "",
	  IP6 RPF("off") CHAIN },
};

/* A dot of the name would be a separator, and an ampersand would end the command. */
static void test_warning_names(void)
{
	static const struct {
		const char *name;
		const char *word;
	} names[] = {
		{ "ut0.100", "net/ipv4/conf/ut0.100/rp_filter=2" },
		{ "ut&0", "'net/ipv4/conf/ut&0/rp_filter=2'" },
	};
	struct scene scene;
	char want[256];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		machine = (struct machine){ .settings = "ipv4/all/rp_filter=1 " };
		scene_begin_named(&scene, ON "Table = off\n", names[i].name);
		weft_forwarding_warn(&scene.bench.ctx, scene.profile);
		test_bench_flush(&scene.bench);
		snprintf(want, sizeof(want),
			 "weft: warning: %s: rp_filter is strict, and with 'Table = off' it drops packets whose source has no route through the tunnel: sysctl -w %s\n",
			 names[i].name, names[i].word);
		test_text(names[i].name, scene.bench.err, want);
		scene_end(&scene);
	}
}

static void test_warnings(void)
{
	struct scene scene;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(warnings); i++) {
		machine = (struct machine){
			.settings = warnings[i].settings,
			.chains = warnings[i].chains, .chain = warnings[i].chain,
		};
		scene_begin(&scene, warnings[i].conf);
		weft_forwarding_warn(&scene.bench.ctx, scene.profile);
		test_bench_flush(&scene.bench);
		test_text(warnings[i].name, scene.bench.err, warnings[i].err);
		scene_end(&scene);
	}
}

static const struct {
	const char *name;
	const char *conf;
	const char *settings;
	const char *written;
} switches[] = {
	{ "on", ON, "ipv4/ut0/forwarding=0 ipv6/ut0/forwarding=0 ipv6/ut0/force_forwarding=0 ",
	  "ipv4/ut0/forwarding=1 ipv6/ut0/forwarding=1 ipv6/ut0/force_forwarding=1 " },
	{ "already on", ON, "ipv4/ut0/forwarding=1 ipv6/ut0/forwarding=0 ", "ipv6/ut0/forwarding=1 " },
	{ "off", "Forwarding = off\n", "ipv4/ut0/forwarding=1 ipv6/ut0/forwarding=0 ", "ipv4/ut0/forwarding=0 " },
	{ "forwarding not in the file", SIX, "ipv4/ut0/forwarding=1 ipv6/ut0/forwarding=0 ", "" },
	{ "without an effect", ON, "", "" },
};

static void test_switches(void)
{
	struct weft_journal journal;
	struct scene scene;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(switches); i++) {
		machine = (struct machine){ .settings = switches[i].settings };
		scene_begin(&scene, switches[i].conf);
		journal = (struct weft_journal){ .ctx = &scene.bench.ctx, .name = "ut0" };
		test_ok(weft_forwarding_apply(&scene.bench.ctx, scene.profile, &journal),
			switches[i].name);
		test_text("the written settings", machine.written, switches[i].written);
		weft_journal_free(&journal);
		scene_end(&scene);
	}
	machine = (struct machine){ .settings = "ipv4/ut0/forwarding=0 ", .fail = true };
	scene_begin(&scene, ON);
	journal = (struct weft_journal){ .ctx = &scene.bench.ctx, .name = "ut0" };
	test_ok(!weft_forwarding_apply(&scene.bench.ctx, scene.profile, &journal),
		"a setting that cannot be written");
	test_bench_flush(&scene.bench);
	test_ok(strstr(scene.bench.err, ": it is broken\n"), "the error names it");
	weft_journal_free(&journal);
	scene_end(&scene);
}

int main(void)
{
	test_warnings();
	test_warning_names();
	test_switches();
	return test_end();
}
