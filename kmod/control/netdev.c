// SPDX-License-Identifier: GPL-2.0

#include "control/netdev.h"
#include "control/ethtool.h"
#include "control/nl_notify.h"
#include "control/rotation.h"
#include "core/device.h"
#include "core/drop.h"
#include "core/handshake_state.h"
#include "core/home.h"
#include "core/identity.h"
#include "core/peer.h"
#include "core/peer_endpoint.h"
#include "core/peer_ref.h"
#include "core/timers.h"
#include "datapath/batch.h"
#include "datapath/crypt.h"
#include "datapath/pmtu_check.h"
#include "datapath/recv.h"
#include "datapath/xmit.h"
#include "handshake/actions.h"
#include "handshake/queue.h"
#include "handshake/stray.h"
#include "udp/binding.h"
#include "udp/output.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_arp.h>
#include <linux/inetdevice.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/dst_metadata.h>
#include <net/icmp.h>
#include <net/ip_tunnels.h>
#include <net/netns/generic.h>
#include <net/rtnetlink.h>
#include <net/tcp.h>

/* Maximum bytes that encapsulation adds: IPv6, UDP, and this protocol. */
#define NETDEV_OVERHEAD	(sizeof(struct ipv6hdr) + sizeof(struct udphdr) + WEFT_DATA_OVERHEAD)

#define NETDEV_WIREGUARD	"wireguard"

/* All devices, for exiting namespaces and suspension. */
static LIST_HEAD(netdev_list);
static DEFINE_MUTEX(netdev_list_lock);

static const struct weft_device_ops netdev_device_ops = {
	.receive = weft_recv_packet,
	.handshake = weft_queue_add,
	.stray = weft_stray_note,
	.act = weft_actions_do,
	.event = weft_nl_notify_send,
};

static void netdev_get_stats64(struct net_device *dev, struct rtnl_link_stats64 *stats)
{
	dev_get_tstats64(dev, stats);
	weft_ethtool_add_drops(netdev_priv(dev), stats);
}

/* ICMP redirects and generated link-local addresses make no sense on a tunnel with many peers. */
static void netdev_tame_stack(struct net_device *dev)
{
	struct in_device *dev4 = __in_dev_get_rtnl(dev);
	struct inet6_dev *dev6 = __in6_dev_get(dev);

	if (dev4) {
		/*
		 * A hub that forwards from peer to peer sends packets out of the interface on which
		 * they arrived.
		 */
		IN_DEV_CONF_SET(dev4, SEND_REDIRECTS, false);
		IPV4_DEVCONF_ALL(dev_net(dev), SEND_REDIRECTS) = false;
	}
	if (dev6)
		dev6->cnf.addr_gen_mode = IN6_ADDR_GEN_MODE_NONE;
}

/* Stops the peers of a device that is not up, and drops their sessions. */
static void netdev_quiesce(struct weft_device *device)
{
	struct weft_peer *peer;

	lockdep_assert_held(&device->config_lock);
	list_for_each_entry(peer, &device->peers, list)
		weft_peer_quiesce(peer);
}

static int netdev_open(struct net_device *dev)
{
	struct weft_device *device = netdev_priv(dev);
	struct weft_peer *peer;
	int err;

	netdev_tame_stack(dev);
	mutex_lock(&device->config_lock);
	/* Sockets that were opened to try a setting may have received messages. */
	weft_queue_purge(device);
	/* Peers request sessions as soon as they are started. */
	WRITE_ONCE(device->up, true);
	err = weft_binding_open(device, device->open_extack);
	device->open_extack = NULL;
	if (err) {
		/* The socket of one family may have been open for a moment. */
		WRITE_ONCE(device->up, false);
		netdev_quiesce(device);
		weft_queue_purge(device);
	} else {
		list_for_each_entry(peer, &device->peers, list)
			weft_timers_start(peer);
		weft_queue_listen(device, true);
	}
	mutex_unlock(&device->config_lock);
	return err;
}

/*
 * Many devices may be removed at once, under rtnl: the core waits one grace period for all of them
 * before netdev_uninit(), and their peers are freed later, without rtnl.
 */
