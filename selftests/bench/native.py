#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Figures of a kernel that ran as a program, at the speed of the machine: by its CPU seconds, and by the clock.

native.py conditions NAME=VALUE...   prints them and the machine's CPU as JSON
native.py samples KALLSYMS FILE      converts "perf script -F ip,sym,dso" on standard input to a line of JSON; FILE is
                                     KIND.CASE.data
native.py show|csv|profile FOLDER    prints the results of native.sh in FOLDER
native.py document FOLDER FILE       puts tables into a file of documentation
"""
import bisect
import collections
import csv
import json
import math
import os
import re
import signal
import statistics
import sys

import document
from figures import load, print_table

KINDS = ["none", "wireguard", "weft", "wireguard-go-new", "wireguard-go"]
COMPARED = KINDS[:3]

Case = collections.namedtuple("Case", "name unit scale")
BYTE, PACKET = 8e-6, 8e-6 * 1300
CASES = {
    "tcp1": Case("TCP, one flow", "Mbit", BYTE), "tcp4": Case("TCP, four flows", "Mbit", BYTE),
    "tcp1-back": Case("TCP, one flow, opposite", "Mbit", BYTE), "tcp4-back": Case("TCP, four flows, opposite", "Mbit", BYTE),
    "tcp1-both": Case("TCP, one flow each way", "Mbit", BYTE), "tcp4-both": Case("TCP, four flows each way", "Mbit", BYTE),
    "udp": Case("UDP, 1300 bytes, send", "Mbit", PACKET), "udp-mmsg": Case("UDP, 1300 bytes, sendmmsg", "Mbit", PACKET),
    "udp-gso": Case("UDP, 1300 bytes, UDP_SEGMENT", "Mbit", PACKET),
    "forward": Case("forwarded, 64 bytes", "1000 packets", 1e-3),
    "forward-imix": Case("forwarded, IMIX", "1000 packets", 1e-3),
    "ping": Case("ping", "1000 round trips", 1e-3), "pingpong": Case("TCP_RR, 1 byte", "1000 round trips", 1e-3),
    "hub": Case("TCP, 100 spokes into a hub", "Mbit", BYTE), "handshake": Case("first handshakes", "1000 handshakes", 1e-3),
    "handshake-again": Case("further handshakes", "1000 handshakes", 1e-3),
}
FAIR = {"fair-alone": "alone", "fair-loaded": "beside another spoke's bulk", "fair-four": "beside four others' bulk"}
RESTARTS = {"restart": "a hub restarts", "restart-kept": "a hub restarts, endpoints kept"}
RESTART = {"back": "hub is configured again", "first": "first spoke has an answer", "median": "median of the spokes",
           "p99": "99th percentile", "last": "all spokes have answers"}


# ---- figures of a run ----

def sent(row):
    return row["count"] * len(row["rounds"])


def units(row):
    """Those that arrived: a datagram that is lost on the way costs less."""
    return sent(row) - row.get("lost", 0)


def by_kernel(row):
    return units(row) * 1e9 / row["cpu"]["kernel"]


def by_all(row):
    return units(row) * 1e9 / (row["cpu"]["kernel"] + row["cpu"]["programs"])


def by_clock(row):
    return units(row) * 1e9 / sum(row["rounds"])


def median_us(row):
    return row["median"] / 1e3


def p99_us(row):
    return row["p99"] / 1e3


def busy(row):
    """The number of CPUs in which the kernel or a program of the guest ran."""
    return (row["cpu"]["kernel"] + row["cpu"]["programs"]) / row["cpu"]["clock"]


def others(row):
    """The number of CPUs that did other work, or were taken by a hypervisor."""
    cpu = row["cpu"]
    return max(0, cpu["busy"] - cpu["kernel"] - cpu["programs"]) / cpu["clock"]


def system_share(row):
    return row["cpu"]["system"] / row["cpu"]["kernel"]


class Store:
    """The results of native.sh in a folder."""

    def __init__(self, folder):
        rows, profile, conditions = (os.path.join(folder, name) for name in ("native.json", "profile.json", "conditions.json"))
        self.rows, self.profiles = (load(path) if os.path.exists(path) else [] for path in (rows, profile))
        self.conditions = {}
        if os.path.exists(conditions):
            with open(conditions, encoding="utf-8") as file:
                self.conditions = json.load(file)

    def cpus(self):
        return sorted({row["cpus"] for row in self.rows})

    def of(self, kind, case, cpus):
        """round -> row"""
        return {row["round"]: row for row in self.rows
                if (row["kind"], row["case"], row["cpus"]) == (kind, case, cpus) and "absent" not in row}

    def values(self, kind, case, cpus, value):
        """round -> figure"""
        scale = CASES[case].scale if case in CASES and value in (by_kernel, by_all, by_clock) else 1
        return {number: value(row) * scale for number, row in self.of(kind, case, cpus).items()}

    def median(self, kind, case, cpus, value):
        return statistics.median(self.values(kind, case, cpus, value).values() or [0])


# ---- tables ----

def short(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(values):
    """The median and the range."""
    values = list(values)
    if not values:
        return "-"
    return f"{short(statistics.median(values))} ({short(min(values))} to {short(max(values))})"


def divided(first, second):
    """The ratio of two figures in each round that has both."""
    return [first[number] / second[number] if second[number] else math.inf for number in first if number in second]


def ratios(store, case, cpus, value, kinds=("weft", "wireguard")):
    """The ratio of two kinds, by round."""
    return divided(*(store.values(kind, case, cpus, value) for kind in kinds))


def ratio(store, case, cpus, value):
    """weft to in-tree."""
    found = ratios(store, case, cpus, value)
    if not found:
        return "-"
    return f"{statistics.median(found):.2f} ({min(found):.2f} to {max(found):.2f})"


def rate_rows(store, cpus, value):
    for case, known in CASES.items():
        if any(store.of(kind, case, cpus) for kind in COMPARED):
            yield ([f"{known.name}, {known.unit}"] +
                   [spread(store.values(kind, case, cpus, value).values()) for kind in COMPARED] +
                   [ratio(store, case, cpus, value)])


def rate_tables(store):
    for value, text in (by_kernel, "for a CPU second of the kernel"), (by_clock, "in a second by the clock"):
        for cpus in store.cpus():
            header = [f"{text}, {number_of_cpus(cpus)}", "none", "wireguard", "weft", "weft to wireguard"]
            yield header, list(rate_rows(store, cpus, value))


def number_of_cpus(count):
    return f"{count} CPU" if count == 1 else f"{count} CPUs"


def go_table(store):
    """Includes the CPU time of programs: a tunnel in user space spends most of its time there."""
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in store.rows)]
    header, rows = ["for a CPU second of kernel and programs"] + kinds, []
    for cpus in store.cpus():
        rows += [[f"{known.name}, {known.unit}, {number_of_cpus(cpus)}"] +
                 [spread(store.values(kind, case, cpus, by_all).values()) for kind in kinds]
                 for case, known in CASES.items() if any(store.of(kind, case, cpus) for kind in KINDS[3:])]
    return header, rows


def fair_table(store):
    header, rows = ["round trip, us, by the clock"] + COMPARED[1:], []
    for name, value in ("median", median_us), ("p99", p99_us):
        rows += [[f"{name}, {text}, {number_of_cpus(cpus)}"] +
                 [spread(store.values(kind, case, cpus, value).values()) for kind in COMPARED[1:]]
                 for cpus in store.cpus() for case, text in FAIR.items()
                 if any(store.of(kind, case, cpus) for kind in COMPARED[1:])]
    return header, rows


def restart_table(store, case, text):
    """Seconds from the deletion of the hub's device."""
    kinds = [kind for kind in COMPARED if store.of(kind, case, 2)]
    found = {kind: store.of(kind, case, 2).values() for kind in kinds}
    counts = sorted({row["count"] for kind in kinds for row in found[kind]})
    figures = {f"seconds until: {text}": lambda row, name=name: row[name] / 1e9 for name, text in RESTART.items()}
    figures["CPU seconds of the kernel"] = lambda row: row["cpu"]["kernel"] / 1e9
    rows = [[text] + [spread(map(value, found[kind])) for kind in kinds] for text, value in figures.items() if kinds]
    return [f"{text}: {' or '.join(f'{count:,}' for count in counts)} spokes, 2 CPUs"] + kinds, rows


