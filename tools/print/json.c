// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <json-c/json.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/text.h"
#include "model/attr.h"
#include "model/format.h"
#include "model/model.h"
#include "print/fields.h"
#include "print/json.h"

/**
 * struct json_view - the selection for the output
 * @ctx: whether secrets are hidden
 * @field: the one field wanted, or NULL for all
 * @failed: memory was short
 */
struct json_view {
	const struct weft_context *ctx;
	const char *field;
	bool failed;
};

/* JSON has to be UTF-8, and json-c passes invalid bytes through. */
struct json_object *weft_json_string(const char *text)
{
	char *copy = weft_text_utf8(text);
	struct json_object *value = copy ? json_object_new_string(copy) : NULL;

	if (copy)
		sodium_memzero(copy, strlen(copy));
	free(copy);
	return value;
}

bool weft_json_add(struct json_object *object, const char *key, struct json_object *value)
{
	if (value && !json_object_object_add(object, key, value))
		return true;
	json_object_put(value);
	return false;
}

bool weft_json_add_text(struct json_object *object, const char *key, const char *text)
{
	return weft_json_add(object, key, weft_json_string(text));
}

/* "dump" includes all fields and secrets. */
static bool json_is_dump(const struct json_view *view)
{
	return view->field && !strcmp(view->field, "dump");
}

static bool json_wants(const struct json_view *view, const char *field)
{
	return !view->field || json_is_dump(view) || !strcmp(view->field, field);
}

/* A NULL @value becomes JSON's null, for a field without a value. */
static void json_add(struct json_view *view, struct json_object *object,
		     const char *key, struct json_object *value)
{
	if (json_object_object_add(object, key, value)) {
		json_object_put(value);
		view->failed = true;
	}
}

/* NULL where memory is short. */
static struct json_object *json_made(struct json_view *view, struct json_object *value)
{
	view->failed |= !value;
	return value;
}

static struct json_object *json_switch(struct json_view *view, bool on)
{
	return json_made(view, json_object_new_boolean(on));
}

static struct json_object *json_string(struct json_view *view,
				       const char *text)
{
	return json_made(view, weft_json_string(text));
}

static struct json_object *json_number(struct json_view *view, __u64 number)
{
	return json_made(view, json_object_new_uint64(number));
}

static struct json_object *json_key(struct json_view *view,
				    const struct weft_key *key)
{
	struct weft_key_text text = weft_key_encode(key);
	struct json_object *value = json_string(view, text.chars);

	weft_key_text_wipe(&text);
	return value;
}

/* A field requested by name is never hidden, as in the text format. */
static struct json_object *json_secret(struct json_view *view,
				       const struct weft_key *key, bool there)
{
	if (!there)
		return NULL;
	if (!view->field && !view->ctx->show_keys)
		return json_string(view, "(hidden)");
	return json_key(view, key);
}

static void json_array_add(struct json_view *view, struct json_object *array,
			   const char *text)
{
	struct json_object *value = json_string(view, text);

	if (json_object_array_add(array, value)) {
		json_object_put(value);
		view->failed = true;
	}
}

static struct json_object *json_array(struct json_view *view)
{
	return json_made(view, json_object_new_array());
}

static struct json_object *json_allowedips(struct json_view *view,
					   const struct weft_peer *peer)
{
	char text[INET6_ADDRSTRLEN + sizeof("/128")];
	struct json_object *array = json_array(view);
	const struct weft_allowedip *ip;

	for (ip = peer->allowedips; array && ip; ip = ip->next) {
		snprintf(text, sizeof(text), "%s/%u",
			 weft_format_address(ip).chars, ip->cidr);
		json_array_add(view, array, text);
	}
	return array;
}

/* "state-age-ms" belongs to the field "state", "identity" to "identities". */
static bool json_wants_attr(const struct json_view *view,
			    const struct weft_attr *attr)
{
	const char *field = view->field;

	if (!field || json_is_dump(view))
		return true;
	if (!strcmp(field, "identities"))
		field = "identity";
	return !strncmp(attr->name, field, strlen(field));
}

static struct json_object *json_attr(struct json_view *view,
				     const struct weft_attr *attr,
				     const void *owner)
{
	__u64 number = weft_attr_get(attr, owner);
	const char *word = weft_attr_word(attr, owner);

	if (weft_attr_is_switch(attr))
		return json_switch(view, number);
	return word ? json_string(view, word) : json_number(view, number);
}

/* The attributes of a table that the kernel reported. */
static void json_attrs(struct json_view *view, struct json_object *object,
		       const struct weft_attr *attrs, const void *owner,
		       __u64 known)
{
	const struct weft_attr *attr;

	for (attr = attrs; attr->name; attr++) {
		if (!(known & WEFT_ATTR_BIT(attr->attribute)) ||
		    !json_wants_attr(view, attr))
			continue;
		json_add(view, object, attr->name,
			 json_attr(view, attr, owner));
	}
}

