#!/usr/bin/env bash
# Runs shellcheck on every script. Those of the Debian packages only become scripts when they are built: their #PLACEHOLDERS# are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lint/common.sh

tests/support/source_files.sh '*.sh' dev .ci/run | on_all_cores 4 shellcheck || complain "scripts: shellcheck"
for script in packaging/debian/*.{preinst,postinst,prerm,postrm}; do
    [ -f "$script" ] || continue
    sed -E 's/#[A-Z]+#//' "$script" | shellcheck - || complain "scripts: shellcheck of $script"
done
exit "$failed"
