// SPDX-License-Identifier: GPL-2.0
/* weft fleet import: the files of an existing mesh as an inventory. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/complain.h"
#include "base/text.h"
#include "cli/fleet.h"
#include "conf/config.h"
#include "conf/file.h"
#include "conf/profile.h"
#include "fleet/fields.h"
#include "model/format.h"
#include "print/json.h"

/**
 * struct import_node - one node
 * @name: the node
 * @profile: its file
 * @public_key: of the file's private key
 */
struct import_node {
	char name[WEFT_NODE_NAME_BYTES];
	struct weft_profile *profile;
	struct weft_key public_key;
};

/**
 * struct import_job - one import
 * @ctx: the context
 * @fleet: the name of the fleet
 * @nodes: the nodes
 * @count: their number
 */
struct import_job {
	struct weft_context *ctx;
	const char *fleet;
	struct import_node *nodes;
	size_t count;
};

static struct weft_profile *import_read(struct import_job *job, const char *path)
{
	struct weft_profile *profile;
	struct weft_file file;

	if (!weft_config_read(job->ctx, path, &file))
		return NULL;
	profile = weft_profile_parse(job->ctx, path, file.text, job->fleet);
	weft_file_wipe(&file);
	return profile;
}

static bool import_take(struct import_job *job, const char *word)
{
	struct import_node *node = &job->nodes[job->count];
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : 0;

	if (!len || len >= sizeof(node->name))
		return weft_complain(job->ctx, "'%s' is not NODE=FILE", word);
	memcpy(node->name, word, len);
	node->name[len] = '\0';
	if (!weft_fields_is_node_name(node->name))
		return weft_complain(job->ctx, "'%s' is not the name of a node", node->name);
	node->profile = import_read(job, equals + 1);
	if (!node->profile)
		return false;
	job->count++;
	if (weft_key_is_zero(&node->profile->dev->private_key))
		return weft_complain(job->ctx, "'%s' has no private key", equals + 1);
	return weft_key_derive_public(&node->public_key, &node->profile->dev->private_key);
}

static void import_warn(const struct import_job *job, const struct import_node *node,
			const char *what, const char *way)
{
	weft_warn(job->ctx, "'%s': %s is left out: %s", node->profile->path, what, way);
}

static void import_warn_interface(const struct import_job *job, const struct import_node *node)
{
	const struct weft_profile *profile = node->profile;
	int hook;

	if (profile->dns.count || profile->search.count)
		import_warn(job, node, "DNS", "set the name servers of the machine itself");
	if (profile->table != WEFT_TABLE_AUTO)
		import_warn(job, node, "Table", "routes of a fleet are in the main table");
	if (profile->mtu)
		import_warn(job, node, "MTU", "the fleet has one: weft fleet init ... mtu");
	if (profile->dev->fwmark)
		import_warn(job, node, "FwMark", "a fleet sets none");
	for (hook = 0; hook < WEFT_HOOK_COUNT; hook++)
		if (profile->hooks[hook].count)
			import_warn(job, node, weft_profile_hook_name(hook),
				    "put its commands into a unit of your own");
}

static bool import_is_node(const struct import_job *job, const struct weft_key *key)
{
	size_t i;

	for (i = 0; i < job->count; i++)
		if (weft_key_equal(&job->nodes[i].public_key, key))
			return true;
	return false;
}

static void import_warn_peer(const struct import_job *job, const struct import_node *node,
			     const struct weft_peer *peer)
{
	const struct weft_allowedip *ip;

	if (!weft_key_is_zero(&peer->preshared_key))
		weft_warn(job->ctx,
			  "'%s': the preshared key of peer %s is left out: remove it at both ends first, or they lose each other",
			  node->profile->path, weft_format_peer(peer).chars);
	if (!import_is_node(job, &peer->public_key))
		weft_warn(job->ctx,
			  "'%s': peer %s has no file here, and is left out: admit it as a member with its public key",
			  node->profile->path, weft_format_peer(peer).chars);
	for (ip = peer->allowedips; ip; ip = ip->next)
		if (!ip->cidr)
			weft_warn(job->ctx,
				  "'%s': peer %s has a default route, which becomes that of all nodes: take it out if it is this node's alone",
				  node->profile->path, weft_format_peer(peer).chars);
}

