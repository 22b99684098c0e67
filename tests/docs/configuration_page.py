#!/usr/bin/env python3
"""Prints docs/CONFIGURATION.md with its tables of keys as the program knows them.

configuration_page.py INTUNE_SCEPCTL PAGE

A table stands between "<!-- keys of [SECTION]: made by ./dev docs -->" and "<!-- end of keys -->". Every section has one.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

TABLE = re.compile(r"(<!-- keys of \[([\w/-]+)\]: [^\n]*-->\n).*?(<!-- end of keys -->\n)", re.S)


def key_table(keys):
    """One row a key; with a column of kinds where some keys are not of all."""
    has_kinds = any("kinds" in key for key in keys)
    titles = ["key"] + ["of kind"] * has_kinds + ["default", "meaning"]
    rows = [titles, ["---"] * len(titles)]
    for key in keys:
        rows.append([f"`{key['key']}`"] + [key.get("kinds", "all")] * has_kinds + [default(key), linked(key["help"])])
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def default(key):
    if "default" not in key:
        return key["defaultWords"]
    return "`" + re.sub(r"^(intune-scep-connector/)\d[\d.]*$", r"\1VERSION", key["default"]) + "`"


def linked(text):
    """The program names a page by its path where it is installed; here it is a link from one page to another."""
    return re.sub(r"/[\w./+-]*/([\w-]+\.md)", r"[\1](\1)", text)


def main(program, page):
    keys = json.loads(subprocess.run([program, "config", "keys", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    sections = {key["section"]: [] for key in keys}
    for key in keys:
        sections[key["section"]].append(key)
    text = Path(page).read_text(encoding="utf-8")
    tables = [match.group(2) for match in TABLE.finditer(text)]
    if sorted(tables) != sorted(sections):
        sys.exit(f"{page} has tables of {sorted(tables)}, and there are sections {sorted(sections)}")
    sys.stdout.write(TABLE.sub(lambda match: match.group(1) + key_table(sections[match.group(2)]) + match.group(3), text))


if __name__ == "__main__":
    main(*sys.argv[1:])
