// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <netdb.h>
#include <sched.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/config.h"
#include "conf/resolve.h"
#include "memory.h"
#include "model/format.h"
#include "support.h"

static unsigned int test_count;
static unsigned int test_failures;

void test_ok(bool good, const char *name)
{
	test_count++;
	test_failures += !good;
	printf("%sok %u - %s\n", good ? "" : "not ", test_count, name);
	fflush(stdout);
	if (!good && getenv("TEST_STOP"))
		exit(1);
}

static void test_show(const char *title, const char *text)
{
	const char *end;

	printf("#   %s:\n", title);
	for (; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		printf("#     |%.*s|\n", (int)(end - text), text);
	}
}

void test_text(const char *name, const char *got, const char *want)
{
	bool good = !strcmp(got, want);

	test_ok(good, name);
	if (good)
		return;
	test_show("wanted", want);
	test_show("got", got);
}

const char *test_empty_list(void)
{
	static char text[8];
	struct json_object *list = json_object_new_array();

	snprintf(text, sizeof(text), "%s\n",
		 json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED));
	json_object_put(list);
	return text;
}

int test_end(void)
{
	printf("1..%u\n", test_count);
	if (test_failures)
		printf("# %u of %u failed\n", test_failures, test_count);
	return test_failures || !test_count;
}

