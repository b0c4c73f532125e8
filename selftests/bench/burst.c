// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "burst.h"

#define BIGGEST		65000
/* One call of UDP_SEGMENT carries less than 64 KB. */
#define SEGMENTS	(BURST / 2)

static char block[BIGGEST];

static const size_t imix[] = { 64, 64, 548, 64, 548, 64, 1372, 64, 548, 64, 548, 64 };

void burst_sizes(struct burst *burst, const char *text)
{
	unsigned int i;
	char *end;

	for (i = 0; i < BURST; i++)
		burst->sizes[i] = imix[i % (sizeof(imix) / sizeof(imix[0]))];
	if (!strcmp(text, "imix"))
		return;
	burst->sizes[0] = strtoul(text, &end, 10);
	if (*end || end == text || burst->sizes[0] < 1 || burst->sizes[0] > BIGGEST)
		error(2, 0, "SIZE is '%s', wanted a number from 1 to %d, or imix", text, BIGGEST);
	for (i = 1; i < BURST; i++)
		burst->sizes[i] = burst->sizes[0];
}

void burst_way(struct burst *burst, const char *text)
{
	int size = burst->sizes[0];

	if (!strcmp(text, "send")) {
		burst->way = BURST_SEND;
	} else if (!strcmp(text, "sendmmsg")) {
		burst->way = BURST_SENDMMSG;
	} else if (!strcmp(text, "segments")) {
		burst->way = BURST_SEGMENTS;
		if (setsockopt(burst->from, SOL_UDP, UDP_SEGMENT, &size, sizeof(size)) < 0)
			error(1, errno, "UDP_SEGMENT");
	} else {
		error(2, 0, "WAY is '%s', wanted send, sendmmsg or segments", text);
	}
}

static void send_each(const struct burst *burst, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (send(burst->from, block, burst->sizes[i], 0) < 0 && errno != ENOBUFS)
			error(1, errno, "send");
	}
}

static void send_many(const struct burst *burst, unsigned int count)
{
	struct mmsghdr messages[BURST] = {};
	struct iovec parts[BURST];
	unsigned int done = 0, i;
	int sent;

	for (i = 0; i < count; i++) {
		parts[i].iov_base = block;
		parts[i].iov_len = burst->sizes[i];
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < count) {
		sent = sendmmsg(burst->from, messages + done, count - done, 0);
		if (sent < 0 && errno != ENOBUFS)
			error(1, errno, "sendmmsg");
		done += sent > 0 ? sent : 1;
	}
}

static void send_segments(const struct burst *burst, unsigned int count)
{
	unsigned int done, now;

	for (done = 0; done < count; done += now) {
		now = count - done < SEGMENTS ? count - done : SEGMENTS;
		if (send(burst->from, block, now * burst->sizes[0], 0) < 0 && errno != ENOBUFS)
			error(1, errno, "send of %u segments", now);
	}
}

/* Returns how many arrived; none, where none comes for as long as the socket waits. */
static unsigned int receive_one(const struct burst *burst)
{
	ssize_t length = recv(burst->to, block, sizeof(block), 0);

	if (length < 0 && errno != EAGAIN)
		error(1, errno, "recv");
	return length >= 0;
}

static unsigned int receive_many(const struct burst *burst, unsigned int most)
{
	static struct mmsghdr messages[BURST];
	struct iovec part = { block, sizeof(block) };
	unsigned int i;
	int got;

	for (i = 0; i < most; i++) {
		messages[i].msg_hdr.msg_iov = &part;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	got = recvmmsg(burst->to, messages, most, MSG_WAITFORONE, NULL);
	if (got < 0 && errno != EAGAIN)
		error(1, errno, "recvmmsg");
	return got > 0 ? got : 0;
}

uint64_t burst_pass(const struct burst *burst, unsigned int count)
{
	unsigned int got = 0, now;

	switch (burst->way) {
	case BURST_SEND:
		send_each(burst, count);
		break;
	case BURST_SENDMMSG:
		send_many(burst, count);
		break;
	case BURST_SEGMENTS:
		send_segments(burst, count);
		break;
	}
	while (got < count) {
		now = burst->way == BURST_SEND ? receive_one(burst) : receive_many(burst, count - got);
		if (!now)
			break;
		got += now;
	}
	return count - got;
}

uint64_t burst_pass_all(const struct burst *burst, uint64_t count)
{
	uint64_t done, lost = 0;

	for (done = 0; done < count; done += BURST)
		lost += burst_pass(burst, BURST);
	return lost;
}
