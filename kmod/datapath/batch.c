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

/* The memory and layout of a batch. */
struct batch_place {
	unsigned int message_len;	/* of each but the last */
	unsigned int last_len;
	unsigned int count;		/* messages in all pieces */
	unsigned int pieces;
	struct batch_piece piece[MAX_SKB_FRAGS];
};

static DEFINE_PER_CPU(struct weft_pages, batch_pages);

/* The length of the message for an inner packet of @len bytes. */
static unsigned int batch_message_len(const struct sk_buff *skb, unsigned int len)
{
	return len + weft_crypt_padding(len, weft_packet(skb)->mtu) + WEFT_DATA_OVERHEAD;
}

/* A packet for TCP segmentation that is laid out without skb_gso_segment(). */
struct batch_whole {
	struct weft_tso segments;
	unsigned int message_len;	/* of each segment but the last */
	unsigned int last_len;
};

/* Whether a packet can be laid out so, and its segments fit one batch. */
static bool batch_is_whole(const struct sk_buff *skb, struct batch_whole *whole)
{
	struct weft_tso *segments = &whole->segments;
	unsigned int before_last;

	if (!weft_tso_find(segments, skb) || segments->count < 2 ||
	    segments->count > WEFT_BATCH_MAX_PACKETS)
		return false;
	before_last = (segments->count - 1) * segments->size;
	whole->message_len = batch_message_len(skb, segments->header_len + segments->size);
	whole->last_len = batch_message_len(skb, skb->len - before_last);
	return (segments->count - 1) * whole->message_len + whole->last_len <= WEFT_BATCH_MAX_LEN;
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
	struct batch_whole whole;

	if (!skb_is_gso(skb))
		return skb;
	/* User pages (MSG_ZEROCOPY) cannot stay in the frags that the batch will use. */
	if (unlikely(skb_orphan_frags_rx(skb, GFP_ATOMIC))) {
		weft_drop_free(skb, WEFT_DROP_NO_MEMORY);
		return NULL;
	}
	return batch_is_whole(skb, &whole) ? skb : batch_segment(skb);
}

/*
 * Counts the packets of a list, from the first on and @most at most, that fit one batch, and sets
 * the lengths of their messages.
 */
static void batch_measure(const struct sk_buff *list, struct batch_place *place, unsigned int most)
{
	const struct weft_packet *first = weft_packet(list);
	unsigned int total = 0, len = batch_message_len(list, list->len);

	place->message_len = len;
	place->count = 0;
	while (len <= place->message_len && total + len <= WEFT_BATCH_MAX_LEN) {
		total += len;
		place->last_len = len;
		place->count++;
		list = list->next;
		if (!list || skb_is_gso(list) || len < place->message_len ||
		    place->count == most ||
		    weft_packet(list)->mtu != first->mtu || weft_packet(list)->ds != first->ds)
			break;
		len = batch_message_len(list, list->len);
	}
}

/**
 * weft_batch_next() - the maximum number of packets in the next batch
 * @list: the list of weft_batch_cut_up(), or the rest that weft_batch_seal() left; not empty
 *
 * Return: 1 to WEFT_BATCH_MAX_PACKETS.
 */
