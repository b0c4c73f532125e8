// SPDX-License-Identifier: GPL-2.0

#include "datapath/crypt.h"
#include "core/session.h"
#include "datapath/pages.h"
#include "udp/output.h"

#include <crypto/algapi.h>
#include <crypto/chacha20poly1305.h>
#include <crypto/poly1305.h>
#include <linux/udp.h>
#include <net/ipv6.h>

/* Headroom of an opened packet: for later headers if it is forwarded. */
#define CRYPT_OPEN_HEADROOM	(CHACHA_BLOCK_SIZE + NET_SKB_PAD)

/*
 * The beginning of a message's key stream, made in one call before its tag is checked: block 0,
 * which begins with the Poly1305 key, and blocks of the payload's. SIMD code makes two as fast as
 * one, and four nearly so; one block alone, or a rest of one, is left to scalar code.
 */
#define CRYPT_STREAM_LEN	(2 * CHACHA_BLOCK_SIZE)
#define CRYPT_STREAM_MAX_LEN	(4 * CHACHA_BLOCK_SIZE)

/* The tag's last block: lengths of no additional data and of the payload. Aligned to four. */
struct crypt_lengths {
	__le64 additional;
	__le64 payload;
} __packed __aligned(4);

static_assert(sizeof(struct crypt_lengths) == POLY1305_BLOCK_SIZE);
static_assert(sizeof(struct crypt_lengths) == WEFT_TAG_LEN);

static DEFINE_PER_CPU(struct weft_pages, crypt_pages);

static void crypt_begin(struct weft_crypt *crypt, const u8 key[WEFT_KEY_LEN])
{
	static const u8 iv[CHACHA_IV_SIZE];
	u32 words[CHACHA_KEY_WORDS];

	memcpy(words, key, sizeof(words));
	le32_to_cpu_array(words, ARRAY_SIZE(words));
	chacha_init(&crypt->state, words, iv);
	memzero_explicit(words, sizeof(words));
}

/**
 * weft_crypt_begin_seal() - prepare to seal under a session
 * @crypt: to be ended with weft_crypt_end()
 * @session: the session; its keys are copied
 */
void weft_crypt_begin_seal(struct weft_crypt *crypt, const struct weft_session *session)
{
	crypt->receiver = session->remote_index;
	crypt_begin(crypt, session->keys.send);
}

/**
 * weft_crypt_begin_open() - prepare to open under a session
 * @crypt: to be ended with weft_crypt_end()
 * @session: the session; its keys are copied
 */
void weft_crypt_begin_open(struct weft_crypt *crypt, const struct weft_session *session)
{
	crypt->receiver = session->entry.id;
	crypt_begin(crypt, session->keys.receive);
}

/**
 * weft_crypt_end() - wipe the keys
 * @crypt: the state to end
 */
void weft_crypt_end(struct weft_crypt *crypt)
{
	chacha_zeroize_state(&crypt->state);
}

/* The nonce is 32 bits of zero and the counter (WireGuard paper, section 5.4.6); blocks from 0. */
static void crypt_set_nonce(struct weft_crypt *crypt, u64 counter)
{
	crypt->state.x[12] = 0;
	crypt->state.x[13] = 0;
	crypt->state.x[14] = lower_32_bits(counter);
	crypt->state.x[15] = upper_32_bits(counter);
}

/**
 * weft_crypt_padding() - the number of zeros that pad an inner packet
 * @len: the packet's length in bytes
 * @mtu: of its route; 0: none
 *
 * Up to a multiple of 16, but never past the MTU. A longer packet is going to be segmented
 * elsewhere: its last segment counts.
 *
 * Return: the number of bytes (WireGuard paper, section 5.4.6).
 */
unsigned int weft_crypt_padding(unsigned int len, unsigned int mtu)
{
	unsigned int last = len, padded;

	if (unlikely(!mtu))
		return ALIGN(len, WEFT_PADDING) - len;
	if (unlikely(last > mtu))
		last %= mtu;
	padded = min(mtu, ALIGN(last, WEFT_PADDING));
	return padded - last;
}

