#!/usr/bin/env python3
"""docs/EVENTS.md lists every event that the source can log, with its levels and fields, and nothing else.

Every call of iscep_log_event, iscep_log_write and iscep_host_log_line is found, and what it is called with is followed to
string literals: through a conditional, a local variable, a parameter (to all calls of the function, in all files unless it is
static), a static function that returns literals, or a #define. A call whose event, level or fields cannot be followed is a failure,
so that none is missed in silence.
"""
import re
import sys
from pathlib import Path

LOGGERS = {"iscep_log_event": "call", "iscep_log_write": "array", "iscep_host_log_line": "line"}
LEVEL = re.compile(r"\b(?:ISCEP|SCEP)_LOG_(DEBUG|INFO|WARN|ERROR)\b")
FIELD = re.compile(r'\bISCEP_LOG_(?:TEXT|NUM)\(\s*"([a-z_]+)"')
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "TAILQ_FOREACH", "LIST_FOREACH", "STAILQ_FOREACH"}
MAX_DEPTH = 4


class Unclear(Exception):
    pass


def without_comments(text):
    """Comments become blanks and characters underscores, so that positions and lines stay."""
    def blank(match):
        if match.group(0)[0] == "'":
            return "_" * len(match.group(0))
        return match.group(0) if match.group(0)[0] == '"' else re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'''"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)+'|/\*.*?\*/|//[^\n]*''', blank, text, flags=re.S)


def closing(text, start, pair="()"):
    depth, at = 0, start
    while at < len(text):
        if text[at] == '"':
            at = LITERAL.match(text, at).end()
            continue
        depth += (text[at] == pair[0]) - (text[at] == pair[1])
        if depth == 0:
            return at
        at += 1
    raise Unclear("a bracket is not closed")


def split_arguments(text):
    parts, depth, start, at = [], 0, 0, 0
    while at < len(text):
        if text[at] == '"':
            at = LITERAL.match(text, at).end()
            continue
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if text[at] == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
        at += 1
    return parts + [text[start:].strip()]


class Function:
    def __init__(self, source, name, is_static, parameters, start, end):
        self.source, self.name, self.is_static = source, name, is_static
        self.parameters, self.start, self.end = parameters, start, end


class Source:
    def __init__(self, path, defines, others):
        self.path = path
        self.text = without_comments(path.read_text())
        self.defines = defines
        self.others = others
        self.functions = list(self.find_functions())

    def find_functions(self):
        for match in re.finditer(r"^[a-z_][\w \t*\n(),\[\]]*?\b(\w+)\(", self.text, re.M):
            try:
                end = closing(self.text, match.end() - 1)
            except Unclear:
                continue
            brace = re.match(r"\)\s*\{", self.text[end:])
            if brace is None or match.group(1) in KEYWORDS:
                continue
            parameters = [re.findall(r"\w+", part.split("[")[0])[-1] for part in
                          split_arguments(self.text[match.end():end]) if re.search(r"\w", part)]
            body = end + brace.end() - 1
            is_static = re.match(r"static\b", match.group(0)) is not None
            yield Function(self, match.group(1), is_static, parameters, body, closing(self.text, body, "{}"))

    def function_at(self, position):
        return next((f for f in self.functions if f.start <= position <= f.end), None)

    def calls(self, name):
        for match in re.finditer(r"\b%s\s*\(" % name, self.text):
            function = self.function_at(match.start())
            if function is not None:
                end = closing(self.text, match.end() - 1)
                yield match.start(), function, split_arguments(self.text[match.end():end])

    def calls_of(self, function):
        for source in [self] if function.is_static else self.others:
            if function.name in source.text:
                yield from source.calls(function.name)

    def follow(self, expression, function, sought, depth=0):
        """All that an expression can be: texts in which sought occurs, or that lead nowhere."""
        expression = expression.strip()
        if depth > MAX_DEPTH:
            raise Unclear("too many steps")
        branches = branches_of(expression)
        if len(branches) > 1:
            for branch in branches:
                yield from self.follow(branch, function, sought, depth)
        elif sought.search(expression):
            yield expression
        elif expression in self.defines:
            yield self.defines[expression]
        else:
            steps = list(self.steps_from(expression, function))
            for value, there in steps:
                yield from there.source.follow(value, there, sought, depth + 1)
            if not steps:
                yield expression

    def steps_from(self, expression, function):
        word = re.match(r"&?(\w+)(?:\[[^]]*\])?\Z", expression)
        called = re.fullmatch(r"(\w+)\(.*\)", expression, re.S)
        if word and word.group(1) in function.parameters:
            index = function.parameters.index(word.group(1))
            for _, caller, arguments in self.calls_of(function):
                yield arguments[index], caller
        elif word:
            for value in self.local_values(word.group(1), function):
                yield value, function
        elif called:
            for callee in (f for f in self.functions if f.name == called.group(1)):
                for value in re.findall(r"\breturn\b([^;]*);", self.text[callee.start:callee.end]):
                    yield value, callee

    def local_values(self, word, function):
        body = self.text[function.start:function.end]
        values = []
        for match in re.finditer(r"(?<![.>\w])%s(?:\[[^]]*\])?\s*=(?!=)\s*" % word, body):
            end = match.end()
            if body[end] == "{":
                values.append(body[end:closing(body, end, "{}") + 1])
            else:
                values.append(re.match(r'(?:"(?:[^"\\]|\\.)*"|[^;"])*', body[end:], re.S).group(0).strip())
        return values


