// SPDX-License-Identifier: GPL-2.0
/*
 * A model and the present interface: peers keep older keys while they change them, those
 * that the fleet did not make stay, and those that it made go once their node has gone.
 *
 *   this node is ant (identity a, tunnel key t); bee (b, u), cat (c, v), dog (d, w)
 */
#include <sodium.h>

#include "apply/sync.h"
#include "conf/setting.h"
#include "fleet.h"
#include "fleet/settle.h"
#include "model/format.h"
#include "memory.h"
#include "support.h"

static struct weft_fleet *fleet;
static struct fleet_text text;

static void take(void)
{
	struct weft_merge merge = { };

	if (!weft_fleet_merge(fleet, text.chars, text.len, &merge) || merge.refused_count)
		test_bail("the test's own records are refused");
	weft_merge_free(&merge);
	fleet_clear(&text);
}

static void begin(void)
{
	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	fleet_node(&text, 'A', "bee", 1, 1, 'b', "10.7.0.2", ",\"prefixes\":[\"10.9.2.0/24\"]");
	fleet_node(&text, 'A', "cat", 1, 1, 'c', "10.7.0.3", "");
	fleet_hello(&text, 'b', "bee", 1, 1, 'u', "");
	fleet_hello(&text, 'c', "cat", 1, 1, 'v', "");
	take();
}

/* "u" for the tunnel key of that letter, otherwise the start of the key. */
static const char *letter_of(const struct weft_key *key)
{
	static char letter[4][8];
	static unsigned int used;
	struct weft_key one;
	char *to = letter[used++ % 4];
	char i;

	for (i = 'a'; i <= 'z'; i++) {
		one = fleet_tunnel(i);
		if (weft_key_equal(&one, key)) {
			snprintf(to, sizeof(letter[0]), "%c", i);
			return to;
		}
	}
	snprintf(to, sizeof(letter[0]), "%.4s", weft_key_encode(key).chars);
	return to;
}

/* A line for each peer: its name, its key, a next key; "-" in front of one that goes. */
static void describe_peer(FILE *out, const struct weft_peer *peer)
{
	const struct weft_allowedip *ip;

	fprintf(out, "%s%s %s", peer->has & WEFT_PEER_REMOVE ? "-" : "", peer->name ?: "",
		letter_of(&peer->public_key));
	if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY)
		fprintf(out, ">%s", letter_of(&peer->next_public_key));
	for (ip = peer->allowedips; ip; ip = ip->next)
		fprintf(out, " %s/%u", weft_format_address(ip).chars, ip->cidr);
	fputc('\n', out);
}

/* Fits the model to an interface, which may be NULL; ends with "OURS", "much", and problems. */
static const char *settle(const struct weft_device *have)
{
	const struct weft_fleet_own own = { .node = "ant" };
	static char outcome[4096];
	struct weft_fleet_model model;
	struct weft_settle result;
	struct weft_refusal why;
	struct weft_peer *peer;
	FILE *out = fmemopen(outcome, sizeof(outcome), "w");
	size_t i;

	if (!weft_fleet_model(fleet, &own, &model, &why))
		test_bail(why.text);
	if (!weft_settle(fleet, &model, have, &result) || !weft_settle_remove(&model, &result, result.gone.count))
		test_bail("no memory");
	for (peer = model.profile->dev->peers; peer; peer = peer->next)
		describe_peer(out, peer);
	fprintf(out, "%zu%s\n", result.ours, weft_settle_is_much(&result) ? " much" : "");
	for (i = 0; i < model.problems.count; i++)
		fprintf(out, "%s\n", model.problems.items[i].text);
	fclose(out);
	weft_settle_free(&result);
	weft_fleet_model_free(&model);
	return outcome;
}

static struct weft_device *device(enum weft_kind kind)
{
	struct weft_device *dev = weft_model_device_new("prod");

	dev->kind = kind;
	return dev;
}

static struct weft_peer *add_peer(struct weft_device *dev, char letter, const char *name)
{
	struct weft_peer *peer = weft_model_peer_add(dev);

	peer->public_key = fleet_tunnel(letter);
	peer->has = WEFT_PEER_HAS_PUBLIC_KEY;
	peer->name = name ? strdup(name) : NULL;
	return peer;
}

static void add_prefix(struct weft_peer *peer, const char *prefix)
{
	struct weft_allowedip *ip = weft_model_allowedip_add(peer);
	char *copy = strdup(prefix);

	if (!weft_setting_prefix(copy, ip))
		test_bail("a prefix of the test");
	free(copy);
}

#define BOTH	"bee u 10.7.0.2/32 10.9.2.0/24\ncat v 10.7.0.3/32\n"

/* The interface as the fleet has made it. */
static struct weft_device *settled(enum weft_kind kind)
{
	struct weft_device *dev = device(kind);