static void crypt_set_lengths(struct crypt_lengths *lengths, unsigned int len)
{
	lengths->additional = 0;
	lengths->payload = cpu_to_le64(len);
}

/*
 * Writes the tag of a sealed payload behind it, and WEFT_CRYPT_BEHIND more bytes. They hold the
 * rest of the tag's input meanwhile, contiguous with the payload: zeros up to a full block, and the
 * lengths.
 */
static void crypt_make_tag(u8 *payload, unsigned int len, const u8 key[POLY1305_KEY_SIZE])
{
	unsigned int gap = -len % POLY1305_BLOCK_SIZE;
	struct poly1305_desc_ctx mac;
	u8 *tag = payload + len;

	memset(tag, 0, gap);
	crypt_set_lengths((struct crypt_lengths *)(tag + gap), len);
	poly1305_init(&mac, key);
	poly1305_update(&mac, payload, len + gap + sizeof(struct crypt_lengths));
	poly1305_final(&mac, tag);
}

/* Writes the tag and restores the bytes behind it. */
static void crypt_write_tag(u8 *payload, unsigned int len, const u8 key[POLY1305_KEY_SIZE])
{
	u8 *behind = payload + len + WEFT_TAG_LEN, saved[WEFT_CRYPT_BEHIND];

	memcpy(saved, behind, WEFT_CRYPT_BEHIND);
	crypt_make_tag(payload, len, key);
	memcpy(behind, saved, WEFT_CRYPT_BEHIND);
}

/**
 * weft_crypt_seal() - turn a padded inner packet into a data message, in place
 * @crypt: the direction of a session
 * @message: the message; the packet is at the offset of its payload. WEFT_CRYPT_SCRATCH bytes in
 * front of it are overwritten; WEFT_CRYPT_BEHIND bytes behind it are used meanwhile
 * @len: of the padded packet
 * @counter: the packet's
 *
 * Context: process or softirq, where the FPU may be used.
 */
void weft_crypt_seal(struct weft_crypt *crypt, u8 *message, unsigned int len, u64 counter)
{
	struct weft_msg_data *msg = (struct weft_msg_data *)message;
	u8 *payload = message + sizeof(*msg), *block = payload - CHACHA_BLOCK_SIZE;

	memset(block, 0, CHACHA_BLOCK_SIZE);
	crypt_set_nonce(crypt, counter);
	chacha20_crypt(&crypt->state, block, block, CHACHA_BLOCK_SIZE + len);
	crypt_write_tag(payload, len, block);
	memzero_explicit(block, CHACHA_BLOCK_SIZE);
	msg->header.type = cpu_to_le32(WEFT_MSG_DATA);
	msg->receiver = crypt->receiver;
	msg->counter = cpu_to_le64(counter);
}

/*
 * Makes a packet linear and private, with headroom and @behind bytes of tailroom, and finishes its
 * checksum.
 */
