#!/usr/bin/env python3
"""Is packaging/connector.conf true? connector_conf.py INTUNE_SCEPCTL FILE

Every key in it is known in its section, and a value that is commented out is the default, as the file says at its top,
unless the comment above it says another, or there is none.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

LINE = re.compile(r"(#?)(?:\[([\w-]+)(?:/[\w-]+)?\]|(\w+) = (.*))$")


def defaults(program):
    """{(section's kind, key): default, or None}"""
    keys = json.loads(subprocess.run([program, "config", "keys", "--json"], check=True, stdout=subprocess.PIPE).stdout)
    return {(key["section"].split("/")[0], key["key"]): key.get("default") for key in keys}


def complaints(known, text):
    section, remark = None, ""
    for number, line in enumerate(text.split("\n"), 1):
        match = LINE.match(line)
        if not match:
            remark = line if line.startswith("# ") else ""
            continue
        is_comment, title, key, value = match.groups()
        if title:
            section = title
        elif (section, key) not in known:
            yield f"{number}: [{section}] has no key {key}"
        elif is_comment and known[section, key] not in (None, value) and f"Default: {known[section, key]}." not in remark:
            yield f"{number}: the default of [{section}] {key} is {known[section, key]}"


def main(program, path):
    known = defaults(program)
    text = Path(path).read_text(encoding="utf-8")
    wrong = list(complaints(known, text))
    for planted in ("\n[tenant/x]\n#poll = no\n", "\n[revocation]\n#storm_limit = 501\n"):
        if not list(complaints(known, planted)):
            wrong.append(f"this was not noticed: {planted}")
    sys.exit("\n".join(f"{path}:{line}" for line in wrong) or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
