"""How what we ship is compiled: for each .c file of connector/ and plugin/, the flags of the build directory's compile commands."""
import json
import os
import shlex

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# What makes an object, or another program of the same source; what a checker wants else it says itself.
LEFT_OUT = ("-O", "-g", "-Werror", "-D_FORTIFY_SOURCE", "-fsanitize", "-fno-sanitize", "--coverage", "-fprofile")


def of_shipped_sources(build):
    """{"connector/base/json.c": ["-I…", …]}; of a file compiled more than once, the first."""
    flags = {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as commands:
        for command in json.load(commands):
            path = os.path.relpath(command["file"], ROOT)
            if path.startswith(("connector/", "plugin/")) and path.endswith(".c"):
                flags.setdefault(path, kept(shlex.split(command["command"])))
    return flags


def of_directories(build):
    """{"connector/base": […]}: the flags of one source, and the other sources' include directories."""
    flags = {}
    for path, these in of_shipped_sources(build).items():
        beside = flags.setdefault(os.path.dirname(path), list(these))
        for at, word in enumerate(these):
            if word == "-isystem" and these[at + 1] not in beside:
                beside += these[at : at + 2]
    return flags


def kept(words):
    """Without compiler launcher, compiler, source and object."""
    at = next(index for index, word in enumerate(words) if word.startswith("-"))
    out = []
    skip_next = False
    for word in words[at:]:
        if skip_next or word == "-c" or word.startswith(LEFT_OUT):
            skip_next = False
        elif word == "-o":
            skip_next = True
        elif word.startswith("-") or (out and out[-1] in ("-isystem", "-I", "-include")):
            out.append(word)
    return out