static int crypt_make_room(struct sk_buff *skb, unsigned int behind)
{
	int front = max_t(int, 0, LL_MAX_HEADER + WEFT_OUTPUT_HEADROOM - skb_headroom(skb));
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

/**
 * weft_crypt_seal_packet() - turn an inner packet into a data message, in its own memory
 * @crypt: the direction of a session
 * @skb: the packet, not one for segmentation
 * @mtu: as in weft_crypt_padding()
 * @counter: the packet's
 *
 * Context: bottom halves off.
 * Return: 0 or a negative errno; then the packet has not been sealed.
 */
int weft_crypt_seal_packet(struct weft_crypt *crypt, struct sk_buff *skb, unsigned int mtu,
			   u64 counter)
{
	unsigned int padding = weft_crypt_padding(skb->len, mtu), len = skb->len + padding;
	int err;

	BUILD_BUG_ON(LL_MAX_HEADER + WEFT_OUTPUT_HEADROOM < CHACHA_BLOCK_SIZE);
	err = crypt_make_room(skb, padding + WEFT_TAG_LEN + WEFT_CRYPT_BEHIND);
	if (unlikely(err))
		return err;
	skb_put_zero(skb, padding);
	skb_put(skb, WEFT_TAG_LEN);
	/* From here on the stack sees no inner packet. */
	skb->encapsulation = 0;
	weft_crypt_seal(crypt, skb_push(skb, sizeof(struct weft_msg_data)), len, counter);
	skb_set_inner_network_header(skb, 0);
	return 0;
}

/*
 * Whether the tag behind a sealed payload is right. Overwrites it, and WEFT_CRYPT_BEHIND bytes
 * behind it.
 */
static bool crypt_tag_is_right(u8 *payload, unsigned int len, const u8 key[POLY1305_KEY_SIZE])
{
	u8 *tag = payload + len, claimed[WEFT_TAG_LEN];
	bool right;

	memcpy(claimed, tag, sizeof(claimed));
	crypt_make_tag(payload, len, key);
	right = !crypto_memneq(tag, claimed, sizeof(claimed));
	memzero_explicit(tag, WEFT_TAG_LEN);
	return right;
}

/* The length of key stream, with block 0, that is made before the tag is checked. */
static unsigned int crypt_stream_len(unsigned int len)
{
	if (len > CRYPT_STREAM_LEN - CHACHA_BLOCK_SIZE &&
	    len <= CRYPT_STREAM_MAX_LEN - CHACHA_BLOCK_SIZE)
		return CRYPT_STREAM_MAX_LEN;
	return CRYPT_STREAM_LEN;
}

/*
 * Opens a sealed payload in place, in memory that no process can write: the bytes that are
 * authenticated are the bytes that are decrypted. Overwrites WEFT_CRYPT_BEHIND bytes behind the
 * tag. A forged payload is not decrypted.
 */
static bool crypt_open(struct weft_crypt *crypt, u8 *payload, unsigned int len, u64 counter)
{
	unsigned int stream_len = crypt_stream_len(len);
	unsigned int first = min_t(unsigned int, len, stream_len - CHACHA_BLOCK_SIZE);
	u8 stream[CRYPT_STREAM_MAX_LEN] __aligned(sizeof(u64));
	bool right;

	crypt_set_nonce(crypt, counter);
	memset(stream, 0, stream_len);
	chacha20_crypt(&crypt->state, stream, stream, stream_len);
	right = crypt_tag_is_right(payload, len, stream);
	if (likely(right)) {
		crypto_xor(payload, stream + CHACHA_BLOCK_SIZE, first);
		if (len > first)
			chacha20_crypt(&crypt->state, payload + first, payload + first,
				       len - first);
	}
	memzero_explicit(stream, stream_len);
	return right;
}

/* Prepares to read the messages of a packet that is at its first message. */
void weft_crypt_source_init(struct weft_crypt_source *source, const struct sk_buff *skb)
{
	source->skb = skb;
	source->part = skb;
	source->part_offset = 0;
}

/* Advances to the part that contains @offset, which never decreases between calls. */
static void crypt_find_part(struct weft_crypt_source *source, unsigned int offset)
{
	unsigned int len = skb_pagelen(source->part);
	const struct sk_buff *next;

	while (unlikely(offset - source->part_offset >= len)) {
		next = source->part == source->skb ? skb_shinfo(source->skb)->frag_list :
						     source->part->next;
		if (!next)
			return;
		source->part_offset += len;
		source->part = next;
		len = skb_pagelen(next);
	}
}

/* Finds @len bytes at @offset behind a packet's linear part, if contiguous; else NULL. */
static const u8 *crypt_find_frag(const struct sk_buff *skb, unsigned int offset, unsigned int len)
{
	unsigned int i;

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];
		const struct page *page = skb_frag_page(frag);

		if (offset < skb_frag_size(frag)) {
			/* Device memory has no page. */
			if (offset + len > skb_frag_size(frag) || !page || PageHighMem(page))
				return NULL;
			return (const u8 *)skb_frag_address(frag) + offset;
		}
		offset -= skb_frag_size(frag);
	}
	return NULL;
}

