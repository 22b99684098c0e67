#!/usr/bin/env bash
# cppcheck on what we ship. What is false is in cppcheck.known, with a reason; an entry that matches nothing is an error, too.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lint/common.sh

# Of a file that it does not look at, cppcheck says nothing.
while IFS= read -r entry; do
    [ -f "${entry#*:}" ] || complain "cppcheck: tests/lint/cppcheck.known: $entry: there is no such file"
done < <(grep -E '^[A-Za-z]' tests/lint/cppcheck.known)

# The system's headers are left out, but for the lists' macros: without them it cannot parse.
lists=/usr/include/$(gcc -print-multiarch)/sys/queue.h
[ -e "$lists" ] || lists=/usr/include/sys/queue.h
cppcheck -j "$(nproc)" --quiet --std=c11 --enable=warning,performance,portability,information \
    --suppressions-list=tests/lint/cppcheck.known --error-exitcode=1 -D_GNU_SOURCE -Iinclude -Iconnector --include="$lists" \
    --library=posix --library=gnu --library=openssl --library=libcurl --library=sqlite3 \
    --template='{file}:{line}: {message} ({id})' connector plugin include 2>&1 ||
    complain "cppcheck: mend it; what is false goes into tests/lint/cppcheck.known, with the reason"
exit "$failed"
