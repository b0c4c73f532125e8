#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Converts the bench's figures, a line of JSON each, into tables.

report.py profile FILE                   prints the profiles in FILE
report.py merge NEW STORE                adds the figures of NEW to STORE, in place of older ones
report.py cost|scale|wall NEW STORE      prints the figures of NEW, beside STORE's of in-tree wireguard
report.py verdict DIRECTORY              compares all figures in DIRECTORY with weft's limits
report.py summary DIRECTORY CONDITION... the same, and all figures, as one file of JSON there; NAME=VALUE each
report.py document DIRECTORY FILE        puts tables into a file of documentation
"""
import collections
import signal
import statistics
import sys

import document
import verdict
from figures import (CASES, by_purpose, cost, figure, key, load, merge, print_table, remarks, values, wall_ratios,
                     wall_turns)

def print_cost(rows, known):
    base = {(row["case"], row["topology"]): cost(row) for row in known if row["kind"] == "wireguard"}
    table = []
    for row in sorted(rows, key=lambda row: (list(CASES).index(row["case"]), row["topology"])):
        value, reference = cost(row), base.get((row["case"], row["topology"]))
        ratio = f"{value / reference:.3f}" if value and reference else "-"
        table.append([CASES[row["case"]], row["topology"], row["kind"], row["unit"], figure(value), ratio,
                      row["absent"] if value is None else remarks(row)])
    print_table(["case", "topology", "kind", "per", "instructions", "to wireguard", ""], table)


# ---- scale ----

def scale_line(row):
    name = f"{row['case']}, {int(row['topology']):,}"
    if "absent" in row:
        return [name, row["kind"], row["absent"], "", ""]
    if row["case"] == "memory":
        return [name, row["kind"], "bytes per peer", f"{row['kernel']:,}", f"less free: {row['bytes']:,}"]
    if row["unit"] == "wait":
        return [name, row["kind"], "longest, ms", figure(cost(row) / 1e6), f"median {row['median'] / 1e6:.3f}"]
    total = sum(row["rounds"]) - row["idle"]
    unit = f"instructions per {row['unit']}"
    said = f"in all {total / 1e6:,.1f} million"
    if row.get("user", 0) > 1e8:
        said += f", the program's own {row['user'] / total:.0%}"
    return [name, row["kind"], unit, figure(cost(row)), said]


def print_scale(rows, _):
    order = ["load", "dump", "remove", "memory", "lookup", "wait-load", "wait-remove"]
    table = [scale_line(row) for row in sorted(rows, key=lambda row: (order.index(row["case"]), int(row["topology"])))]
    print_table(["what", "kind", "unit", "figure", ""], table)


# ---- wall clock ----

def print_wall(rows, _):
    table = [[kind, case, f"{statistics.median(found):.1f} ns per unit", f"{len(found)} turns"]
             for kind, case, cpus in dict.fromkeys(key(row) for row in rows)
             for found in [values(rows, kind, case, cpus)] if found]
    print_table(["kind", "case", "median", ""], table)
    print()
    turns = wall_turns(rows)
    print_table(["what", "ratio", "lowest", "highest"],
                [[name, figure(ratio), figure(min(turns[name], default=None)), figure(max(turns[name], default=None))]
                 for name, ratio in wall_ratios(rows).items()])
    for row in rows:
        if "absent" in row:
            print(f"{row['kind']} {row['case']}: {row['absent']}")


# ---- profiles ----

TOP = 40


def by_function(row):
    sums, callers = collections.Counter(), collections.defaultdict(collections.Counter)
    for times, stack in row["stacks"]:
        function, *above = stack.split(";")
        sums[function] += times
        callers[function][" < ".join(above[:2])] += times
    return [(function, times, callers[function].most_common(1)[0][0]) for function, times in sums.most_common(TOP)]


def print_profile(row):
    print(f"\n{CASES[row['case']]}, {row['topology']}, {row['kind']}:", end=" ")
    value, purposes = cost(row), by_purpose(row)
    total = sum(purposes.values())
    print(f"{figure(value)} instructions per {row['unit']}, {total} samples\n")
    print_table(["purpose", "share", "instructions"],
                [[purpose, f"{times / total:.1%}", figure(value * times / total)]
                 for purpose, times in purposes.most_common()])
    print()
    print_table(["function", "share", "instructions", "mostly called by"],
                [[function, f"{times / total:.1%}", figure(value * times / total), caller]
                 for function, times, caller in by_function(row)])


PRINTERS = {"cost": print_cost, "scale": print_scale, "wall": print_wall}


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    action, *args = sys.argv[1:] or [""]
    if action == "profile" and len(args) == 1:
        for row in load(args[0]):
            if "stacks" in row:
                print_profile(row)
            elif "absent" in row:
                print(f"{row['kind']} {row['case']} {row['topology']}: {row['absent']}")
    elif action == "merge" and len(args) == 2:
        merge(load(args[0]), args[1])
    elif action in PRINTERS and len(args) == 2:
        PRINTERS[action](load(args[0]), load(args[1]))
    elif action == "verdict" and len(args) == 1:
        verdict.show(args[0])
    elif action == "summary" and len(args) >= 1:
        verdict.write(args[0], args[1:])
    elif action == "document" and len(args) == 2:
        document.update(document.tables(args[0]), args[1])
    else:
        sys.exit(__doc__.strip())


main()
