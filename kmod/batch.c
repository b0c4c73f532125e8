// SPDX-License-Identifier: GPL-2.0

#include "batch.h"
#include "crypt.h"
#include "keypair.h"

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/mm.h>
#include <linux/udp.h>
#include <net/sock.h>

/*
 * In front of the first message in a piece of memory, and behind the last one: what sealing needs
 * there.
 */
#define BATCH_FRONT	ALIGN(WEFT_CRYPT_SCRATCH, WEFT_PADDING)
#define BATCH_BEHIND	ALIGN(WEFT_CRYPT_BEHIND, WEFT_PADDING)

/* Memory for the messages of a batch: some of them in one piece. */
struct batch_piece {
	struct page *page;		/* referenced */
	unsigned int offset;		/* of the first message */
	unsigned int count;		/* messages */
};

/* Where a batch is laid out. */
struct batch_place {
	unsigned int message_len;	/* of each but the last */
	unsigned int last_len;
	unsigned int count;		/* messages in all pieces */
	unsigned int pieces;
	struct batch_piece piece[MAX_SKB_FRAGS];
};

/* What is left of the pages that the last batch on this CPU was laid out in. */
static DEFINE_PER_CPU(struct page_frag, batch_pages);

/**
 * weft_batch_count() - how many packets a list has
 * @list: the list
 */
unsigned int weft_batch_count(const struct sk_buff *list)
{
	unsigned int count = 0;

	for (; list; list = list->next)
		count++;
	return count;
}

static unsigned int batch_message_len(const struct sk_buff *skb)
{
	return skb->len + weft_crypt_padding(skb->len, weft_packet(skb)->mtu) + WEFT_DATA_OVERHEAD;
}

/* How many packets at the beginning of a list can go as one batch, and how long their messages are. */
static void batch_measure(const struct sk_buff *list, struct batch_place *place)
{
	const struct weft_packet *first = weft_packet(list);
	unsigned int total = 0, len = batch_message_len(list);

	place->message_len = len;
	place->count = 0;
	while (len <= place->message_len && total + len <= WEFT_BATCH_MAX_LEN) {
		total += len;
		place->last_len = len;
		place->count++;
		list = list->next;
		if (!list || len < place->message_len || place->count == WEFT_BATCH_MAX_PACKETS ||
		    weft_packet(list)->mtu != first->mtu || weft_packet(list)->ds != first->ds)
			break;
		len = batch_message_len(list);
	}
}

/* Takes memory for at least one message and at most @wanted. Returns for how many. */
static unsigned int batch_take_piece(struct batch_piece *piece, unsigned int message_len,
				     unsigned int wanted)
{
	const unsigned int around = BATCH_FRONT + BATCH_BEHIND;
	struct page_frag *pages = this_cpu_ptr(&batch_pages);

	if (unlikely(!skb_page_frag_refill(message_len + around, pages, GFP_ATOMIC | __GFP_NOWARN)))
		return 0;
	if (unlikely(pages->size - pages->offset < message_len + around))
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

/* Takes memory for the messages. There may be less of it than was asked for: then for fewer. */
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

/* Copies an inner packet to where it will be sealed, and on the way finishes its checksum. */
static void batch_lay_out(u8 *to, const struct sk_buff *skb, unsigned int padded)
{
	skb_copy_and_csum_dev(skb, to);
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		__sum16 *check = (__sum16 *)(to + skb_checksum_start_offset(skb) + skb->csum_offset);

		/* To UDP, zero would say that there is none. */
		if (unlikely(!*check))
			*check = CSUM_MANGLED_0;
	}
	memset(to + skb->len, 0, padded - skb->len);
}

/*
 * Lays out and seals the packets of a list, the last one first: sealing a message writes to the end
 * of the one in front of it.
 */
static void batch_fill(const struct batch_place *place, struct sk_buff *list,
		       struct weft_crypt *crypt, u64 counter)
{
	unsigned int i = place->count, len = place->last_len, p, in_piece;
	const struct sk_buff *packet[WEFT_BATCH_MAX_PACKETS];

	for (p = 0; p < place->count; p++, list = list->next)
		packet[p] = list;
	for (p = place->pieces; p--;) {
		const struct batch_piece *piece = &place->piece[p];
		u8 *start = (u8 *)page_address(piece->page) + piece->offset;

		for (in_piece = piece->count; in_piece--; len = place->message_len) {
			u8 *message = start + in_piece * place->message_len;
			unsigned int padded = len - WEFT_DATA_OVERHEAD;

			i--;
			batch_lay_out(message + sizeof(struct weft_msg_data), packet[i], padded);
			weft_crypt_seal(crypt, message, padded, counter + i);
		}
	}
}