	begin();
	settle(NULL);
	add_peer(dev, 'u', "bee");
	add_peer(dev, 'v', "cat");
	return dev;
}

static void check_plain(void)
{
	struct weft_device *dev;

	begin();
	test_text("no interface yet", settle(NULL), BOTH "0\n");
	dev = settled(WEFT_KIND_WEFT);
	test_text("the interface as it was made", settle(dev), BOTH "2\n");
	test_text("... and once more", settle(dev), BOTH "2\n");
	weft_model_device_free(dev);
}

/* A rotation that this machine has missed. */
static void check_older(void)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);

	fleet_hello(&text, 'b', "bee", 1, 2, 'x', "");
	take();
	test_text("a missed rotation: the older key stays, the new one is next", settle(dev),
		  "bee u>x 10.7.0.2/32 10.9.2.0/24\ncat v 10.7.0.3/32\n2\n");
	fleet_hello(&text, 'b', "bee", 1, 3, 'y', "");
	take();
	test_text("two missed rotations", settle(dev),
		  "bee u>y 10.7.0.2/32 10.9.2.0/24\ncat v 10.7.0.3/32\n2\n");
	weft_model_device_free(dev);
	dev = settled(WEFT_KIND_WIREGUARD);
	fleet_hello(&text, 'b', "bee", 1, 2, 'x', "");
	take();
	test_text("a wireguard link takes no next key", settle(dev),
		  "bee x 10.7.0.2/32 10.9.2.0/24\ncat v 10.7.0.3/32\n- u\n2\n");
	weft_model_device_free(dev);
}

/* The tunnel key of a node that was stolen must not survive its re-admission. */
static void check_readmission(bool revoked)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);
	const char *how = revoked ? "revoked and admitted anew: the former key goes" :
				    "admitted with another identity: the former key goes";

	if (revoked)
		fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	fleet_node(&text, 'A', "bee", 2, 2, 'd', "10.7.0.2", "");
	fleet_hello(&text, 'd', "bee", 2, 1, 'x', "");
	take();
	test_text(how, settle(dev), "bee x 10.7.0.2/32\ncat v 10.7.0.3/32\n- u\n2\n");
	test_text("... while it is still there", settle(dev), "bee x 10.7.0.2/32\ncat v 10.7.0.3/32\n- u\n2\n");
	weft_model_device_free(dev);
}

/* A revoked node changes over to a key that it has announced, while its removal waits. */
static void check_follow(void)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);
	struct weft_peer *bee = dev->peers;

	bee->next_public_key = fleet_tunnel('x');
	bee->has |= WEFT_PEER_HAS_NEXT_PUBLIC_KEY;
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	take();
	test_text("a revoked node is to go", settle(dev), "cat v 10.7.0.3/32\n- u\n2\n");
	bee->previous_public_key = bee->public_key;
	bee->public_key = bee->next_public_key;
	bee->has ^= WEFT_PEER_HAS_NEXT_PUBLIC_KEY | WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY;
	test_text("... under its next key", settle(dev), "cat v 10.7.0.3/32\n- x\n2\n");
	bee->has ^= WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY;
	test_text("... and after its grace", settle(dev), "cat v 10.7.0.3/32\n- x\n2\n");
	weft_model_device_free(dev);
}

/* Two nodes that work together: one lends its key to the other. */
static void announce_lent(const char *node, char identity, char tunnel, unsigned int number, char lent)
{
	const struct weft_key seed = fleet_seed(lent), key = fleet_tunnel(lent);
	char proof[256], more[512];

	fleet_proof_text(proof, sizeof(proof), &seed, node);
	snprintf(more, sizeof(more), ",\"next_public_key\":\"%s\",\"next_proof\":%s", weft_key_encode(&key).chars, proof);
	fleet_hello(&text, identity, node, 1, number, tunnel, more);
}

/* The kernel would refuse a next key that another peer has, and with it all that is sent at once. */
static void check_lent_next(void)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);
	char wanted[512];

	announce_lent("cat", 'c', 'v', 2, 'u');
	take();
	settle(dev);
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	take();
	snprintf(wanted, sizeof(wanted),
		 "cat v 10.7.0.3/32\n- u\n2\nnode cat announces a key that peer bee of the interface has: it does not get that key yet\n");
	test_text("a revoked node goes, also where another node announces its key", settle(dev), wanted);
	weft_model_device_free(dev);
	dev = device(WEFT_KIND_WEFT);
	add_peer(dev, 'v', "cat");
	test_text("... which is free after that", settle(dev), "cat v>u 10.7.0.3/32\n1\n");
	weft_model_device_free(dev);
	dev = settled(WEFT_KIND_WEFT);
	fleet_hello(&text, 'b', "bee", 1, 2, 'x', "");
	announce_lent("cat", 'c', 'v', 2, 'u');
	take();
	test_text("a key that a node leaves to another one is not kept", settle(dev),
		  "bee x 10.7.0.2/32 10.9.2.0/24\ncat v 10.7.0.3/32\n- u\n2\n"
		  "node cat announces a key that peer bee of the interface has: it does not get that key yet\n");
	weft_model_device_free(dev);
}