def branches_of(expression):
    """c ? a : d ? b : e can be a, b or e."""
    depth, marks, at = 0, [], 0
    while at < len(expression):
        if expression[at] == '"':
            at = LITERAL.match(expression, at).end()
            continue
        depth += (expression[at] in "([{") - (expression[at] in ")]}")
        if expression[at] in "?:" and depth == 0:
            marks.append(at)
        at += 1
    if not marks:
        return [expression]
    ends = marks[1:] + [len(expression)]
    parts = [(expression[start], expression[start + 1:end]) for start, end in zip(marks, ends)]
    # what stands before the next ? is a condition
    return [text.strip() for i, (_, text) in enumerate(parts)
            if i + 1 == len(parts) or parts[i + 1][0] == ":"]


def events_of(expression, function):
    names = set()
    for value in function.source.follow(expression, function, LITERAL):
        if LITERAL.fullmatch(value) is None:
            raise Unclear(f"the event is {value!r}")
        names.add(value.strip('"'))
    return names


def levels_of(expression, function):
    levels = set()
    for value in function.source.follow(expression, function, LEVEL):
        found = LEVEL.findall(value)
        if not found:
            raise Unclear(f"the level is {value!r}")
        levels.update(level.lower() for level in found)
    return levels


def fields_of(source, expressions, function):
    fields = set()
    for expression in expressions:
        for value in source.follow(expression, function, FIELD):
            found = FIELD.findall(value)
            if not found:
                raise Unclear(f"the fields are {value!r}")
            fields.update(found)
    return fields


def read_call(source, logger, function, arguments):
    """All that one call can log: {event: (levels, fields, sure levels)}. A parameter is followed caller by caller, so that the event and the
    level of each belong together."""
    kind = LOGGERS[logger]
    own = {part for part in arguments[1:3] if part in function.parameters}
    if own:
        places = [function.parameters.index(part) for part in own]
        logged = {}
        for _, caller, given in source.calls_of(function):
            inner = [given[places[list(own).index(part)]] if part in own else part for part in arguments]
            parts = [(inner[1], caller if arguments[1] in own else function),
                     (inner[2], caller if arguments[2] in own else function)]
            add(logged, one_call(source, kind, parts, arguments, function))
        if not logged:
            raise Unclear(f"nobody calls {function.name}")
        return logged
    return one_call(source, kind, [(arguments[1], function), (arguments[2], function)], arguments, function)


