#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Turns the bench's figures, a line of JSON each, into tables.

report.py cost FILE
"""
import json
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
    """What one of its units costs. Time without work is no cost; it is spread over the rounds."""
    if "absent" in row:
        return None
    idle = row["idle"] / len(row["rounds"])
    return (statistics.median(row["rounds"]) - idle) / row["count"]


def spread(row):
    return (max(row["rounds"]) - min(row["rounds"])) / statistics.mean(row["rounds"])


def figure(value):
    if value is None:
        return "-"
    return f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"


def remarks(row):
    said = [f"{spread(row):.1%} apart"]
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


def print_cost(rows):
    base = {(row["case"], row["topology"]): cost(row) for row in rows if row["kind"] == "wireguard"}
    table = []
    for row in sorted(rows, key=lambda row: (list(CASES).index(row["case"]), row["topology"])):
        value, reference = cost(row), base.get((row["case"], row["topology"]))
        ratio = f"{value / reference:.3f}" if value and reference else "-"
        table.append([CASES[row["case"]], row["topology"], row["kind"], row["unit"], figure(value), ratio,
                      row["absent"] if value is None else remarks(row)])
    print_table(["case", "topology", "kind", "per", "instructions", "to wireguard", ""], table)


def main():
    if len(sys.argv) != 3 or sys.argv[1] != "cost":
        sys.exit(__doc__.strip())
    print_cost(load(sys.argv[2]))


main()