/* In one hello that node has another key of its own, which it has not announced. */
static void check_lent_beside(void)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);

	announce_lent("cat", 'c', 'x', 2, 'u');
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	take();
	test_text("a revoked node goes, also where another node with a new key announces its key", settle(dev),
		  "cat v>x 10.7.0.3/32\n- u\n2\n");
	weft_model_device_free(dev);
}

/* A peer of the interface is found under its previous key, too. */
static void check_lent_key(void)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);
	struct weft_peer *bee = dev->peers;

	fleet_hello(&text, 'b', "bee", 1, 2, 'x', "");
	take();
	settle(dev);
	bee->previous_public_key = bee->public_key;
	bee->public_key = fleet_tunnel('x');
	bee->has |= WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY;
	test_text("a rotation that is over", settle(dev), "bee x 10.7.0.2/32 10.9.2.0/24\ncat v 10.7.0.3/32\n2\n");
	fleet_hello(&text, 'c', "cat", 1, 2, 'u', "");
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	take();
	test_text("a revoked node goes, also where another node has its previous key", settle(dev),
		  "cat v 10.7.0.3/32\n- x\n2\n"
		  "node cat announces a key that peer bee of the interface has: it does not get that key yet\n");
	bee->next->drop = true;
	weft_model_peers_prune(dev);
	test_text("... also where that node is no peer yet", settle(dev),
		  "- x\n1\nnode cat has a key that was of peer bee of the interface: it is no peer until that one has gone\n");
	weft_model_device_free(dev);
	dev = device(WEFT_KIND_WEFT);
	test_text("... which is free after that", settle(dev), "cat u 10.7.0.3/32\n0\n");
	weft_model_device_free(dev);
}

static void check_former_memory(void)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);
	struct weft_fleet *again;
	struct weft_refusal why;
	char *memory = NULL;
	size_t len;
	FILE *out = open_memstream(&memory, &len);

	fleet_node(&text, 'A', "bee", 2, 2, 'd', "10.7.0.2", "");
	take();
	weft_memory_write(out, fleet);
	fclose(out);
	again = weft_memory_read("prod", memory, len, &why);
	if (!again)
		test_bail(why.text);
	free(memory);
	weft_fleet_free(fleet);
	fleet = again;
	fleet_hello(&text, 'd', "bee", 2, 1, 'x', "");
	take();
	test_text("the memory has keys of former admissions", settle(dev),
		  "bee x 10.7.0.2/32\ncat v 10.7.0.3/32\n- u\n2\n");
	weft_model_device_free(dev);
}

static void check_others(void)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);
	struct weft_peer *peer = add_peer(dev, 'z', "router");

	add_prefix(peer, "192.168.0.0/16");
	test_text("a peer that the fleet did not make stays", settle(dev), BOTH "2\n");
	peer = add_peer(dev, 'y', "cat");
	add_prefix(peer, "10.9.2.0/24");
	test_text("... with its prefix and its name", settle(dev),
		  "bee u 10.7.0.2/32\n v 10.7.0.3/32\n2\n"
		  "prefix 10.9.2.0/24 of node bee belongs to peer cat, which is not of the fleet, and stays there\n"
		  "a peer that is not of the fleet has the name cat: node cat has none\n");
	weft_model_device_free(dev);
	begin();
	dev = device(WEFT_KIND_WEFT);
	peer = add_peer(dev, 'u', "old-name");
	add_prefix(peer, "10.9.2.0/24");
	test_text("a peer with a node's key is that node", settle(dev), BOTH "1\n");
	weft_model_device_free(dev);
}

