// SPDX-License-Identifier: GPL-2.0
/*
 * Handshake messages: made with any of the keys, then changed, with their MACs repaired. The
 * changes determine whether the message is accepted, and a refusal leaves no trace. Input: struct
 * conversation, then changes of three bytes each.
 */
#include "fuzz.h"
#include "lib/noise.c"
#include "lib/cookie.c"

#define KEYS		8
#define CHANGES_MAX	6

/* The choices of both ends, and their faults. */
struct conversation {
	u8 initiator, responder;	/* indices of static keys */
	u8 ephemeral_i, ephemeral_r;
	u8 claim;			/* the key that the initiator claims to hold */
	u8 faults;
	u8 preshared[WEFT_KEY_LEN];
	u8 timestamp[WEFT_TIMESTAMP_LEN];
	u32 sender_i, sender_r;
};

enum fault {
	FAULT_CLAIM = 1 << 0,		/* @claim instead of its own key */
	FAULT_PRESHARED = 1 << 1,	/* the ends' preshared keys differ */
	FAULT_RECEIVER = 1 << 2,	/* another end receives it */
	FAULT_MACS = 1 << 3,		/* not repaired */
	FAULT_SECRET = 1 << 4,		/* the responder uses another peer's secret */
};

/* A change to either message. */
struct change {
	u8 which;
	u8 at;
	u8 flip;
};

struct end {
	struct weft_noise_static key;
	struct weft_cookie_keys cookie;
};

static struct end ends[KEYS];
static u8 ephemerals[KEYS][WEFT_KEY_LEN];

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	u8 i;

	(void)argc;
	(void)argv;
	for (i = 0; i < KEYS; i++) {
		memset(ends[i].key.private, 0x11 * (i + 1), WEFT_KEY_LEN);
		FUZZ_MUST(weft_noise_static_public(&ends[i].key));
		weft_cookie_keys(&ends[i].cookie, ends[i].key.public);
		memset(ephemerals[i], 0x80 + i, WEFT_KEY_LEN);
	}
	return 0;
}

/* Returns the offset of the first changed byte, or @len. */
static size_t message_change(void *msg, size_t len, bool response, struct fuzz_input input)
{
	u8 before[sizeof(struct weft_msg_initiation)], *bytes = msg;
	struct change change;
	size_t i;

	memcpy(before, msg, len);
	for (i = 0; i < CHANGES_MAX && fuzz_more(&input); i++) {
		fuzz_take(&input, &change, sizeof(change));
		if ((change.which & 1) == response)
			bytes[change.at % len] ^= change.flip;
	}
	for (i = 0; i < len && bytes[i] == before[i]; i++)
		;
	return i;
}

static bool message_changed(const void *a, const void *b, size_t from, size_t to)
{
	return memcmp((const u8 *)a + from, (const u8 *)b + from, to - from);
}

/* As in the module: length and type are valid, and mac1 is checked first. */
static bool message_arrives(void *msg, size_t len, bool response, struct fuzz_input changes,
			    const struct end *receiver, u8 faults)
{
	size_t macs = len - sizeof(struct weft_msg_macs);
	u8 mac2[WEFT_MAC_LEN] = { 0 };
	bool touched;

	weft_cookie_add_macs(msg, len, &receiver->cookie, NULL);
	touched = message_change(msg, len, response, changes) < macs + WEFT_MAC_LEN;
	if (faults & FAULT_MACS) {
		FUZZ_MUST(weft_cookie_mac1_valid(msg, len, &receiver->cookie) != touched);
		return !touched;
	}
	memcpy(mac2, (u8 *)msg + macs + WEFT_MAC_LEN, sizeof(mac2));
	weft_cookie_add_macs(msg, len, &receiver->cookie, mac2);
	FUZZ_MUST(weft_cookie_mac1_valid(msg, len, &receiver->cookie));
	FUZZ_MUST(weft_cookie_mac2_valid(msg, len, mac2));
	return true;
}

static bool initiation_make(const struct conversation *talk, struct weft_noise_handshake *hs,
			    struct weft_msg_initiation *msg)
{
	struct weft_noise_static self = ends[talk->initiator % KEYS].key;
	const struct end *responder = &ends[talk->responder % KEYS];
	u8 secret[WEFT_KEY_LEN];

	FUZZ_MUST(weft_noise_static_static(secret, self.private, responder->key.public));
	/* The initiator does not hold the private key of its claim. */
	if (talk->faults & FAULT_CLAIM)
		memcpy(self.public, ends[talk->claim % KEYS].key.public, WEFT_KEY_LEN);
	return weft_noise_initiation_create(msg, hs, &self, responder->key.public, secret,
					    ephemerals[talk->ephemeral_i % KEYS], talk->timestamp,
					    cpu_to_le32(talk->sender_i));
}

/* The first of the responder's two steps. */
static bool initiation_open(const struct end *receiver, const struct weft_msg_initiation *msg,
			    bool wanted, struct weft_noise_handshake *hs, u8 who[WEFT_KEY_LEN])
{
	struct weft_noise_handshake before;

	memset(hs, 0x5a, sizeof(*hs));
	memset(who, 0x5a, WEFT_KEY_LEN);
	before = *hs;
	FUZZ_MUST(weft_noise_initiation_open(hs, who, msg, &receiver->key) == wanted);
	if (!wanted)
		FUZZ_MUST(!memcmp(hs, &before, sizeof(before)) && who[0] == 0x5a);
	return wanted;
}

static bool initiation_accept(const struct conversation *talk, const struct end *receiver,
			      const struct weft_msg_initiation *msg, bool wanted,
			      struct weft_noise_handshake *hs, const u8 who[WEFT_KEY_LEN])
{
	struct weft_noise_handshake before = *hs;
	u8 secret[WEFT_KEY_LEN], timestamp[WEFT_TIMESTAMP_LEN] = { 0x5a };
	const u8 *peer = who;

