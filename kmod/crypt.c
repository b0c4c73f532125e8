// SPDX-License-Identifier: GPL-2.0

#include "crypt.h"
#include "batch.h"
#include "keypair.h"
#include "wire.h"

#include <crypto/chacha20poly1305.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

/*
 * Zeros behind an inner packet of @len bytes: up to a multiple of 16, but never past @mtu. A packet
 * that is longer than the MTU (0: there is none) is one that will be cut up elsewhere; what counts
 * then is its last piece.
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

/*
 * Makes a packet one piece of memory that is nobody else's, with room in front and @behind it, and
 * finishes its checksum.
 */
static int crypt_make_room(struct sk_buff *skb, unsigned int behind)
{
	unsigned int front = max_t(int, 0, WEFT_CRYPT_HEADROOM - skb_headroom(skb));
	int err;

	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		err = skb_checksum_help(skb);
		if (unlikely(err))
			return err;
	}
	err = skb_linearize_cow(skb);
	if (unlikely(err))
		return err;
	if (likely(!front && skb_tailroom(skb) >= behind))
		return 0;
	return pskb_expand_head(skb, SKB_DATA_ALIGN(front), behind, GFP_ATOMIC);
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
static bool crypt_seal_packet(struct sk_buff *skb, const struct weft_keypair *keypair, u64 counter,
			      unsigned int mtu)
{
	unsigned int padding = crypt_padding(skb->len, mtu);
	unsigned int plain = skb->len + padding;

	if (unlikely(crypt_make_room(skb, padding + WEFT_TAG_LEN)))
		return false;
	skb_put_zero(skb, padding);
	chacha20poly1305_encrypt(skb->data, skb->data, plain, NULL, 0, counter, keypair->keys.send);
	skb_put(skb, WEFT_TAG_LEN);
	crypt_push_header(skb, keypair->remote_index, counter);
	return true;
}

/**
 * weft_crypt_seal() - turn the inner packets of an outbound batch into data messages
 * @batch: the batch; packets that could not be sealed for want of memory are left with a length of
 * 0
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
	/* A capture may hold the same memory: what is written to is ours alone. */
	if (unlikely(skb_linearize_cow(skb)))
		return false;
	skb_pull(skb, sizeof(struct weft_msg_data));
	if (!chacha20poly1305_decrypt(skb->data, skb->data, skb->len, NULL, 0, counter,
				      keypair->keys.receive))
		return false;
	return !pskb_trim(skb, skb->len - WEFT_TAG_LEN);
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