/* A fleet of @count nodes, of which @gone are revoked. */
static const char *remove_some(unsigned int count, unsigned int gone)
{
	struct weft_device *dev = device(WEFT_KIND_WEFT);
	static char last[32];
	char name[32], address[32], revoked[4096] = "";
	struct weft_key seed, key;
	struct weft_peer *peer;
	const char *outcome;
	unsigned int i;

	weft_fleet_free(fleet);
	fleet = fleet_new("A");
	fleet_terms(&text, 'A', 1, "A", "");
	fleet_node(&text, 'A', "ant", 1, 1, 'a', "10.7.0.1", "");
	for (i = 0; i < count; i++) {
		memset(&seed, 'z', sizeof(seed));
		memcpy(&seed, &i, sizeof(i));
		weft_seed_tunnel(&key, &seed);
		weft_key_derive_public(&key, &key);
		snprintf(name, sizeof(name), "n%03u", i);
		snprintf(address, sizeof(address), "10.7.1.%u", i + 1);
		fleet_say(&text, 'A', "node",
			  "{\"fleet\":\"prod\",\"node\":\"%s\",\"serial\":1,\"admitted\":1,\"public_key\":\"%s\",\"addresses\":[\"%s\"]}",
			  name, weft_key_encode(&key).chars, address);
		peer = weft_model_peer_add(dev);
		peer->public_key = key;
		if (i < gone)
			snprintf(revoked + strlen(revoked), sizeof(revoked) - strlen(revoked), "%s\"%s\":1",
				 i ? "," : ",\"revoked\":{", name);
	}
	take();
	settle(NULL);
	if (*revoked)
		strcat(revoked, "}");
	fleet_terms(&text, 'A', 2, "A", revoked);
	take();
	outcome = settle(dev);
	for (i = 0; outcome[i] && (outcome[i] != '\n' || strchr(outcome + i + 1, '\n')); i++)
		;
	while (i && outcome[i - 1] != '\n')
		i--;
	snprintf(last, sizeof(last), "%s", outcome + i);
	weft_model_device_free(dev);
	return last;
}

static void check_tenth(void)
{
	test_text("one of two goes: one is never much", remove_some(2, 1), "2\n");
	test_text("two of twenty are a tenth", remove_some(20, 2), "20\n");
	test_text("two of nineteen are more", remove_some(19, 2), "19 much\n");
	test_text("all of ten", remove_some(10, 10), "10 much\n");
}

/* The difference to an interface with others' peers: they are in no message. */
static void check_sync(void)
{
	const struct weft_fleet_own own = { .node = "ant" };
	struct weft_device *dev = settled(WEFT_KIND_WEFT);
	struct weft_fleet_model model;
	struct weft_settle result;
	struct weft_refusal why;
	struct weft_peer *peer;
	unsigned int removals = 0, others = 0;
	struct weft_key other = fleet_tunnel('z');

	add_peer(dev, 'z', NULL);
	fleet_terms(&text, 'A', 2, "A", ",\"revoked\":{\"bee\":1}");
	take();
	if (!weft_fleet_model(fleet, &own, &model, &why) ||
	    !weft_settle(fleet, &model, dev, &result) || !weft_settle_remove(&model, &result, result.gone.count) ||
	    !weft_sync_reduce(dev, model.profile->dev))
		test_bail("the difference");
	for (peer = model.profile->dev->peers; peer; peer = peer->next) {
		others += weft_key_equal(&peer->public_key, &other);
		removals += !!(peer->has & WEFT_PEER_REMOVE);
	}
	test_ok(!others, "others' peers are in no message");
	test_ok(removals == 1, "the revoked node's peer is removed");
	test_ok(!(model.profile->dev->has & WEFT_DEVICE_REPLACE_PEERS), "the list of peers is not replaced");
	weft_settle_free(&result);
	weft_fleet_model_free(&model);
	weft_model_device_free(dev);
}

/* With an allocation failing: a failure, or the complete result. */
static bool settle_once(const void *data)
{
	const struct weft_fleet_own own = { .node = "ant" };
	struct weft_fleet_model model;
	struct weft_settle result = { };
	struct weft_refusal why;
	bool good;

	if (!weft_fleet_model(fleet, &own, &model, &why))
		return test_memory_failed() && !model.profile;
	good = weft_settle(fleet, &model, data, &result) && weft_settle_remove(&model, &result, result.gone.count);
	good = test_memory_failed() || (good && weft_model_peer_count(model.profile->dev) == 3);
	weft_settle_free(&result);
	weft_fleet_model_free(&model);
	return good;
}

static void check_memory(void)
{
	struct weft_device *dev = settled(WEFT_KIND_WEFT);

	fleet_node(&text, 'A', "bee", 2, 2, 'd', "10.7.0.2", "");
	fleet_hello(&text, 'd', "bee", 2, 1, 'x', ",\"endpoints\":[\"192.0.2.1:5\"]");
	take();
	test_memory_each("model and settle with each allocation failing", settle_once, dev);
	weft_model_device_free(dev);
}

int main(void)
{
	if (sodium_init() < 0)
		test_bail("libsodium");
	check_plain();
	check_older();
	check_readmission(true);
	check_readmission(false);
	check_follow();
	check_lent_next();
	check_lent_beside();
	check_lent_key();
	check_former_memory();
	check_others();
	check_tenth();
	check_sync();
	check_memory();
	weft_fleet_free(fleet);
	fleet_clear(&text);
	return test_end();
}