void test_bail(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static void test_describe_allowedips(FILE *out, const struct weft_peer *peer)
{
	const struct weft_allowedip *ip;

	for (ip = peer->allowedips; ip; ip = ip->next)
		fprintf(out, " %c%s/%u", ip->remove ? '-' : '+',
			weft_format_address(ip).chars, ip->cidr);
}

/* An endpoint implies one candidate; only others are printed. */
static bool test_candidates_follow(const struct weft_peer *peer)
{
	return peer->candidate_count == 1 &&
	       weft_model_endpoint_equal(&peer->candidates[0], &peer->endpoint);
}

/* Prints nothing for the values of a file without candidates. */
static void test_describe_candidates(FILE *out, const struct weft_peer *peer)
{
	bool update = peer->has & WEFT_PEER_UPDATE_ONLY;
	size_t i;

	if (peer->has & WEFT_PEER_HAS_CANDIDATES &&
	    !test_candidates_follow(peer) &&
	    (peer->candidate_count || update)) {
		fputs(" candidates", out);
		for (i = 0; i < peer->candidate_count; i++)
			fprintf(out, "%c%s", i ? ',' : '=',
				weft_format_endpoint(&peer->candidates[i]).chars);
	}
	if (peer->has & WEFT_PEER_HAS_ROAM && (!peer->roam || update))
		fprintf(out, " roam=%d", peer->roam);
}

static void test_describe_keys(FILE *out, const struct weft_peer *peer)
{
	if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
		fprintf(out, " next=%c", peer->next_public_key.bytes[0] ?: '0');
	if (peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY)
		fprintf(out, " previous=%c",
			peer->previous_public_key.bytes[0] ?: '0');
	if (peer->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY)
		fprintf(out, " next-psk=%c",
			peer->next_preshared_key.bytes[0] ?: '0');
	if (peer->has & WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY)
		fprintf(out, " previous-psk=%c",
			peer->previous_preshared_key.bytes[0] ?: '0');
	if (peer->has & WEFT_PEER_HAS_GRACE)
		fprintf(out, " grace=%u", peer->grace);
}

static void test_describe_peer(FILE *out, const struct weft_peer *peer)
{
	fprintf(out, "peer %c:", peer->public_key.bytes[0]);
	if (peer->has & WEFT_PEER_REMOVE)
		fputs(" remove", out);
	if (peer->has & WEFT_PEER_UPDATE_ONLY)
		fputs(" update-only", out);
	if (peer->has & WEFT_PEER_HAS_NAME)
		fprintf(out, " name='%s'", peer->name ?: "");
	if (peer->has & WEFT_PEER_EXCLUSIVE)
		fputs(" exclusive", out);
	if (peer->has & WEFT_PEER_FORGET_TIMESTAMP)
		fputs(" forget-timestamp", out);
	if (peer->has & WEFT_PEER_CONNECT)
		fputs(" connect", out);
	if (peer->has & WEFT_PEER_HAS_PRESHARED_KEY)
		fprintf(out, " psk=%c", peer->preshared_key.bytes[0] ?: '0');
	test_describe_keys(out, peer);
	if (peer->has & WEFT_PEER_HAS_KEEPALIVE)
		fprintf(out, " keepalive=%u", peer->keepalive);
	if (peer->endpoint.any.sa_family != AF_UNSPEC)
		fprintf(out, " endpoint=%s",
			weft_format_endpoint(&peer->endpoint).chars);
	test_describe_candidates(out, peer);
	if (peer->has & WEFT_PEER_REPLACE_ALLOWEDIPS)
		fputs(" replace-ips", out);
	test_describe_allowedips(out, peer);
	fputc('\n', out);
}

/* Prints of a whole file only the values that it sets. */
static void test_describe_binding(FILE *out, const struct weft_device *dev)
{
	bool replaces = dev->has & WEFT_DEVICE_REPLACE_PEERS;
	char text[INET6_ADDRSTRLEN];

	if (dev->has & WEFT_DEVICE_HAS_LISTEN_ADDRESS &&
	    (!replaces || weft_model_has_listen_address(dev))) {
		fprintf(out, " listen=%s", inet_ntop(AF_INET, &dev->listen4,
						     text, sizeof(text)));
		fprintf(out, ",%s", inet_ntop(AF_INET6, &dev->listen6, text,
					      sizeof(text)));
	}
	if (dev->has & WEFT_DEVICE_HAS_BIND_DEVICE &&
	    (!replaces || dev->bind_device[0]))
		fprintf(out, " bind='%s'", dev->bind_device);
}

char *test_describe(const struct weft_device *dev)
{
	const struct weft_peer *peer;
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		test_bail("no memory");
	fprintf(out, "%s:", dev->name);
	if (dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY)
		fprintf(out, " key=%c", dev->private_key.bytes[0] ?: '0');
	if (dev->has & WEFT_DEVICE_HAS_LISTEN_PORT)
		fprintf(out, " port=%u", dev->listen_port);
	if (dev->has & WEFT_DEVICE_HAS_FWMARK)
		fprintf(out, " fwmark=0x%x", dev->fwmark);
	if (dev->has & WEFT_DEVICE_HAS_PMTU)
		fprintf(out, " pmtu=%u", dev->pmtu);
	if (dev->has & WEFT_DEVICE_HAS_DSCP)
		fprintf(out, " dscp=%u", dev->dscp);
	test_describe_binding(out, dev);
	if (dev->has & WEFT_DEVICE_REPLACE_PEERS)
		fputs(" replace-peers", out);
	fputc('\n', out);
	for (peer = dev->peers; peer; peer = peer->next)
		test_describe_peer(out, peer);
	fclose(out);
	return text;
}

/* Turns a configuration into the state that the kernel would report. */
static void test_settle(struct weft_device *dev)
{
	struct weft_allowedip *ip;
	struct weft_peer *peer;

	dev->has &= ~WEFT_DEVICE_REPLACE_PEERS;
	if (dev->kind != WEFT_KIND_WEFT)
		dev->has &= ~(WEFT_DEVICE_HAS_LISTEN_ADDRESS |
			      WEFT_DEVICE_HAS_BIND_DEVICE);
	if (weft_key_is_zero(&dev->private_key))
		dev->has &= ~WEFT_DEVICE_HAS_PRIVATE_KEY;
	else if (weft_key_derive_public(&dev->public_key, &dev->private_key))
		dev->has |= WEFT_DEVICE_HAS_PUBLIC_KEY;
	for (peer = dev->peers; peer; peer = peer->next) {
		peer->has = WEFT_PEER_HAS_PUBLIC_KEY | WEFT_PEER_HAS_KEEPALIVE;
		if (dev->kind == WEFT_KIND_WEFT)
			peer->has |= WEFT_PEER_HAS_ROAM;
		if (peer->candidate_count)
			peer->has |= WEFT_PEER_HAS_CANDIDATES;
		if (peer->name)
			peer->has |= WEFT_PEER_HAS_NAME;
		if (!weft_key_is_zero(&peer->preshared_key))
			peer->has |= WEFT_PEER_HAS_PRESHARED_KEY;
		if (!weft_key_is_zero(&peer->next_public_key))
			peer->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
		if (!weft_key_is_zero(&peer->next_preshared_key))
			peer->has |= WEFT_PEER_HAS_NEXT_PRESHARED_KEY;
		for (ip = peer->allowedips; ip; ip = ip->next)
			weft_model_allowedip_mask(ip);
	}
}

static int test_bench_list(struct weft_backend *backend,
			   struct weft_link **list)
{
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));
	size_t i;

	*list = NULL;
	if (bench->fail_get) {
		snprintf(backend->error, sizeof(backend->error), "%s",
			 bench->fail_get);
		return -EPERM;
	}
	test_memory_spare();
	for (i = 0; bench->devices[i]; i++)
		weft_model_link_add(list, bench->devices[i]->name,
				    bench->devices[i]->kind);
	test_memory_spare_end();
	return 0;
}

