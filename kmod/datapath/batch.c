// SPDX-License-Identifier: GPL-2.0

#include "datapath/batch.h"
#include "core/drop.h"
#include "datapath/crypt.h"
#include "datapath/pages.h"
#include "datapath/tso.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/udp.h>
#include <net/gso.h>
#include <net/ip.h>
#include <net/sock.h>

/* The rest of the control block is used by the core while it segments. */
static_assert(sizeof(struct weft_packet) <= SKB_GSO_CB_OFFSET);

/*
 * Bytes that sealing uses in front of the first message in a piece of memory and behind the last
 * one.
 */
#define BATCH_FRONT	ALIGN(WEFT_CRYPT_SCRATCH, WEFT_PADDING)
#define BATCH_BEHIND	ALIGN(WEFT_CRYPT_BEHIND, WEFT_PADDING)

/* Features left to the copy of the segments: it gathers fragments and finishes checksums. */
#define BATCH_FEATURES	(NETIF_F_SG | NETIF_F_HW_CSUM | NETIF_F_HIGHDMA | NETIF_F_FRAGLIST)

/* Memory for some messages of a batch, contiguous. */
struct batch_piece {
	struct page *page;		/* referenced */
	unsigned int offset;		/* of the first message */
	unsigned int count;		/* messages */
};

/* The memory of a batch. */
struct batch_memory {
	unsigned int pieces;
	struct batch_piece piece[MAX_SKB_FRAGS];
};

static DEFINE_PER_CPU(struct weft_pages, batch_pages);

/* The length of the message for an inner packet of @len bytes. */
static unsigned int batch_message_len(const struct sk_buff *skb, unsigned int len)
{
	return len + weft_crypt_padding(len, weft_packet(skb)->mtu) + WEFT_DATA_OVERHEAD;
}

static unsigned int batch_len(const struct weft_batch *batch)
{
	return (batch->count - 1) * batch->message_len + batch->last_len;
}

/* Lays out the segments of a packet as one batch. */
static void batch_measure_segments(struct weft_batch *batch, const struct sk_buff *skb)
{
	const struct weft_tso *segments = &weft_packet(skb)->segments;
	unsigned int before_last = (segments->count - 1) * segments->size;

	batch->count = segments->count;
	batch->message_len = batch_message_len(skb, segments->header_len + segments->size);
	batch->last_len = batch_message_len(skb, skb->len - before_last);
}

/*
 * Finds the segments of a packet for TCP segmentation that is laid out without skb_gso_segment().
 * Returns false if there are none, or they do not fit one batch.
 */
static bool batch_find_segments(struct sk_buff *skb)
{
	struct weft_tso *segments = &weft_packet(skb)->segments;
	struct weft_batch batch;

	if (weft_tso_find(segments, skb) && segments->count > 1 &&
	    segments->count <= WEFT_BATCH_MAX_PACKETS) {
		batch_measure_segments(&batch, skb);
		if (batch_len(&batch) <= WEFT_BATCH_MAX_LEN)
			return true;
	}
	segments->count = 0;
	return false;
}

static bool batch_has_segments(const struct sk_buff *skb)
{
	return skb_is_gso(skb) && weft_packet(skb)->segments.count;
}

/* Segments a packet. Returns a list, or NULL when the packet was dropped. */
static struct sk_buff *batch_segment(struct sk_buff *skb)
{
	const struct weft_packet packet = *weft_packet(skb);
	struct sk_buff *list = skb_gso_segment(skb, BATCH_FEATURES), *segment;

	if (IS_ERR(list)) {
		weft_drop_free(skb, WEFT_DROP_NO_MEMORY);
		return NULL;
	}
	if (!list)
		return skb;
	consume_skb(skb);
	for (segment = list; segment; segment = segment->next)
		*weft_packet(segment) = packet;
	return list;
}

/**
 * weft_batch_cut_up() - segment a packet, unless it can be laid out as it is
 * @skb: the packet, with its weft_packet()
 *
 * The segments share the payload's memory; their checksums are finished when they are copied.
 *
 * Context: bottom halves off.
 * Return: a list of packets, or NULL when memory was short or the packet was malformed; then it is
 * freed.
 */
