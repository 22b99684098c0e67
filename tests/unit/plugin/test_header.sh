#!/bin/sh
# scep_plugin.h stands alone: C99 and C++11, no warnings, no includes but stddef.h and stdint.h. And its layout is that of 1.0.
# Usage: test_header.sh ROOT; CC and CXX name the compilers.
set -eu
header=$1/include/scep_plugin.h
warnings="-Wall -Wextra -Wconversion -Wshadow -pedantic-errors -Werror"

# The unit includes the header twice: its guard is part of what is checked.
unit() { printf '#include "%s"\n#include "%s"\nint scep_plugin_header_compiles;\n' "$header" "$header"; }
# shellcheck disable=SC2086 # several words on purpose
unit | ${CC:-cc} -std=c99 $warnings -Wstrict-prototypes -x c -fsyntax-only -
# shellcheck disable=SC2086
unit | ${CXX:-c++} -std=c++11 $warnings -x c++ -fsyntax-only -

layout=$1/tests/unit/plugin/abi_layout.c
# shellcheck disable=SC2086
${CC:-cc} -std=c11 $warnings -I "$1" -I "$1/include" -fsyntax-only "$layout"
# shellcheck disable=SC2086
${CXX:-c++} -std=c++11 $warnings -I "$1" -I "$1/include" -x c++ -fsyntax-only "$layout"

includes=$(sed -n 's/^#include //p' "$header" | tr '\n' ' ')
if [ "$includes" != "<stddef.h> <stdint.h> " ]; then
    echo "scep_plugin.h includes: $includes" >&2
    exit 1
fi