static int test_bench_find(struct test_bench *bench, const char *name)
{
	int i;

	for (i = 0; bench->devices[i]; i++)
		if (!strcmp(bench->devices[i]->name, name))
			return i;
	snprintf(bench->backend.error, sizeof(bench->backend.error),
		 "No such device");
	return -ENODEV;
}

static struct weft_device *test_copy(const struct weft_device *from)
{
	struct weft_device *dev = weft_model_device_new(from->name);
	struct weft_allowedip *ip, *new_ip;
	struct weft_peer *peer, *new_peer;
	size_t i;

	*dev = *from;
	dev->peers = NULL;
	dev->last_peer = NULL;
	for (peer = from->peers; peer; peer = peer->next) {
		new_peer = weft_model_peer_add(dev);
		*new_peer = *peer;
		new_peer->next = NULL;
		if (peer->name)
			new_peer->name = strdup(peer->name);
		new_peer->candidates = NULL;
		new_peer->candidate_count = 0;
		for (i = 0; i < peer->candidate_count; i++)
			weft_model_candidate_add(new_peer, &peer->candidates[i]);
		new_peer->allowedips = NULL;
		new_peer->last_allowedip = NULL;
		for (ip = peer->allowedips; ip; ip = ip->next) {
			new_ip = weft_model_allowedip_add(new_peer);
			*new_ip = *ip;
			new_ip->next = NULL;
		}
	}
	return dev;
}

static int test_bench_get(struct weft_backend *backend, const char *name,
			  struct weft_device **dev)
{
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));
	int i = test_bench_find(bench, name);

	*dev = NULL;
	if (i < 0)
		return i;
	if (bench->fail_get ||
	    (bench->fail_name && !strcmp(bench->fail_name, name))) {
		snprintf(backend->error, sizeof(backend->error), "%s",
			 bench->fail_get ?: "the link is gone");
		return -EPERM;
	}
	test_memory_spare();
	*dev = test_copy(bench->devices[i]);
	test_memory_spare_end();
	return 0;
}

static int test_bench_set(struct weft_backend *backend,
			  const struct weft_device *dev)
{
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));
	int i = test_bench_find(bench, dev->name);

	if (i < 0)
		return i;
	if (bench->fail_set) {
		snprintf(backend->error, sizeof(backend->error), "%s",
			 bench->fail_set);
		return bench->fail_taken ? -EEXIST : -EINVAL;
	}
	free(bench->sent);
	bench->sent = test_describe(dev);
	return 0;
}

static int test_bench_rotate(struct weft_backend *backend, const char *name,
			     const struct weft_rotation *rotation)
{
	static const char * const actions[] = { "begin", "finish", "undo" };
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));
	int i = test_bench_find(bench, name);

	if (i < 0)
		return i;
	if (bench->fail_set) {
		snprintf(backend->error, sizeof(backend->error), "%s",
			 bench->fail_set);
		return -EINVAL;
	}
	free(bench->sent);
	if (asprintf(&bench->sent, "%s: %s key=%c grace=%u\n", name,
		     actions[rotation->action],
		     rotation->private_key.bytes[0] ?: '0',
		     rotation->grace) < 0)
		test_bail("no memory");
	return 0;
}

static int test_bench_watch(struct weft_backend *backend)
{
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));

	if (bench->fail_watch) {
		snprintf(backend->error, sizeof(backend->error), "%s",
			 bench->fail_watch);
		return -EPERM;
	}
	bench->watched++;
	return 0;
}

/* An event without a type stands for lost events. */
static int test_bench_next(struct weft_backend *backend,
			   struct weft_event *event, int timeout_ms)
{
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));

	(void)timeout_ms;
	if (!bench->event_count) {
		snprintf(backend->error, sizeof(backend->error), "no more");
		return bench->last;
	}
	bench->event_count--;
	*event = *bench->events++;
	return event->type ? 1 : -ENOBUFS;
}

