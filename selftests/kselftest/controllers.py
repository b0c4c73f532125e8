#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What controllers of clusters ask the kernel for, message by message, for controllers.sh.

    controllers.py join CONTROLLER       makes this node's interface, with the other node as its peer
    controllers.py change CONTROLLER     peers that come, change and go
    controllers.py leave CONTROLLER      removes the interface

The environment has SELF_PRIVATE, SELF_PUBLIC and PEER_PUBLIC (base64), PEER_POD (a prefix), SELF_ADDRESS and PEER (addresses). Each step is
printed with the kernel's answers, and what is configured then, so that two drivers can be compared line by line. KEEPALIVE
replaces kilo's.

Facts, and where they stand (repository, file):
- flannel: flannel-io/flannel, pkg/backend/wireguard/device.go and wireguard_network.go: MTU less 80; port and private key in each
  request; a peer's prefixes are replaced; then peers of the same endpoint with another key are removed, in a request that is sent
  also if there are none; an interface that exists is made anew;
- Calico: projectcalico/calico, felix/wireguard/wireguard.go: MTU and "up" behind the link; port, mark and a new key only where the
  device differs; "update only" for each peer that is there; removals in a request of their own, before the others. NAPI threads:
  the same repository, issues 9223 and 10339 and pull requests 9260 and 9815: the kernel refuses /sys/class/net/*/threaded
  until there is a peer, and later versions wait for that;
- Cilium: cilium/cilium, pkg/wireguard/agent/agent.go: mark 0xe00, port 51871, MTU less 80, no address; prefixes are added to a
  peer, and taken from it by moving them to a peer with a key of zeros, which is removed in the next request;
- kilo: squat/kilo, pkg/wireguard/conf.go and pkg/mesh/mesh.go: the whole configuration in one call, in which peers and prefixes are
  replaced, if what is read differs from it.
"""
import base64
import os
import sys
import wgctrl
from wgctrl import Peer, ZEROS, ip
from wgnetlink import attr, endpoint4, endpoint6, name, u16, NESTED, PEERS, P_KEEPALIVE, P_PUBLIC

CONTROLLERS = {}
ENV = os.environ
SELF_PRIVATE = base64.b64decode(ENV["SELF_PRIVATE"])
PEER_PUBLIC = base64.b64decode(ENV["PEER_PUBLIC"])


def write(line):
    print(line, flush=True)


def key(number):
    """A public key; any bytes are one."""
    return number.to_bytes(4, "big") + b"\x5a" * 28


def prefixes(count, first=0):
    return [f"100.{64 + (n >> 8)}.{n & 255}.0/24" for n in range(first, first + count)]


def controller(kind):
    CONTROLLERS[kind.__name__.lower()] = kind
    return kind


class Controller:
    device, port = "", 51820

    def __init__(self):
        self.client, self.links = wgctrl.Client(write), wgctrl.Links(write)

    def step(self, what, peers=(), **settings):
        """One call of wgctrl's ConfigureDevice(), and of Device() behind it."""
        write(f"{type(self).__name__}: {what}")
        self.client.configure(self.device, peers=peers, **settings)
        self.client.device(self.device)

    def endpoint(self, address=None):
        return endpoint4(address or ENV["PEER"], self.port)

    def address(self):
        ip("address", "replace", ENV["SELF_ADDRESS"] + "/32", "dev", self.device)

    def route(self):
        ip("route", "replace", ENV["PEER_POD"], "dev", self.device, "scope", "link")

    def leave(self):
        write(f"{type(self).__name__}: it ends")
        self.links.delete(self.device)


@controller
class Flannel(Controller):
    device = "flannel-wg"

    def own(self):
        return {"private": SELF_PRIVATE, "port": self.port}

    def join(self):
        write("Flannel: the device")
        self.links.add(self.device, mtu=1500 - 80, queue=0)
        self.step("its key", replace=True, **self.own())
        self.address()
        self.links.up(self.device)
        self.route()
        self.lease(PEER_PUBLIC, [])

    def lease(self, public, gone):
        self.step("a subnet is added", [Peer(public, [ENV["PEER_POD"]], replace_ips=True, endpoint=self.endpoint())], **self.own())
        self.step("peers of its endpoint are removed", [Peer(old, remove=True) for old in gone], **self.own())

    def change(self):
        self.lease(key(1), [PEER_PUBLIC])
        self.lease(PEER_PUBLIC, [key(1)])
        for number in range(3, 6):
            self.step("a subnet is added", [Peer(key(number), [f"10.244.{number}.0/24", f"fd44:0:0:{number}::/64"], replace_ips=True,
                                                 endpoint=self.endpoint(f"192.0.2.{number + 10}"), psk=b"\x77" * 32, keepalive=25)], **self.own())
        self.step("a subnet is removed", [Peer(key(3), remove=True)])
        self.step("once more", [Peer(key(3), remove=True)])
        write("Flannel: a second start")
        self.links.add(self.device, mtu=1420, queue=0)


@controller
class Calico(Controller):
    device = "wireguard.cali"

    def threaded(self, value=None):
        path = f"/sys/class/net/{self.device}/threaded"
        try:
            if value is not None:
                with open(path, "w", encoding="ascii") as file:
                    file.write(value)
            with open(path, encoding="ascii") as file:
                write(f"  threaded: {file.read().strip()}")
        except OSError as error:
            write(f"  threaded: errno {error.errno}")

    def join(self):
        write("Calico: the device")
        self.links.add(self.device)
        self.links.mtu(self.device, 1440)
        self.links.up(self.device)
        self.client.device(self.device)
        write("Calico: threads, before there is a peer")
        self.threaded("0")
        self.step("its key, and all nodes", [Peer(PEER_PUBLIC, [ENV["PEER_POD"]], endpoint=self.endpoint(), keepalive=0)],
                  private=SELF_PRIVATE, port=self.port, fwmark=0x100000)
        for value in ("1", "0", "1"):
            self.threaded(value)
        self.address()
        ip("rule", "add", "not", "fwmark", "0x100000/0x100000", "table", "1", "priority", "99")
        ip("route", "replace", ENV["PEER_POD"], "dev", self.device, "scope", "link", "table", "1")

    def change(self):
        self.step("blocks are added", [Peer(PEER_PUBLIC, ["10.65.1.0/26", "10.65.1.64/26"], update_only=True, keepalive=0)])
        self.step("a block is removed", [Peer(PEER_PUBLIC, [ENV["PEER_POD"], "10.65.1.64/26"], update_only=True, replace_ips=True, keepalive=0)])
        self.step("a node that was removed meanwhile", [Peer(key(7), ["10.65.7.0/26"], update_only=True, replace_ips=True, keepalive=0, endpoint=self.endpoint())])
        self.step("nodes are added", [Peer(key(n), [f"10.65.{n}.0/26"], replace_ips=True, endpoint=self.endpoint(f"192.0.2.{n}"), keepalive=0) for n in (11, 12, 13)])
        self.step("nodes are removed", [Peer(key(11), remove=True), Peer(key(12), remove=True)])
        self.step("a block moves, a node has another address", [
            Peer(PEER_PUBLIC, ["10.65.13.0/26"], update_only=True, keepalive=0),
            Peer(key(13), [], update_only=True, keepalive=0, endpoint=self.endpoint("192.0.2.99"))])
        self.step("a resync finds nodes of no use", [Peer(key(13), remove=True), Peer(key(14), remove=True)], fwmark=0x100000)
        self.threaded()

    def leave(self):
        ip("rule", "delete", "priority", "99")
        super().leave()


@controller
class Cilium(Controller):
    device, port = "cilium_wg0", 51871

    def join(self):
        write("Cilium: the device")
        self.links.add(self.device, queue=0)
        self.step("its key", private=SELF_PRIVATE, port=self.port, fwmark=0xE00)
        self.links.up(self.device)
        self.links.mtu(self.device, 1500 - 80)
        self.step("a node", [Peer(PEER_PUBLIC, [ENV["PEER_POD"], ENV["PEER"] + "/32"], endpoint=self.endpoint())])
        self.route()

    def take(self, *ips):
        """Prefixes are taken from a peer without a moment in which the others are missing."""
        self.step("prefixes move to the peer of zeros", [Peer(ZEROS, ips)])
        self.step("... which is removed", [Peer(ZEROS, remove=True)])

    def change(self):
        self.step("pods are added", [Peer(PEER_PUBLIC, ["10.0.5.7/32", "10.0.5.8/32", "fd05::7/128"], endpoint=self.endpoint())])
        self.take("10.0.5.7/32", "fd05::7/128")
        self.step("a node", [Peer(key(1), ["10.0.6.1/32"], endpoint=endpoint6("2001:db8::66", self.port), keepalive=10)])
        self.take("10.0.6.1/32", "10.0.5.8/32")
        self.step("a node's key has changed", [Peer(key(1), remove=True)])
        self.step("the agent restarts", private=SELF_PRIVATE, port=self.port, fwmark=0xE00)
        write("Cilium: the device is there")
        self.links.add(self.device, queue=0)


@controller
class Kilo(Controller):
    device = "kilo0"

    def peers(self, count):
        first = Peer(PEER_PUBLIC, [ENV["PEER_POD"], "10.4.0.2/32"], endpoint=self.endpoint(), replace_ips=True,
                     keepalive=int(ENV.get("KEEPALIVE", "10")))
        return [first] + [Peer(key(n), [f"10.2.{n}.0/24", f"10.4.1.{n}/32"], keepalive=n % 3 * 5, psk=bytes([n]) * 32 if n % 2 else None,
                               endpoint=endpoint4(f"198.51.100.{n}", self.port) if n % 4 else None, replace_ips=True) for n in range(1, count)]

    def whole(self, what, count):
        self.step(what, self.peers(count), private=SELF_PRIVATE, port=self.port, replace=True)

    def join(self):
        write("Kilo: the device")
        self.links.add(self.device)
        self.whole("two nodes", 1)
        self.address()
        self.links.up(self.device)
        self.route()

    def change(self):
        self.whole("the largest mesh in one message", 32)
        self.whole("the smallest in a batch", 33)
        self.whole("a hundred nodes", 100)
        self.whole("two nodes again", 1)


@controller
class Wgctrl(Controller):
    """What the library can send and the others do not."""
    device = "wg0"

    def join(self):
        write("Wgctrl: the device")
        self.links.add(self.device)
        self.step("its key", private=SELF_PRIVATE, port=self.port)
        self.address()
        self.links.up(self.device)
        self.step("a peer", [Peer(PEER_PUBLIC, [ENV["PEER_POD"]], endpoint=self.endpoint())])
        self.route()

    def change(self):
        for count in (255, 256, 257, 512, 600):
            self.step(f"{count} prefixes", [Peer(key(1), prefixes(count), replace_ips=True)])
        self.step("a batch that removes others", [Peer(key(n), prefixes(20, 20 * n)) for n in range(1, 34)], private=SELF_PRIVATE, port=self.port, replace=True)
        self.step("a batch of updates alone", [Peer(key(n), [f"172.16.{n}.0/24"], update_only=True, replace_ips=n % 2) for n in range(20, 60)])
        self.step("a batch of removals", [Peer(key(n), remove=True) for n in range(1, 40)])
        self.step("a removal that is an update alone", [Peer(key(50), remove=True, update_only=True)])
        self.step("a peer, twice", [Peer(key(1), ["10.1.0.0/16"], psk=b"\x11" * 32), Peer(key(1), ["10.2.0.0/16"], keepalive=65535)])
        self.step("no preshared key, no keepalive", [Peer(key(1), [], psk=ZEROS, keepalive=0)])
        write("Wgctrl: any port")
        self.client.configure(self.device, port=0)
        self.step("another port, no mark", port=51899, fwmark=0)
        self.step("our own key as a peer", [Peer(base64.b64decode(ENV["SELF_PUBLIC"]), ["10.3.0.0/16"])])
        self.step("no key", private=ZEROS)
        write("Wgctrl: devices that are none")
        for device in ("nosuch0", "lo"):
            self.client.configure(device, port=1)
            self.client.device(device)
        write("Wgctrl: lists that are not marked as such")
        nested = attr(0, attr(P_PUBLIC, key(1)) + u16(P_KEEPALIVE, 1))
        for peers in (attr(PEERS, nested), attr(PEERS | NESTED, nested)):
            self.client.request(name(self.device) + peers)
        self.client.device(self.device)


def main():
    action, which = sys.argv[1:]
    getattr(CONTROLLERS[which](), action)()


main()
