#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Turns the bench's figures, a line of JSON each, into tables.

report.py cost NEW STORE    prints what is in NEW, beside what STORE has of in-tree wireguard, and puts NEW into STORE
"""
import json
import os
import statistics
import sys

CASES = {
    "tcp1": "TCP, one flow", "tcp4": "TCP, four flows", "udp": "UDP, 1300 bytes", "forward": "UDP, 64 bytes, forwarded",
    "pingpong": "ping-pong, 1 byte", "hub": "many peers into a hub", "handshake": "handshake",
}
IDLE_SHARE = 0.01


def load(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.startswith("{")]


def cost(row):
    """What one of its units costs: time without work is no cost."""
    if "absent" in row:
        return None
    return (sum(row["rounds"]) - row["idle"]) / (row["count"] * len(row["rounds"]))


def uncertainty(row):
    """The standard error of the rounds' mean, as a share of it."""
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
    """The store with the new rows in the place of older ones."""
    rows = {key(row): row for row in (load(store) if os.path.exists(store) else [])}
    rows.update((key(row), row) for row in new)
    with open(store + ".new", "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows.values())
    os.replace(store + ".new", store)
    return list(rows.values())


def print_cost(rows, known):
    base = {(row["case"], row["topology"]): cost(row) for row in known if row["kind"] == "wireguard"}
    table = []
    for row in sorted(rows, key=lambda row: (list(CASES).index(row["case"]), row["topology"])):
        value, reference = cost(row), base.get((row["case"], row["topology"]))
        ratio = f"{value / reference:.3f}" if value and reference else "-"
        table.append([CASES[row["case"]], row["topology"], row["kind"], row["unit"], figure(value), ratio,
                      row["absent"] if value is None else remarks(row)])
    print_table(["case", "topology", "kind", "per", "instructions", "to wireguard", ""], table)


def main():
    if len(sys.argv) != 4 or sys.argv[1] != "cost":
        sys.exit(__doc__.strip())
    new = load(sys.argv[2])
    print_cost(new, merge(new, sys.argv[3]))


main()
