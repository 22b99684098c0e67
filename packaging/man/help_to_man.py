#!/usr/bin/env python3
"""A man page (mdoc, sections 1 and 8) from what a program's --help says, so that the two cannot differ.

help_to_man.py PROGRAM SECTION INC FACT=TEXT... >PAGE

INC holds what --help does not tell, as mdoc: first .Nd, then sections. Its DESCRIPTION stands behind what --help says of the
program, other sections where they belong. If --help has a list of commands, each is asked for its own --help.
"""
import re
import sys
from pathlib import Path

import help_text
from mdoc import build_date, escape, macro_text, marked, page, tagged
from page_parts import fill_in, hand_written

ORDER = ("SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES", "SEE ALSO", "SECURITY CONSIDERATIONS")


# --- pieces ---

def usage_words(usage):
    """A usage line behind the program's name: [OPTION]... --check FILE as .Op, .Fl and .Ar."""
    lines = []
    for group, dots, word in re.findall(r"\[([^\]]*)\](\.\.\.)?|(\S+)", usage):
        words = " ".join(usage_word(part) for part in (group or word).split())
        lines.append((".Op " if group else ".") + words + (" ..." if dots else ""))
    return "\n".join(lines)


def usage_word(word):
    if word.startswith("-"):
        return "Fl " + escape(word[1:]).replace("-", "\\-")
    return "Ar " + escape(word)


def option_tag(term):
    """ -c, --config FILE """
    parts = []
    for name in term.split(", "):
        name, _, value = name.partition(" ")
        parts.append(f"Fl {name[1:]}" + (f" Ar {value}" if value else ""))
    return " , ".join(parts).replace("-", "\\-")


def option_list(items):
    return tagged((option_tag(term), marked(text)) for term, text in items)


def word_list(items):
    return tagged((f"Ic {macro_text(term)}", marked(text)) for term, text in items)


def paragraphs(texts):
    return "\n.Pp\n".join(marked(text) for text in texts)


def exit_list(exits):
    return tagged(((status, marked(text[0].upper() + text[1:] + ".")) for status, text in exits), "3n -compact")


# --- commands ---

def command_section(name, told):
    """One command's .Ss: how it is called, what its --help says, its exit statuses, the names of its options."""
    out = [f".Ss {name}", f".Dl {escape(told.usage)}"]
    for block in told.blocks:
        if isinstance(block, str):
            out += [".Pp", marked(block[0].upper() + block[1:])]
        elif block not in told.lists(True):
            out.append(word_list(block.items))
    if told.exits:
        out += [".Pp", "Exit status:", exit_list(told.exits)]
    options = [re.search(r"--([\w-]+)", term).group(1) for term, _ in told.options()]
    names = " ,\n".join(".Fl \\-" + option.replace("-", "\\-") for option in options)
    return "\n".join(out + [".Pp", "Options:", names + " ."])


def all_options(helps):
    """Each option once, as they come; --help and --version at the end. The same option means the same everywhere."""
    found = {}
    for told in helps:
        for term, text in told.options():
            if found.setdefault(term, text) != text:
                sys.exit(f"{term} is told in two ways: {text}; {found[term]}")
    return sorted(found.items(), key=lambda item: bool(re.search(r"--(help|version)\b", item[0])))


# --- the page ---

def sections_of(told, commands):
    """What --help says, by section."""
    sections = {"SYNOPSIS": ".Nm\n" + usage_words(told.usage.partition(" ")[2]), "DESCRIPTION": paragraphs(told.paragraphs())}
    if commands:
        sections["COMMANDS"] = "\n".join(command_section(name, its_help) for name, its_help in commands.items())
        sections["OPTIONS"] = option_list(all_options([told, *commands.values()]))
    else:
        parts = [(f".Ss {block.heading}\n" if block.heading else "") + option_list(block.items) for block in told.lists(True)]
        sections["OPTIONS"] = "\n".join(parts)
    sections["EXIT STATUS"] = exit_list(told.exits) if told.exits else ""
    return sections


def main(program, section, inc, *facts):
    told = help_text.ask(program)
    names = [term for block in told.lists(False) for term, _ in block.items]
    commands = {name: help_text.ask(program, name) for name in names}
    sections = sections_of(told, commands)
    one_line, more = hand_written(Path(inc))
    for heading, text in more.items():
        if heading == "DESCRIPTION":
            sections[heading] = "\n.Pp\n".join(part for part in (sections[heading], text) if part)
        elif sections.get(heading):
            sys.exit(f"{inc}: --help tells of {heading}")
        else:
            sections[heading] = text
    order = sorted(sections, key=lambda heading: ORDER.index(heading) if heading in ORDER else ORDER.index("COMMANDS") + 0.5)
    text = page(Path(program).name, section, one_line, [(heading, sections[heading]) for heading in order],
                f"{Path(program).name} --help and {Path(inc).name}", build_date())
    sys.stdout.write(fill_in(text, facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
