#!/usr/bin/env bash
# gcc -fanalyzer on what we ship: paths on which something leaks, is freed twice, or is used before it is set.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lint/common.sh

tests/lint/analyzer.py "$BUILD" tests/lint/analyzer.known ||
    complain "analyzer: mend it; what is false goes into tests/lint/analyzer.known, with the reason"
exit "$failed"