/* A file has more than a fleet: nothing is dropped without a word. */
static void import_warn_all(const struct import_job *job)
{
	const struct weft_peer *peer;
	size_t i;

	for (i = 0; i < job->count; i++) {
		import_warn_interface(job, &job->nodes[i]);
		for (peer = job->nodes[i].profile->dev->peers; peer; peer = peer->next)
			import_warn_peer(job, &job->nodes[i], peer);
	}
}

static bool import_check_twice(const struct import_job *job)
{
	size_t i, k;

	for (i = 0; i < job->count; i++)
		for (k = 0; k < i; k++)
			if (!strcmp(job->nodes[i].name, job->nodes[k].name) ||
			    weft_key_equal(&job->nodes[i].public_key, &job->nodes[k].public_key))
				return weft_complain(job->ctx,
						     "'%s' and '%s' have the same name or the same private key",
						     job->nodes[k].profile->path,
						     job->nodes[i].profile->path);
	return true;
}

/* What the files of others say of a node. */
static const struct weft_peer *import_peer(const struct import_job *job,
					   const struct import_node *node)
{
	const struct weft_peer *peer, *found = NULL;
	size_t i;

	for (i = 0; i < job->count; i++) {
		peer = weft_model_peer_find(job->nodes[i].profile->dev, &node->public_key);
		if (peer && (!found || peer->endpoint_text))
			found = peer;
		if (found && found->endpoint_text)
			break;
	}
	return found;
}

static struct json_object *import_prefix(const struct weft_allowedip *ip)
{
	char text[INET6_ADDRSTRLEN + sizeof("/128")];

	snprintf(text, sizeof(text), "%s/%u", weft_format_address(ip).chars, ip->cidr);
	return json_object_new_string(text);
}

static bool import_append(struct json_object *array, struct json_object *value)
{
	if (value && !json_object_array_add(array, value))
		return true;
	json_object_put(value);
	return false;
}

static bool import_add_addresses(struct json_object *object, const struct weft_profile *profile)
{
	struct json_object *array = json_object_new_array();
	bool good = array;
	size_t i;

	for (i = 0; good && i < profile->addresses.count; i++)
		good = import_append(array, import_prefix(&profile->addresses.items[i].prefix));
	return weft_json_add(object, "addresses", good ? array : NULL);
}

/* An allowed IP that is the address of a node follows from the address. */
static bool import_is_address(const struct import_job *job, const struct weft_allowedip *ip)
{
	struct weft_allowedip host;
	size_t i, k;

	for (i = 0; i < job->count; i++) {
		const struct weft_routes *addresses = &job->nodes[i].profile->addresses;

		for (k = 0; k < addresses->count; k++) {
			host = addresses->items[k].prefix;
			host.cidr = host.family == AF_INET ? 32 : 128;
			if (!weft_model_allowedip_compare(&host, ip))
				return true;
		}
	}
	return false;
}

static bool import_add_prefixes(const struct import_job *job, struct json_object *object,
				const struct weft_peer *peer)
{
	struct json_object *array = json_object_new_array();
	struct weft_allowedip *ip;
	bool good = array;

	for (ip = peer ? peer->allowedips : NULL; good && ip; ip = ip->next)
		if (!import_is_address(job, ip))
			good = import_append(array, import_prefix(ip));
	return weft_json_add(object, "prefixes", good ? array : NULL);
}

/* "a, b" as an array. */
static bool import_add_endpoints(struct json_object *object, const struct weft_peer *peer)
{
	struct json_object *array = json_object_new_array();
	char *copy = strdup(peer && peer->endpoint_text ? peer->endpoint_text : ""), *rest, *word;
	bool good = array && copy;

	for (rest = copy; good && (word = strsep(&rest, ","));) {
		word = weft_text_trim(word);
		if (*word)
			good = import_append(array, json_object_new_string(word));
	}
	free(copy);
	return weft_json_add(object, "endpoints", good ? array : NULL);
}

