#!/usr/bin/env python3
"""Man pages (mdoc, section 3) from the comments of public headers, so that a page says what its header says.

headers_to_man.py libiscep OUT api.h error.h client.h   libiscep.3, and a page for each declaration that has a comment
headers_to_man.py scep_plugin OUT scep_plugin.h         scep_plugin.3 alone, with everything in it
headers_to_man.py --list NAME HEADER...                 the names of the pages, with those of further functions on them

A header's first comment is the overview; "Threads. Text" in it begins a section. A comment before a declaration
is its page: its first sentence is the page's one line, and a paragraph "Errors. Text" is its section ERRORS.
"""
import re
import sys
from pathlib import Path

from mdoc import escape, page, prose

COMMENT = re.compile(r"/\*(.*?)\*/", re.S)


# --- reading a header ---

def comment_text(raw):
    """A comment without its frame; paragraphs and indented blocks as they stand."""
    return "\n".join(re.sub(r"^\s*\*? ?", "", line).rstrip() if i or "\n" in raw else line.strip()
                     for i, line in enumerate(raw.split("\n"))).strip("\n")


def paragraphs(text):
    """(is_literal, text) for each paragraph; a paragraph that is indented is an example."""
    for block in re.split(r"\n\s*\n", text):
        if not block.strip():
            continue
        if all(line.startswith("    ") for line in block.split("\n")):
            yield True, "\n".join(line[4:] for line in block.split("\n"))
        else:
            yield False, " ".join(block.split())


class Declaration:
    """One of: function, function type, callback type, enum, struct, opaque, macros; with the comment before it."""

    def __init__(self, kind, name, code, comment, header):
        self.kind, self.name, self.code, self.comment, self.header = kind, name, code, comment, header
        self.also = []  # further functions under the same comment

    @property
    def declarations(self):
        return [self] + self.also


KINDS = (
    ("enum", re.compile(r"typedef enum (\w+) \{.*?\} \w+;", re.S)),
    ("struct", re.compile(r"typedef struct (\w+) \{.*?\n\} \w+;", re.S)),
    ("opaque", re.compile(r"typedef struct (\w+) \w+;[^\n]*")),
    ("callback", re.compile(r"typedef \w+ \(\*(\w+)\)\([^;]*;", re.S)),
    ("function type", re.compile(r"typedef \w+ \(\*(\w+_fn)\)\([^;]*;", re.S)),
    ("function", re.compile(r"ISCEP_API [\w \*]*?(\w+)\([^;]*;", re.S)),
    ("macro", re.compile(r"#define (\w+)(?:\\\n|[^\n])*")),
)
SILENT_MACROS = re.compile(r"_H$|^ISCEP_(API|CHECKED|SIZED_INIT)$")


def read_header(path):
    """The overview, and the declarations with their comments, in the header's order."""
    text = path.read_text(encoding="utf-8")
    first = COMMENT.match(text)
    overview, at = comment_text(first.group(1)), first.end()
    found, comment, depth_of = [], "", None
    while at < len(text):
        match = COMMENT.match(text, at)
        if match:
            comment, at = comment_text(match.group(1)), match.end()
            continue
        for kind, pattern in KINDS:
            match = pattern.match(text, at)
            if match:
                add(found, Declaration(kind, match.group(1), match.group(0), comment, path.name))
                comment, at = "", match.end()
                break
        else:
            if text[at] == "#":  # a conditional or an include: nothing that a page tells
                comment, at = "", text.index("\n", at)
            at += 1
    return overview, found


def add(found, declaration):
    if declaration.kind == "macro" and SILENT_MACROS.search(declaration.name):
        return
    previous = found[-1] if found else None
    if not declaration.comment and previous and declaration.kind in ("function", "macro") and (
            previous.kind == declaration.kind or declaration.name.endswith("_INIT")):
        previous.also.append(declaration)
        return
    found.append(declaration)


# --- writing mdoc ---

