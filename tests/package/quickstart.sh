# shellcheck shell=bash
# Sourced: docs/QUICKSTART.md, whose commands tests/package/try.sh runs in a bare Debian, and whose end is what they said there.

QUICKSTART=docs/QUICKSTART.md

# One command a line: what is in the block behind each `<!-- first run -->`.
quickstart_commands() {
    awk '/^<!-- first run -->$/ { marked = 1 } inside && /^```/ { inside = 0 } inside { print } marked && /^```sh$/ { inside = 1; marked = 0 }' \
        "$QUICKSTART"
}

# The transcript: each command behind a `# `, and what it said.
quickstart_transcript() {
    sed -n '/^<!-- transcript -->$/,$p' "$QUICKSTART" | sed '1,2d; /^```$/,$d'
}

# quickstart_record FILE: makes this the page's transcript.
quickstart_record() {
    awk -v file="$1" '
        /^<!-- transcript -->$/ { print; print "```text"; while ((getline line <file) > 0) print line; print "```"; skips = 2; next }
        skips && /^```/ { skips--; next }
        !skips { print }' "$QUICKSTART" >"$1.page"
    cat "$1.page" >"$QUICKSTART"
}