/* Finds a message, if it is contiguous in memory; else NULL. */
static const u8 *crypt_find(struct weft_crypt_source *source, unsigned int offset, unsigned int len)
{
	const struct sk_buff *part;

	crypt_find_part(source, offset);
	part = source->part;
	offset -= source->part_offset;
	if (offset >= skb_headlen(part))
		return crypt_find_frag(part, offset - skb_headlen(part), len);
	return offset + len <= skb_headlen(part) ? part->data + offset : NULL;
}

/**
 * weft_crypt_copy() - copy a part of a message out of its packet
 * @source: the packet
 * @to: the destination
 * @offset: of the part in the packet; of no message before the last one's
 * @len: of the part
 *
 * The packet's memory may belong to a process (splice(), MSG_ZEROCOPY, a packet socket's ring), and
 * change at any moment. So each byte is read once, and checks use that copy: the compiler may not
 * read it again either. A capture may share the memory: it is not written to.
 *
 * Return: false if the packet is too short.
 */
bool weft_crypt_copy(struct weft_crypt_source *source, void *to, unsigned int offset,
		     unsigned int len)
{
	const u8 *from = crypt_find(source, offset, len);

	if (likely(from))
		memcpy(to, from, len);
	else if (skb_copy_bits(source->skb, offset, to, len))
		return false;
	barrier_data(to);
	return true;
}

/* Builds a packet in @size bytes of this CPU's pages, or returns NULL. */
static struct sk_buff *crypt_build(unsigned int size)
{
	struct page_frag *pages = weft_pages_refill(this_cpu_ptr(&crypt_pages), size);
	struct sk_buff *skb;

	if (unlikely(!pages))
		return NULL;
	skb = napi_build_skb(page_address(pages->page) + pages->offset, size);
	if (unlikely(!skb))
		return NULL;
	get_page(pages->page);
	pages->offset += size;
	return skb;
}

/* An empty packet for @len bytes, with the room around them that opening needs. */
static struct sk_buff *crypt_alloc(unsigned int len)
{
	unsigned int room = CRYPT_OPEN_HEADROOM + len + WEFT_CRYPT_BEHIND;
	unsigned int size = SKB_DATA_ALIGN(room) + SKB_DATA_ALIGN(sizeof(struct skb_shared_info));
	struct sk_buff *skb = crypt_build(size);

	if (unlikely(!skb))
		skb = alloc_skb(room, GFP_ATOMIC | __GFP_NOWARN);
	if (likely(skb))
		skb_reserve(skb, CRYPT_OPEN_HEADROOM);
	return skb;
}

/**
 * weft_crypt_open_packet() - decrypt a data message into a new packet, with its padding
 * @crypt: the direction of a session
 * @source: the packet that contains the message; not changed
 * @offset: of the message there; not before the last one's
 * @len: of the message, WEFT_DATA_OVERHEAD bytes or more
 * @counter: the message's
 *
 * The sealed payload is copied into the new packet, and decrypted there.
 *
 * Context: bottom halves off.
 * Return: a new packet that shares no memory; ERR_PTR(-EBADMSG) when the message does not
 * authenticate, ERR_PTR(-ENOMEM) when memory is short.
 */
struct sk_buff *weft_crypt_open_packet(struct weft_crypt *crypt, struct weft_crypt_source *source,
				       unsigned int offset, unsigned int len, u64 counter)
{
	unsigned int sealed_len = len - sizeof(struct weft_msg_data);
	struct sk_buff *packet = crypt_alloc(sealed_len);

	if (unlikely(!packet))
		return ERR_PTR(-ENOMEM);
	len -= WEFT_DATA_OVERHEAD;
	if (unlikely(!weft_crypt_copy(source, packet->data, offset + sizeof(struct weft_msg_data),
				      sealed_len) ||
		     !crypt_open(crypt, packet->data, len, counter))) {
		kfree_skb(packet);
		return ERR_PTR(-EBADMSG);
	}
	skb_put(packet, len);
	return packet;
}

/* Once at unload. */
void weft_crypt_exit(void)
{
	weft_pages_free(&crypt_pages);
}