def body(text, section=".Sh"):
    """Paragraphs; "Word. Text" begins a section (or with section None, stays)."""
    out, is_fresh = [], True
    for is_literal, paragraph in paragraphs(text):
        heading = re.match(r"([A-Z][a-z]+)\. (?=\S)", paragraph)
        if is_literal:
            narrow = re.sub(r"(?<=\S) {3,}", "  ", paragraph)
            out.append(".Bd -literal -offset indent\n%s\n.Ed" % escape(narrow))
            is_fresh = False
            continue
        if heading and section:
            out.append("%s %s" % (section, heading.group(1).upper()))
            paragraph, is_fresh = paragraph[heading.end():], True
        out.append(("" if is_fresh else ".Pp\n") + prose(paragraph))
        is_fresh = False
    return "\n".join(out)


def first_sentence(text):
    """The comment's first sentence, up to a colon, as a page's one line."""
    flat = " ".join(text.split("\n\n")[0].split())
    sentence = re.split(r"(?<=\w)[.:;](?: |$)", flat)[0].split(", initialised with")[0]
    return sentence[0].lower() + sentence[1:] if sentence[1:2].islower() or sentence[1:2] == " " else sentence


def api_page(name, one_line, sections):
    return page(name, 3, one_line, sections, "the headers")


def function_synopsis(declaration):
    code = " ".join(re.sub(r"ISCEP_API |ISCEP_CHECKED|;", "", declaration.code).split())
    result, name, arguments = re.match(r"(.*?[ \*])(\w+)\((.*)\)", code).groups()
    lines = [".Ft \"%s\"" % result.strip(), ".Fo %s" % name]
    lines += [".Fa \"%s\"" % argument.strip() for argument in arguments.split(",")]
    return "\n".join(lines + [".Fc"])


def typedef_synopsis(declaration):
    return ".Bd -literal\n%s\n.Ed" % escape(re.sub(r"/\*.*?\*/", "", declaration.code, flags=re.S))


def synopsis(declaration):
    out = [".In %s" % header_path(declaration.header)]
    for one in declaration.declarations:
        if one.kind == "function":
            out.append(function_synopsis(one))
        elif one.kind in ("callback", "function type"):
            out.append(typedef_synopsis(one))
        elif one.kind == "opaque":
            out.append(".Vt \"typedef struct %s %s;\"" % (one.name, one.name))
        elif one.kind in ("enum", "struct"):
            out.append(".Vt \"typedef %s %s\" { ... } %s;" % (one.kind, one.name, one.name))
        else:
            out.append(".Fd \"#define %s\"" % one.name)
    return "\n".join(out)


def header_path(name):
    return name if name == "scep_plugin.h" else "iscep/" + name


def members(declaration):
    """(code, comment) for each member of a struct or value of an enum; code None: a remark for those that follow."""
    inside = re.search(r"\{\n(.*)\n\}", declaration.code, re.S).group(1)
    tokens = re.findall(r"/\*.*?\*/|[^/]+", inside, re.S)
    out, waiting, is_behind = [], None, False
    for token in tokens:
        if token.startswith("/*"):
            text = " ".join(comment_text(token[2:-2]).split())
            if out and is_behind:  # on the line of a member, or on the next one if it did not fit
                out[-1] = (out[-1][0], text)
                is_behind = False
            else:
                if waiting:
                    out.append((None, waiting))
                waiting = text
            continue
        separator = ";" if declaration.kind == "struct" else ","
        for piece in re.split(separator + r"(?![^(]*\))", token):
            code = " ".join(piece.split())
            if code:
                out.append((code, waiting or ""))
                waiting = None
        is_behind = not re.search(r"\n\s*$", token)
    return out


def table(declaration, indent="Ds"):
    out = [".Bl -tag -width %s" % indent]
    for code, comment in members(declaration):
        if code is None:
            out += [".El", ".Pp", prose(comment), ".Bl -tag -width %s" % indent]
        else:
            out += [".It Li \"%s\"" % escape(code.replace('"', "")), prose(comment) if comment else "\\&"]
    return "\n".join(out + [".El"]).replace(".Bl -tag -width %s\n.El\n" % indent, "")