def profile_table(store, case):
    """For each kind, nanoseconds of the kernel's CPU time per unit; the last row excludes UML's own cost."""
    found = {row["kind"]: by_purpose(row["functions"]) for row in store.profiles if row["case"] == case}
    kinds = [kind for kind in KINDS if kind in found and store.of(kind, case, 2)]
    unit, size = ("KB", 1000) if CASES[case].unit == "Mbit" and case.startswith("tcp") else ("packet", 1)
    cost = {kind: size * CASES[case].scale * 1e9 / store.median(kind, case, 2, by_kernel) for kind in kinds}
    share = {kind: {purpose: found[kind][purpose] / sum(found[kind].values()) for purpose in PURPOSE_NAMES}
             for kind in kinds}
    rows = [[purpose] + [f"{share[kind][purpose] * cost[kind]:,.0f} ({share[kind][purpose]:.1%})" for kind in kinds]
            for purpose in PURPOSE_NAMES]
    rows.append(["in all"] + [f"{cost[kind]:,.0f}" for kind in kinds])
    own = {kind: 1 - sum(share[kind][purpose] for purpose in UML) for kind in kinds}
    rows.append(["without UML's own cost"] + [f"{own[kind] * cost[kind]:,.0f}" for kind in kinds])
    name, unit_name = CASES[case].name, CASES[case].unit
    rows.append([f"{unit_name} a CPU second without it"] +
                [short(store.median(kind, case, 2, by_kernel) / own[kind]) for kind in kinds])
    rows.append(["CPUs idle, of 2"] + [f"{idle(store, kind, case):.2f}" for kind in kinds])
    return [f"{name}: ns per {unit}"] + kinds, rows