def one_call(source, kind, parts, arguments, function):
    levels = levels_of(*parts[0])
    fields = set()
    if kind == "call":
        fields = fields_of(source, arguments[3:], function)
    elif kind == "array" and arguments[3] != "NULL":
        fields = fields_of(source, arguments[3:4], function)
    events = events_of(*parts[1])
    # of several events with several levels, which has which is not seen from here
    return {event: (levels, fields, levels if len(events) == 1 else set()) for event in events}


def add(to, more):
    for event, sets in more.items():
        to[event] = tuple(old | new for old, new in zip(to.get(event, (set(), set(), set())), sets))


def logged_by(root, folders, problems):
    defines = {}
    for header in root.glob("connector/**/*.h"):
        for name, value in re.findall(r'^#define (\w+)\s+"([^"]*)"\s*$', without_comments(header.read_text()), re.M):
            defines[name] = f'"{value}"'
    found = {}
    sources = []
    for path in sorted(path for folder in folders for path in root.glob(f"{folder}/**/*.[ch]")):
        if path.name not in ("log.c", "log.h", "host_log.c", "host_log.h"):
            sources.append(Source(path, defines, sources))
    for source in sources:
        where = source.path.relative_to(root)
        for logger in LOGGERS:
            seen = 0
            for position, function, arguments in source.calls(logger):
                seen += 1
                try:
                    add(found, read_call(source, logger, function, arguments))
                except Unclear as why:
                    line = source.text.count("\n", 0, position) + 1
                    problems.append(f"{where}:{line}: cannot follow this call: {why}")
            if seen != len(re.findall(r"\b%s\b" % logger, source.text)):
                problems.append(f"{where}: {logger} is used outside of a function, or not called")
    return found


def listed_in(page, section, problems):
    """{event: (levels, fields)} of the tables below the heading."""
    text = page.read_text()
    match = re.search(r"^## %s\n(.*?)(?=^## |\Z)" % re.escape(section), text, re.M | re.S)
    if match is None:
        problems.append(f"{page.name} has no section {section}")
        return {}
    listed = {}
    for row in re.findall(r"^\| `.*\|$", match.group(1), re.M):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) != 5 or not all(cells[3:]):
            problems.append(f"{page.name}: not event, level, fields, what it means and what to do: {row[:60]}")
            continue
        for event in re.findall(r"`([^`]+)`", cells[0]):
            if event in listed:
                problems.append(f"{page.name} lists {event} twice")
            if not NAME.match(event):
                problems.append(f"{page.name}: {event} is no name of an event")
            listed[event] = (set(re.findall(r"[a-z]+", cells[1])), set(re.findall(r"`([^`]+)`", cells[2])))
    return listed


def compare(logged, listed, problems):
    for event in sorted(logged.keys() | listed.keys()):
        if event not in listed:
            problems.append(f"EVENTS.md does not list {event} ({', '.join(sorted(logged[event][0]))}; "
                            f"{' '.join(f'`{f}`' for f in sorted(logged[event][1]))})")
        elif event not in logged:
            problems.append(f"EVENTS.md lists {event}, which nothing logs")
        else:
            levels, fields, sure = logged[event]
            told_levels, told_fields = listed[event]
            if not (sure <= told_levels <= levels and told_levels):
                problems.append(f"{event}: its levels are {sorted(levels)}, EVENTS.md says {sorted(told_levels)}")
            if fields != told_fields:
                problems.append(f"{event}: its fields are {sorted(fields)}, EVENTS.md says {sorted(told_fields)}")


def main():
    root = Path(sys.argv[1])
    page = root / "docs/EVENTS.md"
    problems = []
    for section, folders in (("The connector", ["connector"]), ("The plugin, in its host's log", ["plugin"]),
                             ("scep-host", ["tests/scep_host"])):
        compare(logged_by(root, folders, problems), listed_in(page, section, problems), problems)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
