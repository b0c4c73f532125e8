# SPDX-License-Identifier: GPL-2.0
"""The bench's figures: lines of JSON, each with kind, case and topology (or size, or number of CPUs)."""
import collections
import json
import os
import re
import statistics

CASES = {
    "tcp1": "TCP, one flow", "tcp4": "TCP, four flows", "udp": "UDP, 1300 bytes", "forward": "UDP, 64 bytes, forwarded",
    "pingpong": "ping-pong, 1 byte", "hub": "many peers into a hub", "handshake": "handshake",
}
IDLE_SHARE = 0.01


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def cost(row):
    """The cost of one unit, without idle time."""
    if "absent" in row:
        return None
    return (sum(row["rounds"]) - row["idle"]) / (row["count"] * len(row["rounds"]))


def uncertainty(row):
    """The standard error of the rounds' mean, relative to it."""
    if len(row["rounds"]) < 2:
        return 0
    return statistics.stdev(row["rounds"]) / len(row["rounds"]) ** 0.5 / statistics.mean(row["rounds"])


def figure(value):
    if value is None:
        return "-"
    return f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"


def remarks(row):
    said = [f"± {uncertainty(row):.1%}"]
    if row["idle"] > IDLE_SHARE * sum(row["rounds"]):
        said.append(f"{row['idle'] / sum(row['rounds']):.0%} of the time idle")
    if row["lost"]:
        said.append(f"{row['lost']} of {row['count'] * len(row['rounds'])} lost")
    return ", ".join(said)


def print_table(header, rows):
    widths = [max(len(str(row[i])) for row in [header] + rows) for i in range(len(header))]
    for row in [header, ["-" * width for width in widths]] + rows:
        print("  ".join(str(cell).ljust(width) if i < 4 else str(cell).rjust(width)
                        for i, (cell, width) in enumerate(zip(row, widths))).rstrip())


def key(row):
    return tuple(row[name] for name in ("kind", "case", "topology"))


def merge(new, store):
    """New rows replace all older ones with the same key."""
    fresh = {key(row) for row in new}
    rows = [row for row in (load(store) if os.path.exists(store) else []) if key(row) not in fresh] + new
    with open(store + ".new", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    os.replace(store + ".new", store)


# ---- wall clock ----

def values(rows, kind, case, cpus, member=None):
    """For each turn: nanoseconds of one unit, or another member."""
    return [row[member] if member else sum(row["rounds"]) / row["count"] / len(row["rounds"])
            for row in rows if key(row) == (kind, case, cpus) and "absent" not in row]


def turn_ratio(first, second):
    """The ratio of first to second in each turn."""
    return [one / other for one, other in zip(first, second)]


def wall_turns(rows):
    """Name -> the ratio in each turn."""
    def both(case, member=None):
        return values(rows, "wireguard", case, "2", member), values(rows, "weft", case, "2", member)
    found = {
        "throughput, one flow, weft to wireguard": turn_ratio(*both("wall-tcp1")),
        "throughput, four flows, weft to wireguard": turn_ratio(*both("wall-tcp4")),
        "throughput, one flow, wire, weft to wireguard": turn_ratio(*both("wall-tcp1-wire")),
        "median round trip, weft to wireguard": turn_ratio(*reversed(both("wall-pingpong", "median"))),
        "99th percentile of round trips, weft to wireguard": turn_ratio(*reversed(both("wall-pingpong", "p99"))),
        "throughput of weft, two CPUs to one":
            turn_ratio(values(rows, "weft", "wall-tcp1", "1-cpu"), values(rows, "weft", "wall-tcp1", "2-cpu")),
    }
    for kind in ("wireguard", "weft"):
        found[f"median round trip of {kind}, beside another peer's bulk to alone"] = turn_ratio(
            values(rows, kind, "fair-loaded", "2", "median"), values(rows, kind, "fair-alone", "2", "median"))
    return found


def wall_ratios(rows):
    """Name -> the median ratio over turns; None without turns."""
    return {name: statistics.median(turns) if turns else None for name, turns in wall_turns(rows).items()}


# ---- profiles ----

# The purpose of a function, by its name; the first match counts. A function without a match has its caller's purpose.
PURPOSES = [(purpose, re.compile(pattern)) for purpose, pattern in (
    ("idle", r"safe_halt|default_idle|cpuidle|^do_idle|^acpi_idle"),
    ("program", r"^program$|syscall|entry_SYSCALL|^__x64_sys|^epoll|^ep_|^__fget|^fput|^security_|^apparmor|^fdget"),
    ("cipher", r"chacha|poly1305|blake2s|curve25519|aes|gcm|ghash|gf128|kernel_fpu|fpu_|fpregs|scatterwalk|crypto_|"
               r"aead|sg_init|sg_next|skb_to_sgvec"),
    ("tunnel", r"\[(weft|wireguard|ovpn.*|esp4|xfrm.*|tun)\]|^xfrm|^esp|^tun_"),
    ("copy and checksum", r"copy|memcpy|memmove|memset|csum|checksum|_iter|^rep_|clear_page"),
    ("TCP", r"tcp|bictcp|inet_csk|^sk_stream|cubic"),
    ("memory", r"kmem|kmalloc|kfree|slab|page|alloc|^free_|skb_release|skb_free|consume_skb|kfree_skb|^build_skb|folio|"
               r"zone|^rmqueue|memcg|obj_cgroup|___cache_free|sock_wfree|sock_rfree|skb_head"),
    ("IP and UDP", r"^_*ip_|udp|inet|fib|dev_|netif|veth|gro|gso|skb|napi|^nf_|eth_|neigh|dst_|rt_|route|xmit|qdisc|"
                   r"net_rx|net_tx|backlog|sock|iptunnel|dql|sk_"),
    ("scheduling", r"sched|queue_task|switch_|wake|pick_|worker|work|timer|rcu|softirq|irq|wait|vruntime|ttwu|"
                   r"select_task|update_curr|update_load|_entity|cfs|fair|task|idle|load_avg|kthread|tick|clock|"
                   r"preempt|rb_|deadline"),
)]


def purpose_of(stack):
    for frame in stack:
        for purpose, pattern in PURPOSES:
            if pattern.search(frame):
                return purpose
    return "rest"


def by_purpose(row):
    """Samples by purpose, without those of idle time."""
    sums = collections.Counter()
    for times, stack in row["stacks"]:
        sums[purpose_of(stack.split(";"))] += times
    del sums["idle"]
    return sums
