#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Compares the expressions of alert rules and dashboard with the metrics that exist.

monitoring.py check METRICS RULES CASES DASHBOARD   complains about each difference; the status is then 1
monitoring.py expressions DASHBOARD                 the dashboard's expressions as a file of rules, for promtool
monitoring.py changed RULES CASES FOLDER            of each alert a copy that never fires, and a copy that has another
                                                    threshold or comparison, each in a folder with its cases alone

METRICS is the output of "weft metrics". A selector of an expression has to match one of its samples: the metric's name, its
labels, and of labels with a fixed set of values each alternative.
"""
import copy
import json
import os
import re
import sys

import yaml

# Labels that Prometheus adds to those of the sample.
ADDED = {"job", "instance"}
# Labels whose values are weft's own words.
FIXED = {"state", "reason", "direction", "kind"}
GROUPING = {"by", "without", "on", "ignoring", "group_left", "group_right"}
WORDS = GROUPING | {"and", "or", "unless", "bool", "offset", "inf", "nan"}
AGGREGATIONS = {"sum", "min", "max", "avg", "count", "group", "stddev", "stdvar", "topk", "bottomk", "quantile", "count_values"}
TOKEN = re.compile(r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<word>[a-zA-Z_:][\w:]*)|(?P<number>\d[\w.]*)"""
                   r"""|(?P<operator>=~|!~|!=|==|<=|>=|\S))""")
SAMPLE = re.compile(r'^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:\\.|[^"\\])*)"')
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


class Complaints:
    """Those of one run."""
    def __init__(self):
        self.lines = []

    def add(self, where, text):
        self.lines.append(f"{where}: {text}")


def samples_of(path):
    """The label sets of each metric."""
    metrics = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            found = SAMPLE.match(line.rstrip("\n"))
            if found:
                metrics.setdefault(found.group(1), []).append(dict(LABEL.findall(found.group(2) or "")))
    return metrics


def tokens_of(expression):
    return [(found.lastgroup, found.group(found.lastgroup)) for found in TOKEN.finditer(expression.strip())]


def closing(tokens, start, end):
    """The index of the bracket that closes the one at start."""
    for index in range(start, len(tokens)):
        if tokens[index][1] == end and tokens[index][0] == "operator":
            return index
    raise ValueError(f"'{tokens[start][1]}' is not closed")


def matchers_of(tokens):
    """Label, operator and value of each matcher between braces."""
    found = []
    for index, (kind, text) in enumerate(tokens):
        if kind == "word":
            found.append((text, tokens[index + 1][1], tokens[index + 2][1][1:-1]))
    return found


def parts_of(expression):
    """The selectors of an expression, each a name and matchers, and the labels of its groupings."""
    tokens, selectors, grouped, index = tokens_of(expression), [], set(), 0
    while index < len(tokens):
        kind, text = tokens[index]
        after = tokens[index + 1][1] if index + 1 < len(tokens) else ""
        if kind == "word" and text in GROUPING and after == "(":
            end = closing(tokens, index + 1, ")")
            grouped |= {word for what, word in tokens[index + 2:end] if what == "word"}
            index = end
        elif kind == "word" and text.lower() not in WORDS and after != "(" and not (text in AGGREGATIONS and after in GROUPING):
            end = closing(tokens, index + 1, "}") if after == "{" else index
            selectors.append((text, matchers_of(tokens[index + 2:end])))
            index = end
        elif text == "[":
            index = closing(tokens, index, "]")
        index += 1
    return selectors, grouped


def check_matcher(complain, name, samples, matcher):
    label, operator, value = matcher
    if label in ADDED:
        return
    if not any(label in sample for sample in samples):
        complain(f"{name} has no label '{label}'")
    elif label in FIXED and operator in ("=", "=~"):
        for one in value.split("|") if operator == "=~" else [re.escape(value)]:
            if not any(re.fullmatch(one, sample.get(label, "")) for sample in samples):
                complain(f"{name} has no sample with {label}{operator}\"{value}\": '{one}' matches none")


def check_expression(complain, metrics, expression):
    """Returns the labels that its result may have."""
    selectors, grouped = parts_of(expression)
    labels = set(ADDED)
    if not selectors:
        complain("no metric in the expression")
    for name, matchers in selectors:
        if name not in metrics:
            complain(f"there is no metric {name}")
            continue
        labels.update(*metrics[name])
        for matcher in matchers:
            check_matcher(complain, name, metrics[name], matcher)
    for label in grouped - labels:
        complain(f"no metric of the expression has the label '{label}'")
    return labels


