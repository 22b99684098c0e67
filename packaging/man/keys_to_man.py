#!/usr/bin/env python3
"""connector.conf(5) from the program's own tables of keys: keys_to_man.py INTUNE_SCEPCTL INC FACT=TEXT... >PAGE

INC holds the rest, as mdoc; what stands there under the name of a section, "[tenant/NAME]", introduces its keys.
"""
import json
import subprocess
import sys
from pathlib import Path

from mdoc import build_date, macro_text, marked, page, tagged
from page_parts import fill_in, hand_written


def key_tag(key):
    if "default" in key:
        return "Li " + macro_text(f"{key['key']} = {key['default']}").replace("/", "/\\:")  # a long path may be broken there
    return f"Li {key['key']} Pq " + marked(key["defaultWords"])


def key_text(key):
    kinds = f"Of kind {key['kinds']}. " if "kinds" in key else ""
    return marked(kinds + key["help"])


def keys_by_section(program):
    """{"tenant/NAME": [key]}, in the program's order."""
    told = subprocess.run([program, "config", "keys", "--json"], stdout=subprocess.PIPE, check=True).stdout
    sections = {}
    for key in json.loads(told):
        sections.setdefault(key["section"], []).append(key)
    return sections


def main(program, inc, *facts):
    one_line, texts = hand_written(Path(inc))
    sections = []
    for heading, keys in keys_by_section(program).items():
        introduction = texts.pop(f"[{heading}]")
        sections.append((f"SECTION [{heading}]", introduction + "\n" + tagged((key_tag(key), key_text(key)) for key in keys)))
    stray = [heading for heading in texts if heading.startswith("[")]
    if stray:
        sys.exit(f"{inc}: there are no such sections: {stray}")
    before = [(heading, texts.pop(heading)) for heading in ("SYNOPSIS", "DESCRIPTION")]
    text = page("connector.conf", 5, one_line, before + sections + list(texts.items()), "intune-scepctl config keys", build_date())
    sys.stdout.write(fill_in(text, facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