/* Drops by reason, without zeros. */
static void json_drops(struct json_view *view, struct json_object *object,
		       const __u64 *drops, bool known)
{
	struct json_object *reasons;
	size_t i;

	if (!known || !json_wants(view, "drops"))
		return;
	reasons = json_object_new_object();
	if (!reasons) {
		view->failed = true;
		return;
	}
	for (i = 1; i <= WEFT_DROPS_A_MAX; i++)
		if (drops[i])
			json_add(view, reasons, weft_drop_names[i].name,
				 json_number(view, drops[i]));
	json_add(view, object, "drops", reasons);
}

static struct json_object *json_endpoint(struct json_view *view,
					 const struct weft_peer *peer)
{
	if (peer->endpoint.any.sa_family == AF_UNSPEC)
		return NULL;
	return json_string(view, weft_format_endpoint(&peer->endpoint).chars);
}

static struct json_object *json_candidates(struct json_view *view,
					   const struct weft_peer *peer)
{
	struct json_object *array = json_array(view);
	size_t i;

	for (i = 0; array && i < peer->candidate_count; i++)
		json_array_add(view, array,
			       weft_format_endpoint(&peer->candidates[i]).chars);
	return array;
}

/* An empty address means any. */
static struct json_object *json_listen_address(struct json_view *view,
					       const struct weft_device *dev)
{
	struct json_object *array = json_array(view);
	char text[INET6_ADDRSTRLEN];

	if (array && dev->listen4.s_addr)
		json_array_add(view, array, inet_ntop(AF_INET, &dev->listen4,
						      text, sizeof(text)));
	if (array && !IN6_IS_ADDR_UNSPECIFIED(&dev->listen6))
		json_array_add(view, array, inet_ntop(AF_INET6, &dev->listen6,
						      text, sizeof(text)));
	return array;
}

/* The sockets' addresses and device, which only weft reports. */
static void json_fill_binding(struct json_view *view,
			      struct json_object *object,
			      const struct weft_device *dev)
{
	if (dev->has & WEFT_DEVICE_HAS_LISTEN_ADDRESS &&
	    json_wants(view, "listen-address"))
		json_add(view, object, "listen-address",
			 json_listen_address(view, dev));
	if (dev->has & WEFT_DEVICE_HAS_BIND_DEVICE &&
	    json_wants(view, "bind-device"))
		json_add(view, object, "bind-device", dev->bind_device[0] ?
			 json_string(view, dev->bind_device) : NULL);
}

/* The peers' candidates, which only weft reports. */
static void json_fill_candidates(struct json_view *view,
				 struct json_object *object,
				 const struct weft_peer *peer)
{
	if (!(peer->has & WEFT_PEER_HAS_ROAM))
		return;
	if (json_wants(view, "candidates"))
		json_add(view, object, "candidates",
			 json_candidates(view, peer));
	if (json_wants(view, "roam"))
		json_add(view, object, "roam", json_switch(view, peer->roam));
}

/* Fields that exist only while keys are being replaced. */
static void json_keys(struct json_view *view, struct json_object *object,
		      const struct weft_peer *peer)
{
	if (peer->has & WEFT_PEER_HAS_NEXT_PUBLIC_KEY &&
	    json_wants(view, "next-keys"))
		json_add(view, object, "next-public-key",
			 json_key(view, &peer->next_public_key));
	if (peer->has & WEFT_PEER_HAS_PREVIOUS_PUBLIC_KEY &&
	    json_wants(view, "previous-keys"))
		json_add(view, object, "previous-public-key",
			 json_key(view, &peer->previous_public_key));
	if (peer->has & WEFT_PEER_HAS_NEXT_PRESHARED_KEY &&
	    json_wants(view, "preshared-keys"))
		json_add(view, object, "next-preshared-key",
			 json_secret(view, &peer->next_preshared_key, true));
	if (peer->has & WEFT_PEER_HAS_PREVIOUS_PRESHARED_KEY &&
	    json_wants(view, "preshared-keys"))
		json_add(view, object, "previous-preshared-key",
			 json_secret(view, &peer->previous_preshared_key,
				     !weft_key_is_zero(&peer->previous_preshared_key)));
}