static int netdev_stop(struct net_device *dev)
{
	struct weft_device *device = netdev_priv(dev);

	mutex_lock(&device->config_lock);
	WRITE_ONCE(device->up, false);
	weft_queue_listen(device, false);
	if (dev->dismantle) {
		weft_binding_release(device);
	} else {
		netdev_quiesce(device);
		weft_binding_close(device);
	}
	weft_queue_purge(device);
	mutex_unlock(&device->config_lock);
	return 0;
}

/* Sends the packet's sender an ICMP error: destination unreachable. */
static void netdev_unreachable(struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		icmp_ndo_send(skb, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
	else
		icmpv6_ndo_send(skb, ICMPV6_DEST_UNREACH, ICMPV6_ADDR_UNREACH, 0);
}

static struct weft_peer *netdev_destination(const struct weft_device *device,
					    const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return weft_allowedips_lookup4(&device->allowedips, &ip_hdr(skb)->daddr);
	return weft_allowedips_lookup6(&device->allowedips, &ipv6_hdr(skb)->daddr);
}

/*
 * Whether a packet begins with a header of its protocol. The header may still be in a page, which
 * ip_tunnel_parse_protocol() does not read.
 */
static bool netdev_has_header(struct sk_buff *skb)
{
	unsigned int len = skb->protocol == htons(ETH_P_IP) ? sizeof(struct iphdr) :
							      sizeof(struct ipv6hdr);

	return pskb_network_may_pull(skb, len) && skb->protocol &&
	       skb->protocol == ip_tunnel_parse_protocol(skb);
}

/* Passes a packet to its peer and consumes it, unless it returns a drop reason. */
static enum weft_drop netdev_pass_on(struct weft_device *device, struct sk_buff *skb)
{
	struct weft_endpoint endpoint;
	struct weft_peer *peer;
	unsigned int mtu;

	if (unlikely(!netdev_has_header(skb)))
		return WEFT_DROP_NOT_IP;
	peer = netdev_destination(device, skb);
	if (unlikely(!peer)) {
		netdev_unreachable(skb);
		return WEFT_DROP_DESTINATION;
	}
	weft_endpoint_read(&peer->endpoint, &endpoint);
	if (unlikely(!endpoint.addr.sa_family)) {
		netdev_unreachable(skb);
		weft_peer_drop_packet(peer, skb, WEFT_DROP_NO_ENDPOINT);
		return WEFT_DROP_NONE;
	}
	mtu = skb_valid_dst(skb) ? dst_mtu(skb_dst(skb)) : READ_ONCE(device->dev->mtu);
	if (READ_ONCE(device->pmtu) && !weft_pmtu_check(peer, skb, &mtu))
		return WEFT_DROP_NONE;
	/* Kept by netif_keep_dst() for the lines above; the outer packet gets its own. */
	skb_dst_drop(skb);
	weft_xmit_packet(peer, skb, mtu);
	return WEFT_DROP_NONE;
}

static netdev_tx_t netdev_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct weft_device *device = netdev_priv(dev);
	enum weft_drop refused;

	skb = skb_share_check(skb, GFP_ATOMIC);
	if (unlikely(!skb)) {
		weft_drop(device, WEFT_DROP_NO_MEMORY, 1);
		return NETDEV_TX_OK;
	}
	rcu_read_lock();
	refused = netdev_pass_on(device, skb);
	rcu_read_unlock();
	if (unlikely(refused))
		weft_drop_packet(device, skb, refused);
	return NETDEV_TX_OK;
}

static int netdev_init(struct net_device *dev)
{
	struct weft_device *device = netdev_priv(dev);
	int err = weft_compat_init_tstats(dev);

	if (err)
		return err;
	err = -ENOMEM;
	device->drops = alloc_percpu(struct weft_drops);
	if (!device->drops)
		goto free_tstats;
	err = weft_index_init(&device->index);
	if (err)
		goto free_drops;
	err = weft_queue_device_init(device);
	if (err)
		goto free_index;
	err = weft_stray_device_init(device);
	if (err)
		goto free_queue;
	err = weft_cells_init(&device->cells, dev);
	if (err)
		goto free_stray;
	return 0;

free_stray:
	weft_stray_device_exit(device);
free_queue:
	weft_queue_device_exit(device);
free_index:
	weft_index_exit(&device->index);
free_drops:
	free_percpu(device->drops);
free_tstats:
	weft_compat_free_tstats(dev);
	return err;
}