def details(declaration):
    """A page's DESCRIPTION and what follows it."""
    text = body(declaration.comment)
    if declaration.kind in ("enum", "struct"):
        text += "\n" + table(declaration)
    returns = returned(declaration)
    description, separator, errors = text.partition("\n.Sh ERRORS")
    return description + returns + separator + errors


def see_also(names):
    return " ,\n".join(".Xr %s 3" % name for name in sorted(names, key=str.lower))


def related(declaration, documented):
    """The pages of the types in a declaration, and of the declarations that mention this one."""
    def mentions(one, other):
        return any(re.search(r"\b%s\b" % other.name, part.code) for part in one.declarations)
    return {other.name for other in documented
            if other is not declaration and (mentions(declaration, other) or mentions(other, declaration))}


def library_pages(library, headers):
    """{page: text, or the page it is a link to}: an overview, and each declaration with a comment."""
    pages, overview, documented = {}, "", []
    for header in headers:
        text, declarations = read_header(header)
        overview = text if header.name == "client.h" else overview
        documented += [one for one in declarations if one.comment and one.kind != "macro"]
    for one in documented:
        pages[one.name] = api_page(one.name, first_sentence(one.comment), [
            ("SYNOPSIS", synopsis(one)), ("DESCRIPTION", details(one)),
            ("SEE ALSO", see_also(related(one, documented) | {library})),
            ("HISTORY", "Since version %s of the interface." % since(one))])
        for further in one.also:
            if further.kind == "function":
                pages[further.name] = one.name
    pages[library] = api_page(library, overview.split(":")[0].split(", ", 1)[1],
                          [("SYNOPSIS", ".In iscep/client.h"), ("DESCRIPTION", body(overview)),
                           ("SEE ALSO", see_also({one.name for one in documented}))])
    return pages


def returned(declaration):
    if declaration.kind == "function" and "iscep_status iscep_client" in declaration.code:
        return ("\n.Sh RETURN VALUES\n.Dv ISCEP_OK ,\nor the class of the failure, and\n.Fa err\nis filled: see\n.Xr iscep_status 3\nand\n"
                ".Xr iscep_error 3 .")
    return ""


def since(declaration):
    match = re.search(r"\bSince (\d+\.\d+)\.", declaration.comment)
    return match.group(1) if match else "1.0"


def single_page(name, header):
    """Everything of one header on one page."""
    overview, declarations = read_header(header)
    out = []
    for one in declarations:
        if one.kind == "macro":
            out += [".Ss %s" % escape(one.name), constants(one)]
        else:
            out += [".Ss %s" % one.name, typedef_synopsis(one) if one.kind in ("callback", "function type") else "",
                    body(one.comment, None), table(one) if one.kind in ("enum", "struct") else ""]
    return {name: api_page(name, first_sentence(overview.split(" - ", 1)[1]), [
        ("SYNOPSIS", ".In %s" % header.name), ("DESCRIPTION", body(overview)),
        ("DECLARATIONS", "\n".join(part for part in out if part))])}


def constants(declaration):
    out = [body(declaration.comment, None)] if declaration.comment else []
    out.append(".Bl -tag -width Ds")
    for one in declaration.declarations:
        value, comment = re.match(r"#define \w+\s*\\?\s*([^/]*?)\s*(?:/\*(.*?)\*/)?\s*$", one.code, re.S).groups()
        out += [".It Li \"%s %s\"" % (one.name, escape(value.replace('"', ""))), prose(" ".join((comment or "").split())) or "\\&"]
    return "\n".join(out + [".El"])


def write(path, text):
    path.unlink(missing_ok=True)
    if "\n" in text:
        path.write_text(text, encoding="utf-8")
    else:
        path.symlink_to(text + ".3")


def main():
    arguments = sys.argv[1:]
    is_list = arguments[0] == "--list"
    name, rest = (arguments[1], arguments[2:]) if is_list else (arguments[0], arguments[1:])
    headers = [Path(path) for path in (rest if is_list else rest[1:])]
    pages = library_pages(name, headers) if len(headers) > 1 else single_page(name, headers[0])
    for title, text in sorted(pages.items()):
        if is_list:
            print(title)
        else:
            write(Path(rest[0], title + ".3"), text)


if __name__ == "__main__":
    main()
