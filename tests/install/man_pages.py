#!/usr/bin/env python3
"""Do the man pages say what the programs say? man_pages.py BUILD

Every option, command and key that a program tells of is on its page, and the page tells of no other. Pages are read as a reader
sees them, formatted by mandoc, and not by the code that makes them.
"""
import json
import re
import subprocess
import sys
from pathlib import Path

PROGRAMS = {"intune-scepctl": 1, "intune-scepd": 8, "scep-plugin-check": 1, "intune-mock": 1, "scep-host": 1}
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
TAG = re.compile(r"^ +((?:-\w, )?--[a-z][\w-]*(?: \S+)?(?:, --[a-z][\w-]*)*)", re.M)


def output(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, encoding="utf-8").stdout


class Page:
    """A formatted page, by sections and by their parts."""

    def __init__(self, path):
        text = re.sub(r".\x08", "", output("mandoc", "-T", "utf8", "-O", "width=500,indent=5", str(path)))
        self.sections = self._split(r"^(\S.*)$", text)
        self.commands = self._split(r"^   (\S.*)$", self.sections.get("COMMANDS", ""))

    @staticmethod
    def _split(heading, text):
        _, *parts = re.split(heading, text, flags=re.M)
        return dict(zip(parts[::2], parts[1::2]))


def options_of(text):
    """What begins a line: "-c, --config FILE", or "--help, --version"."""
    return {option for tag in TAG.findall(text) for option in OPTION.findall(tag)}


def compare(what, on_page, told):
    for one in sorted(set(on_page) ^ set(told)):
        yield f"{what}: {one} " + ("is not on the page" if one in told else "is on the page, and the program does not know it")


def program_complaints(program, page):
    told = output(program, "--help")
    commands = re.findall(r"^  ([a-z]+) +\S", told.split("\n\n")[1], re.M) if page.commands else []
    helps = {command: output(program, "--help", command) for command in commands}
    yield from compare(program, options_of(page.sections["OPTIONS"]), set().union(*map(options_of, [told, *helps.values()])))
    yield from compare(f"{program}'s commands", page.commands, commands)
    for command in helps:
        listed = re.search(r"^ +Options: (.*)\.$", page.commands.get(command, ""), re.M)
        yield from compare(f"{program} {command}", OPTION.findall(listed.group(1)) if listed else [], options_of(helps[command]))


def key_complaints(program, page):
    """Each key stands under its section, with its default, and nothing else stands there."""
    keys = {}
    for key in json.loads(output(program, "config", "keys", "--json")):
        text = f"{key['key']} = {key['default']}" if "default" in key else f"{key['key']} ({key['defaultWords'].replace('`', '')})"
        keys.setdefault(f"SECTION [{key['section']}]", []).append(text)
    yield from compare("connector.conf", [name for name in page.sections if name.startswith("SECTION")], keys)
    for heading, texts in keys.items():
        # a tag may have its text beside it
        tags = re.findall(r"^     ([a-z_]+(?: = .*?| \(.*?\)))(?: {2,}.*)?$", page.sections.get(heading, ""), re.M)
        yield from compare(f"connector.conf {heading}", tags, texts)


def main(build):
    programs, pages = Path(build, "bin"), Path(build, "packaging/man")
    ctl = str(programs / "intune-scepctl")
    wrong = list(key_complaints(ctl, Page(pages / "man5/connector.conf.5")))
    for name, section in PROGRAMS.items():
        wrong += program_complaints(str(programs / name), Page(pages / f"man{section}/{name}.{section}"))
    damaged = Page(pages / "man1/intune-scepctl.1")
    damaged.sections["OPTIONS"] = damaged.sections["OPTIONS"].replace("--dead", "--bogus")
    del damaged.commands["doctor"]
    if len(list(program_complaints(ctl, damaged))) < 4:  # --dead, --bogus, doctor, and its options
        wrong.append("a damaged page was not noticed")
    sys.exit("\n".join(wrong) or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