def alerts_of(rules):
    return [rule for group in rules["groups"] for rule in group["rules"]]


def check_rules(complaints, metrics, rules):
    for rule in alerts_of(rules):
        def complain(text, name=rule.get("alert", "a rule")):
            complaints.add(name, text)
        labels = check_expression(complain, metrics, rule["expr"])
        if rule.get("labels", {}).get("severity") not in ("warning", "critical"):
            complain("its severity is neither warning nor critical")
        for key in ("summary", "remedy"):
            text = rule.get("annotations", {}).get(key, "")
            if not text:
                complain(f"no {key}")
            for label in set(re.findall(r"\$labels\.(\w+)", text)) - labels:
                complain(f"its {key} has the label '{label}', which no metric of the expression has")


def names_in(expression):
    return {name for name, _ in parts_of(expression)[0]}


def check_cases(complaints, metrics, rules, cases):
    """Of each alert one case fires, and one that has all of its metrics does not."""
    fires, quiet = set(), set()
    expressions = {rule["alert"]: rule["expr"] for rule in alerts_of(rules)}
    for case in cases["tests"]:
        there = set()
        for series in case["input_series"]:
            selectors, _ = parts_of(series["series"])
            there |= {name for name, _ in selectors}
            check_expression(lambda text, name=case["name"]: complaints.add(name, text), metrics, series["series"])
        for test in case["alert_rule_test"]:
            name = test["alertname"]
            if name not in expressions:
                complaints.add(case["name"], f"there is no alert {name}")
            elif test["exp_alerts"]:
                fires.add(name)
            elif names_in(expressions[name]) <= there:
                quiet.add(name)
    for name in expressions:
        if name not in fires:
            complaints.add(name, "no case in which it fires")
        if name not in quiet:
            complaints.add(name, "no case that has its metrics and in which it does not fire")


def panels_of(dashboard):
    for panel in dashboard.get("panels", []):
        yield panel
        yield from panel.get("panels", [])


def queries_of(dashboard):
    """Expression and legend of each target, by panel; then those of the variables."""
    for panel in panels_of(dashboard):
        for target in panel.get("targets", []):
            yield panel.get("title"), target.get("expr", ""), target.get("legendFormat", "")


def check_variables(complain, variables, text):
    for found in VARIABLE.finditer(text):
        name = found.group(1) or found.group(2)
        if name not in variables and name != "__rate_interval":
            complain(f"there is no variable ${name}")


def check_panel(complaints, panel, variables, ids, places):
    def complain(text):
        complaints.add(f"panel '{panel.get('title')}'", text)
    place = panel.get("gridPos", {})
    if not panel.get("title") or not panel.get("type"):
        complain("no title or no type")
    if panel.get("id") in ids or not isinstance(panel.get("id"), int):
        complain("its id is missing, or that of another panel")
    ids.add(panel.get("id"))
    if set(place) != {"x", "y", "w", "h"} or place["x"] + place["w"] > 24:
        complain("its gridPos is missing, or wider than 24 columns")
    else:
        for other in places:
            if place["x"] < other["x"] + other["w"] and other["x"] < place["x"] + place["w"] and \
                    place["y"] < other["y"] + other["h"] and other["y"] < place["y"] + place["h"]:
                complain("it covers another panel")
        places.append(place)
    if panel.get("type") == "row":
        return
    targets = panel.get("targets", [])
    if not targets:
        complain("no targets")
    if len({target.get("refId") for target in targets}) != len(targets) or not all(target.get("refId") for target in targets):
        complain("a refId is missing, or used twice")
    for item in [panel] + targets:
        check_variables(complain, variables, item.get("datasource", {}).get("uid", "$missing"))