static void json_fill_peer(struct json_view *view, struct json_object *object,
			   const struct weft_peer *peer)
{
	json_add(view, object, "public-key", json_key(view, &peer->public_key));
	if (peer->name && json_wants(view, "names"))
		json_add(view, object, "name", json_string(view, peer->name));
	if (json_wants(view, "preshared-keys"))
		json_add(view, object, "preshared-key",
			 json_secret(view, &peer->preshared_key,
				     peer->has & WEFT_PEER_HAS_PRESHARED_KEY));
	json_keys(view, object, peer);
	if (json_wants(view, "endpoints"))
		json_add(view, object, "endpoint", json_endpoint(view, peer));
	json_fill_candidates(view, object, peer);
	if (json_wants(view, "allowed-ips"))
		json_add(view, object, "allowed-ips",
			 json_allowedips(view, peer));
	if (json_wants(view, "latest-handshakes"))
		json_add(view, object, "latest-handshake",
			 peer->handshake_s ?
			 json_number(view, peer->handshake_s) : NULL);
	if (json_wants(view, "transfer")) {
		json_add(view, object, "transfer-rx",
			 json_number(view, peer->rx_bytes));
		json_add(view, object, "transfer-tx",
			 json_number(view, peer->tx_bytes));
	}
	if (json_wants(view, "persistent-keepalive"))
		json_add(view, object, "persistent-keepalive",
			 peer->keepalive ?
			 json_number(view, peer->keepalive) : NULL);
	json_attrs(view, object, weft_peer_attrs, peer, peer->known);
	json_drops(view, object, peer->drops,
		   peer->known & WEFT_ATTR_BIT(WEFT_PEER_A_DROPS));
}

static struct json_object *json_peers(struct json_view *view,
				      const struct weft_device *dev)
{
	struct json_object *array = json_array(view), *object;
	const struct weft_peer *peer;

	for (peer = dev->peers; array && peer; peer = peer->next) {
		object = json_object_new_object();
		if (!object || json_object_array_add(array, object)) {
			json_object_put(object);
			view->failed = true;
			break;
		}
		json_fill_peer(view, object, peer);
	}
	return array;
}

static void json_fill_device(struct json_view *view,
			     struct json_object *object,
			     const struct weft_device *dev)
{
	const struct weft_field *field = view->field ? weft_fields_find(view->field) : NULL;

	json_add(view, object, "interface", json_string(view, dev->name));
	if (!view->field || json_is_dump(view))
		json_add(view, object, "kind",
			 json_string(view, weft_model_kind_name(dev->kind)));
	if (json_wants(view, "public-key"))
		json_add(view, object, "public-key",
			 dev->has & WEFT_DEVICE_HAS_PUBLIC_KEY ?
			 json_key(view, &dev->public_key) : NULL);
	if (dev->has & WEFT_DEVICE_HAS_PREVIOUS_PUBLIC_KEY &&
	    json_wants(view, "previous-public-key"))
		json_add(view, object, "previous-public-key",
			 json_key(view, &dev->previous_public_key));
	if (json_wants(view, "private-key"))
		json_add(view, object, "private-key",
			 json_secret(view, &dev->private_key,
				     dev->has & WEFT_DEVICE_HAS_PRIVATE_KEY));
	if (json_wants(view, "listen-port"))
		json_add(view, object, "listen-port",
			 json_number(view, dev->listen_port));
	if (json_wants(view, "fwmark"))
		json_add(view, object, "fwmark",
			 dev->fwmark ? json_number(view, dev->fwmark) : NULL);
	json_fill_binding(view, object, dev);
	json_attrs(view, object, weft_device_attrs, dev, dev->known);
	json_drops(view, object, dev->drops,
		   dev->known & WEFT_ATTR_BIT(WEFT_DEVICE_A_DROPS));
	if (!field || !weft_fields_is_device(field))
		json_add(view, object, "peers", json_peers(view, dev));
}

bool weft_json_add_device(const struct weft_context *ctx,
			  struct json_object *array,
			  const struct weft_device *dev, const char *field)
{
	struct json_view view = { .ctx = ctx, .field = field };
	struct json_object *object = json_object_new_object();

	if (!object || json_object_array_add(array, object)) {
		json_object_put(object);
		return false;
	}
	json_fill_device(&view, object, dev);
	return !view.failed;
}

bool weft_json_add_link(struct json_object *array,
			const struct weft_link *link)
{
	struct json_view view = { };
	struct json_object *object = json_object_new_object();

	if (!object || json_object_array_add(array, object)) {
		json_object_put(object);
		return false;
	}
	json_add(&view, object, "interface", json_string(&view, link->name));
	json_add(&view, object, "kind",
		 json_string(&view, weft_model_kind_name(link->kind)));
	return !view.failed;
}

void weft_json_print(const struct weft_context *ctx, struct json_object *value)
{
	fprintf(ctx->out, "%s\n",
		json_object_to_json_string_ext(value,
					       JSON_C_TO_STRING_PRETTY |
					       JSON_C_TO_STRING_SPACED |
					       JSON_C_TO_STRING_NOSLASHESCAPE));
}