def idle(store, kind, case):
    """Time of the two CPUs in which neither the kernel nor a program of the guest ran."""
    return statistics.median(max(0, 2 - busy(row)) for row in store.of(kind, case, 2).values())


def busy_table(store):
    header, rows = ["CPUs busy, of 2"] + COMPARED, []
    for case, known in CASES.items():
        if known.unit == "Mbit" and any(store.of(kind, case, 2) for kind in COMPARED):
            rows.append([known.name] + [spread(store.values(kind, case, 2, busy).values()) for kind in COMPARED])
    return header, rows


def all_tables(store):
    yield from rate_tables(store)
    yield busy_table(store)
    yield go_table(store)
    yield fair_table(store)
    yield from (restart_table(store, case, text) for case, text in RESTARTS.items())
    for case in CASES:
        if any(row["case"] == case for row in store.profiles):
            yield profile_table(store, case)


def absent(store):
    return sorted({f"{row['kind']}, {row['case']}, {number_of_cpus(row['cpus'])}: {row['absent']}"
                   for row in store.rows if "absent" in row})


def disturbance(store):
    found = [others(row) for row in store.rows if "absent" not in row]
    system = [system_share(row) for row in store.rows if "absent" not in row and row["kind"] in COMPARED]
    lost = [row["lost"] / sent(row) for row in store.rows if row.get("lost")]
    return (f"Other work took {statistics.median(found):.2f} of the machine's CPUs in the median of all runs, and "
            f"{max(found):.2f} at most.\nOf the kernel's CPU time, {statistics.median(system):.0%} was the host kernel's "
            f"in the median. Datagrams lost: " + (f"up to {max(lost):.2%}." if lost else "none."))


def show(folder):
    store = Store(folder)
    for header, rows in all_tables(store):
        if rows:
            print_table(header, rows)
            print()
    print(disturbance(store))
    for line in absent(store):
        print("not measured: " + line)


# ---- profiles ----

UML = ["host kernel", "UML itself"]
HOST = "[host] "

