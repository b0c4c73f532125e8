#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A model of TCP between two machines with many CPUs, from a profile of the stages that a byte passes.

many.py show FOLDER             prints it from the profile that native.sh has put into FOLDER
many.py document FOLDER FILE    puts it into a file of documentation
"""
import collections
import re
import statistics
import sys

import document
import native

KB = 1024
LINK_GBIT = 100
CPUS = (2, 4, 8, 16, 64)
LOADS = {(1, 1): "one flow", (16, 1): "16 flows to one peer", (64, 64): "64 flows to 64 peers"}

# What is not a tunnel's own cost: UML's, and waiting for a CPU that the host does not run.
OUTSIDE = native.UML + ["waiting for a lock"]

# Sealing by idle workers, as it was tried: more of the kernel's CPU time for each byte (weft-bench.rst).
HAND_OVER = 1.08

# Which stage a function belongs to; the first match counts. What no pattern names is code of all stages, and is divided as they are.
STAGES = ("send", "seal", "leave", "arrive", "open", "deliver", "read")
PATTERNS = [(stage, re.compile(pattern)) for stage, pattern in (
    ("open", r"decrypt|crypt_open|weft_crypt_(open|copy|source)|crypt_(build|alloc|find)|recv_(open|data|message)\b|napi_build_skb|build_skb"),
    ("seal", r"encrypt|crypt_seal|weft_batch|batch_|weft_tso|skb_copy_and_csum|csum_partial|skb_cow_data"),
    ("leave", r"weft_output|output_|udp_tunnel|udp_set_csum|iptunnel|ip_finish|ip_send_check|ip_select_ident|ip_local_out|ip_output"
              r"|wg_packet_tx|wg_socket_send|veth|enqueue_to_backlog|netif_rx|siphash|wg_prev_queue|dst_cache|dst_release|neigh"),
    ("arrive", r"process_backlog|net_rx_action|netif_receive|ip_rcv|ip_local_deliver|udp_rcv|udp4|udp_queue|udp_unicast|early_demux"
               r"|wg_receive|wg_packet_receive|wg_packet_consume|weft_recv_packet|recv_(dispatch|messages|parallel)|gso_rx|weft_gro|udp.*gro"
               r"|endpoint_from_skb|route_input|fib_"),
    ("deliver", r"recv_(deliver|accept|inner|reset|opened)|session_accept|counter_validate|allowedips|cells|gro|rx_poll|napi"
                r"|tcp_(v4_rcv|v4_do_rcv|rcv|queue_rcv|data_queue)|inet_lookup"),
    ("read", r"recvmsg|datagram|tcp_cleanup|rcv_space|skb_release|page_frag_free|free_frozen|free_unref|kfree_skb"),
    ("send", r"sendmsg|tcp_(write|tsq|wfree|small|push|ack|clean|established|update|rate|schedule)|__tcp|tsq|netdev_xmit|wg_xmit|weft_xmit|xmit_"
             r"|skb_segment|send_staged|dev_queue_xmit|dev_hard|sk_stream|skb_page_frag"),
)]

# How often a byte is copied in a stage; in-tree seals and opens in place.
COPIES = {"weft": {"send": 1, "seal": 1, "open": 1, "read": 1}, "wireguard": {"send": 1, "read": 1}}
COPY = re.compile(r"^(memcpy|memmove|copy_(to|from)_user)")

# Stages that one CPU does for a flow, at one end, one after the other; and those that one CPU does for a peer.
Kind = collections.namedtuple("Kind", "text profile flow peer factor")
KINDS = (
    Kind("wireguard", "wireguard", (("send",), ("read",)), ("leave", "arrive", "deliver"), 1),
    Kind("weft", "weft", (("send", "seal", "leave"), ("read",)), ("arrive", "deliver"), 1),
    Kind("weft, sealing on any CPU", "weft", (("send", "leave"), ("read",)), ("arrive", "deliver"), HAND_OVER),
)
ENDS = (("send", "seal", "leave"), ("arrive", "open", "deliver", "read"))


def stage_of(function):
    return next((stage for stage, pattern in PATTERNS if pattern.search(function)), None)


def shares_of(function, kind):
    """stage -> the part of a function's time that belongs to it; nothing if it belongs to all."""
    if COPY.search(function):
        copies = COPIES[kind]
        return {stage: number / sum(copies.values()) for stage, number in copies.items()}
    stage = stage_of(function)
    if stage:
        return {stage: 1}
    return {"seal": 0.5, "open": 0.5} if native.purpose_of(function) == "cipher" else {}


