#!/usr/bin/env bash
# Every header compiles alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lint/common.sh

tests/lint/headers.py "$BUILD" || complain "headers: include what it needs, in the header itself"
exit "$failed"