# The purpose of a function, by module and name; the first match counts.
PURPOSES = [(purpose, re.compile(pattern)) for purpose, pattern in (
    ("host kernel", r"^\[host\]"),
    # The holder of the lock may be a CPU that the host has not scheduled.
    ("waiting for a lock", r"queued_spin_lock_slowpath|os_lock_wait|clock_nanosleep|spin_on_owner|osq_lock"),
    ("UML itself", r"^\[libc\.so|^\[outside|(^|_)(os|um|uml)_|signals|sig_handler|timer_handler|sigio|hard_handler|stub|turnstile|"
                   r"^(userspace|new_thread|fork_handler|handle_syscall|segv|interrupt_end|switch_|arch_|__switch_to|do_IRQ|"
                   r"deliver_alarm|relay_signal|to_virt|virt_to_pte|maybe_map|raw_copy_|strncpy_chunk|copy_chunk|do_op_one_page|"
                   r"buffer_op|get_fpstate|mtree_load|mas_walk|handle_percpu_irq|generic_handle_irq|syscall_trace)|"
                   r"setjmp|longjmp|_pte_|tlb"),
    ("cipher", r"chacha|poly1305|blake2s|curve25519|crypt|aead|kernel_fpu|fpu_|sg_init|sg_next|sg_miter|skb_to_sgvec|seal"),
    ("copying", r"copy|memcpy|memmove|memset|csum|checksum|_iter|clear_page"),
    ("GRO and GSO", r"gro|gso|segment|napi_skb"),
    ("routing", r"fib|allowedips|allowed_ips|trie|route|rt_|dst_|neigh|lookup"),
    ("TCP", r"tcp|bictcp|inet_csk|sk_stream|cubic"),
    ("programs' calls", r"sys_|syscall|epoll|^ep_|fget|fput|fdget|vfs|file|security|poll$"),
    ("UDP and IP", r"^_*dev_queue_xmit|dev_hard_start|(^|_)ip_|udp|inet|netif|veth|raw_local|ipv4_mtu|xfrm|siphash|nf_|eth_|qdisc|net_rx|net_tx|backlog|iptunnel|endpoint"),
    ("memory", r"kmem|kmalloc|kfree|slab|page|alloc|^_*free|skb_release|skb_free|consume_skb|build_skb|folio|zone|rmqueue|"
               r"barn_|sheaf|pcs|memcg|obj_cgroup|sock_wfree|sock_rfree|skb_head|refill|frag|pcp"),
    ("queues, locks, scheduling", r"lock|ring|queue|xchg|sched|wake|worker|work|timer|rcu|softirq|irq|wait|ttwu|pick_|task|"
                                  r"_entity|cfs|fair|kthread|tick|clock|preempt|rb_|deadline|idle|load_avg|vruntime|refcount|"
                                  r"timekeeping|ktime|account_|update_|cpu_util|tmigr|^ct_|local_bh|csd|smp_call"),
    ("tunnel", r"^\[(weft|wireguard|tun)\]|^tun_"),
    ("UDP and IP", r"dev_|skb|napi|xmit|sock|dql|sk_"),
)]
PURPOSE_NAMES = list(dict.fromkeys(purpose for purpose, _ in PURPOSES if purpose not in UML)) + ["rest"] + UML


def purpose_of(function):
    for purpose, pattern in PURPOSES:
        if pattern.search(function):
            return purpose
    return "rest"


def by_purpose(functions):
    sums = collections.Counter()
    for function, times in functions.items():
        sums[purpose_of(function)] += times
    return sums


def read_symbols(path):
    """Addresses in order, and "name" or "[module] name" for each."""
    symbols = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            word = line.split()
            if word[1] in "tTwW":
                symbols.append((int(word[0], 16), f"{word[3]} {word[2]}" if len(word) > 3 else word[2]))
    symbols.sort()
    return [address for address, _ in symbols], [name for _, name in symbols]


def function_of(line, addresses, names):
    """The function of a line of perf's: an address outside the guest's symbols is the host kernel's, or a library's
    of the host."""
    word = line.split()
    address = int(word[0], 16)
    if address >> 63:
        return HOST + word[1].split("+")[0]
    index = bisect.bisect(addresses, address) - 1
    if 0 <= index < len(addresses) - 1 and address - addresses[index] < 65536:
        return names[index]
    library = word[-1].split("/")[-1].strip("()")
    name = word[1].split("+")[0]
    if library.startswith("libc") and name.startswith(("mem", "__mem")):
        return name
    return f"[{library if library.startswith('libc') else 'outside'}] {name}"


def samples(kallsyms, path):
    addresses, names = read_symbols(kallsyms)
    found = collections.Counter(function_of(line, addresses, names) for line in sys.stdin if line.strip())
    kind, _, case = os.path.basename(path).removesuffix(".data").rpartition(".")
    print(json.dumps({"kind": kind, "case": case, "functions": found}))