def own_of(functions):
    return {name: times for name, times in functions.items() if native.purpose_of(name) not in OUTSIDE}


def stages(functions, kind):
    """stage -> its share of a tunnel's own CPU time; and the share of functions that all stages have."""
    own = own_of(functions)
    found, total = dict.fromkeys(STAGES, 0), sum(own.values())
    for name, times in own.items():
        for stage, share in shares_of(name, kind).items():
            found[stage] += share * times
    named = sum(found.values())
    return {stage: times / named for stage, times in found.items()}, 1 - named / total


def costs(store):
    """kind -> stage -> nanoseconds of CPU time for 1,024 bytes; and kind -> the unnamed share."""
    cost, unnamed = {}, {}
    for row in store.profiles:
        kind = row["kind"]
        if row["case"] != "tcp1" or kind not in COPIES:
            continue
        share, unnamed[kind] = stages(row["functions"], kind)
        own = sum(own_of(row["functions"]).values()) / sum(row["functions"].values())
        rates = [native.by_kernel(one) for one in store.of(kind, "tcp1", 2).values()]
        if not rates:
            continue
        each = 1e9 * KB / statistics.median(rates) * own
        cost[kind] = {stage: part * each for stage, part in share.items()}
    return cost, unnamed


def gbit(nanoseconds, cpus):
    """What CPUs that need so long for 1,024 bytes carry."""
    return cpus * KB * 8 / nanoseconds


def limits(kind, cost, flows, peers, cpus):
    """name -> Gbit/s that each bound allows."""
    found = {"link": LINK_GBIT}
    of = {stage: nanoseconds * kind.factor for stage, nanoseconds in cost[kind.profile].items()}
    for part in kind.flow:
        found[" and ".join(part)] = gbit(sum(of[stage] for stage in part), min(flows, cpus))
    for stage in kind.peer:
        found[stage] = gbit(of[stage], min(peers, cpus))
    for end, name in zip(ENDS, ("the sender's CPUs", "the receiver's CPUs")):
        found[name] = gbit(sum(of[stage] for stage in end), cpus)
    return found


def least(found):
    """The name and the rate of the bound that limits."""
    return min(found.items(), key=lambda item: item[1])


def stage_table(cost):
    kinds = list(COPIES)
    return ["ns of CPU time for 1,024 bytes"] + kinds, [
        [stage] + [f"{cost[kind][stage]:,.0f}" for kind in kinds] for stage in STAGES]


def model_table(cost):
    rows = []
    for (flows, peers), text in LOADS.items():
        for kind in KINDS:
            found = [least(limits(kind, cost, flows, peers, cpus)) for cpus in CPUS]
            rows.append([f"{text}, {kind.text}"] + [f"{rate:.1f}" for _, rate in found] + [found[-1][0]])
    return ["Gbit/s, by CPUs at each end"] + [str(cpus) for cpus in CPUS] + [f"limited, with {CPUS[-1]}, by"], rows


def tables(folder):
    store = native.Store(folder)
    cost, unnamed = costs(store)
    missing = [kind for kind in COPIES if kind not in cost]
    if missing:
        raise SystemExit(f"many.py: {folder} has no figure and profile of tcp1 for {' and '.join(missing)}")
    parts = ", ".join(f"{share:.0%} of {kind}'s" for kind, share in unnamed.items())
    origin = "From figures and a profile of {commit}, on {date}: Linux {kernel} on {cpu}.".format(**store.conditions)
    return [stage_table(cost), model_table(cost)], f"{origin} CPU time of functions that all stages have, divided over them: {parts}."


def show(folder):
    found, note = tables(folder)
    for header, rows in found:
        native.print_table(header, rows)
        print()
    print(note)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "show":
        show(sys.argv[2])
    elif len(sys.argv) == 4 and sys.argv[1] == "document":
        found, note = tables(sys.argv[2])
        document.update("\n".join([document.grid(*table) for table in found] + [note + "\n"]), sys.argv[3], "model")
    else:
        sys.exit(__doc__.strip())


if __name__ == "__main__":
    main()
