#!/usr/bin/env python3
"""report.py, judged: a list that is true passes, and each way in which it can be wrong is found, with its sentence."""
import json
import pathlib
import subprocess
import sys
import tempfile

REPORT = pathlib.Path(__file__).with_name("report.py")
HELD, OTHER = "connector/journal/part.c", "connector/base/part.c"
SOURCE = """static int first(void)
{
    if (go())
        return status;
    if (stop())
        return  status;
    return 0;
}
static int second(void)
{
    return status;
}
"""
LINES = [1, 3, 4, 5, 6, 7, 9, 11]
ONE, TWO, THREE, LAST = (f"{HELD} {function}: return status;" for function in ("first", "first#2", "first#3", "second"))


def lines_of(path, *unreached):
    """What gcovr writes of a file that is in as many programs as there are lists of lines that they do not reach."""
    lines = [{"line_number": number, "count": 0 if number in of else 3} for of in unreached for number in LINES]
    lines.append({"line_number": 12, "count": 0, "gcovr/noncode": True})
    return {"file": path, "lines": lines, "functions": [{"name": "first", "lineno": 1}, {"name": "second", "lineno": 9}]}


def run(folder, files, listed, *arguments):
    """(exit status, what it says)"""
    folder = pathlib.Path(folder)
    for path in (HELD, OTHER):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(SOURCE, encoding="utf-8")
    (folder / "lines.json").write_text(json.dumps({"files": files}), encoding="utf-8")
    (folder / "unreached.txt").write_text(listed, encoding="utf-8")
    end = subprocess.run([REPORT, "lines.json", "unreached.txt", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return end.returncode, end.stdout + end.stderr


def under(reason, *entries):
    return "\n".join([f"## {reason}", *entries, ""])


NOBODY = "nobody comes here"
CHANCE = "by chance: who is first"
NEW = "coverage: not reached, and unreached.txt does not say why: "
GONE = "coverage: unreached.txt lists what is reached, or is not there: "

# name: files, list, exit status, the only complaint (None: none)
CASES = {
    "all is reached": ([lines_of(HELD, [])], "", 0, None),
    "each line has its reason": ([lines_of(HELD, [4, 6])], under(NOBODY, ONE, TWO), 0, None),
    "equal lines may have each its own": ([lines_of(HELD, [4, 6])], under(NOBODY, ONE) + under(CHANCE, TWO), 0, None),
    "one of two equal lines excuses only itself": ([lines_of(HELD, [4, 6])], under(NOBODY, ONE), 1, NEW + TWO),
    "the first is not the second": ([lines_of(HELD, [6])], under(CHANCE, ONE), 1, NEW + TWO),
    "nor another function's": ([lines_of(HELD, [11])], under(CHANCE, ONE, TWO), 1, NEW + LAST),
    "what is reached is not listed": ([lines_of(HELD, [4])], under(NOBODY, ONE, TWO), 1, GONE + TWO),
    "but by chance it may be": ([lines_of(HELD, [4])], under(NOBODY, ONE) + under(CHANCE, TWO), 0, None),
    "if it is there": ([lines_of(HELD, [4])], under(NOBODY, ONE) + under(CHANCE, THREE), 1, GONE + THREE),
    "what is not looked at fails": ([lines_of(HELD, [4])], under("not yet looked at", ONE), 1, NEW + ONE),
    "a line that one program reaches is reached": ([lines_of(HELD, [4, 6], [4])], under(NOBODY, ONE), 0, None),
    "other parts are only counted": ([lines_of(OTHER, [4, 6])], "", 0, None),
    "an entry twice": ([lines_of(HELD, [4])], under(NOBODY, ONE, ONE), 1, f"unreached.txt: twice: {ONE}"),
    "an entry without a reason": ([lines_of(HELD, [4])], f"{ONE}\n", 1, f"unreached.txt: without a reason: {ONE}"),
    "no counts at all": ([], "", 1, None),
}


def judge(name):
    files, listed, status, complaint = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        got_status, said = run(folder, files, listed)
    complaints = [line for line in said.splitlines() if "unreached.txt" in line]
    wanted = [complaint] if complaint is not None else []
    return [] if (got_status, complaints) == (status, wanted) else [f"{name}: exit status {got_status}\n{said}"]


def judge_write():
    """What is new is taken in and still fails; what is reached goes; the reasons and the head stay."""
    listed = "# Head.\n\n" + under(NOBODY, TWO) + "\n" + under(CHANCE, LAST)
    with tempfile.TemporaryDirectory() as folder:
        status, _ = run(folder, [lines_of(HELD, [4])], listed, "--write")
        written = pathlib.Path(folder, "unreached.txt").read_text(encoding="utf-8")
    wanted = "# Head.\n\n" + under(CHANCE, LAST) + "\n" + under("not yet looked at", ONE)
    return [] if (status, written) == (1, wanted) else [f"--write: exit status {status}\n{written}"]


def main():
    wrong = [complaint for name in CASES for complaint in judge(name)] + judge_write()
    print("\n".join(wrong) or f"{len(CASES) + 1} cases")
    sys.exit(1 if wrong else 0)


main()
