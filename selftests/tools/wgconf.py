#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compares the verdicts of "wg setconf" and of "weft strip" on files; a userspace device accepts all requests of wg."""
import os
import socket
import subprocess
import sys
import tempfile
import threading

NAME = "wgconf0"
SOCKET = f"/run/wireguard/{NAME}.sock"
KEY = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
INTERFACE = "[Interface]\n"
PEER = f"[Peer]\nPublicKey = {KEY}\n"

FILES = {
    "nothing": "",
    "remarks only": "#x\n  # y\n",
    "interface in two sections": INTERFACE + "ListenPort = 1\n" + INTERFACE + "FwMark = 2\n",
    "blanks inside a section's brackets": f"[ Peer ]\nPublicKey={KEY}\n[\tInterface ]\n",
    "words behind a section": "[Interface] x\n",
    "setting behind a section": "[Interface]ListenPort=1\n",
    "blanks in prefixes": PEER + "AllowedIPs = 10.9.0.2 / 32 , 10.9.0.3/ 32\n",
    "blanks for commas": PEER + "AllowedIPs = 10.9.0.2/32 10.9.0.3/32\n",
    "comma at the end": PEER + "AllowedIPs = 10.9.0.2/32,\n",
    "comma at the beginning": PEER + "AllowedIPs = ,10.9.0.2/32\n",
    "two commas": PEER + "AllowedIPs = 10.9.0.2/32,,10.9.0.3\n",
    "mask of a prefix": PEER + "AllowedIPs = 10.9.0.0/255.255.255.0\n",
    "length with a sign": PEER + "AllowedIPs = 10.0.0.0/+8\n",
    "length with a zero": PEER + "AllowedIPs = 10.9.0.2/032\n",
    "length left out": PEER + "AllowedIPs = 10.0.0.0/\n",
    "short address": PEER + "AllowedIPs = 10.9/16\n",
    "field and value with blanks": INTERFACE + "Listen Port = 5 1\n",
    "key with blanks": INTERFACE + f"Private Key = {KEY[:7]} {KEY[7:]}\n",
    "key twice": INTERFACE + f"PrivateKey={KEY}\nPrivateKey={KEY}\n",
    "peer twice": PEER + "AllowedIPs=10.0.0.1\n" + PEER + "AllowedIPs=10.0.0.2\n",
    "peer without a key": "[Peer]\nPersistentKeepalive = 5\n",
    "tabs, form feeds and carriage returns": INTERFACE + "\tListenPort\f=\v5\t\r\n",
    "no equals sign": INTERFACE + "ListenPort 5\n",
    "setting before a section": "ListenPort = 5\n",
    "setting of the other section": PEER + "ListenPort = 5\n",
    "port in hexadecimal": INTERFACE + "ListenPort = 0x10\n",
    "port by name": INTERFACE + "ListenPort = domain\n",
    "mark with a zero": INTERFACE + "FwMark = 010\n",
    "mark in hexadecimal": INTERFACE + "FwMark = 0xca6c\n",
    "no mark": INTERFACE + "FwMark = OFF\n",
    "IPv6 endpoint without brackets": PEER + "Endpoint = 2001:db8::2:5002\n",
    "IPv6 endpoint with a zone": PEER + "Endpoint = fe80::1%lo:5\n",
    "IPv6 endpoint without a port": PEER + "Endpoint = 2001:db8::2\n",
    "IPv6 endpoint without a port in brackets": PEER + "Endpoint = [2001:db8::2]\n",
    "blanks in an endpoint": PEER + "Endpoint = 192.0.2.2 : 5002\n",
    "blanks in an IPv6 endpoint": PEER + "Endpoint = [2001:db8::2] : 50\n",
    "endpoint's port by name": PEER + "Endpoint = 192.0.2.2:domain\n",
    "keepalive with a unit": PEER + "PersistentKeepalive = 25s\n",
    "no keepalive": PEER + "PersistentKeepalive = OFF\n",
    "preshared key of zeros": PEER + "PresharedKey = " + "A" * 43 + "=\n",
} | {
    f"empty {field}": section + field + " =\n" for section, field in (
        (INTERFACE, "PrivateKey"), (INTERFACE, "ListenPort"), (INTERFACE, "FwMark"), (PEER, "Endpoint"),
        (PEER, "PresharedKey"), (PEER, "PersistentKeepalive"))
}


def device(server):
    """Accepts each request."""
    while True:
        client, _ = server.accept()
        data = b""
        while b"\n\n" not in data:
            part = client.recv(65536)
            if not part:
                break
            data += part
        if data:
            client.sendall(b"errno=0\n\n")
        client.close()


def takes(command):
    environ = dict(os.environ, WG_ENDPOINT_RESOLUTION_RETRIES="0")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    return not done.returncode, done.stderr.strip()


def main():
    weft = sys.argv[1]
    os.mkdir("/run/wireguard")
    server = socket.socket(socket.AF_UNIX)
    server.bind(SOCKET)
    server.listen()
    threading.Thread(target=device, args=(server,), daemon=True).start()
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/{NAME}.conf"
        for number, (name, text) in enumerate(FILES.items(), 1):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            wg, weft_takes = takes(["wg", "setconf", NAME, path]), takes([weft, "strip", path])
            good = wg[0] == weft_takes[0]
            failed += not good
            print(f"{'' if good else 'not '}ok {number} - {name}: one verdict")
            if not good:
                print(f"#   wg: {wg}\n#   weft: {weft_takes}")
    print(f"1..{len(FILES)}")
    sys.exit(bool(failed))


main()
