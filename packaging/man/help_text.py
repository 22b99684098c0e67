"""What a program's --help says, taken apart: usage, paragraphs, lists, exit statuses. Read, it stands for what help2man reads.

A list is a run of indented lines: options ("  -c, --config FILE  text") or words ("  show ID  text"), with what does not fit
on further lines below the text. A line "Name:" right above a list is its heading.
"""
import collections
import re
import subprocess

OPTION = re.compile(r"((?:-\w, )?--[a-z][\w-]*(?: [A-Z[][A-Z0-9:=_|\[\]-]*)?(?:, --[a-z][\w-]*)*)(?: +|$)(.*)")

Items = collections.namedtuple("Items", "heading items")  # items: [(term, text)]


class Help:
    """usage without the word; blocks: str (a paragraph) and Items in their order; exits: [(status, text)]."""

    def __init__(self, text):
        lines = text.rstrip("\n").split("\n")
        usage = lines.pop(0)
        while lines and lines[0].startswith(" "):
            usage += " " + lines.pop(0).strip()
        self.usage = usage.split("Usage: ", 1)[1]
        self.blocks, self.exits = [], []
        for run in runs(lines):
            self._add(run)

    def _add(self, run):
        if run[0].startswith(" "):
            heading = None
            if self.blocks and isinstance(self.blocks[-1], str) and re.fullmatch(r"[A-Z][^.:]*:", self.blocks[-1]):
                heading = self.blocks.pop().rstrip(":")
            self.blocks.append(Items(heading, list_items(run)))
            return
        text, _, exits = re.match(r"(.*?)(?:(?:^| )(Exit(?: status)?): (.*))?$", " ".join(run)).groups()
        if text:
            self.blocks.append(text)
        for status in re.split(r"[,;] (?=\d\b)", exits or ""):
            match = re.match(r"(\d),? (.*)", status.rstrip("."))
            if match:
                self.exits.append(match.groups())

    def paragraphs(self):
        return [block for block in self.blocks if isinstance(block, str)]

    def lists(self, of_options):
        return [block for block in self.blocks if isinstance(block, Items) and
                of_options == block.items[0][0].startswith("-")]

    def options(self):
        """[(term, text)] of all lists."""
        return [item for block in self.lists(True) for item in block.items]


def runs(lines):
    """Lines that belong together: all indented, or none of them. A blank line ends a run, and so does a heading."""
    run = []
    for line in lines:
        is_other = run and line.startswith(" ") != run[0].startswith(" ")
        if run and (not line or is_other):
            yield run
            run = []
        if line:
            run.append(line)
    if run:
        yield run


def list_items(run):
    """[(term, text)]"""
    is_of_options = bool(OPTION.fullmatch(run[0].strip()))
    column = text_column(run)
    items = []
    for line in run:
        option = OPTION.fullmatch(line.strip()) if is_of_options else None
        if option:
            items.append(list(option.groups()))
        elif is_of_options or not line[:column].strip():
            items[-1][1] += " " + line.strip()
        else:
            items.append([line[:column].strip(), line[column:].strip()])
    return [tuple(item) for item in items]


def text_column(run):
    """Where the texts of a list begin: where most of them do."""
    columns = collections.Counter(match.end() for match in (re.match(r" +\S.*?  +(?=\S)", line) for line in run) if match)
    return columns.most_common(1)[0][0] if columns else len(run[0])


def ask(program, *command):
    """What PROGRAM --help COMMAND… says: in this order, because behind some commands everything is an operand."""
    result = subprocess.run([program, "--help", *command], stdout=subprocess.PIPE, check=True, encoding="utf-8")
    return Help(result.stdout)
