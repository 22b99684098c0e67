#!/usr/bin/env python3
"""report.py LINES_JSON UNREACHED [--write]: prints what was reached by layer, and compares the lines that were not, in what must
not surprise, with those that UNREACHED gives a reason for. --write takes new ones into it, under "not yet looked at".

UNREACHED: a line "## REASON", then lines "FILE FUNCTION: the line's text": text, so that it survives what is written above it. Of equal
lines of a function the second is "FILE FUNCTION#2: text", and so on, so that none stands for another. What stands under a reason that
begins with "by chance" may be reached, too: which of two threads or nodes is first, no test can choose."""
import json
import os
import sys
from collections import Counter

HELD = ("connector/intune/", "connector/journal/", "connector/service/", "plugin/abi/", "plugin/socket/", "plugin/direct/")
LEFT_OUT = ("connector/intune/examples/",)
NEW = "not yet looked at"
CHANCE = "by chance"


def layer_of(path):
    return "/".join(path.split("/")[:2])


def read_counts(path):
    with open(path, encoding="utf-8") as lines:
        return json.load(lines)["files"]


def lines_of(of):
    """[(line number, was it reached)]; a line that more than one program has is reached when one has."""
    reached = {}
    for line in of["lines"]:
        if not line.get("gcovr/noncode", False):
            reached[line["line_number"]] = reached.get(line["line_number"], False) or line["count"] > 0
    return sorted(reached.items())


def keys_of(of):
    """[((file, function, text), was it reached)]"""
    with open(of["file"], encoding="utf-8") as source:
        texts = source.read().splitlines()
    starts = sorted((function["lineno"], function["name"]) for function in of["functions"])
    seen = Counter()
    keys = []
    for number, is_reached in lines_of(of):
        function = next((name for start, name in reversed(starts) if start <= number), "-")
        text = " ".join(texts[number - 1].split())
        seen[(function, text)] += 1
        nth = seen[(function, text)]
        keys.append(((of["file"], function if nth == 1 else f"{function}#{nth}", text), is_reached))
    return keys


def look_at_held(files):
    """{(file, function, text): was it reached}"""
    held = [of for of in files if of["file"].startswith(HELD) and not of["file"].startswith(LEFT_OUT)]
    return {key: is_reached for of in held for key, is_reached in keys_of(of)}


def read_listed(path):
    """{(file, function, text): reason}"""
    listed = {}
    reason = None
    if not os.path.exists(path):
        return listed
    with open(path, encoding="utf-8") as lines:
        for line in lines.read().splitlines():
            if line.startswith("## "):
                reason = line[3:]
            elif line and not line.startswith("#"):
                where, _, text = line.partition(": ")
                file, _, function = where.partition(" ")
                if reason is None:
                    sys.exit(f"{path}: without a reason: {line}")
                if (file, function, text) in listed:
                    sys.exit(f"{path}: twice: {line}")
                listed[(file, function, text)] = reason
    return listed


def show(key):
    return f"{key[0]} {key[1]}: {key[2]}"


def print_layers(files):
    total = Counter()
    reached = Counter()
    for of in files:
        for _, is_reached in lines_of(of):
            for layer in (layer_of(of["file"]), "all of it"):
                total[layer] += 1
                reached[layer] += is_reached
    print(f"{'layer':24}{'lines':>8}{'reached':>9}{'not':>6}")
    for layer in sorted(total, key=lambda name: (name == "all of it", name)):
        part = 100 * reached[layer] / total[layer]
        print(f"{layer:24}{total[layer]:8}{part:8.1f}%{total[layer] - reached[layer]:6}")


def print_reasons(found, listed):
    lines = Counter(listed.get(key, NEW) for key in found)
    print(f"\nnot reached in {', '.join(part.rstrip('/') for part in HELD)}: {len(found)} lines")
    for reason, count in lines.most_common():
        print(f"{count:6}  {reason}")


def write(path, found, listed, held):
    """Reasons in the order that they have, keys sorted; what is reached meanwhile, or is not there any more, goes."""
    reasons = list(dict.fromkeys(listed.values()))
    by_reason = {reason: [] for reason in [*reasons, NEW]}
    by_chance = {key for key in listed if listed[key].startswith(CHANCE) and key in held}
    for key in sorted(found | by_chance):
        by_reason[listed.get(key, NEW)].append(key)
    head = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as lines:
            head = [line for line in lines.read().split("\n## ")[0].splitlines() if line.startswith("#") and not line.startswith("## ")]
    with open(path, "w", encoding="utf-8") as out:
        out.write("".join(f"{line}\n" for line in head))
        for reason, keys in by_reason.items():
            if keys:
                out.write(f"\n## {reason}\n" + "".join(f"{show(key)}\n" for key in keys))


def main():
    files = read_counts(sys.argv[1])
    path = sys.argv[2]
    held = look_at_held(files)
    found = {key for key, is_reached in held.items() if not is_reached}
    if "--write" in sys.argv[3:]:
        write(path, found, read_listed(path), held)
    listed = read_listed(path)
    print_layers(files)
    print_reasons(found, listed)
    new = sorted(key for key in found if listed.get(key, NEW) == NEW)
    gone = sorted(key for key in listed if key not in found and not (listed[key].startswith(CHANCE) and key in held))
    for key in new:
        print(f"coverage: not reached, and {path} does not say why: {show(key)}")
    for key in gone:
        print(f"coverage: {path} lists what is reached, or is not there: {show(key)}")
    sys.exit(1 if new or gone or not files else 0)


main()
