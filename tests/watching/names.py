#!/usr/bin/env python3
"""Holds alerts, dashboard and runbooks against what there is: usage: names.py BUILD.

Metrics and labels of every expression against docs/METRICS.md; the dashboard's panels against its grid, Grafana's own panels and
its variables; docs/ALERTS.md against the alerts; every intune-scepctl command that an alert names against the program (those of
the pages are docs_pages' business).
"""
import json
import re
import subprocess
import sys
import tempfile
from itertools import combinations
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "packaging/prometheus/intune-scep.rules.yml"
DASHBOARD = ROOT / "packaging/grafana/intune-scep.json"
RUNBOOKS = ROOT / "docs/ALERTS.md"
RUNBOOK_URL = "/usr/share/doc/intune-scep-connector/ALERTS.md#"
TARGET_LABELS = {"job", "instance"}  # what Prometheus adds
OF_PROMETHEUS = {"up": set(), "ALERTS": {"alertname", "alertstate"}}
CORE_PANELS = {"row", "stat", "timeseries", "table"}
COLUMNS = 24
SEVERITIES = {"page", "ticket"}
CTL = re.compile(r"intune-scepctl((?: --?[a-z-]+)*) ([a-z][a-z-]*)((?: [a-z]+)?)((?: --[a-z]+)*)")


def read_metrics():
    """Name: labels, with the three names of a histogram."""
    metrics = {}
    for name, kind, labels in re.findall(r"^\| `(\w+)` \| (\w+) \| (.*?) \|", (ROOT / "docs/METRICS.md").read_text(), re.M):
        labels = set(re.findall(r"`(\w+)`", labels))
        if kind == "histogram":
            metrics.update({f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels})
        else:
            metrics[name] = labels
    return metrics


# --- expressions ---

def grouping_labels(expr):
    found = re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", expr)
    return {label for group in found for label in re.findall(r"\w+", group)}


def check_expression(where, expr, metrics, say):
    known = {**metrics, **OF_PROMETHEUS}
    used = set()
    bare = re.sub(r'"[^"]*"', '""', expr)
    for name in re.findall(r"\b(?:intune_scep|process)_\w+|\bup\b|\bALERTS\b", bare):
        used.add(name)
        if name not in known:
            say(f"{where}: there is no metric {name}")
    for name, selector in re.findall(r"(\w+)\s*\{([^}]*)\}", bare):
        for label in re.findall(r"(\w+)\s*[=!]", selector):
            if label not in known.get(name, set()) | TARGET_LABELS:
                say(f"{where}: {name} has no label {label}")
    possible = set().union(TARGET_LABELS, *(known.get(name, set()) for name in used))
    for label in grouping_labels(bare) - possible:
        say(f"{where}: none of its metrics has a label {label}")
    if not used:
        say(f"{where}: asks for nothing")
    return used


