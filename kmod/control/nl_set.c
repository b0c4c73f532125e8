// SPDX-License-Identifier: GPL-2.0
/*
 * SET and ROTATE: a message is parsed into a change, and the device is not modified before the
 * complete message has been checked.
 */

#include "control/change.h"
#include "control/config.h"
#include "control/netdev.h"
#include "control/netlink-gen.h"
#include "control/netlink.h"
#include "control/nl_addr.h"
#include "control/refuse.h"
#include "control/rotation.h"
#include "core/device.h"
#include "core/peer_keys.h"
#include "core/peer_name.h"
#include "lib/peer_name_check.h"

#include <linux/inet.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>

#include <uapi/linux/weft.h>

/* Records which attributes are in a message, up to @max. */
static void nl_set_note(unsigned long *has, struct nlattr **attrs, int max)
{
	int i;

	for (i = 0; i <= max; i++)
		__assign_bit(i, has, attrs[i]);
}

/* A key that is not in the message stays zero. */
static void nl_set_get_key(u8 key[WEFT_KEY_LEN], const struct nlattr *attr)
{
	if (attr)
		nla_memcpy(key, attr, WEFT_KEY_LEN);
}

static int nl_set_parse_address(struct weft_config_allowedip *ip, struct nlattr **attrs,
				struct netlink_ext_ack *extack)
{
	struct nlattr *address = attrs[WEFT_ALLOWEDIP_A_IPADDR],
		      *cidr = attrs[WEFT_ALLOWEDIP_A_CIDR_MASK];
	u16 family = nla_get_u16(attrs[WEFT_ALLOWEDIP_A_FAMILY]);

	if (family == AF_INET)
		ip->bits = 32;
	else if (family == AF_INET6)
		ip->bits = 128;
	else
		return weft_refuse_attr(extack, attrs[WEFT_ALLOWEDIP_A_FAMILY], -EINVAL,
					"allowed IP: the family is neither AF_INET nor AF_INET6");
	if (nla_len(address) != ip->bits / 8)
		return weft_refuse_attr(extack, address, -EINVAL,
					"allowed IP: the address is not 4 or 16 bytes");
	ip->cidr = nla_get_u8(cidr);
	if (ip->cidr > ip->bits)
		return weft_refuse_attr(extack, cidr, -EINVAL,
					"allowed IP: the prefix length is over 32 or 128");
	nla_memcpy(&ip->address, address, sizeof(ip->address));
	return 0;
}

static noinline_for_stack int nl_set_parse_allowedip(struct list_head *list, struct nlattr *nest,
						     struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[WEFT_ALLOWEDIP_A_MAX + 1];
	struct weft_config_allowedip *ip;
	int err;

	/* The core has validated nested attributes, too. */
	err = nla_parse_nested(attrs, WEFT_ALLOWEDIP_A_MAX, nest, NULL, extack);
	if (err)
		return err;
	if (!attrs[WEFT_ALLOWEDIP_A_FAMILY] || !attrs[WEFT_ALLOWEDIP_A_IPADDR] ||
	    !attrs[WEFT_ALLOWEDIP_A_CIDR_MASK])
		return weft_refuse_attr(extack, nest, -EINVAL,
					"allowed IP: it needs family, address, prefix length");
	ip = kzalloc(sizeof(*ip), GFP_KERNEL_ACCOUNT);
	if (!ip)
		return -ENOMEM;
	list_add_tail(&ip->list, list);
	if (attrs[WEFT_ALLOWEDIP_A_FLAGS])
		ip->remove = nla_get_u32(attrs[WEFT_ALLOWEDIP_A_FLAGS]) &
			     WEFT_ALLOWEDIP_F_REMOVE_ME;
	return nl_set_parse_address(ip, attrs, extack);
}

static int nl_set_parse_allowedips(struct list_head *list, struct nlattr *nest,
				   struct netlink_ext_ack *extack)
{
	struct nlattr *attr;
	int rest, err;

	nla_for_each_nested(attr, nest, rest) {
		err = nl_set_parse_allowedip(list, attr, extack);
		if (err)
			return err;
	}
	/* The core does not check for trailing bytes in an array. */
	if (rest > 0)
		return weft_refuse_attr(extack, nest, -EINVAL,
					"allowed IPs: bytes after the last attribute");
	return 0;
}

static int nl_set_parse_endpoints(struct weft_config_peer *peer, struct nlattr **attrs,
				  struct netlink_ext_ack *extack)
{
	const struct nlattr *endpoint = attrs[WEFT_PEER_A_ENDPOINT],
			    *candidates = attrs[WEFT_PEER_A_CANDIDATES];
	int err = endpoint ? weft_nl_addr_get(&peer->endpoint, endpoint, extack) : 0;

	if (attrs[WEFT_PEER_A_ROAM])
		peer->roams = nla_get_u8(attrs[WEFT_PEER_A_ROAM]);
	if (err || !candidates)
		return err;
	return weft_nl_addr_get_candidates(&peer->candidates, candidates, extack);
}

