# SPDX-License-Identifier: GPL-2.0
"""Tables for the documentation, and data for the plots."""
import json
import os

import figures
import verdict

KINDS = ["none", "wireguard", "weft", "wireguard+weft", "weft+wireguard",
         "wireguard-go", "wireguard-go-new", "esp-chacha", "esp-gcm", "openvpn-dco"]
ORDER = ["cipher", "copy and checksum", "IP and UDP", "TCP", "memory", "scheduling", "tunnel", "program", "rest"]


def grid(header, rows):
    """A simple table of reStructuredText."""
    rows = [[str(cell) if str(cell) else "\\" for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [header] + rows) for i in range(len(header))]
    line = "  ".join("=" * width for width in widths)
    body = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [header] + rows]
    return "\n".join([line, body[0], line, *body[1:], line, ""])


def shown(stores, kinds, case, which, name="cost"):
    return [figures.figure(stores.cost(kind, case, which, name)) for kind in kinds]


def cost_table(stores):
    cases = [(case, topology) for case in figures.CASES for topology in ("offloads", "wire")
             if stores.row("cost", "wireguard", case, topology)]
    kinds = [kind for kind in KINDS if any(row["kind"] == kind for row in stores.rows["cost"])]
    for chunk in (kinds[:5], kinds[5:]):
        if chunk:
            yield grid(["case"] + chunk, [
                [f"{figures.CASES[case]}, {topology}"] + shown(stores, chunk, case, topology)
                for case, topology in cases if any(stores.cost(kind, case, topology) for kind in chunk)])


def absent(stores):
    seen = dict.fromkeys(f"{row['kind']}, {row['case']}: {row['absent']}"
                         for rows in stores.rows.values() for row in rows if "absent" in row)
    return "".join(f"- {line}\n" for line in seen)


def profile_table(stores):
    shares = {row["kind"]: figures.by_purpose(row) for row in stores.rows["profile"] if "stacks" in row}
    kinds = [kind for kind in KINDS if kind in shares]
    totals = {kind: sum(shares[kind].values()) for kind in kinds}
    return grid(["share of the instructions"] + kinds, [
        [purpose] + [f"{shares[kind][purpose] / totals[kind]:.1%}" for kind in kinds] for purpose in ORDER])


def sizes_of(stores, cases):
    return sorted({int(row["topology"]) for row in stores.rows["scale"] if row["case"] in cases})


def scale_table(stores):
    kinds, changes = ["wireguard", "weft"], ("load", "dump", "remove")
    rows = []
    for cases, text in ((changes, "instructions per peer: {case} {size:,}"),
                        (("lookup",), "a packet, {size:,} allowed IPs"),
                        (("wait-load", "wait-remove"), "longest, ns: {case}, {size:,} peers")):
        rows += [[text.format(case=case, size=size)] + shown(stores, kinds, case, str(size), "scale")
                 for case in cases for size in sizes_of(stores, (case,))]
    for size in sizes_of(stores, ("memory",)):
        used = [stores.row("scale", kind, "memory", str(size)) for kind in kinds]
        rows.append([f"bytes per idle peer, {size:,}"] + [f"{row['kernel']:,}" if row else "-" for row in used])
    return grid(["many peers"] + kinds, rows)


def wall_table(stores):
    turns = figures.wall_turns(stores.rows["wall"])
    ratios = figures.wall_ratios(stores.rows["wall"])
    return grid(["in real time, times", "median", "lowest", "highest"], [
        [name, figures.figure(ratio), figures.figure(min(turns[name], default=None)),
         figures.figure(max(turns[name], default=None))] for name, ratio in ratios.items()])


def tables(directory):
    stores = verdict.Stores(directory)
    with open(os.path.join(directory, "bench.json"), encoding="utf-8") as file:
        conditions = json.load(file)["conditions"]
    parts = ["Measured with ``{command}``:\nLinux {kernel}, {emulator}, CPU model ``{cpu}``.\n".format(**conditions)]
    parts += [grid(["what weft must reach", "figure", "limit", ""], verdict.table(verdict.entries(directory)))]
    parts += cost_table(stores)
    parts += [profile_table(stores), scale_table(stores), wall_table(stores)]
    missing = absent(stores)
    return "\n".join(parts + (["Not measured:\n", missing] if missing else []))


def update(text, path, name="figures"):
    """Puts text between the two comments of the page with that name."""
    begin, end = f".. begin of {name}\n", f".. end of {name}\n"
    with open(path, encoding="utf-8") as file:
        before, rest = file.read().split(begin, 1)
    after = rest.split(end, 1)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write(before + begin + "\n" + text + "\n" + end + after)


# ---- data for plots: columns between tabs, with a heading ----

def cell(value):
    return "?" if value is None else f"{value:.4g}"


def cost_data(stores, cases):
    kinds = [kind for kind in KINDS if stores.cost(kind, cases[0], "offloads")]
    yield ["case"] + kinds
    for case in cases:
        for topology in ("offloads", "wire"):
            found = [stores.cost(kind, case, topology) for kind in kinds]
            if any(found):
                words = figures.CASES[case].split(", ") + [topology]
                yield ['"' + "\\n".join(words) + '"'] + [cell(value) for value in found]


def profile_data(stores):
    yield ["kind"] + ORDER
    for row in stores.rows["profile"]:
        if "stacks" in row:
            purposes = figures.by_purpose(row)
            each = figures.cost(row) / sum(purposes.values())
            yield [row["kind"]] + [cell(purposes[purpose] * each) for purpose in ORDER]


def scale_data(stores):
    columns = [(kind, case) for case in ("load", "dump", "remove") for kind in ("wireguard", "weft")]
    yield ["peers"] + [f"{kind}, {case}" for kind, case in columns]
    for size in sorted({int(row["topology"]) for row in stores.rows["scale"] if row["case"] == "load"}):
        yield [str(size)] + [cell(stores.cost(kind, case, str(size), "scale")) for kind, case in columns]


def plot_data(name, directory):
    stores = verdict.Stores(directory)
    rows = {"bytes": lambda: cost_data(stores, ["tcp1", "tcp4"]),
            "packets": lambda: cost_data(stores, ["udp", "forward", "pingpong"]),
            "profile": lambda: profile_data(stores), "scale": lambda: scale_data(stores)}[name]()
    for row in rows:
        print("\t".join(row))
