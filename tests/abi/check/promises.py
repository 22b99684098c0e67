#!/usr/bin/env python3
"""Each sentence that scep-plugin-check says it proves is one of scep_plugin.h, word by word.

Usage: promises.py KIT HEADER
"""
import json
import re
import subprocess
import sys


def prose(text):
    """The header without what makes a comment a comment, on one line."""
    return " ".join(re.sub(r"^\s*/?\*+/?|/\*|\*/", " ", text, flags=re.M).split())


kit, header = sys.argv[1:]
with open(header, encoding="utf-8") as file:
    words = prose(file.read())
checks = json.loads(subprocess.run([kit, "--list", "--json"], check=True, capture_output=True).stdout)
strangers = [check for check in checks if " ".join(check["promise"].split()) not in words]
for check in strangers:
    print(f"{check['check']} proves what the header does not say: {check['promise']}", file=sys.stderr)
names = [check["check"] for check in checks]
if strangers or len(names) < 50 or len(set(names)) != len(names):
    sys.exit(f"{len(strangers)} strangers among {len(names)} checks, {len(set(names))} names")
print(f"ok  {len(names)} promises")