/*
 * Tears the device down in the order of dependence: lists, sockets, peers, workers. The device is
 * down by now and sends no packets. Its sockets were closed a grace period ago; sockets that a
 * change of its configuration replaced were closed before that change dropped config_lock. The
 * peers are only put on a list: rtnl is held, and there may be many.
 */
static void netdev_uninit(struct net_device *dev)
{
	struct weft_device *device = netdev_priv(dev);
	bool announced;

	/* A device whose registration failed is not in the list and was never announced. */
	mutex_lock(&netdev_list_lock);
	mutex_lock(&device->config_lock);
	announced = !list_empty(&device->list);
	list_del_init(&device->list);
	device->gone = true;
	if (announced)
		weft_device_event(device, WEFT_EVENT_DEVICE_REMOVED, WEFT_CAUSE_ADMINISTRATION,
				  NULL);
	weft_binding_close(device);
	weft_peer_unpublish_all(device, &device->removal);
	RCU_INIT_POINTER(device->home, NULL);
	weft_identity_put(rcu_replace_pointer(device->identity, NULL,
					      lockdep_is_held(&device->config_lock)));
	weft_identity_put(rcu_replace_pointer(device->previous_identity, NULL,
					      lockdep_is_held(&device->config_lock)));
	mutex_unlock(&device->config_lock);
	/* The home's exit sees either the device with its peers, or peers counted as leaving. */
	mutex_unlock(&netdev_list_lock);

	weft_stray_device_exit(device);
	weft_queue_device_exit(device);
	weft_rotation_exit(device);
	weft_cells_exit(&device->cells);
}

/*
 * The last step, without rtnl, when no reference to the interface is left: a holder of one may have
 * been removing peers until now. The statistics are read until here. The core has waited for a
 * grace period since netdev_uninit().
 */
static void netdev_free(struct net_device *dev)
{
	struct weft_device *device = netdev_priv(dev);

	weft_peer_remove_unseen(&device->removal);
	weft_index_exit(&device->index);
	free_percpu(device->drops);
	weft_compat_free_tstats(dev);
	memzero_explicit(device->cookie_secret, sizeof(device->cookie_secret));
	mutex_destroy(&device->config_lock);
}

/*
 * A GSO packet from the stack should fit one batch: as many messages as a batch holds, each with
 * the longest usual headers (IPv6, TCP with time stamps). The stack segments larger ones first.
 */
static void netdev_limit_bursts(struct net_device *dev, unsigned int mtu)
{
	const unsigned int headers = sizeof(struct ipv6hdr) + sizeof(struct tcphdr) + 12;
	unsigned int count = WEFT_BATCH_MAX_LEN / (mtu + WEFT_DATA_OVERHEAD);

	netif_set_tso_max_segs(dev, WEFT_BATCH_MAX_PACKETS);
	if (count < WEFT_BATCH_MAX_PACKETS)
		netif_set_tso_max_size(dev, min(MAX_TCP_HEADER + (count + 1) * (mtu - headers),
						(unsigned int)TSO_LEGACY_MAX_SIZE));
}

static int netdev_change_mtu(struct net_device *dev, int mtu)
{
	WRITE_ONCE(dev->mtu, mtu);
	netdev_limit_bursts(dev, mtu);
	return 0;
}

static const struct net_device_ops netdev_ops = {
	.ndo_change_mtu = netdev_change_mtu,
	.ndo_init = netdev_init,
	.ndo_uninit = netdev_uninit,
	.ndo_open = netdev_open,
	.ndo_stop = netdev_stop,
	.ndo_start_xmit = netdev_xmit,
	.ndo_get_stats64 = netdev_get_stats64,
};

/* udev and its listeners see this name as DEVTYPE. */
static const struct device_type netdev_type = { .name = KBUILD_MODNAME };
static const struct device_type netdev_wireguard_type = { .name = NETDEV_WIREGUARD };

