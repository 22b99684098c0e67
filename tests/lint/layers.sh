#!/usr/bin/env bash
# Who may include whom, where a third party may be used, and what is said at one place only (docs/ARCHITECTURE.md).
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lint/common.sh

# An include may point at its own layer or below (docs/ARCHITECTURE.md), never up or sideways.
declare -A below=(
    [base]="base" [profile]="profile base" [net]="net base" [intune]="intune net base" [journal]="journal net base"
    [ca]="ca net base" [service]="service intune journal ca net base"
    [daemon]="daemon service intune journal ca net base" [ctl]="ctl daemon/config.h service intune journal profile net base"
)
other_layers=$(diff <(printf '%s\n' "${!below[@]}" | sort) <(find connector -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)) ||
    complain "layers: those of this script (<) are not those of connector (>): ${other_layers//$'\n'/ }"
for layer in "${!below[@]}"; do
    allowed=${below[$layer]// /|}
    if grep -rnE '^#include "(base|profile|net|intune|journal|ca|service|daemon|ctl)/' "connector/$layer" | grep -vE "\"($allowed)[/\"]"; then
        complain "layers: connector/$layer includes what is not below it"
    fi
done
grep -rn '^#include "' plugin --include='*.[ch]' --exclude-dir=direct | grep -E '"(base|profile|net|intune|journal|ca|service|daemon|ctl|iscep)/|plugin/direct/' &&
    complain "layers: what is outside plugin/direct includes the connector"
grep -rn '^#include "' plugin/direct | grep -E '"(profile|net|intune|journal|ca|service|ctl|iscep)/' &&
    complain "layers: plugin/direct runs the connector by daemon/core.h; its parts are not its business"

# Third parties have one home each.
one_home() { # PATTERN ALLOWED_REGEX
    local found
    found=$(grep -rnE "^#include <($1)" connector plugin include | grep -vE "^($2)" || true)
    [ -z "$found" ] || { echo "$found"; complain "a third party outside its home"; }
}
one_home 'curl/' 'connector/net/'
one_home 'cjson/' 'connector/base/json'
one_home 'event2/|http_parser' 'connector/net/'
one_home 'systemd/' 'connector/(base/(audit_)?journald|daemon/systemd)'
one_home 'sqlite3' 'connector/journal/store_sqlite'
one_home 'libpq' 'connector/journal/(store_postgres|conninfo)'
one_home 'ini_' 'connector/daemon/config'
one_home 'libxml/' 'connector/base/xml'

# Yes is said once: a line that sets the decision to ALLOW.
count=$(grep -rnE '= *ISCEP_ALLOW' connector --include='*.c' | grep -cvE '[!=]=' || true)
[ "$count" = 1 ] || complain "verdict: ISCEP_ALLOW is assigned at $count places, not one"
# In the plugins, too: a verdict that is passed on to a host.
count=$(grep -rnE '= *SCEP_VERDICT_ALLOW\>' plugin/abi plugin/socket plugin/direct --include='*.c' | grep -cvE '[=!]=' || true)
[ "$count" = 1 ] || complain "verdict: SCEP_VERDICT_ALLOW is assigned at $count places of the plugins, not one"
# And so is "deliver what was issued before".
count=$(grep -rnE '= *ISCEP_DELIVER\>' connector --include='*.c' | grep -cvE '[=!]=' || true)
[ "$count" = 1 ] || complain "verdict: ISCEP_DELIVER is assigned at $count places, not one"

exit "$failed"
