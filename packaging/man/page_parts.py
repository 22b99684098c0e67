#!/usr/bin/env python3
"""Hand-written parts of man pages, and facts of the build that are filled in.

page_parts.py TEMPLATE FACT=TEXT... >PAGE   a page that is hand-written as a whole
"""
import re
import sys
from pathlib import Path

from mdoc import build_date


def hand_written(path):
    """(the text of .Nd, {heading: mdoc}) of an .inc file: ".Nd one line", then sections."""
    first, *parts = re.split(r"^\.Sh (.*)\n", path.read_text(encoding="utf-8"), flags=re.M)
    one_line = re.match(r"\.Nd (.*)", first).group(1)
    return one_line, {heading: body.strip("\n") for heading, body in zip(parts[::2], parts[1::2])}


def fill_in(text, facts):
    """@NAME@ becomes TEXT of the fact NAME=TEXT; docs/X.md is looked for in DOCDIR."""
    for fact in facts:
        name, _, value = fact.partition("=")
        text = text.replace(f"@{name}@", value)
        if name == "DOCDIR":
            text = re.sub(r"\bdocs/([\w-]+\.md)", lambda match: f"{value}/{match.group(1)}", text)
    unknown = re.search(r"@[A-Z_]+@", text)
    if unknown:
        sys.exit(f"nobody knows {unknown.group(0)}")
    return text


if __name__ == "__main__":
    sys.stdout.write(fill_in(Path(sys.argv[1]).read_text(encoding="utf-8"), [*sys.argv[2:], f"DATE={build_date()}"]))
