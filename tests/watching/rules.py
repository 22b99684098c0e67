#!/usr/bin/env python3
"""The alerts, minute by minute: turns cases.yml into promtool's unit tests and runs them.

Each alert needs a case in which it fires and one in which it must not. What its annotations say of labels, the alert must have.
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
RULES = HERE.parent.parent / "packaging/prometheus/intune-scep.rules.yml"
JOB = "scep"
WORLD = ('up{instance="a"}', 'intune_scep_build_info{instance="a",version="1.0"}')
SECONDS = {"m": 60, "h": 3600}


def seconds(span):
    return int(span[:-1]) * SECONDS[span[-1]]


def name_of(series):
    return series.partition("{")[0]


def with_job(series):
    return series if "job=" in series else series.replace("{", f'{{job="{JOB}",', 1)


def values(notation):
    """promtool would read 0x10 as hexadecimal."""
    return re.sub(r"\b0x", "0+0x", str(notation))


def input_series(case):
    own = {name_of(series) for series in case["series"]}
    count = seconds(case.get("fires") or case["never"]) // seconds(case.get("step", "1m"))
    world = {} if case.get("alone") else {s: f"1x{count}" for s in WORLD if name_of(s) not in own}
    return [{"series": with_job(s), "values": values(v)} for s, v in {**world, **case["series"]}.items()]


def labels_of(case, rule):
    labels = {"job": JOB, **rule["labels"], **case.get("labels", {})}
    return {name: value for name, value in labels.items() if value}


def nothing(expr, at):
    return {"expr": expr, "eval_time": f"{at}s", "exp_samples": []}


def firing(alert, at, labels):
    pairs = ",".join(f'{k}="{v}"' for k, v in {**labels, "alertname": alert, "alertstate": "firing"}.items())
    return {"expr": f'ALERTS{{alertname="{alert}",alertstate="firing"}}', "eval_time": f"{at}s",
            "exp_samples": [{"labels": f"ALERTS{{{pairs}}}", "value": 1}]}


def expectations(case, rule, step):
    alert = case["alert"]
    is_firing = f'ALERTS{{alertname="{alert}",alertstate="firing"}}'
    if "never" in case:
        until = seconds(case["never"])
        return [nothing(f"max_over_time({is_firing}[{until}s])", until)]
    at = seconds(case["fires"])
    known = "|".join([alert, *case.get("beside", [])])
    return [nothing(f"max_over_time({is_firing}[{at}s])", at - step), firing(alert, at, labels_of(case, rule)),
            nothing(f'ALERTS{{alertname!~"{known}",alertstate="firing"}}', at)]


def words_of(case, rule):
    """What a person is told, where the case says it."""
    if "description" not in case:
        return []
    told = {"summary": case["summary"], "description": case["description"],
            "runbook_url": rule["annotations"]["runbook_url"]}
    return [{"eval_time": case["fires"], "alertname": case["alert"],
             "exp_alerts": [{"exp_labels": labels_of(case, rule), "exp_annotations": told}]}]


def complaints_about_labels(case, rule):
    known = labels_of(case, rule)
    text = " ".join(rule["annotations"].values())
    return [f"{case['alert']}: its annotations name {label}, which it does not have"
            for label in re.findall(r"\$labels\.(\w+)", text) if label not in known]


def unit_test(case, rules):
    rule, step = rules[case["alert"]], case.get("step", "1m")
    return {"name": f"{case['alert']}: {case['case']}", "interval": step, "input_series": input_series(case),
            "promql_expr_test": expectations(case, rule, seconds(step)), "alert_rule_test": words_of(case, rule)}


def rule_file(case, rules, directory):
    """What else fires is looked at only where something should: a file with the one rule takes a thirtieth of the time."""
    if "fires" in case:
        return RULES
    path = directory / f"{case['alert']}.rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "one", "rules": [rules[case["alert"]]]}]}))
    return path


def run_promtool(cases, rules, directory):
    files = {}
    for case in cases:
        key = (str(rule_file(case, rules, directory)), case.get("step", "1m"))
        files.setdefault(key, []).append(unit_test(case, rules))
    paths = []
    for (rule_path, step), tests in files.items():
        paths.append(directory / f"{len(paths)}.yml")
        paths[-1].write_text(yaml.safe_dump({"rule_files": [rule_path], "evaluation_interval": step, "tests": tests}))
    done = subprocess.run(["promtool", "test", "rules", *map(str, paths)], capture_output=True, text=True, check=False)
    return [] if done.returncode == 0 else [done.stdout + done.stderr]


def main():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    cases = yaml.load((HERE / "cases.yml").read_text(), yaml.BaseLoader)  # 0x10 is no number here, either
    problems = []
    for alert in rules:
        for what in ("fires", "never"):
            if not any(case["alert"] == alert and what in case for case in cases):
                problems.append(f"{alert}: no case in which it {what}")
    for case in cases:
        if "fires" in case:
            problems += complaints_about_labels(case, rules[case["alert"]])
    with tempfile.TemporaryDirectory() as directory:
        problems += run_promtool(cases, rules, Path(directory))
    print("\n".join(problems) or f"{len(rules)} alerts, {len(cases)} cases")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