struct sk_buff *weft_batch_cut_up(struct sk_buff *skb)
{
	if (!skb_is_gso(skb))
		return skb;
	/* User pages (MSG_ZEROCOPY) cannot stay in the frags that the batch will use. */
	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC))) {
		weft_drop_free(skb, WEFT_DROP_NO_MEMORY);
		return NULL;
	}
	return batch_find_segments(skb) ? skb : batch_segment(skb);
}

/* Lays out as many packets of a list, from the first on and @most at most, as fit one batch. */
static void batch_measure_list(struct weft_batch *batch, const struct sk_buff *list,
			       unsigned int most)
{
	const struct weft_packet *first = weft_packet(list);
	unsigned int len = batch_message_len(list, list->len), total = len;

	*batch = (struct weft_batch){ .count = 1, .message_len = len, .last_len = len };
	while ((list = list->next) && batch->count < most && len == batch->message_len &&
	       !skb_is_gso(list) && weft_packet(list)->mtu == first->mtu &&
	       weft_packet(list)->ds == first->ds) {
		len = batch_message_len(list, list->len);
		total += len;
		if (len > batch->message_len || total > WEFT_BATCH_MAX_LEN)
			break;
		batch->last_len = len;
		batch->count++;
	}
}

/**
 * weft_batch_measure() - lay out the next batch
 * @batch: gets the layout of 1 to WEFT_BATCH_MAX_PACKETS messages
 * @list: the list of weft_batch_cut_up(), or the rest that weft_batch_seal() left; not empty
 */
void weft_batch_measure(struct weft_batch *batch, const struct sk_buff *list)
{
	if (batch_has_segments(list))
		batch_measure_segments(batch, list);
	else
		batch_measure_list(batch, list, WEFT_BATCH_MAX_PACKETS);
}

/* Takes memory for at least one message and at most @wanted. Returns the number it holds. */
static unsigned int batch_take_piece(struct batch_piece *piece, unsigned int message_len,
				     unsigned int wanted)
{
	const unsigned int around = BATCH_FRONT + BATCH_BEHIND;
	struct page_frag *pages = weft_pages_refill(this_cpu_ptr(&batch_pages),
						    message_len + around);

	if (unlikely(!pages))
		return 0;
	piece->page = pages->page;
	piece->offset = pages->offset + BATCH_FRONT;
	piece->count = min(wanted, (pages->size - pages->offset - around) / message_len);
	pages->offset = ALIGN(piece->offset + piece->count * message_len + BATCH_BEHIND,
			      SMP_CACHE_BYTES);
	get_page(piece->page);
	return piece->count;
}

static void batch_give_back(struct batch_memory *memory)
{
	while (memory->pieces)
		put_page(memory->piece[--memory->pieces].page);
}

/* Takes memory for the messages of a batch. Returns the number that it holds. */
static unsigned int batch_take_memory(struct batch_memory *memory, const struct weft_batch *batch)
{
	unsigned int got = 0, more;

	memory->pieces = 0;
	while (got < batch->count && memory->pieces < ARRAY_SIZE(memory->piece)) {
		more = batch_take_piece(&memory->piece[memory->pieces], batch->message_len,
					batch->count - got);
		if (unlikely(!more))
			break;
		got += more;
		memory->pieces++;
	}
	return got;
}

/* Copies an inner packet to where it will be sealed, and finishes its checksum. */
static void batch_lay_out(u8 *to, const struct sk_buff *skb, unsigned int padded)
{
	skb_copy_and_csum_dev(skb, to);
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		unsigned int at = skb_checksum_start_offset(skb) + skb->csum_offset;
		__sum16 *check = (__sum16 *)(to + at);

		/* In UDP a checksum of zero means none. */
		if (unlikely(!*check))
			*check = CSUM_MANGLED_0;
	}
	memset(to + skb->len, 0, padded - skb->len);
}

/*
 * The source of a batch: one packet that is segmented by copying, or a list of packets, of which
 * this is the last one, linked backwards by skb->prev.
 */
struct batch_source {
	const struct weft_tso *segments;	/* NULL: a list of packets */
	const struct sk_buff *skb;
};

