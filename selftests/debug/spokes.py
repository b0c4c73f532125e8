#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Helper of spokes.sh.

keys COUNT FOLDER         configurations of a hub and of COUNT spokes, FOLDER/hub.conf and FOLDER/N.conf, and the hub's two
                          keys, FOLDER/hub.next and FOLDER/hub.next.pub
batches COUNT PREFIX FOLDER HUB    commands of ip: FOLDER/machine adds the namespaces, PREFIX and a number, and their links to
                          namespace HUB, FOLDER/hub is for the hub, FOLDER/N for a spoke
at COUNT PREFIX COMMAND...    in each spoke's namespace, with its number for {}, until one fails; without a process besides
                          the command's, as these take most of the time
traffic OVER READY PACE HUB PREFIX COUNT    numbered UDP between the hub and each spoke, both ways; as in fleet.py
"""
import base64, os, resource, subprocess, sys
from namespace import enter
from sodium import public_key
import fleet

PORT = 51820


def address(network, number):
    return f"{network}.{number // 250}.{number % 250 + 1}"


def text_of(key):
    return base64.b64encode(key).decode()


def new_key():
    key = bytearray(os.urandom(32))
    key[0] &= 248
    key[31] = key[31] & 127 | 64
    return bytes(key)


def write(name, *lines):
    with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
        out.write("".join(f"{line}\n" for line in lines))


def keys(count, folder):
    hub, following = new_key(), new_key()
    lines = ["[Interface]", f"PrivateKey = {text_of(hub)}", f"ListenPort = {PORT}"]
    for number in range(1, int(count) + 1):
        key = new_key()
        lines += ["[Peer]", f"PublicKey = {text_of(public_key(key))}", f"AllowedIPs = {address('10.77', number)}/32"]
        write(f"{folder}/{number}.conf", "[Interface]", f"PrivateKey = {text_of(key)}", f"ListenPort = {PORT}", "[Peer]",
              f"PublicKey = {text_of(public_key(hub))}", f"Endpoint = 192.0.2.1:{PORT}", "AllowedIPs = 10.77.0.0/16",
              "PersistentKeepalive = 25")
    write(f"{folder}/hub.conf", *lines)
    write(f"{folder}/hub.next", text_of(following))
    write(f"{folder}/hub.next.pub", text_of(public_key(following)))
    write(f"{folder}/hub.pub", text_of(public_key(hub)))


def batches(count, prefix, folder, hub):
    machine, at_hub = [], ["link add wf0 type weft", "addr add 10.77.255.1/16 dev wf0", "link set wf0 up"]
    for number in range(1, int(count) + 1):
        outside = address("198.18", number)
        machine += [f"netns add {prefix}{number}", f"link add up0 netns {prefix}{number} type veth peer name s{number} netns {hub}"]
        at_hub += [f"addr add 192.0.2.1/32 dev s{number}", f"link set s{number} up", f"route add {outside}/32 dev s{number}"]
        write(f"{folder}/{number}", f"addr add {outside}/32 dev up0", "link set up0 up", "route add 192.0.2.1/32 dev up0",
              "link add wf0 type weft", f"addr add {address('10.77', number)}/16 dev wf0", "link set wf0 up")
    write(f"{folder}/machine", *machine)
    write(f"{folder}/hub", *at_hub)


def at(count, prefix, *command):
    for number in range(1, int(count) + 1):
        enter(f"{prefix}{number}")
        subprocess.run([word.replace("{}", str(number)) for word in command], check=True)


def traffic(over, ready, pace, hub, prefix, count):
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    spokes = range(1, int(count) + 1)
    words = [f"{hub}=10.77.255.1"] + [f"{prefix}{number}={address('10.77', number)}" for number in spokes]
    fleet.exchange(over, ready, pace, words, [pair for number in spokes for pair in ((0, number), (number, 0))])


{"keys": keys, "batches": batches, "at": at, "traffic": traffic}[sys.argv[1]](*sys.argv[2:])