static bool import_fill(const struct import_job *job, const struct import_node *node,
			struct json_object *object)
{
	const struct weft_peer *peer = import_peer(job, node);

	return weft_json_add_text(object, "node", node->name) &&
	       weft_json_add_text(object, "public_key", weft_key_encode(&node->public_key).chars) &&
	       import_add_addresses(object, node->profile) &&
	       import_add_prefixes(job, object, peer) && import_add_endpoints(object, peer) &&
	       (node->profile->forwarding != WEFT_SWITCH_ON ||
		weft_fleet_add_switch(object, "hub", true));
}

static struct json_object *import_array(const struct import_job *job)
{
	struct json_object *array = json_object_new_array(), *object;
	bool good = array;
	size_t i;

	for (i = 0; good && i < job->count; i++) {
		object = json_object_new_object();
		good = object && import_fill(job, &job->nodes[i], object);
		if (good)
			good = import_append(array, object);
		else
			json_object_put(object);
	}
	if (good)
		return array;
	json_object_put(array);
	return NULL;
}

/* JSON's strings and lists are YAML, too. */
static void import_print_field(FILE *out, const char *name, struct json_object *value)
{
	if (json_object_is_type(value, json_type_array) && !json_object_array_length(value))
		return;
	fprintf(out, "          %s: %s\n", name,
		json_object_to_json_string_ext(value, JSON_C_TO_STRING_SPACED |
					       JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void import_print_host(FILE *out, struct json_object *node, unsigned int port)
{
	static const char * const names[][2] = {
		{ "addresses", "weft_address" }, { "prefixes", "weft_prefixes" },
		{ "endpoints", "weft_endpoint" }, { "hub", "weft_hub" },
		{ "public_key", "weft_public_key" },
	};
	struct json_object *value;
	size_t i;

	fprintf(out, "        %s:\n", json_object_get_string(json_object_object_get(node, "node")));
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (json_object_object_get_ex(node, names[i][0], &value))
			import_print_field(out, names[i][1], value);
	if (port)
		fprintf(out, "          weft_port: %u\n", port);
}

static void import_print_yaml(const struct import_job *job, struct json_object *array)
{
	FILE *out = job->ctx->out;
	size_t i;

	fprintf(out,
		"all:\n  children:\n    weft:\n      vars:\n        weft_fleet: %s\n      hosts:\n",
		job->fleet);
	for (i = 0; i < job->count; i++)
		import_print_host(out, json_object_array_get_idx(array, i),
				  job->nodes[i].profile->dev->listen_port);
}

static int import_print(const struct import_job *job)
{
	struct json_object *array = import_array(job);

	if (job->ctx->json || !array)
		return weft_fleet_print(job->ctx, array, array, 0);
	import_print_yaml(job, array);
	json_object_put(array);
	return 0;
}

int weft_fleet_import(struct weft_context *ctx, int argc, char **argv)
{
	struct import_job job = { .ctx = ctx, .fleet = argv[0] };
	bool good = true;
	int i, status;
	size_t k;

	if (!weft_profile_name_is_good(argv[0], strlen(argv[0])))
		return !weft_complain(ctx, "'%s' is not the name of a fleet", argv[0]);
	job.nodes = calloc(argc, sizeof(*job.nodes));
	if (!job.nodes)
		return !weft_complain(ctx, "out of memory");
	for (i = 1; good && i < argc; i++)
		good = import_take(&job, argv[i]);
	good = good && import_check_twice(&job);
	if (good)
		import_warn_all(&job);
	status = good ? import_print(&job) : 1;
	for (k = 0; k < job.count; k++)
		weft_profile_free(job.nodes[k].profile);
	free(job.nodes);
	return status;
}
