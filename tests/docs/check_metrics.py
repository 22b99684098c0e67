#!/usr/bin/env python3
"""Reads a page of Prometheus' text format 0.0.4 from standard input, strictly, and says what is wrong with it.

Besides the grammar: HELP and TYPE once and before the samples of their family, which stand together; no series twice; names as
Prometheus' own linter wants them (_total, base units); histograms that rise, end at +Inf and agree with their _count.
With --families N: exactly so many families.
"""
import math
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"'
SAMPLE = re.compile(rf"({NAME})(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? (\S+)\Z")
VALUE = re.compile(r"[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)\Z|NaN\Z")
TYPES = {"counter", "gauge", "histogram"}
SUFFIXES = ("_bucket", "_sum", "_count")


class Reader:
    def __init__(self):
        self.problems = []
        self.types = {}
        self.helps = set()
        self.family = None
        self.seen = set()
        self.histograms = {}

    def say(self, line, what):
        self.problems.append(f"{what}: {line[:160]}")

    def read_comment(self, line):
        match = re.match(rf"# (HELP|TYPE) ({NAME}) (.+)\Z", line)
        if match is None:
            self.say(line, "neither HELP nor TYPE")
        elif match.group(1) == "HELP":
            if match.group(2) in self.helps:
                self.say(line, "HELP twice")
            self.helps.add(match.group(2))
        else:
            name, kind = match.group(2), match.group(3)
            if name in self.types or kind not in TYPES:
                self.say(line, "TYPE twice, or of no known kind")
            if name not in self.helps:
                self.say(line, "TYPE without HELP before it")
            if (kind == "counter") != name.endswith("_total"):
                self.say(line, "a counter, and only a counter, is called _total")
            if re.search(r"_(ms|milliseconds|minutes|hours|kilobytes|percent)(_|\Z)", name):
                self.say(line, "no base unit")
            self.types[name] = kind
            self.family = name

    def read_sample(self, line):
        match = SAMPLE.match(line)
        if match is None or VALUE.match(match.group(match.lastindex)) is None:
            self.say(line, "no sample")
            return
        name, labels, value = match.group(1), match.group(2) or "", float(match.group(match.lastindex))
        pairs = re.findall(LABEL, labels)
        if len({key for key, _ in pairs}) != len(pairs):
            self.say(line, "a label twice")
        if (name, frozenset(pairs)) in self.seen:
            self.say(line, "a series twice")
        self.seen.add((name, frozenset(pairs)))
        family = name
        if self.types.get(self.family) == "histogram":
            suffix = next((s for s in SUFFIXES if name == self.family + s), None)
            if suffix is None:
                self.say(line, "not of the histogram that it stands in")
                return
            family = self.family
            key = (family, frozenset(p for p in pairs if p[0] != "le"))
            self.histograms.setdefault(key, []).append((suffix, dict(pairs).get("le"), value))
        if family != self.family:
            self.say(line, "not below the TYPE of its family")
        if self.types.get(family) == "counter" and not (value >= 0 and math.isfinite(value)):
            self.say(line, "a counter that is no number")

    def check_histograms(self):
        for (family, labels), parts in self.histograms.items():
            bounds = [float(le) for suffix, le, _ in parts if suffix == "_bucket"]
            counts = [value for suffix, _, value in parts if suffix == "_bucket"]
            total = [value for suffix, _, value in parts if suffix == "_count"]
            sums = [value for suffix, _, value in parts if suffix == "_sum"]
            if bounds != sorted(set(bounds)) or not bounds or bounds[-1] != math.inf:
                self.problems.append(f"{family}{dict(labels)}: bounds do not rise to +Inf")
            if counts != sorted(counts) or total != counts[-1:] or len(sums) != 1:
                self.problems.append(f"{family}{dict(labels)}: counts do not rise to _count")

    def read(self, page):
        if not page.endswith("\n"):
            self.problems.append("the last line has no end")
        for line in page.split("\n")[:-1]:
            if line.startswith("#"):
                self.read_comment(line)
            else:
                self.read_sample(line)
        self.check_histograms()
        for name in self.types:
            if not any(sample[0].startswith(name) for sample in self.seen):
                self.problems.append(f"{name} has no sample")


def main():
    reader = Reader()
    reader.read(sys.stdin.buffer.read().decode("utf-8"))
    if len(sys.argv) == 3 and len(reader.types) != int(sys.argv[2]):
        reader.problems.append(f"{len(reader.types)} families, not {sys.argv[2]}")
    for problem in reader.problems:
        print(problem)
    return 1 if reader.problems or not reader.seen else 0


if __name__ == "__main__":
    sys.exit(main())
