// SPDX-License-Identifier: GPL-2.0

#include "control/netlink.h"
#include "control/netdev.h"
#include "control/netlink-gen.h"
#include "control/refuse.h"
#include "lib/wire.h"

#include <linux/netdevice.h>
#include <net/genetlink.h>

#include <uapi/linux/weft.h>

/**
 * weft_netlink_interface() - the interface that a message names
 * @net: the namespace of the message
 * @attrs: the message's attributes
 * @extack: names the error
 *
 * Context: process.
 * Return: the interface, held, or ERR_PTR().
 */
struct net_device *weft_netlink_interface(struct net *net, struct nlattr **attrs,
					  struct netlink_ext_ack *extack)
{
	struct nlattr *index = attrs[WEFT_DEVICE_A_IFINDEX], *name = attrs[WEFT_DEVICE_A_IFNAME];
	struct net_device *dev;

	if (!index == !name)
		return ERR_PTR(weft_refuse(extack, -EBADR,
					   "interface: give its index or its name, and not both"));
	dev = index ? dev_get_by_index(net, nla_get_u32(index)) :
		      dev_get_by_name(net, nla_data(name));
	if (!dev)
		return ERR_PTR(weft_refuse_attr(extack, index ?: name, -ENODEV,
						"interface: there is none of that index or name"));
	if (!weft_netdev_device(dev)) {
		dev_put(dev);
		return ERR_PTR(weft_refuse_attr(extack, index ?: name, -EOPNOTSUPP,
						"interface: it is not one of weft's"));
	}
	return dev;
}

static struct genl_family netlink_family __ro_after_init = {
	.name = WEFT_GENL_NAME,
	.version = WEFT_GENL_VERSION,
	.maxattr = WEFT_DEVICE_A_MAX,
	.policy = weft_device_nl_policy,
	.small_ops = weft_nl_ops,
	.n_small_ops = ARRAY_SIZE(weft_nl_ops),
	.mcgrps = weft_nl_mcgrps,
	.n_mcgrps = ARRAY_SIZE(weft_nl_mcgrps),
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
};

/*
 * As weft_device_nl_policy, without the attributes that WireGuard does not have. It has the same
 * length, as the parser reads that many attributes: the others are refused.
 */
static const struct nla_policy netlink_wireguard_policy[WEFT_DEVICE_A_MAX + 1] = {
	[WEFT_DEVICE_A_IFINDEX] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_IFNAME] = { .type = NLA_NUL_STRING, .len = IFNAMSIZ - 1, },
	[WEFT_DEVICE_A_PRIVATE_KEY] = NLA_POLICY_EXACT_LEN(WEFT_KEY_LEN),
	[WEFT_DEVICE_A_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(WEFT_KEY_LEN),
	[WEFT_DEVICE_A_FLAGS] = NLA_POLICY_MASK(NLA_U32, WEFT_DEVICE_F_REPLACE_PEERS),
	[WEFT_DEVICE_A_LISTEN_PORT] = { .type = NLA_U16, },
	[WEFT_DEVICE_A_FWMARK] = { .type = NLA_U32, },
	[WEFT_DEVICE_A_PEERS] = { .type = NLA_NESTED_ARRAY, .nested_policy = weft_peer_nl_policy,
				  .len = WEFT_PEER_A_PROTOCOL_VERSION, },
};

/*
 * linux/wireguard.h: the same commands and attributes, up to the peers, and the same leniency about
 * unused bits of the header.
 */
static struct genl_family netlink_wireguard_family __ro_after_init = {
	.name = "wireguard",
	.version = 1,
	.maxattr = WEFT_DEVICE_A_MAX,
	.policy = netlink_wireguard_policy,
	.small_ops = weft_nl_ops,
	.n_small_ops = WEFT_CMD_SET_DEVICE + 1,
	.resv_start_op = WEFT_CMD_SET_DEVICE + 1,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
};

/**
 * weft_netlink_family() - weft's own family, for events
 */
struct genl_family *weft_netlink_family(void)
{
	return &netlink_family;
}

/**
 * weft_netlink_family_of() - the family of a request, for the reply
 * @nlh: the request
 *
 * Programs for WireGuard know no other attributes than WireGuard's: a reply of that family must not
 * contain any.
 */
const struct genl_family *weft_netlink_family_of(const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == netlink_wireguard_family.id ? &netlink_wireguard_family :
								&netlink_family;
}

/* Registers the family, and wireguard too if @compat. -EEXIST: a name is taken. */
int weft_netlink_init(bool compat)
{
	int err = compat ? genl_register_family(&netlink_wireguard_family) : 0;

	if (err)
		return err;
	err = genl_register_family(&netlink_family);
	if (err && compat)
		genl_unregister_family(&netlink_wireguard_family);
	return err;
}

/* Unregisters the families. */
void weft_netlink_exit(bool compat)
{
	genl_unregister_family(&netlink_family);
	if (compat)
		genl_unregister_family(&netlink_wireguard_family);
}
