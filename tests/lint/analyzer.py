#!/usr/bin/env python3
"""gcc's -fanalyzer over what we ship, compared with what is known to be false. analyzer.py BUILD KNOWN

-O0, whatever the build has: it then sees functions as they are written, not what inlining made of them."""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import compile_flags

QUIET = ["-O0", "-fanalyzer", "-fdiagnostics-plain-output", "-fdiagnostics-path-format=none", "-c", "-o", os.devnull]
FUNCTION = re.compile(r"In function '([^']+)'")
FOUND = re.compile(r"warning: (.*) \[(-Wanalyzer-[a-z-]+)\]$")


def analyse(what):
    """[((file, function, warning), the line as gcc printed it)]"""
    source, flags = what
    done = subprocess.run(["gcc", *flags, *QUIET, source], capture_output=True, text=True, check=False,
                          env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        return [((source, "-", "does not compile"), done.stderr)]
    found = []
    function = "-"
    for line in done.stderr.splitlines():
        if named := FUNCTION.search(line):
            function = named.group(1)
        elif warning := FOUND.search(line):
            found.append(((source, function, warning.group(2)), line))
    return found


def read_known(path):
    """Lines of FILE FUNCTION WARNING REASON…"""
    with open(path, encoding="utf-8") as lines:
        rows = [line.split(None, 3) for line in lines if line.strip() and not line.startswith("#")]
    for row in rows:
        if len(row) != 4:
            sys.exit(f"{path}: without a reason: {' '.join(row)}")
    return {tuple(row[:3]) for row in rows}


def main():
    os.chdir(compile_flags.ROOT)
    build, known_path = sys.argv[1:]
    known = read_known(known_path)
    sources = compile_flags.of_shipped_sources(build)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [one for these in pool.map(analyse, sources.items()) for one in these]
    is_wrong = not sources
    for key, line in found:
        if key not in known:
            print(f"{line}\n  in {key[1]} of {key[0]}")
            is_wrong = True
    for key in sorted(known - {key for key, _ in found}):
        print(f"{known_path}: {' '.join(key)}: it is not found any more, so the line can go")
        is_wrong = True
    sys.exit(1 if is_wrong else 0)


main()
