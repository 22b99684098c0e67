#!/usr/bin/env python3
"""What every page says of other things must be so: links and their #anchors lead somewhere, `intune-scepctl …` is a command line that the
program understands, `./dev VERB` is a verb, and what a table column called "shown by" names is a test.

Usage: check_pages.py ROOT SCEPCTL TESTS   of the source. SCEPCTL is the program; TESTS a file with the names of tests, one a line.
       check_pages.py ROOT                 of what is installed below ROOT: links alone, which must not lead out of it.
Each line that is wrong is printed; exit 1 if there was one.
"""
import re
import shlex
import subprocess
import sys
from pathlib import Path

WHERE = ["*.md", "docs/**/*.md", "tests/**/*.md", "plugin/**/*.md", "packaging/**/*.md"]
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
SPAN = re.compile(r"(`+)(.+?)\1")
ENDS_A_COMMAND = {"|", "||", "&&", ";", "&", "<", ">", ">>", "2>", "2>&1", ")", "<("}
PLACEHOLDER = re.compile(r"[A-Z_]+[….]*\Z|…\Z|\.\.\.\Z|\[|\$|\"|'")


# --- a page ---


class Page:
    """Lines outside of code, code in fences (a command line each), spans of code, anchors."""

    def __init__(self, path):
        self.path, self.prose, self.code = path, [], []
        fence, kept = None, ""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            mark = re.match(r"\s*(```+|~~~+)", line)
            if mark and fence is None:
                fence = mark.group(1)
            elif fence is not None and line.strip() == fence:
                fence = None
            elif fence is not None or line.startswith("    "):
                kept += line.rstrip("\\")
                if not line.endswith("\\"):
                    self.code.append((number, kept))
                    kept = ""
            else:
                self.prose.append((number, line))
        # A span may go on in the next line.
        text = "\n".join(line for _, line in self.prose)
        numbers = [number for number, _ in self.prose]
        for match in SPAN.finditer(text):
            if "\n\n" not in match.group(2):
                self.code.append((numbers[text.count("\n", 0, match.start())], match.group(2).replace("\n", " ")))

    def links(self):
        for number, line in self.prose:
            for target in LINK.findall(SPAN.sub("", line)):
                yield number, target

    def anchors(self):
        found, seen = set(), {}
        for _, line in self.prose:
            found.update(re.findall(r'<a (?:id|name)="([^"]+)"', line))
            heading = re.match(r"#{1,6} +(.*?)#*$", line)
            if heading:
                slug = slug_of(heading.group(1))
                count = seen[slug] = seen.get(slug, -1) + 1
                found.add(slug if count == 0 else f"{slug}-{count}")
        return found

    def column(self, name):
        """The cells of every table's column of that name."""
        header = None
        for number, line in self.prose:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] if line.lstrip().startswith("|") else None
            if cells is None:
                header = None
            elif header is None:
                header = cells
            elif name in header and header.index(name) < len(cells):
                yield number, cells[header.index(name)]


def slug_of(heading):
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).replace("`", "")
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


# --- what it says ---


def check_links(page, pages, root):
    for number, target in page.links():
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.path.parent / path).resolve() if path else page.path
        if not file.exists() or not file.is_relative_to(root):
            yield number, f"there is no {target}"
        elif anchor and file in pages and anchor not in pages[file].anchors():
            yield number, f"there is no #{anchor} in {file.name}"


class Scepctl:
    """The program's commands, words and options, as its --help tells them."""

    def __init__(self, program):
        self.program, self.known = program, {}
        self.general = self.options_of(self.help())
        self.commands = set(re.findall(r"^  ([a-z][a-z-]*) {2,}\S", self.help(), re.M))

    def help(self, *command):
        return subprocess.run([self.program, *command, "--help"], capture_output=True, text=True, check=True).stdout

    @staticmethod
    def options_of(text):
        """Option: does it take a value?"""
        options = {}
        for short, long, value in re.findall(r"^ {2,6}(?:(-\w), )?(--[a-z-]+)( [A-Z]\S*)?", text, re.M):
            options.update({name: bool(value) for name in (short, long) if name})
        return options

    def command(self, name):
        if name not in self.known:
            text = self.help(name)
            usage = re.match(r"Usage: \S+ \S+ (?:\[OPTIONS\] ?)?(.*)", text)
            words = re.findall(r"(?:^| \| )([a-z|]+)(?= |$)", usage.group(1)) if usage else []
            self.known[name] = (self.options_of(text), {word for one in words for word in one.split("|")})
        return self.known[name]

    def fault(self, words):
        """What is wrong with these arguments, or None."""
        options, allowed, command, operands = self.general, None, None, []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            name, has_value, _ = word.partition("=")
            if word in ENDS_A_COMMAND:
                break
            if command == "openxpki":
                return None  # what is behind it comes from a device
            if word.startswith("-") and word != "-":
                if name not in options:
                    return f"intune-scepctl {command or ''} has no option {name}".replace("  ", " ")
                if options[name] and not has_value:
                    if not rest:
                        return f"intune-scepctl: {name} wants a value"
                    rest.pop(0)
            elif command is None:
                if PLACEHOLDER.match(word):
                    return None
                if word not in self.commands:
                    return f"intune-scepctl has no command {word}"
                command = word
                of_command, allowed = self.command(word)
                options = {**self.general, **of_command}
            else:
                operands.append(word)
        if allowed and operands and operands[0] not in allowed and not PLACEHOLDER.match(operands[0]):
            if not all(word in allowed for word in re.split(r"\|", operands[0])):
                return f"intune-scepctl {command} has no {operands[0]}"
        return None


def split(text):
    try:
        lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>()")
        lexer.whitespace_split, lexer.commenters = True, "#"
        return list(lexer)
    except ValueError:  # a quotation that goes on, or prose
        return text.split("#")[0].split()


def check_commands(page, scepctl):
    for number, code in page.code:
        for match in re.finditer(r"(?<![\w/.-])(?:\S*/)?intune-scepctl(?=((?: .*)?))", code):
            fault = scepctl.fault(split(match.group(1)))
            if fault:
                yield number, fault


def check_verbs(page, verbs):
    for number, code in page.code:
        for verb in re.findall(r"\./dev ([a-z][a-z-]*)", code):
            if verb not in verbs:
                yield number, f"./dev has no verb {verb}"


def check_tests(page, tests):
    for number, cell in page.column("shown by"):
        for _, name in SPAN.findall(cell):
            if name not in tests:
                yield number, f"there is no test {name}"


def checks_of_source(root, program, tests):
    scepctl, names = Scepctl(program), set(Path(tests).read_text().split())
    verbs = set(re.findall(r"^  ([a-z][a-z-]*) ", (root / "dev").read_text(), re.M)) | {"help"}
    return [lambda page: check_commands(page, scepctl), lambda page: check_verbs(page, verbs), lambda page: check_tests(page, names)]


def main(root, *source):
    root = Path(root).resolve()
    pages = {path: Page(path) for pattern in (WHERE if source else ["**/*.md"]) for path in sorted(root.glob(pattern))}
    checks = [lambda page: check_links(page, pages, root)] + (checks_of_source(root, *source) if source else [])
    count = 0
    for path, page in pages.items():
        for number, what in sorted(fault for check in checks for fault in check(page)):
            print(f"{path.relative_to(root)}:{number}: {what}")
            count += 1
    sys.exit(1 if count else 0)


main(*sys.argv[1:])