def check_dashboard(complaints, metrics, dashboard):
    def complain(text):
        complaints.add("dashboard", text)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", dashboard.get("uid") or ""):
        complain("its uid is missing, or has other characters than letters, digits, '_' and '-', or more than 40")
    if not dashboard.get("title"):
        complain("no title")
    if not isinstance(dashboard.get("schemaVersion"), int) or dashboard["schemaVersion"] < 36:
        complain("its schemaVersion is missing, or below 36, that of Grafana 9")
    if dashboard.get("id") is not None or "__inputs" in dashboard:
        complain("an id or __inputs, which provisioning does not take")
    variables = {variable["name"]: variable for variable in dashboard.get("templating", {}).get("list", [])}
    ids, places = set(), []
    if not dashboard.get("panels"):
        complain("no panels")
    for panel in panels_of(dashboard):
        check_panel(complaints, panel, variables, ids, places)
    for title, expression, legend in queries_of(dashboard):
        def complain_query(text, name=title):
            complaints.add(f"panel '{name}'", text)
        check_variables(complain_query, variables, expression)
        labels = check_expression(complain_query, metrics, expression)
        for label in set(re.findall(r"\{\{\s*(\w+)\s*\}\}", legend)) - labels:
            complain_query(f"its legend has the label '{label}', which no metric of the expression has")
    for variable in variables.values():
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            if label not in check_expression(lambda text, name=variable["name"]: complaints.add(f"variable ${name}", text),
                                             metrics, selector):
                complaints.add(f"variable ${variable['name']}", f"no metric of the query has the label '{label}'")


def read_yaml(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def read_json(path):
    def pairs(items):
        names = [name for name, _ in items]
        if len(names) != len(set(names)):
            raise ValueError("a key is there twice")
        return dict(items)
    with open(path, encoding="utf-8") as file:
        return json.load(file, object_pairs_hook=pairs)


def command_check(metrics_path, rules_path, cases_path, dashboard_path):
    complaints, metrics, rules = Complaints(), samples_of(metrics_path), read_yaml(rules_path)
    check_rules(complaints, metrics, rules)
    check_cases(complaints, metrics, rules, read_yaml(cases_path))
    try:
        check_dashboard(complaints, metrics, read_json(dashboard_path))
    except ValueError as error:
        complaints.add("dashboard", f"it is not JSON: {error}")
    print("\n".join(complaints.lines), end="\n" if complaints.lines else "")
    return bool(complaints.lines)


def command_expressions(path):
    rules = []
    for number, (_, expression, _) in enumerate(queries_of(read_json(path))):
        text = expression.replace("$__rate_interval", "5m")
        rules.append({"record": f"dashboard:{number}".replace(":", "_"), "expr": VARIABLE.sub(".*", text)})
    yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout, width=1000)
    return 0


def changes_of(rule):
    """The same alert, but it never fires; it fires at once; its first comparison is the opposite."""
    never = copy.deepcopy(rule)
    never["expr"] = f"({rule['expr']}) and on () (vector(1) > 1)"
    yield "never", never
    if "for" in rule:
        once = copy.deepcopy(rule)
        del once["for"]
        yield "at-once", once
    opposite = copy.deepcopy(rule)
    found = re.search(r"==|[<>]=?", opposite["expr"])
    other = {"==": "!=", "<": ">=", ">": "<="}[found.group()]
    opposite["expr"] = opposite["expr"][:found.start()] + other + opposite["expr"][found.end():]
    yield "opposite", opposite


def command_changed(rules_path, cases_path, folder):
    cases = read_yaml(cases_path)
    for rule in alerts_of(read_yaml(rules_path)):
        mine = copy.deepcopy(cases)
        mine["rule_files"] = ["rules.yml"]
        for case in mine["tests"]:
            case["alert_rule_test"] = [test for test in case["alert_rule_test"] if test["alertname"] == rule["alert"]]
        mine["tests"] = [case for case in mine["tests"] if case["alert_rule_test"]]
        for name, changed in changes_of(rule):
            place = os.path.join(folder, f"{rule['alert']}.{name}")
            os.mkdir(place)
            with open(os.path.join(place, "rules.yml"), "w", encoding="utf-8") as file:
                yaml.safe_dump({"groups": [{"name": "changed", "rules": [changed]}]}, file)
            with open(os.path.join(place, "cases.yml"), "w", encoding="utf-8") as file:
                yaml.safe_dump(mine, file)
    return 0


COMMANDS = {"check": (command_check, 4), "expressions": (command_expressions, 1), "changed": (command_changed, 3)}


def main(arguments):
    command, count = COMMANDS.get(arguments[0] if arguments else "", (None, -1))
    if len(arguments) - 1 != count:
        sys.exit(__doc__)
    sys.exit(command(*arguments[1:]))


main(sys.argv[1:])