/* Lays out packet @i of a batch, after packet @i + 1. */
static void batch_lay_out_next(u8 *to, struct batch_source *source, unsigned int i,
			       unsigned int padded)
{
	if (source->segments) {
		weft_tso_lay_out(to, source->segments, source->skb, i, padded);
	} else {
		batch_lay_out(to, source->skb, padded);
		source->skb = source->skb->prev;
	}
}

/*
 * Lays out and seals the packets of a batch, the last one first: sealing a message overwrites the
 * end of the message in front of it.
 */
static void batch_fill(const struct batch_memory *memory, const struct weft_batch *batch,
		       struct batch_source *source, struct weft_crypt *crypt, u64 counter)
{
	unsigned int i = batch->count, len = batch->last_len, p, in_piece;

	for (p = memory->pieces; p--;) {
		const struct batch_piece *piece = &memory->piece[p];
		u8 *start = (u8 *)page_address(piece->page) + piece->offset;

		for (in_piece = piece->count; in_piece--; len = batch->message_len) {
			u8 *message = start + in_piece * batch->message_len;
			unsigned int padded = len - WEFT_DATA_OVERHEAD;

			batch_lay_out_next(message + sizeof(struct weft_msg_data), source, --i,
					   padded);
			weft_crypt_seal(crypt, message, padded, counter + i);
		}
	}
}

/*
 * The first packet of a batch takes over the charge of the others to the sender's socket, so that
 * the socket stays charged for the whole batch until it is sent. A packet socket's ring learns of
 * each packet by its destructor, which has to run for each.
 */
static void batch_take_charge(struct sk_buff *first, struct sk_buff *other)
{
	if (!other->sk || other->sk != first->sk || other->destructor != first->destructor ||
	    skb_zcopy(other))
		return;
	first->truesize += other->truesize;
	other->sk = NULL;
	other->destructor = NULL;
}

/*
 * Empties an inner packet, with headroom for the outer headers. TCP's clone shares the list of
 * fragments, which is about to be overwritten. User pages are no longer part of the packet.
 */
static int batch_empty(struct sk_buff *skb)
{
	int err = pskb_trim(skb, 0) ?: skb_unclone(skb, GFP_ATOMIC) ?:
		  skb_cow_head(skb, LL_MAX_HEADER + WEFT_OUTPUT_HEADROOM);

	if (unlikely(err))
		return err;
	skb_zcopy_clear(skb, false);
	skb_shinfo(skb)->flags &= ~SKBFL_SHARED_FRAG;
	return 0;
}

/* Makes @skb, which is empty, carry the messages laid out. */
static void batch_carry(struct sk_buff *skb, const struct batch_memory *memory,
			const struct weft_batch *batch)
{
	unsigned int total = batch_len(batch), left = total, p;

	for (p = 0; p < memory->pieces; p++) {
		const struct batch_piece *piece = &memory->piece[p];
		unsigned int len = min(left, piece->count * batch->message_len);

		skb_fill_page_desc(skb, p, piece->page, piece->offset, len);
		left -= len;
	}
	skb->len = total;
	skb->data_len = total;
	/* The charge to a socket does not change. */
	if (!skb->sk)
		skb->truesize += total;
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	skb_shinfo(skb)->gso_size = batch->message_len;
	skb_shinfo(skb)->gso_segs = batch->count;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) - sizeof(struct udphdr);
	skb->csum_offset = offsetof(struct udphdr, check);
	skb->encapsulation = 0;
	skb_set_inner_network_header(skb, 0);
}

/* Detaches the first @count packets of a list. */
static struct sk_buff *batch_cut(struct sk_buff **list, unsigned int count)
{
	struct sk_buff *first = *list, *last = first;

	while (--count)
		last = last->next;
	*list = last->next;
	skb_mark_not_on_list(last);
	return first;
}

/* Makes the emptied @skb carry the messages laid out, or drops both. */
static struct sk_buff *batch_finish(struct batch_memory *memory, const struct weft_batch *batch,
				    struct sk_buff *skb)
{
	if (unlikely(batch_empty(skb))) {
		batch_give_back(memory);
		weft_drop_free(skb, WEFT_DROP_NO_MEMORY);
		return NULL;
	}
	batch_carry(skb, memory, batch);
	return skb;
}

