/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Included before each source of the module where a word has 32 bits (run/vm/module.sh):
 * READ_ONCE() and WRITE_ONCE() of more than a word do not compile, as another CPU may see half of
 * it. The kernel's own inline functions are exempt: their headers come first.
 */
#ifndef WEFT_ONE_WORD_H
#define WEFT_ONE_WORD_H

#include <linux/ethtool.h>
#include <linux/if_vlan.h>
#include <linux/netdevice.h>
#include <linux/rhashtable.h>
#include <linux/skbuff.h>
#include <linux/suspend.h>
#include <linux/tcp.h>
#include <linux/workqueue.h>
#include <net/addrconf.h>
#include <net/dst_metadata.h>
#include <net/genetlink.h>
#include <net/gro.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>
#include <net/udp_tunnel.h>

#undef compiletime_assert_rwonce_type
#define compiletime_assert_rwonce_type(t) \
	compiletime_assert(__native_word(t), "READ_ONCE() or WRITE_ONCE() of more than a word")

#endif /* WEFT_ONE_WORD_H */