def check_syntax(expressions, say):
    """promtool parses rules only, so each becomes one; Grafana's variables become what they might be."""
    rules = [{"record": f"parsed:{i}", "expr": re.sub(r"\$__\w+", "5m", expr)} for i, (_, expr) in enumerate(expressions)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": [{"name": "parsed", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", file.name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        say(f"the dashboard's expressions: {done.stderr}")


# --- the dashboard ---

def overlap(one, other):
    a, b = one["gridPos"], other["gridPos"]
    return (a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
            and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"])


def check_panels(panels, say):
    for panel in panels:
        at, title = panel["gridPos"], panel["title"]
        if at["x"] < 0 or at["w"] < 1 or at["h"] < 1 or at["x"] + at["w"] > COLUMNS:
            say(f"panel {title}: stands outside of the grid")
        if panel["type"] not in CORE_PANELS:
            say(f"panel {title}: {panel['type']} is not one of those that Grafana has by itself")
        if panel["type"] != "row" and not (panel["description"] and panel["targets"]):
            say(f"panel {title}: shows or says nothing")
        if any(t["datasource"]["uid"] != "${datasource}" for t in panel.get("targets", [])):
            say(f"panel {title}: is bound to somebody's data source")
    for one, other in combinations(panels, 2):
        if overlap(one, other):
            say(f"panels {one['title']} and {other['title']} overlap")
        if one["id"] == other["id"]:
            say(f"panels {one['title']} and {other['title']} have one id")


def check_legends(panel, say):
    for target in panel.get("targets", []):
        grouped = re.match(r"(?:\w+\([^()]*, )?\w+ by \(([^)]*)\)", target["expr"])
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            if grouped and label not in grouped.group(1):
                say(f"panel {panel['title']}: its legend names {label}, which is summed up")


def read_dashboard(say):
    """Its expressions, as (where, expression)."""
    board = json.loads(DASHBOARD.read_text())
    variables = {v["name"] for v in board["templating"]["list"]}
    used = {name for name in re.findall(r"\$\{?([a-z]\w*)", DASHBOARD.read_text()) if not name.startswith("__")}
    if used - variables or variables - used:
        say(f"dashboard: variables {sorted(variables)}, but used are {sorted(used)}")
    if board["schemaVersion"] < 36:
        say("dashboard: older than Grafana 9")
    check_panels(board["panels"], say)
    expressions = [("dashboard: " + a["name"], a["expr"]) for a in board["annotations"]["list"]]
    for panel in board["panels"]:
        check_legends(panel, say)
        expressions += [(f"panel {panel['title']}", t["expr"]) for t in panel.get("targets", [])]
    return expressions


# --- alerts and runbooks ---

def check_alert(rule, say):
    name, notes = rule["alert"], rule["annotations"]
    if rule["labels"].get("severity") not in SEVERITIES:
        say(f"{name}: severity is one of {sorted(SEVERITIES)}")
    if set(notes) != {"summary", "description", "runbook_url"} or "First" not in notes["description"]:
        say(f"{name}: needs a summary, a description that says what to do first, and a runbook_url")
    if notes["runbook_url"] != RUNBOOK_URL + name.lower():
        say(f"{name}: its runbook is at {RUNBOOK_URL}{name.lower()}")


def check_runbooks(rules, say):
    text = RUNBOOKS.read_text()
    sections = re.findall(r"^### (IntuneScep\w+)$", text, re.M)
    alerts = [rule["alert"] for rule in rules]
    if sections != alerts:
        say(f"docs/ALERTS.md: sections {sorted(set(sections) ^ set(alerts)) or 'in another order'}")
    for rule, body in zip(rules, re.split(r"^### IntuneScep\w+$", text, flags=re.M)[1:]):
        for part in ("**What it means.**", "**How to see it.**", "**What to do.**", "**If nobody does anything.**"):
            if part not in body:
                say(f"docs/ALERTS.md: {rule['alert']} does not say {part}")
        if f"`{rule['labels']['severity']}`" not in body:
            say(f"docs/ALERTS.md: {rule['alert']} is a {rule['labels']['severity']}")


# --- commands ---

def check_commands(build, text, say):
    helps = {}
    for _, command, word, options in CTL.findall(re.sub(r"\s+", " ", text)):
        if command not in helps:
            asked = [f"{build}/bin/intune-scepctl", command, "--help"]
            helps[command] = subprocess.run(asked, capture_output=True, text=True, check=False)
        if helps[command].returncode != 0:
            say(f"there is no intune-scepctl {command}")
            continue
        told = helps[command].stdout
        words = re.search(r"Usage: intune-scepctl \S+.*? ([a-z]+(?:\|[a-z]+)+)", told)
        if words and word.strip() and word.strip() not in words.group(1).split("|"):
            say(f"there is no intune-scepctl {command}{word}")
        for option in options.split():
            if option not in told:
                say(f"intune-scepctl {command} does not take {option}")
    if len(helps) < 5:
        say("hardly any command of intune-scepctl is named: is the pattern right?")


def main():
    problems = []
    say = problems.append
    metrics = read_metrics()
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    shown = read_dashboard(say)
    used = set()
    for where, expr in [(rule["alert"], rule["expr"]) for rule in rules] + shown:
        used |= check_expression(where, expr, metrics, say)
    for name in set(metrics) - used:
        if not name.endswith(("_sum", "_count", "_bucket")):
            say(f"neither an alert nor the dashboard looks at {name}")
    check_syntax(shown, say)
    for rule in rules:
        check_alert(rule, say)
    check_runbooks(rules, say)
    check_commands(sys.argv[1], RULES.read_text(), say)
    print("\n".join(problems) or f"{len(rules)} alerts, {len(shown)} expressions shown, {len(used)} metrics")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
