#!/usr/bin/env python3
"""Every header compiles alone: whoever includes it needs to know no other. headers.py BUILD. A public one compiles as every
language that its readers use; an internal one as the sources beside it are compiled."""
import glob
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import compile_flags

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"]
PUBLIC = (["gcc", "-x", "c", "-std=c99"], ["gcc", "-x", "c", "-std=c17"], ["g++", "-x", "c++", "-std=c++17"], ["clang", "-x", "c", "-std=c99"])


def public_compilations():
    for header in sorted(glob.glob("include/**/*.h", recursive=True)):
        for language in PUBLIC:
            yield header, [*language, *STRICT, "-Iinclude"]


def internal_compilations(build):
    beside = compile_flags.of_directories(build)
    for header in sorted(glob.glob("connector/**/*.h", recursive=True) + glob.glob("plugin/**/*.h", recursive=True)):
        yield header, ["gcc", "-x", "c", *beside[os.path.dirname(header)], "-Werror", "-fsyntax-only"]


def compile_alone(what):
    header, command = what
    # Included by its own name, twice: its guard works, too.
    text = f'#include "{os.path.abspath(header)}"\n' * 2
    done = subprocess.run([*command, "-"], input=text, capture_output=True, text=True, check=False)
    return f"{header}, alone as {' '.join(command[:4])}:\n{done.stderr}" if done.returncode else ""


def main():
    os.chdir(compile_flags.ROOT)
    compilations = [*public_compilations(), *internal_compilations(sys.argv[1])]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(compile_alone, compilations) if fault]
    print("".join(faults), end="")
    sys.exit(1 if faults or not compilations else 0)


main()
