#!/usr/bin/env bash
# Every C file is laid out as clang-format has it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lint/common.sh

if ! found=$(tests/support/source_files.sh '*.c' '*.h' | on_all_cores 60 clang-format --dry-run --Werror 2>&1); then
    grep error: <<<"$found"
    complain "form: ./dev format mends it"
fi
exit "$failed"
