"""What the generators of man pages have in common: text as mdoc(7), and a page around it."""
import datetime
import os
import re
import textwrap

DATE = "November 22, 2026"  # of the interfaces' version 1.0


def build_date():
    """The day of what is built: SOURCE_DATE_EPOCH, never today, so that two builds are the same bytes."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return DATE
    day = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
    return f"{day:%B} {day.day}, {day.year}"


def escape(text):
    """Text as it stands, also at the beginning of a line."""
    text = text.replace("\\", "\\e").replace("…", "...").replace("-", "\\-" if text.startswith("-") else "-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def prose(text):
    """One sentence a line, as mdoc wants it."""
    sentences = re.split(r"(?<=[a-z\)\"0-9A-Z][.?!]) (?=[A-Z])", text)
    lines = [textwrap.fill(sentence, 78, break_long_words=False, break_on_hyphens=False) for sentence in sentences]
    return escape("\n".join(lines))


def marked(text):
    """Prose in which `code` and --options are set off, and hyphens of options can be copied."""
    parts = re.split(r"(`[^`]*`|(?<![\w-])--?[a-zA-Z][\w-]*)", text)
    keep = {}
    for index in range(1, len(parts), 2):  # what must not be broken over lines is one word until then
        key = f"\x00{index}X"  # the last letter of a word, for prose
        keep[key] = "\\fB" + escape(parts[index].strip("`")).replace("-", "\\-").replace("\\\\-", "\\-") + "\\fR"
        parts[index] = key
    out = prose("".join(parts))
    for key, code in keep.items():
        out = out.replace(key, code)
    return out


def tagged(items, width="Ds"):
    """A list of (tag as mdoc, text as mdoc)."""
    out = [f".Bl -tag -width {width}"]
    for tag, text in items:
        out += [f".It {tag}", text or "\\&"]
    return "\n".join(out + [".El"])


def macro_text(text):
    """An argument of a macro: one word whatever stands in it."""
    return '"' + escape(text).replace("\\\\-", "\\-").replace('"', '\\(dq') + '"'


def page(name, section, one_line, sections, made_from, date=DATE):
    """sections: [(heading, mdoc)]; what is empty is left out, and what has no heading goes on with the one before."""
    out = [f".\\\" Made from {made_from}: mend those.", f".Dd {date}", f".Dt {name.upper()} {section}", ".Os",
           ".Sh NAME", f".Nm {name}", f".Nd {escape(one_line.rstrip('.'))}"]
    for heading, text in sections:
        if text:
            out += ([f".Sh {heading}"] if heading else []) + [text]
    return "\n".join(out) + "\n"