static void netdev_setup(struct net_device *dev)
{
	struct weft_device *device = netdev_priv(dev);

	dev->netdev_ops = &netdev_ops;
	dev->ethtool_ops = &weft_ethtool_ops;
	dev->header_ops = &ip_tunnel_header_ops;
	dev->needs_free_netdev = true;
	dev->priv_destructor = netdev_free;
	dev->type = ARPHRD_NONE;
	dev->flags = IFF_POINTOPOINT | IFF_NOARP;
	dev->priv_flags |= IFF_NO_QUEUE;
	dev->features |= NETIF_F_HW_CSUM | NETIF_F_RXCSUM | NETIF_F_SG | NETIF_F_HIGHDMA |
			 NETIF_F_GSO_SOFTWARE;
	dev->hw_features |= dev->features;
	dev->hw_enc_features |= dev->features;
	weft_compat_set_lltx(dev);
	/* netdev_pass_on() reads the route's MTU, and ICMP errors need the route too. */
	netif_keep_dst(dev);
	dev->needed_headroom = WEFT_OUTPUT_HEADROOM;
	dev->needed_tailroom = WEFT_PADDING + WEFT_TAG_LEN + WEFT_CRYPT_BEHIND;
	dev->mtu = ETH_DATA_LEN - NETDEV_OVERHEAD;
	netdev_limit_bursts(dev, dev->mtu);
	dev->max_mtu = round_down(INT_MAX, WEFT_PADDING) - NETDEV_OVERHEAD;
	SET_NETDEV_DEVTYPE(dev, &netdev_type);

	device->dev = dev;
	device->ops = &netdev_device_ops;
	device->dscp = WEFT_DSCP_OFF;
	mutex_init(&device->config_lock);
	spin_lock_init(&device->peers_lock);
	spin_lock_init(&device->events_lock);
	device->peers_by_key = RB_ROOT;
	device->keys_epoch = 1;
	INIT_LIST_HEAD(&device->peers);
	weft_rotation_init(device);
	weft_removal_init(&device->removal);
	INIT_LIST_HEAD(&device->list);
}

WEFT_COMPAT_NEWLINK(netdev_newlink)
{
	struct weft_device *device = netdev_priv(dev);
	int err;

	rcu_assign_pointer(device->home, rtnl_newlink_link_net(params));
	err = register_netdevice(dev);
	if (err)
		return err;
	mutex_lock(&netdev_list_lock);
	list_add_tail(&device->list, &netdev_list);
	mutex_unlock(&netdev_list_lock);
	weft_device_event(device, WEFT_EVENT_DEVICE_ADDED, WEFT_CAUSE_ADMINISTRATION, NULL);
	return 0;
}

static struct rtnl_link_ops netdev_link_ops __read_mostly = {
	.kind = KBUILD_MODNAME,
	.priv_size = sizeof(struct weft_device),
	.setup = netdev_setup,
	.newlink = netdev_newlink,
};

/* The same kind under the name that WireGuard's tools create: compat=1. */
static void netdev_setup_wireguard(struct net_device *dev)
{
	netdev_setup(dev);
	SET_NETDEV_DEVTYPE(dev, &netdev_wireguard_type);
}

static struct rtnl_link_ops netdev_wireguard_link_ops __read_mostly = {
	.kind = NETDEV_WIREGUARD,
	.priv_size = sizeof(struct weft_device),
	.setup = netdev_setup_wireguard,
	.newlink = netdev_newlink,
};

/*
 * The namespace of a device's sockets exits; the device itself may be in another one. Sockets and
 * cached routes belong to the namespace. No sockets are opened again, as an exiting namespace
 * grants no references.
 */
static void netdev_lose_sockets(struct weft_device *device)
{
	mutex_lock(&device->config_lock);
	netif_carrier_off(device->dev);
	weft_binding_release(device);
	mutex_unlock(&device->config_lock);
}

/*
 * Called a grace period later, when the caches of routes have no users. The device keeps its home
 * until its peers have left: peers that a message removes before are counted as leaving.
 */
static void netdev_lose_home(struct weft_device *device)
{
	struct weft_peer *peer;

	mutex_lock(&device->config_lock);
	list_for_each_entry(peer, &device->peers, list) {
		weft_peer_leave_home(peer);
		cond_resched();
	}
	RCU_INIT_POINTER(device->home, NULL);
	mutex_unlock(&device->config_lock);
}

/*
 * One grace period for all devices, an expedited one, as rtnl may wait for the lock. It covers
 * devices without sockets, as these may have just been closed.
 */