	if (talk->faults & FAULT_SECRET)
		peer = ends[talk->claim % KEYS].key.public;
	FUZZ_MUST(weft_noise_static_static(secret, receiver->key.private, peer));
	wanted = wanted && !memcmp(peer, ends[talk->initiator % KEYS].key.public, WEFT_KEY_LEN);
	FUZZ_MUST(weft_noise_initiation_accept(hs, timestamp, msg, secret) == wanted);
	if (wanted)
		FUZZ_MUST(!memcmp(timestamp, talk->timestamp, sizeof(timestamp)));
	else
		FUZZ_MUST(!memcmp(hs, &before, sizeof(before)) && timestamp[0] == 0x5a);
	return wanted;
}

/* From the initiation to the responder's handshake, if the initiation is valid. */
static bool converse_initiation(const struct conversation *talk, struct fuzz_input changes,
				struct weft_noise_handshake *hs_i, struct weft_noise_handshake *hs_r,
				u8 who[WEFT_KEY_LEN])
{
	const size_t first = offsetof(struct weft_msg_initiation, ephemeral);
	const size_t second = offsetof(struct weft_msg_initiation, sealed_timestamp);
	const size_t end = offsetof(struct weft_msg_initiation, macs);
	const struct end *receiver = &ends[talk->responder % KEYS];
	struct weft_msg_initiation msg, sent;
	bool intact;

	FUZZ_MUST(initiation_make(talk, hs_i, &msg));
	sent = msg;
	if (!message_arrives(&msg, sizeof(msg), false, changes, receiver, talk->faults))
		return false;
	if (talk->faults & FAULT_RECEIVER)
		receiver = &ends[(talk->responder + 1) % KEYS];
	intact = !message_changed(&msg, &sent, first, second);
	if (!initiation_open(receiver, &msg, intact && !(talk->faults & FAULT_RECEIVER), hs_r, who))
		return false;
	FUZZ_MUST(hs_r->remote_index == msg.sender);
	intact = !message_changed(&msg, &sent, second, end);
	return initiation_accept(talk, receiver, &msg, intact, hs_r, who);
}

static void converse_session(struct weft_noise_handshake *hs_i, struct weft_noise_handshake *hs_r)
{
	static const struct weft_noise_handshake wiped;
	struct weft_noise_keys i, r;

	weft_noise_split(&i, hs_i, true);
	weft_noise_split(&r, hs_r, false);
	FUZZ_MUST(!memcmp(i.send, r.receive, WEFT_KEY_LEN));
	FUZZ_MUST(!memcmp(i.receive, r.send, WEFT_KEY_LEN));
	FUZZ_MUST(memcmp(i.send, i.receive, WEFT_KEY_LEN));
	FUZZ_MUST(!memcmp(hs_i, &wiped, sizeof(wiped)) && !memcmp(hs_r, &wiped, sizeof(wiped)));
}

static void converse(const struct conversation *talk, struct fuzz_input changes)
{
	const size_t first = offsetof(struct weft_msg_response, ephemeral);
	const size_t end = offsetof(struct weft_msg_response, macs);
	const struct end *initiator = &ends[talk->initiator % KEYS];
	struct weft_noise_handshake hs_i = { 0 }, hs_r, before;
	u8 who[WEFT_KEY_LEN], preshared[WEFT_KEY_LEN];
	struct weft_msg_response msg, sent;
	bool wanted;

	if (!converse_initiation(talk, changes, &hs_i, &hs_r, who))
		return;
	memcpy(preshared, talk->preshared, sizeof(preshared));
	preshared[talk->claim % WEFT_KEY_LEN] ^= !!(talk->faults & FAULT_PRESHARED);
	FUZZ_MUST(weft_noise_response_create(&msg, &hs_r, who, preshared,
					     ephemerals[talk->ephemeral_r % KEYS],
					     cpu_to_le32(talk->sender_r)));
	sent = msg;
	if (!message_arrives(&msg, sizeof(msg), true, changes, initiator, talk->faults))
		return;
	before = hs_i;
	wanted = !message_changed(&msg, &sent, first, end) && !(talk->faults & FAULT_PRESHARED);
	FUZZ_MUST(weft_noise_response_open(&hs_i, &msg, &initiator->key, talk->preshared) == wanted);
	if (wanted)
		converse_session(&hs_i, &hs_r);
	else
		FUZZ_MUST(!memcmp(&hs_i, &before, sizeof(before)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { data, size };
	struct conversation talk;

	fuzz_take(&input, &talk, sizeof(talk));
	converse(&talk, input);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed);

/* Mutates the conversation, adds a change, mutates one, or removes one. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned int seed)
{
	const size_t talk = sizeof(struct conversation), step = sizeof(struct change);
	size_t changes;

	if (size < talk) {
		memset(data + size, 0, talk - size);
		size = talk;
	}
	changes = (size - talk) / step;
	size = talk + changes * step;
	switch (seed % 4) {
	case 0:
		LLVMFuzzerMutate(data, talk, talk);
		return size;
	case 1:
		if (changes == CHANGES_MAX || size + step > most)
			return size - step;
		data[size] = seed >> 8;
		data[size + 1] = seed >> 16;
		data[size + 2] = 1 << (seed >> 24) % 8;
		return size + step;
	case 2:
		if (!changes)
			return size;
		LLVMFuzzerMutate(data + talk + seed / 4 % changes * step, step, step);
		return size;
	default:
		return changes ? size - step : size;
	}
}
