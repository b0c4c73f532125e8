# SPDX-License-Identifier: GPL-2.0
"""weft's limits, and its figures."""
import json
import os

import figures

# Cases and limits. All but the last few are weft relative to in-tree wireguard in the same run.
COSTS = [(case, topology, limit) for case, topologies, limit in (
    ("tcp1", ("offloads",), 0.45), ("tcp4", ("offloads",), 0.45), ("tcp1", ("wire",), 0.60), ("tcp4", ("wire",), 0.60),
    ("udp", ("offloads", "wire"), 0.60), ("forward", ("offloads", "wire"), 0.55),
    ("pingpong", ("offloads", "wire"), 0.50), ("hub", ("offloads",), 0.45)) for topology in topologies]
LOAD_LIMIT, LINEAR_LIMIT = 25000, 12
WAIT_LIMIT, PARTICIPLES = 10, {"load": "loaded", "remove": "removed"}
TEN, HUNDRED = "10000", "100000"


class Stores:
    """All figures in a directory."""

    def __init__(self, directory):
        self.rows = {name: self.read(os.path.join(directory, name + ".json")) for name in ("cost", "scale", "wall")}
        self.rows["profile"] = [row for row in self.rows["cost"] if "stacks" in row]

    @staticmethod
    def read(path):
        return figures.load(path) if os.path.exists(path) else []

    def row(self, name, kind, case, topology):
        found = [row for row in self.rows[name] if figures.key(row) == (kind, case, topology) and "absent" not in row]
        return found[-1] if found else None

    def cost(self, kind, case, topology, name="cost"):
        row = self.row(name, kind, case, topology)
        return figures.cost(row) if row else None


def divided(one, other):
    return one / other if one is not None and other else None


def entry(what, found, limit, least=False):
    met = None if found is None else found >= limit if least else found <= limit
    return {"what": what, "found": found, "limit": limit, "least": least, "met": met}


def cost_entries(stores):
    for case, topology, limit in COSTS:
        found = divided(stores.cost("weft", case, topology), stores.cost("wireguard", case, topology))
        yield entry(f"{figures.CASES[case]}, {topology}: to wireguard", found, limit)
    yield entry("many peers into a hub: to weft's own with one peer",
                divided(stores.cost("weft", "hub", "offloads"), stores.cost("weft", "tcp1", "offloads")), 1.2)


def profile_entries(stores):
    row = stores.row("profile", "weft", "tcp1", "offloads")
    purposes = figures.by_purpose(row) if row and "stacks" in row else {}
    found = divided(sum(purposes.values()) - purposes["cipher"], purposes["cipher"]) if purposes else None
    yield entry("TCP, one flow: what is not cipher, to the cipher", found, 0.35)


def scale_entries(stores):
    for size in (HUNDRED, TEN, "1000"):
        used = [stores.row("scale", kind, "memory", size) for kind in ("weft", "wireguard")]
        if all(used):
            break
    found = divided(used[0]["kernel"], used[1]["kernel"]) if all(used) else None
    yield entry("memory of an idle peer: to wireguard", found, 1.1)
    yield entry("loading 100,000 peers: instructions each", stores.cost("weft", "load", HUNDRED, "scale"), LOAD_LIMIT)
    for case in ("load", "dump", "remove"):
        each = [stores.cost("weft", case, size, "scale") for size in (HUNDRED, TEN)]
        found = divided(each[0], each[1])
        yield entry(f"{case} 100,000 peers: to 10,000", found * 10 if found else None, LINEAR_LIMIT)


def wait_entries(stores):
    for case in ("load", "remove"):
        rows = [row for row in stores.rows["scale"] if row["case"] == f"wait-{case}" and row["kind"] == "weft"]
        found = [figures.cost(row) / 1e6 for row in rows if "absent" not in row]
        what = f"longest wait for a lock while peers are {PARTICIPLES[case]}, ms"
        yield entry(what, max(found, default=None), WAIT_LIMIT)


def wall_entries(stores):
    ratios = figures.wall_ratios(stores.rows["wall"])
    yield entry("wall clock, TCP, one flow, two CPUs: throughput to wireguard's",
                ratios["throughput, one flow, weft to wireguard"], 1.8, least=True)
    yield entry("wall clock, TCP, one flow: throughput of two CPUs to one's",
                ratios["throughput of weft, two CPUs to one"], 1.6, least=True)
    yield entry("wall clock: round trip beside another peer's bulk, to alone",
                ratios["median round trip of weft, beside another peer's bulk to alone"], 2)


def entries(directory):
    stores = Stores(directory)
    parts = (cost_entries, profile_entries, scale_entries, wait_entries, wall_entries)
    return [found for part in parts for found in part(stores)]


def table(found):
    words = {True: "met", False: "MISSED", None: "not measured"}
    return [[item["what"], figures.figure(item["found"]),
             f"{'at least' if item['least'] else 'at most'} {item['limit']:,}", words[item["met"]]] for item in found]


def show(directory):
    found = entries(directory)
    figures.print_table(["what weft must reach", "figure", "limit", ""], table(found))
    print(f"\n{sum(item['met'] is True for item in found)} met, {sum(item['met'] is False for item in found)} missed, "
          f"{sum(item['met'] is None for item in found)} not measured")


def without_stacks(row):
    if "stacks" not in row:
        return row
    purposes = figures.by_purpose(row)
    return {**{name: value for name, value in row.items() if name != "stacks"},
            "shares": {purpose: times / sum(purposes.values()) for purpose, times in purposes.items()}}


def write(directory, conditions):
    """One file with all figures, and the conditions of the measurement."""
    stores = Stores(directory)
    whole = {
        "conditions": dict(condition.split("=", 1) for condition in conditions),
        "limits": entries(directory),
        "ratios in real time": figures.wall_ratios(stores.rows["wall"]),
        **{name: [without_stacks(row) for row in rows] for name, rows in stores.rows.items()},
    }
    for row in whole["cost"] + whole["scale"] + whole["profile"]:
        if "rounds" in row and "absent" not in row:
            row["instructions"] = figures.cost(row)
    with open(os.path.join(directory, "bench.json"), "w", encoding="utf-8") as file:
        json.dump(whole, file, indent=1)
        file.write("\n")
