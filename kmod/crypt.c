// SPDX-License-Identifier: GPL-2.0

#include "crypt.h"
#include "batch.h"
#include "wire.h"

#include <crypto/chacha20poly1305.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/scatterlist.h>
#include <linux/udp.h>

/* Pieces that one packet may consist of: its linear part, its fragments, and some more behind a frag_list. */
#define CRYPT_PIECES	(MAX_SKB_FRAGS + 8)

/*
 * Zeros behind an inner packet of @len bytes: up to a multiple of 16, but never past @mtu. A packet that is longer than the MTU
 * (0: there is none) is one that will be cut up elsewhere; what counts then is its last piece.
 */
static unsigned int crypt_padding(unsigned int len, unsigned int mtu)
{
	unsigned int last = len, padded;

	if (unlikely(!mtu))
		return ALIGN(len, WEFT_PADDING) - len;
	if (unlikely(last > mtu))
		last %= mtu;
	padded = min(mtu, ALIGN(last, WEFT_PADDING));
	return padded - last;
}

/* Maps @len bytes of @skb from @offset on. Returns the number of pieces, or a negative errno. */
static int crypt_map(struct scatterlist *sg, int pieces, struct sk_buff *skb, int offset, int len)
{
	if (pieces < 0)
		return pieces;
	if (pieces > CRYPT_PIECES)
		return -EMSGSIZE;
	sg_init_table(sg, pieces);
	return skb_to_sgvec(skb, sg, offset, len);
}

/* Makes room in front and behind, in memory that is nobody else's, and finishes the inner checksum. */
static int crypt_make_room(struct sk_buff *skb, unsigned int behind, struct sk_buff **trailer)
{
	int pieces, err;

	err = skb_cow_head(skb, WEFT_CRYPT_HEADROOM);
	if (unlikely(err))
		return err;
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		err = skb_checksum_help(skb);
		if (unlikely(err))
			return err;
	}
	pieces = skb_cow_data(skb, behind, trailer);
	/* A copy may have come with less room in front. */
	if (likely(pieces > 0) && unlikely(skb_headroom(skb) < WEFT_CRYPT_HEADROOM))
		return -ENOMEM;
	return pieces;
}

static void crypt_push_header(struct sk_buff *skb, __le32 receiver, u64 counter)
{
	struct weft_msg_data *msg;

	/* From here on there is no packet inside as far as the stack can see. */
	skb->encapsulation = 0;
	msg = skb_push(skb, sizeof(*msg));
	skb_set_inner_network_header(skb, 0);
	msg->header.type = cpu_to_le32(WEFT_MSG_DATA);
	msg->receiver = receiver;
	msg->counter = cpu_to_le64(counter);
}

/* Turns an inner packet into a data message, in place. */
static bool crypt_seal_packet(struct sk_buff *skb, const struct weft_keypair *keypair, u64 counter, unsigned int mtu)
{
	unsigned int padding = crypt_padding(skb->len, mtu);
	unsigned int plain = skb->len + padding;
	struct scatterlist sg[CRYPT_PIECES];
	struct sk_buff *trailer;
	int pieces;

	pieces = crypt_make_room(skb, padding + WEFT_TAG_LEN, &trailer);
	if (unlikely(pieces < 0))
		return false;
	/* Nothing reallocates the packet after this: the zeros stay zeros. */
	memset(skb_tail_pointer(trailer), 0, padding);
	pskb_put(skb, trailer, padding + WEFT_TAG_LEN);
	crypt_push_header(skb, keypair->remote_index, counter);
	if (unlikely(crypt_map(sg, pieces, skb, sizeof(struct weft_msg_data), plain + WEFT_TAG_LEN) < 0))
		return false;
	return chacha20poly1305_encrypt_sg_inplace(sg, plain, NULL, 0, counter, keypair->keys.send);
}

/**
 * weft_crypt_seal() - turn the inner packets of an outbound batch into data messages
 * @batch: the batch; packets that could not be sealed for want of memory are left with a length of 0
 *
 * Context: bottom halves off; struct weft_batch_ops' work.
 */
void weft_crypt_seal(struct sk_buff *batch)
{
	struct weft_batch *state = weft_batch(batch);
	u64 counter = state->counter;
	struct sk_buff *skb;

	for (skb = batch; skb; skb = skb->next) {
		if (!crypt_seal_packet(skb, state->keypair, counter++, state->mtu))
			skb->len = 0;
	}
}

/* Turns a data message into the padded inner packet, in place. */
static bool crypt_open_packet(struct sk_buff *skb, const struct weft_keypair *keypair, u64 counter)
{
	struct scatterlist sg[CRYPT_PIECES];
	struct sk_buff *trailer;
	unsigned int sealed;
	int pieces;

	/* A capture may hold the same memory: what is written to is ours alone. */
	pieces = skb_cow_data(skb, 0, &trailer);
	skb_pull(skb, sizeof(struct weft_msg_data));
	sealed = skb->len;
	if (unlikely(crypt_map(sg, pieces, skb, 0, sealed) < 0))
		return false;
	if (!chacha20poly1305_decrypt_sg_inplace(sg, sealed, NULL, 0, counter, keypair->keys.receive))
		return false;
	return !pskb_trim(skb, sealed - WEFT_TAG_LEN);
}

/**
 * weft_crypt_open() - turn the data messages of an inbound batch into padded inner packets
 * @batch: the batch; marked as failed if it does not authenticate
 *
 * Context: bottom halves off; struct weft_batch_ops' work.
 */
void weft_crypt_open(struct sk_buff *batch)
{
	struct weft_batch *state = weft_batch(batch);

	state->failed = !crypt_open_packet(batch, state->keypair, state->counter);
}