/*
 * The first packet of a batch takes over what the sender's socket has been charged for the others:
 * it is to feel the whole batch for as long as it is on its way.
 */
static void batch_take_charge(struct sk_buff *first, struct sk_buff *other)
{
	if (!other->sk || other->sk != first->sk || other->destructor != first->destructor)
		return;
	first->truesize += other->truesize;
	other->sk = NULL;
	other->destructor = NULL;
}

/* Makes an inner packet one without anything in it, but with room for the outer headers. */
static int batch_empty(struct sk_buff *skb)
{
	return pskb_trim(skb, 0) ?: skb_cow_head(skb, LL_MAX_HEADER + WEFT_CRYPT_HEADROOM);
}

/* Makes @skb, which is empty, the packet that carries what was laid out. */
static void batch_carry(struct sk_buff *skb, struct batch_place *place)
{
	unsigned int left = (place->count - 1) * place->message_len + place->last_len, p;

	for (p = 0; p < place->pieces; p++) {
		const struct batch_piece *piece = &place->piece[p];
		unsigned int len = min(left, piece->count * place->message_len);

		skb_add_rx_frag(skb, p, piece->page, piece->offset, len, skb->sk ? 0 : len);
		left -= len;
	}
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	skb_shinfo(skb)->gso_size = place->message_len;
	skb_shinfo(skb)->gso_segs = place->count;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_headroom(skb) - sizeof(struct udphdr);
	skb->csum_offset = offsetof(struct udphdr, check);
	skb->encapsulation = 0;
	skb_set_inner_network_header(skb, 0);
}

/* Cuts the first @count packets off a list. */
static struct sk_buff *batch_cut(struct sk_buff **list, unsigned int count)
{
	struct sk_buff *first = *list, *last = first;

	while (--count)
		last = last->next;
	*list = last->next;
	skb_mark_not_on_list(last);
	return first;
}

/* Seals the packets of @list, for which there is a place, into the first of them. */
static struct sk_buff *batch_seal_into_first(struct batch_place *place, struct sk_buff *list,
					     struct weft_crypt *crypt, u64 counter)
{
	struct sk_buff *skb, *next;

	batch_fill(place, list, crypt, counter);
	next = list->next;
	skb_mark_not_on_list(list);
	skb_list_walk_safe(next, skb, next) {
		batch_take_charge(list, skb);
		consume_skb(skb);
	}
	if (unlikely(batch_empty(list))) {
		batch_give_back(place);
		kfree_skb(list);
		return NULL;
	}
	batch_carry(list, place);
	return list;
}

/**
 * weft_batch_seal() - turn the first packets of a list into one that carries their messages
 * @list: inner packets, none of them for segmentation, each with its weft_packet(); those that are
 * taken are removed from it
 * @keypair: the session
 * @counter: of the first packet; the others follow it
 * @count: gets how many were taken, at least 1
 *
 * As many are taken as fit together, for which there is memory. One alone is sealed in its own.
 *
 * Context: bottom halves off.
 * Return: the packet, or NULL when those taken had to be dropped for want of memory.
 */
struct sk_buff *weft_batch_seal(struct sk_buff **list, const struct weft_keypair *keypair,
				u64 counter, unsigned int *count)
{
	struct sk_buff *skb = *list;
	struct weft_crypt crypt;
	struct batch_place place;

	batch_measure(skb, &place);
	if (place.count > 1)
		batch_take_place(&place);
	*count = max(place.count, 1U);
	skb = batch_cut(list, *count);
	weft_crypt_begin_seal(&crypt, keypair);
	if (place.count > 1) {
		skb = batch_seal_into_first(&place, skb, &crypt, counter);
	} else {
		if (unlikely(weft_crypt_seal_packet(&crypt, skb, weft_packet(skb)->mtu, counter))) {
			kfree_skb(skb);
			skb = NULL;
		}
	}
	weft_crypt_end(&crypt);
	return skb;
}

/**
 * weft_batch_exit() - give back the pages kept for the next batch
 *
 * Context: process, once at unload.
 */
void weft_batch_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct page_frag *pages = per_cpu_ptr(&batch_pages, cpu);

		if (pages->page)
			put_page(pages->page);
	}
}