static int nl_set_refuse_name(enum weft_peer_name_verdict verdict, const struct nlattr *attr,
			      struct netlink_ext_ack *extack)
{
	switch (verdict) {
	case WEFT_PEER_NAME_GOOD:
		return 0;
	case WEFT_PEER_NAME_LENGTH:
		return weft_refuse_attr(extack, attr, -EINVAL, "name: it is longer than 63 bytes");
	case WEFT_PEER_NAME_ENCODING:
		return weft_refuse_attr(extack, attr, -EINVAL, "name: it is not UTF-8");
	case WEFT_PEER_NAME_CONTROL:
		return weft_refuse_attr(extack, attr, -EINVAL,
					"name: there is a control character in it");
	case WEFT_PEER_NAME_KEY:
		break;
	}
	return weft_refuse_attr(extack, attr, -EINVAL, "name: it looks like a key");
}

static int nl_set_parse_name(struct weft_config_peer *peer, const struct nlattr *attr,
			     struct netlink_ext_ack *extack)
{
	const char *name = nla_data(attr);
	size_t len = strnlen(name, nla_len(attr));
	int err;

	if (!len)
		return 0;
	err = nl_set_refuse_name(weft_peer_name_check(name, len), attr, extack);
	if (err)
		return err;
	peer->name = weft_peer_name_create(name, len);
	return peer->name ? 0 : -ENOMEM;
}

/* Only removal can be requested: a previous key results from the key that was replaced. */
static int nl_set_check_end(const struct nlattr *attr, struct netlink_ext_ack *extack)
{
	if (!attr || !memchr_inv(nla_data(attr), 0, nla_len(attr)))
		return 0;
	return weft_refuse_attr(extack, attr, -EINVAL,
				"previous key: it can be set to zeros only, which ends it");
}

static int nl_set_parse_keys(struct weft_config_peer *peer, struct nlattr **attrs,
			     struct netlink_ext_ack *extack)
{
	nl_set_get_key(peer->next_public, attrs[WEFT_PEER_A_NEXT_PUBLIC_KEY]);
	nl_set_get_key(peer->next_preshared, attrs[WEFT_PEER_A_NEXT_PRESHARED_KEY]);
	if (attrs[WEFT_PEER_A_GRACE])
		peer->grace_s = nla_get_u32(attrs[WEFT_PEER_A_GRACE]);
	return nl_set_check_end(attrs[WEFT_PEER_A_PREVIOUS_PUBLIC_KEY], extack) ?:
	       nl_set_check_end(attrs[WEFT_PEER_A_PREVIOUS_PRESHARED_KEY], extack);
}

static int nl_set_parse_peer_values(struct weft_config_peer *peer, struct nlattr **attrs,
				    struct netlink_ext_ack *extack)
{
	struct nlattr *attr = attrs[WEFT_PEER_A_PROTOCOL_VERSION];
	int err;

	if (attr && nla_get_u32(attr) > 1)
		return weft_refuse_attr(extack, attr, -EPFNOSUPPORT,
					"protocol version: only 1 exists");
	if (attrs[WEFT_PEER_A_FLAGS])
		peer->flags = nla_get_u32(attrs[WEFT_PEER_A_FLAGS]);
	nl_set_get_key(peer->preshared, attrs[WEFT_PEER_A_PRESHARED_KEY]);
	attr = attrs[WEFT_PEER_A_PERSISTENT_KEEPALIVE_INTERVAL];
	if (attr)
		peer->persistent_s = nla_get_u16(attr);
	attr = attrs[WEFT_PEER_A_NAME];
	err = attr ? nl_set_parse_name(peer, attr, extack) : 0;
	return err ?: nl_set_parse_keys(peer, attrs, extack) ?:
	       nl_set_parse_endpoints(peer, attrs, extack);
}

static int nl_set_parse_peer(struct weft_config *config, struct nlattr *nest,
			     struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[WEFT_PEER_A_MAX + 1];
	struct weft_config_peer *peer;
	int err;

	err = nla_parse_nested(attrs, WEFT_PEER_A_MAX, nest, NULL, extack);
	if (err)
		return err;
	if (!attrs[WEFT_PEER_A_PUBLIC_KEY])
		return weft_refuse_attr(extack, nest, -EINVAL, "peer: it needs a public key");
	peer = kzalloc(sizeof(*peer), GFP_KERNEL_ACCOUNT);
	if (!peer)
		return -ENOMEM;
	INIT_LIST_HEAD(&peer->allowedips);
	list_add_tail(&peer->list, &config->peers);
	nl_set_note(peer->has, attrs, WEFT_PEER_A_MAX);
	nl_set_get_key(peer->public_key, attrs[WEFT_PEER_A_PUBLIC_KEY]);
	err = nl_set_parse_peer_values(peer, attrs, extack);
	if (err || !attrs[WEFT_PEER_A_ALLOWEDIPS])
		return err;
	return nl_set_parse_allowedips(&peer->allowedips, attrs[WEFT_PEER_A_ALLOWEDIPS], extack);
}

