#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What weft's speed has to reach, beside the figures of the last runs.

bars.py show ALL NATIVE...             prints the table; ALL is the folder of run.sh's figures, NATIVE one of native.sh's. Of
                                       several NATIVE that with the newest figures counts. A folder may be missing
bars.py document FILE ALL NATIVE...    puts the table into a file of documentation
"""
import collections
import json
import math
import os
import statistics
import sys

import document
import native
import verdict
from figures import figure, print_table

# A median of fewer rounds than these is no proof.
ROUNDS = 5
SPOKES = 1000

# For each of the cases, and each number of CPUs: `values` are its figures by round, `of` them counts, and `limit` is what
# that has to reach, or, unless `least`, may not exceed.
Bar = collections.namedtuple("Bar", "text cases cpus values limit least of")


def at_least(text, cases, cpus, values, limit, of=statistics.median):
    return Bar(text, cases, cpus, values, limit, True, of)


def at_most(text, cases, cpus, values, limit):
    return Bar(text, cases, cpus, values, limit, False, statistics.median)


# ---- figures by round ----

def rate(value, other="wireguard"):
    return lambda store, case, cpus: native.ratios(store, case, cpus, value, ("weft", other))


def cost(value, other="wireguard"):
    """Time for a unit, where `value` is units in a time."""
    return lambda store, case, cpus: native.ratios(store, case, cpus, value, (other, "weft"))


def busy(store, case, cpus):
    return list(store.values("weft", case, cpus, native.busy).values())


def failed_restarts(store, case, cpus):
    """round -> for ever, where weft's spokes never had answers"""
    return {row["round"]: math.inf for row in store.rows
            if (row["kind"], row["case"], row["cpus"]) == ("weft", case, cpus) and "absent" in row}


def restarts(store, kind, case, cpus):
    """round -> seconds until the last spoke had an answer"""
    failed = failed_restarts(store, case, cpus) if kind == "weft" else {}
    return {**failed, **{number: row["last"] / 1e9 for number, row in store.of(kind, case, cpus).items() if row["count"] >= SPOKES}}


def restart_ratios(store, case, cpus):
    return native.divided(*(restarts(store, kind, case, cpus) for kind in ("weft", "wireguard")))


def restart_seconds(store, case, cpus):
    return list(restarts(store, "weft", case, cpus).values())


def beside_bulk(store, _, cpus):
    loaded, alone = (store.values("weft", case, cpus, native.p99_us) for case in ("fair-four", "fair-alone"))
    return native.divided(loaded, alone)


# ---- bars ----

TCP, DIRECTIONS = ["tcp1", "tcp4"], ["tcp1", "tcp4", "tcp1-back", "tcp4-back", "tcp1-both", "tcp4-both"]
BARS = [
    at_least("throughput by the clock, to wireguard", TCP, [2], rate(native.by_clock), 1.7),
    at_least("throughput by the clock, to wireguard, lowest round", TCP, [2], rate(native.by_clock), 1.2, min),
    at_least("throughput for a CPU second of the kernel, to wireguard", TCP, [1, 2], rate(native.by_kernel), 2.0),
    at_least("CPUs busy", DIRECTIONS, [2], busy, 1.8),
    at_most("CPU time of the kernel, to wireguard", ["udp"], [1, 2], cost(native.by_kernel), 0.7),
    at_most("CPU time of the kernel, to wireguard", ["udp-mmsg"], [1, 2], cost(native.by_kernel), 0.6),
    at_most("CPU time of the kernel, to wireguard", ["udp-gso"], [1, 2], cost(native.by_kernel), 0.45),
    at_most("CPU time of the kernel, to wireguard", ["forward", "forward-imix"], [1, 2], cost(native.by_kernel), 0.6),
    at_most("time by the clock, to no tunnel", ["ping", "pingpong"], [1, 2], cost(native.by_clock, "none"), 1.3),
    at_most("CPU time of the kernel, to wireguard", ["handshake", "handshake-again"], [1, 2], cost(native.by_kernel), 1.0),
    at_most("time until all have answers, to wireguard", list(native.RESTARTS), [2], restart_ratios, 0.5),
    Bar("seconds until all have answers, slowest round", list(native.RESTARTS), [2], restart_seconds, 10, False, max),
    at_most("99th percentile beside four others' bulk, to alone", ["fair-four"], [2], beside_bulk, 1.2),
]
NAMES = {"restart": f"{SPOKES:,} spokes, whose hub restarts", "restart-kept": f"{SPOKES:,} spokes, whose hub restarts with endpoints",
         "fair-four": "round trips of a spoke",
         **{case: known.name for case, known in native.CASES.items()}}


