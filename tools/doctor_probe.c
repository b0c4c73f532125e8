// SPDX-License-Identifier: GPL-2.0
/*
 * Probes. A socket of the kernel's tunnel keeps to itself what ICMP says of its
 * packets; another one to the same port is told. An empty datagram is no
 * message of the protocol, and is thrown away by who gets it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor.h"

/* Every file of a process costs; a device with more peers has others to ask. */
#define PROBE_SOCKETS_MAX	200

struct weft_doctor_probes {
	size_t count;
	struct {
		int fd;
		int err;
	} probes[];
};

static int probe_open(const struct weft_device *dev, const struct weft_peer *peer,
		      int *err)
{
	int family = peer->endpoint.any.sa_family;
	socklen_t len = family == AF_INET6 ? sizeof(peer->endpoint.ip6) :
					     sizeof(peer->endpoint.ip4);
	static const int on = 1;
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	/* Without this, only that nobody listens is told. */
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
	if ((dev->fwmark && setsockopt(fd, SOL_SOCKET, SO_MARK, &dev->fwmark,
				       sizeof(dev->fwmark))) ||
	    connect(fd, &peer->endpoint.any, len) || send(fd, "", 0, 0))
		*err = errno;
	return fd;
}

struct weft_doctor_probes *weft_doctor_probe_start(const struct weft_device *dev)
{
	size_t count = weft_model_peer_count(dev), i = 0;
	struct weft_doctor_probes *probes;
	const struct weft_peer *peer;

	probes = calloc(1, sizeof(*probes) + count * sizeof(probes->probes[0]));
	if (!probes)
		return NULL;
	probes->count = count;
	for (peer = dev->peers; peer; peer = peer->next, i++) {
		probes->probes[i].fd = -1;
		if (peer->endpoint.any.sa_family != AF_UNSPEC &&
		    i < PROBE_SOCKETS_MAX)
			probes->probes[i].fd = probe_open(dev, peer,
							  &probes->probes[i].err);
	}
	return probes;
}

/* What ICMP has said meanwhile is an error that waits at the socket. */
static int probe_error(const struct weft_doctor_probes *probes, size_t peer)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (probes->probes[peer].fd < 0 || probes->probes[peer].err)
		return probes->probes[peer].err;
	if (getsockopt(probes->probes[peer].fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return 0;
	return err;
}

enum weft_doctor_probe weft_doctor_probe_result(struct weft_doctor_probes *probes,
						size_t peer)
{
	if (!probes || peer >= probes->count)
		return WEFT_PROBE_NONE;
	switch (probe_error(probes, peer)) {
	case ECONNREFUSED:
		return WEFT_PROBE_REFUSED;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
		return WEFT_PROBE_UNREACHABLE;
	case EPERM:
		return WEFT_PROBE_BARRED;
	default:
		return WEFT_PROBE_NONE;
	}
}

void weft_doctor_probe_end(struct weft_doctor_probes *probes)
{
	size_t i;

	if (!probes)
		return;
	for (i = 0; i < probes->count; i++)
		if (probes->probes[i].fd >= 0)
			close(probes->probes[i].fd);
	free(probes);
}
