#!/usr/bin/env bash
# The plugin of docs/PLUGIN-ABI.md, built as its first lines say: it keeps the contract, with the approved request and without
# one, and says yes to that request alone.
#
#   BUILD=DIR tests/docs/smallest_plugin.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new

cc -Wall -Wextra -Werror -shared -fPIC -fvisibility=hidden -I include -o "$WORK/smallest_plugin.so" \
    plugin/examples/smallest_plugin.c
make_csr "$WORK/approved" CN=approved approved.example a-challenge
make_csr "$WORK/other" CN=other other.example a-challenge

for file in approved nowhere; do
    "$BUILD/bin/scep-plugin-check" --config "approved=$WORK/$file.der" --request "$WORK/approved.der" \
        "$WORK/smallest_plugin.so" >"$WORK/check.log" || fail "scep-plugin-check is not content"
done
ok "scep-plugin-check is content"

# asked EXPECTED APPROVED REQUEST: the verdict, by the host in Python
asked() {
    same "$1" "$(PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=plugin/examples/python python3 - "$WORK/smallest_plugin.so" "$2" "$3" <<'PYTHON'
import sys
from host import Bytes, Instance, Request, PKCS_REQ, read_file
plugin, approved, request = sys.argv[1:]
with Instance(plugin, {"approved": approved}) as instance:
    question = Request(message_type=PKCS_REQ, transaction_id=Bytes(b"id"), csr_der=Bytes(read_file(request)))
    verdict, code, _ = instance.ask(instance.plugin.verify_request, question)
    print(verdict, code, "ready" if instance.health()[0] else "down")
PYTHON
    )" "the verdict on $3"
}
asked "allow approved ready" "$WORK/approved.der" "$WORK/approved.der"
asked "deny not_approved ready" "$WORK/approved.der" "$WORK/other.der"
asked "deny not_approved ready" "$WORK/approved.der" "$WORK/nowhere.der"
asked "retry approved_unreadable down" "$WORK/nowhere.der" "$WORK/other.der"
: >"$WORK/empty.der"
asked "retry approved_unreadable down" "$WORK/empty.der" "$WORK/empty.der"
head -c 65537 /dev/zero >"$WORK/huge.der"
asked "retry approved_unreadable down" "$WORK/huge.der" "$WORK/huge.der"
ok "yes to the approved request, no to another, retry without one"