/* Seals the packets of @list, for which memory was taken, into the first of them. */
static struct sk_buff *batch_seal_list(struct batch_memory *memory, const struct weft_batch *batch,
				       struct sk_buff *list, struct weft_crypt *crypt, u64 counter)
{
	struct sk_buff *skb, *next, *last = NULL;
	struct batch_source source = {};

	for (skb = list; skb; skb = skb->next) {
		skb->prev = last;
		last = skb;
	}
	source.skb = last;
	batch_fill(memory, batch, &source, crypt, counter);
	next = list->next;
	skb_mark_not_on_list(list);
	skb_list_walk_safe(next, skb, next) {
		batch_take_charge(list, skb);
		consume_skb(skb);
	}
	return batch_finish(memory, batch, list);
}

/*
 * Seals the packets of a batch that need no segmentation, or, if memory is short, as many as it
 * suffices for. A single one is sealed in its own memory.
 */
static struct sk_buff *batch_seal_some(struct sk_buff **list, struct weft_batch *batch,
				       struct weft_crypt *crypt, u64 counter)
{
	struct batch_memory memory;
	struct sk_buff *skb;
	unsigned int got;

	if (batch->count > 1) {
		got = batch_take_memory(&memory, batch);
		if (unlikely(got < batch->count))
			batch->last_len = batch->message_len;
		if (unlikely(got < 2))
			batch_give_back(&memory);
		batch->count = max(got, 1U);
	}
	skb = batch_cut(list, batch->count);
	if (batch->count > 1)
		return batch_seal_list(&memory, batch, skb, crypt, counter);
	if (likely(!weft_crypt_seal_packet(crypt, skb, weft_packet(skb)->mtu, counter)))
		return skb;
	weft_drop_free(skb, WEFT_DROP_NO_MEMORY);
	return NULL;
}

/* Seals the segments of the first packet of @list, if there is memory for all. */
static bool batch_seal_segments(struct sk_buff **list, const struct weft_batch *batch,
				struct weft_crypt *crypt, u64 counter, struct sk_buff **sealed)
{
	struct batch_source source = {
		.segments = &weft_packet(*list)->segments, .skb = *list,
	};
	struct batch_memory memory;

	if (unlikely(batch_take_memory(&memory, batch) < batch->count)) {
		batch_give_back(&memory);
		return false;
	}
	batch_fill(&memory, batch, &source, crypt, counter);
	*sealed = batch_finish(&memory, batch, batch_cut(list, 1));
	return true;
}

/* Replaces the first packet of a list by its segments. Returns false if it was dropped. */
static bool batch_segment_first(struct sk_buff **list)
{
	struct sk_buff *first = batch_segment(batch_cut(list, 1)), *last = first;

	if (unlikely(!first))
		return false;
	while (last->next)
		last = last->next;
	last->next = *list;
	*list = first;
	return true;
}

/**
 * weft_batch_seal() - seal the next batch into one packet that carries its messages
 * @list: the list that weft_batch_measure() laid out; the packets sealed are removed
 * @batch: the layout; fewer messages if memory is short
 * @session: the session
 * @counter: of the first message; the others follow it
 *
 * A single packet is sealed in its own memory.
 *
 * Context: bottom halves off.
 * Return: the packet, or NULL when the packets taken were dropped for want of memory.
 */
struct sk_buff *weft_batch_seal(struct sk_buff **list, struct weft_batch *batch,
				const struct weft_session *session, u64 counter)
{
	struct sk_buff *sealed = NULL;
	struct weft_crypt crypt;

	weft_crypt_begin_seal(&crypt, session);
	if (!batch_has_segments(*list)) {
		sealed = batch_seal_some(list, batch, &crypt, counter);
	} else if (unlikely(!batch_seal_segments(list, batch, &crypt, counter, &sealed)) &&
		   batch_segment_first(list)) {
		batch_measure_list(batch, *list, batch->count);
		sealed = batch_seal_some(list, batch, &crypt, counter);
	}
	weft_crypt_end(&crypt);
	return sealed;
}

/* Once at unload. */
void weft_batch_exit(void)
{
	weft_pages_free(&batch_pages);
}
