#!/usr/bin/env bash
# clang-tidy on what we ship; .clang-tidy says which of its checks.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lint/common.sh

# One file a process: clang's analyser carries things from one to the next, and then finds va_lists where there are none.
tests/support/source_files.sh '*.c' | grep -E '^(connector|plugin)/' | on_all_cores 1 clang-tidy -p "$BUILD" --quiet 2>/dev/null ||
    complain "tidy: clang-tidy"
exit "$failed"