unsigned int weft_batch_next(const struct sk_buff *list)
{
	struct batch_whole whole;
	struct batch_place place;

	if (skb_is_gso(list) && batch_is_whole(list, &whole))
		return whole.segments.count;
	if (!list->next)
		return 1;
	batch_measure(list, &place, WEFT_BATCH_MAX_PACKETS);
	return max(place.count, 1U);
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

static void batch_give_back(struct batch_place *place)
{
	while (place->pieces)
		put_page(place->piece[--place->pieces].page);
}

/* Takes memory for the messages. If it is short, @place->count becomes smaller. */
static void batch_take_place(struct batch_place *place)
{
	unsigned int wanted = place->count, got = 0;

	place->pieces = 0;
	while (got < wanted && place->pieces < ARRAY_SIZE(place->piece)) {
		unsigned int more = batch_take_piece(&place->piece[place->pieces],
						     place->message_len, wanted - got);

		if (unlikely(!more))
			break;
		got += more;
		place->pieces++;
	}
	if (unlikely(got < wanted))
		place->last_len = place->message_len;
	place->count = got;
	if (unlikely(got < 2))
		batch_give_back(place);
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
static void batch_fill(const struct batch_place *place, struct batch_source *source,
		       struct weft_crypt *crypt, u64 counter)
{
	unsigned int i = place->count, len = place->last_len, p, in_piece;

	for (p = place->pieces; p--;) {
		const struct batch_piece *piece = &place->piece[p];
		u8 *start = (u8 *)page_address(piece->page) + piece->offset;

		for (in_piece = piece->count; in_piece--; len = place->message_len) {
			u8 *message = start + in_piece * place->message_len;
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
static void batch_carry(struct sk_buff *skb, struct batch_place *place)
{
	unsigned int total = (place->count - 1) * place->message_len + place->last_len;
	unsigned int left = total, p;

	for (p = 0; p < place->pieces; p++) {
		const struct batch_piece *piece = &place->piece[p];
		unsigned int len = min(left, piece->count * place->message_len);

		skb_fill_page_desc(skb, p, piece->page, piece->offset, len);
		left -= len;
	}
	skb->len = total;
	skb->data_len = total;
	/* The charge to a socket does not change. */
	if (!skb->sk)
		skb->truesize += total;
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	skb_shinfo(skb)->gso_size = place->message_len;
	skb_shinfo(skb)->gso_segs = place->count;
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
static struct sk_buff *batch_finish(struct batch_place *place, struct sk_buff *skb)
{
	if (unlikely(batch_empty(skb))) {
		batch_give_back(place);
		weft_drop_free(skb, WEFT_DROP_NO_MEMORY);
		return NULL;
	}
	batch_carry(skb, place);
	return skb;
}

/* Seals the packets of @list, for which memory was taken, into the first of them. */
static struct sk_buff *batch_seal_list(struct batch_place *place, struct sk_buff *list,
				       struct weft_crypt *crypt, u64 counter)
{
	struct sk_buff *skb, *next, *last = NULL;
	struct batch_source source = {};

	for (skb = list; skb; skb = skb->next) {
		skb->prev = last;
		last = skb;
	}
	source.skb = last;
	batch_fill(place, &source, crypt, counter);
	next = list->next;
	skb_mark_not_on_list(list);
	skb_list_walk_safe(next, skb, next) {
		batch_take_charge(list, skb);
		consume_skb(skb);
	}
	return batch_finish(place, list);
}

/*
 * Seals packets that need no segmentation: as many from @list as fit together, at least one and at
 * most @count, which is set to their number.
 */
static struct sk_buff *batch_seal_some(struct sk_buff **list, struct weft_crypt *crypt, u64 counter,
				       unsigned int *count)
{
	struct batch_place place;
	struct sk_buff *skb;

	batch_measure(*list, &place, *count);
	if (place.count > 1)
		batch_take_place(&place);
	*count = max(place.count, 1U);
	skb = batch_cut(list, *count);
	if (place.count > 1)
		return batch_seal_list(&place, skb, crypt, counter);
	if (likely(!weft_crypt_seal_packet(crypt, skb, weft_packet(skb)->mtu, counter)))
		return skb;
	weft_drop_free(skb, WEFT_DROP_NO_MEMORY);
	return NULL;
}

/* Takes memory for all segments of a packet. Returns false if there is not enough. */
static bool batch_take_whole_place(struct batch_place *place, const struct batch_whole *whole)
{
	place->message_len = whole->message_len;
	place->last_len = whole->last_len;
	place->count = whole->segments.count;
	batch_take_place(place);
	if (likely(place->count == whole->segments.count))
		return true;
	batch_give_back(place);
	return false;
}

/* Seals the first packet of @list, for TCP segmentation, if there is memory for all segments. */
static bool batch_seal_whole(struct sk_buff **list, struct weft_crypt *crypt, u64 counter,
			     const struct batch_whole *whole, struct sk_buff **sealed)
{
	struct batch_source source = { .segments = &whole->segments, .skb = *list };
	struct batch_place place;

	if (unlikely(!batch_take_whole_place(&place, whole)))
		return false;
	batch_fill(&place, &source, crypt, counter);
	*sealed = batch_finish(&place, batch_cut(list, 1));
	return true;
}

/* Segments the first packet of a list in place. Returns false if it was dropped. */
static bool batch_segment_first(struct sk_buff **list)
{
	struct sk_buff *pieces = batch_segment(batch_cut(list, 1)), *last = pieces;

	if (unlikely(!pieces))
		return false;
	while (last->next)
		last = last->next;
	last->next = *list;
	*list = pieces;
	return true;
}

/**
 * weft_batch_seal() - seal the first packets of a list into one that carries their messages
 * @list: inner packets, each with its weft_packet(), as weft_batch_cut_up() left them; the packets
 * sealed are removed
 * @session: the session
 * @counter: of the first packet; the others follow it
 * @count: number of counters reserved: weft_batch_next() at least; set to the number of packets
 * taken, at least 1
 *
 * As many packets are taken as fit together and as there is memory for. A single packet is sealed
 * in its own memory.
 *
 * Context: bottom halves off.
 * Return: the packet, or NULL when the packets taken were dropped for want of memory.
 */
struct sk_buff *weft_batch_seal(struct sk_buff **list, const struct weft_session *session,
				u64 counter, unsigned int *count)
{
	struct sk_buff *sealed = NULL;
	struct batch_whole whole;
	struct weft_crypt crypt;

	weft_crypt_begin_seal(&crypt, session);
	if (skb_is_gso(*list) && batch_is_whole(*list, &whole)) {
		*count = whole.segments.count;
		if (unlikely(!batch_seal_whole(list, &crypt, counter, &whole, &sealed)) &&
		    batch_segment_first(list))
			sealed = batch_seal_some(list, &crypt, counter, count);
	} else {
		sealed = batch_seal_some(list, &crypt, counter, count);
	}
	weft_crypt_end(&crypt);
	return sealed;
}

/* Frees the pages kept for the next batch. */
void weft_batch_exit(void)
{
	weft_pages_free(&batch_pages);
}