def native_entries(store):
    """An entry for each case and number of CPUs, in the bars' order; without a store none is measured."""
    for bar in BARS:
        for case in bar.cases:
            for cpus in bar.cpus:
                found = bar.values(store, case, cpus) if store else []
                what = f"{NAMES[case]}, {native.number_of_cpus(cpus)}: {bar.text}"
                yield {**verdict.entry(what, bar.of(found) if found else None, bar.limit, bar.least), "rounds": len(found)}


def instruction_entry(limits):
    """One entry for the limits of instructions: the number of those that are missed."""
    missed = sum(item["met"] is False for item in limits)
    known = missed or (limits and all(item["met"] is not None for item in limits))
    return {**verdict.entry("instructions, one CPU: limits that are missed", missed if known else None, 0), "rounds": None}


def entries(store, limits):
    return [*native_entries(store), instruction_entry(limits)]


# ---- the table ----

MET, MISSED, NOT_MEASURED, TOO_FEW = "met", "MISSED", "not measured", "too few rounds"


def result(entry):
    if entry["met"] is None:
        return NOT_MEASURED
    if not entry["met"]:
        return MISSED
    return TOO_FEW if entry["rounds"] is not None and entry["rounds"] < ROUNDS else MET


HEADER = ["what weft's speed has to reach", "figure", "bar", "rounds", ""]


def table(found):
    return [[entry["what"], figure(entry["found"]), f"{'at least' if entry['least'] else 'at most'} {entry['limit']:,}",
             "-" if entry["rounds"] is None else str(entry["rounds"]), result(entry)] for entry in found]


def summary(found):
    counts = collections.Counter(result(entry) for entry in found)
    return (f"{counts[MET]} met, {counts[MISSED]} missed, {counts[TOO_FEW]} reached in fewer than {ROUNDS} rounds, "
            f"{counts[NOT_MEASURED]} not measured")


# ---- the last runs ----

def newest(folders):
    """The folder with the newest figures, or None."""
    paths = [os.path.join(folder, "native.json") for folder in folders]
    return os.path.dirname(max(filter(os.path.exists, paths), key=os.path.getmtime, default="")) or None


def origin(conditions, command):
    if conditions is None:
        return f"{command} has not been run"
    return "{command} of {commit}, on {date}".format(
        **{"command": command, "commit": "an unknown commit", "date": "an unknown day", **conditions})


def conditions_of(folder):
    path = os.path.join(folder, "bench.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)["conditions"]


def collect(everything, folders):
    """All entries, and where they come from."""
    folder = newest(folders)
    store = native.Store(folder) if folder else None
    instructions = conditions_of(everything)
    limits = verdict.entries(everything) if instructions is not None else []
    origins = [f"At the speed of a CPU: {origin(store.conditions if store else None, 'make bench-native')}.",
               f"In instructions: {origin(instructions, 'make bench')}."]
    return entries(store, limits), origins


def show(everything, folders):
    found, origins = collect(everything, folders)
    print_table(HEADER, table(found))
    print("\n" + "\n".join([summary(found), *origins]))


def write(path, everything, folders):
    found, origins = collect(everything, folders)
    text = "\n".join([*origins, summary(found) + ".", "", document.grid(HEADER, table(found))])
    document.update(text, path, "bars")


def main():
    action, *args = sys.argv[1:] or [""]
    if action == "show" and len(args) >= 2:
        show(args[0], args[1:])
    elif action == "document" and len(args) >= 3:
        write(args[0], args[1], args[2:])
    else:
        sys.exit(__doc__.strip())


if __name__ == "__main__":
    main()