static int nl_set_parse_peers(struct weft_config *config, struct nlattr *nest,
			      struct netlink_ext_ack *extack)
{
	struct nlattr *attr;
	int rest, err;

	nla_for_each_nested(attr, nest, rest) {
		err = nl_set_parse_peer(config, attr, extack);
		if (err)
			return err;
		cond_resched();
	}
	if (rest > 0)
		return weft_refuse_attr(extack, nest, -EINVAL,
					"peers: bytes after the last attribute");
	return 0;
}

/* @own: attributes of weft's own family may be present. */
static int nl_set_parse(struct weft_config *config, struct nlattr **attrs, bool own,
			struct netlink_ext_ack *extack)
{
	int err = own ? weft_nl_addr_get_binding(&config->binding, attrs, extack) : 0;

	if (err)
		return err;
	nl_set_note(config->has, attrs, own ? WEFT_DEVICE_A_MAX : WEFT_DEVICE_A_PEERS);
	nl_set_get_key(config->private, attrs[WEFT_DEVICE_A_PRIVATE_KEY]);
	if (attrs[WEFT_DEVICE_A_FLAGS])
		config->flags = nla_get_u32(attrs[WEFT_DEVICE_A_FLAGS]);
	if (attrs[WEFT_DEVICE_A_LISTEN_PORT])
		config->binding.port = nla_get_u16(attrs[WEFT_DEVICE_A_LISTEN_PORT]);
	if (attrs[WEFT_DEVICE_A_FWMARK])
		config->fwmark = nla_get_u32(attrs[WEFT_DEVICE_A_FWMARK]);
	if (attrs[WEFT_DEVICE_A_PMTU])
		config->pmtu = nla_get_u8(attrs[WEFT_DEVICE_A_PMTU]);
	if (attrs[WEFT_DEVICE_A_DSCP])
		config->dscp = nla_get_u8(attrs[WEFT_DEVICE_A_DSCP]);
	return attrs[WEFT_DEVICE_A_PEERS] ?
		       nl_set_parse_peers(config, attrs[WEFT_DEVICE_A_PEERS], extack) :
		       0;
}

/* The message carries keys, and its buffer goes back to the allocator. */
static void nl_set_wipe(const struct nlattr *attr)
{
	if (attr)
		memzero_explicit(nla_data(attr), nla_len(attr));
}

/* Makes the change of a message to the device that it names. */
static int nl_set_doit(struct genl_info *info,
		       int (*set)(struct weft_device *device, const struct genl_info *info))
{
	struct net_device *dev;
	int err;

	dev = weft_netlink_interface(genl_info_net(info), info->attrs, info->extack);
	err = PTR_ERR_OR_ZERO(dev);
	if (!err) {
		err = set(weft_netdev_device(dev), info);
		dev_put(dev);
	}
	nl_set_wipe(info->attrs[WEFT_DEVICE_A_PRIVATE_KEY]);
	nl_set_wipe(info->attrs[WEFT_DEVICE_A_PEERS]);
	return err;
}

static int nl_set_device(struct weft_device *device, const struct genl_info *info)
{
	struct weft_config config;
	int err;

	weft_config_init(&config);
	err = nl_set_parse(&config, info->attrs,
			   weft_netlink_family_of(info->nlhdr) == weft_netlink_family(),
			   info->extack);
	if (!err) {
		mutex_lock(&device->config_lock);
		err = weft_config_prepare(&config, device, info->extack);
		if (!err)
			weft_config_apply(&config, device);
		mutex_unlock(&device->config_lock);
	}
	weft_config_free(&config);
	return err;
}

int weft_nl_set_device_doit(struct sk_buff *skb, struct genl_info *info)
{
	return nl_set_doit(info, nl_set_device);
}

static int nl_set_rotate(struct weft_device *device, const struct genl_info *info)
{
	struct nlattr *action = info->attrs[WEFT_DEVICE_A_ROTATE_ACTION],
		      *private = info->attrs[WEFT_DEVICE_A_PRIVATE_KEY],
		      *grace = info->attrs[WEFT_DEVICE_A_GRACE];

	if (!action)
		return weft_refuse(info->extack, -EINVAL,
				   "rotation: begin one, finish it, or undo it?");
	switch (nla_get_u32(action)) {
	case WEFT_ROTATE_ACTION_BEGIN:
		if (private)
			return weft_rotation_begin(device, nla_data(private),
						   grace ? nla_get_u32(grace) : WEFT_GRACE_S,
						   info->extack);
		return weft_refuse(info->extack, -EINVAL,
				   "private key: a rotation begins with a new one");
	case WEFT_ROTATE_ACTION_FINISH:
		return weft_rotation_finish(device, info->extack);
	case WEFT_ROTATE_ACTION_UNDO:
		return weft_rotation_undo(device, info->extack);
	}
	return weft_refuse_attr(info->extack, action, -EINVAL,
				"rotation: one can be begun, finished or undone");
}

int weft_nl_rotate_doit(struct sk_buff *skb, struct genl_info *info)
{
	return nl_set_doit(info, nl_set_rotate);
}