def profile(folder, most=40):
    for row in Store(folder).profiles:
        total = sum(row["functions"].values())
        print(f"\n{CASES[row['case']].name}, {row['kind']}: {total} samples\n")
        sums = by_purpose(row["functions"])
        print_table(["purpose", "share"], [[name, f"{sums[name] / total:.1%}"] for name in PURPOSE_NAMES])
        print()
        print_table(["function", "purpose", "share"],
                    [[name, purpose_of(name), f"{times / total:.1%}"]
                     for name, times in collections.Counter(row["functions"]).most_common(most)])


# ---- other forms ----

def processor():
    """A hypervisor may hide the model's name: family, model and vector extensions identify the processor."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = [line.split(":", 1) for line in file.read().split("\n\n")[0].splitlines()]
    found = {name.strip(): value.strip() for name, value in lines}
    flags = [flag for flag in ("avx2", "avx512f", "vaes") if flag in found["flags"].split()]
    return f"{found['model name']}, family {found['cpu family']}, model {found['model']} ({', '.join(flags)})"


def conditions(words):
    found = dict(word.split("=", 1) for word in words)
    found["cpu"] = processor()
    print(json.dumps(found))


def write_csv(folder):
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["cpus", "round", "kind", "case", "unit", "per kernel CPU s", "per CPU s", "per s", "median us",
                     "p99 us", "system share", "other CPUs", "busy CPUs", "lost"])
    for row in Store(folder).rows:
        if "absent" in row:
            continue
        known = CASES.get(row["case"], Case("", f"{row['unit']}s", 1))
        figures = [f"{value(row) * known.scale:.6g}" for value in (by_kernel, by_all, by_clock)]
        writer.writerow([row["cpus"], row["round"], row["kind"], row["case"], known.unit, *figures,
                         *(f"{row[name] / 1e3:.1f}" if name in row else "" for name in ("median", "p99")),
                         f"{system_share(row):.3f}", f"{others(row):.2f}", f"{busy(row):.2f}", row["lost"]])


def tables(folder):
    store = Store(folder)
    parts = ["Measured with ``{command}`` of {commit}, on {date}:\nLinux {kernel} on {cpu}; {rounds} rounds, and {seconds} s of CPU time for each figure.\n"
             .format(rounds=len({row["round"] for row in store.rows}),
                     **{"commit": "an earlier state", "date": "another day", **store.conditions}) + disturbance(store) + "\n"]
    parts += [document.grid(header, rows) for header, rows in all_tables(store) if rows]
    missing = absent(store)
    return "\n".join(parts + (["Not measured:\n", "".join(f"- {line}\n" for line in missing)] if missing else []))


def plot_rates(store):
    columns = [(kind, cpus) for kind in COMPARED for cpus in store.cpus()]
    yield ["case"] + [f"{kind}, {number_of_cpus(cpus)}" for kind, cpus in columns]
    for case, known in CASES.items():
        if known.unit == "Mbit":
            found = [store.median(kind, case, cpus, by_kernel) for kind, cpus in columns]
            yield [case] + [document.cell(value or None) for value in found]


def plot_profile(store):
    rows = {row["kind"]: row for row in store.profiles if row["case"] == "tcp1"}
    yield ["kind"] + PURPOSE_NAMES
    for kind in COMPARED:
        cost = store.median(kind, "tcp1", 2, by_kernel)
        if kind in rows and cost:
            sums = by_purpose(rows[kind]["functions"])
            each = 1000 * CASES["tcp1"].scale * 1e9 / cost / sum(sums.values())
            yield [kind] + [document.cell(sums[purpose] * each) for purpose in PURPOSE_NAMES]


def plot_data(name, folder):
    rows = {"native-rates": plot_rates, "native-profile": plot_profile}[name](Store(folder))
    for row in rows:
        print("\t".join(row))


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    action, *args = sys.argv[1:] or [""]
    if action == "conditions":
        conditions(args)
    elif action == "samples" and len(args) == 2:
        samples(*args)
    elif action == "document" and len(args) == 2:
        document.update(tables(args[0]), args[1], "native figures")
    elif action in ("show", "csv", "profile") and len(args) == 1:
        {"show": show, "csv": write_csv, "profile": profile}[action](args[0])
    else:
        sys.exit(__doc__.strip())


if __name__ == "__main__":
    main()