static void __net_exit netdev_net_pre_exit(struct net *net)
{
	struct weft_device *device, *next;
	LIST_HEAD(homeless);

	mutex_lock(&netdev_list_lock);
	list_for_each_entry_safe(device, next, &netdev_list, list) {
		if (rcu_access_pointer(device->home) != net)
			continue;
		netdev_lose_sockets(device);
		list_move_tail(&device->list, &homeless);
	}
	if (!list_empty(&homeless))
		synchronize_rcu_expedited();
	list_for_each_entry(device, &homeless, list)
		netdev_lose_home(device);
	list_splice_tail(&homeless, &netdev_list);
	mutex_unlock(&netdev_list_lock);
	weft_home_wait(net);
}

static struct pernet_operations netdev_net_ops = {
	.pre_exit = netdev_net_pre_exit,
	.id = &weft_home_id,
	.size = sizeof(struct weft_home),
};

/* An interface has appeared or been renamed: sockets may be bound to it. */
static void netdev_meet(struct net_device *dev)
{
	struct weft_device *device;

	mutex_lock(&netdev_list_lock);
	list_for_each_entry(device, &netdev_list, list)
		weft_binding_meet(device, dev);
	mutex_unlock(&netdev_list_lock);
}

static int netdev_hear(struct notifier_block *block, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct weft_device *device = weft_netdev_device(dev);

	/* The core does not pass it to netdev_open(), which comes next under the same rtnl. */
	if (event == NETDEV_PRE_UP && device)
		device->open_extack = netdev_notifier_info_to_extack(info);
	if (event == NETDEV_REGISTER || event == NETDEV_CHANGENAME)
		netdev_meet(dev);
	return NOTIFY_DONE;
}

static struct notifier_block netdev_notifier = {
	.notifier_call = netdev_hear,
};

/* Registers the link kind, and wireguard too if @compat. -EEXIST: a name is taken. */
int weft_netdev_init(bool compat)
{
	int err = register_pernet_device(&netdev_net_ops);

	if (err)
		return err;
	err = register_netdevice_notifier(&netdev_notifier);
	if (err)
		goto unregister_net;
	/* First the one that may be refused, so that no link is created and then removed. */
	if (compat)
		err = rtnl_link_register(&netdev_wireguard_link_ops);
	if (err)
		goto unregister_notifier;
	err = rtnl_link_register(&netdev_link_ops);
	if (err)
		goto unregister_wireguard;
	return 0;

unregister_wireguard:
	if (compat)
		rtnl_link_unregister(&netdev_wireguard_link_ops);
unregister_notifier:
	unregister_netdevice_notifier(&netdev_notifier);
unregister_net:
	unregister_pernet_device(&netdev_net_ops);
	return err;
}

/* Removes every device, and the link kinds. */
void weft_netdev_exit(bool compat)
{
	rtnl_link_unregister(&netdev_link_ops);
	if (compat)
		rtnl_link_unregister(&netdev_wireguard_link_ops);
	unregister_netdevice_notifier(&netdev_notifier);
	unregister_pernet_device(&netdev_net_ops);
}

/**
 * weft_netdev_device() - the device behind an interface
 * @dev: any interface
 *
 * Return: the device, or NULL if the interface is not one of ours.
 */
struct weft_device *weft_netdev_device(struct net_device *dev)
{
	return dev->netdev_ops == &netdev_ops ? netdev_priv(dev) : NULL;
}

/**
 * weft_netdev_erase_all() - wipe the sessions of every peer of every device
 *
 * Called when memory is about to be written to disk, or has been copied to another machine.
 *
 * Context: process; may sleep.
 */
void weft_netdev_erase_all(void)
{
	struct weft_device *device;
	struct weft_peer *peer;

	mutex_lock(&netdev_list_lock);
	list_for_each_entry(device, &netdev_list, list) {
		mutex_lock(&device->config_lock);
		list_for_each_entry(peer, &device->peers, list)
			weft_peer_erase(peer);
		mutex_unlock(&device->config_lock);
	}
	mutex_unlock(&netdev_list_lock);
	rcu_barrier();
}

/**
 * weft_netdev_count() - the number of devices in all network namespaces
 *
 * Context: process; may sleep.
 *
 * Return: the number, which may be stale.
 */
unsigned int weft_netdev_count(void)
{
	struct weft_device *device;
	unsigned int count = 0;

	mutex_lock(&netdev_list_lock);
	list_for_each_entry(device, &netdev_list, list)
		count++;
	mutex_unlock(&netdev_list_lock);
	return count;
}