static void test_bench_unwatch(struct weft_backend *backend)
{
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));

	bench->watched--;
}

/* Numeric addresses only: no test uses the network. */
static int test_lookup(const char *host, const char *port,
		       const struct addrinfo *hints, struct addrinfo **found)
{
	struct addrinfo numeric = *hints;

	numeric.ai_flags |= AI_NUMERICHOST;
	return getaddrinfo(host, port, &numeric, found);
}

static void test_pause(unsigned int us)
{
	(void)us;
	test_bail("an unexpected pause");
}

static int test_bench_loaded(struct weft_backend *backend)
{
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));

	if (!bench->fail_ready)
		return 0;
	snprintf(backend->error, sizeof(backend->error), "%s",
		 bench->fail_ready);
	return -EOPNOTSUPP;
}

static int test_bench_ready(struct weft_backend *backend)
{
	struct test_bench *bench = (struct test_bench *)
		((char *)backend - offsetof(struct test_bench, backend));

	bench->asked_ready++;
	return test_bench_loaded(backend);
}

void test_bench_start(struct test_bench *bench, const char *input)
{
	memset(bench, 0, sizeof(*bench));
	if (sodium_init() < 0)
		test_bail("no libsodium");
	bench->backend.ready = test_bench_ready;
	bench->backend.loaded = test_bench_loaded;
	bench->backend.list = test_bench_list;
	bench->backend.get = test_bench_get;
	bench->backend.set = test_bench_set;
	bench->backend.rotate = test_bench_rotate;
	bench->backend.watch = test_bench_watch;
	bench->backend.next = test_bench_next;
	bench->backend.unwatch = test_bench_unwatch;
	/* fmemopen() refuses a length of 0. */
	bench->ctx.in = *input ? fmemopen((char *)input, strlen(input), "r") :
				 fopen("/dev/null", "r");
	bench->ctx.out = open_memstream(&bench->out, &bench->out_len);
	bench->ctx.err = open_memstream(&bench->err, &bench->err_len);
	bench->ctx.backend = &bench->backend;
	bench->ctx.lookup = test_lookup;
	bench->ctx.release = freeaddrinfo;
	bench->ctx.pause = test_pause;
	bench->ctx.now = 1000000000;
	bench->ctx.state = "/etc/fleets";
	if (!bench->ctx.in || !bench->ctx.out || !bench->ctx.err)
		test_bail("no memory");
	bench->sent = strdup("");
	test_bench_flush(bench);
}

void test_bench_flush(struct test_bench *bench)
{
	fflush(bench->ctx.out);
	fflush(bench->ctx.err);
}

void test_bench_end(struct test_bench *bench)
{
	size_t i;

	fclose(bench->ctx.in);
	fclose(bench->ctx.out);
	fclose(bench->ctx.err);
	for (i = 0; i < ARRAY_SIZE(bench->devices); i++)
		weft_model_device_free(bench->devices[i]);
	free(bench->sent);
	free(bench->out);
	free(bench->err);
}

struct weft_device *test_device(const char *name, enum weft_kind kind,
				const char *conf)
{
	struct weft_device *dev;
	struct test_bench bench;
	char *text = strdup(conf);

	test_memory_spare();
	test_bench_start(&bench, "");
	dev = weft_config_parse(&bench.ctx, "test_device", text, name, true);
	if (!dev || !weft_resolve_device(&bench.ctx, "test_device", dev)) {
		test_bench_flush(&bench);
		test_bail(bench.err);
	}
	dev->kind = kind;
	test_settle(dev);
	free(text);
	test_bench_end(&bench);
	test_memory_spare_end();
	return dev;
}

static void test_put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (file) {
		fputs(text, file);
		fclose(file);
	}
}

bool test_enter_etc(void)
{
	char user[64], group[64];

	snprintf(user, sizeof(user), "0 %u 1", getuid());
	snprintf(group, sizeof(group), "0 %u 1", getgid());
	if (unshare(getuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS))
		return false;
	test_put("/proc/self/setgroups", "deny");
	test_put("/proc/self/uid_map", user);
	test_put("/proc/self/gid_map", group);
	return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mount("weft", "/etc", "tmpfs", 0, "mode=755") && !mkdir("/etc/weft", 0700);
}
