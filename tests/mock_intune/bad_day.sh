#!/usr/bin/env bash
# intune-mock runs docs/MOCK.md's scenario as it says, and names what is wrong with one. Usage: bad_day.sh DIR-OF-intune-mock
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
mock=
trap '[ -z "$mock" ] || kill "$mock" && wait "$mock" || true; rm -rf "$work"' EXIT
arguments=(--state "$work/mock" --tenant contoso --client-id connector --client-secret the-secret
    --port-file "$work/port")

echo '{"steps":[{"atMs":1,"fault":{"endpoint":"validate","kind":"explode"}}]}' >"$work/wrong.json"
status=0
"$1/intune-mock" "${arguments[@]}" --scenario "$work/wrong.json" 2>"$work/message" || status=$?
[ "$status" = 2 ]
grep -q "wrong.json: steps\[0\]: there is no such kind of fault" "$work/message"

for option in --scenario --client-secret-file --client-certificate; do
    status=0
    "$1/intune-mock" "${arguments[@]}" "$option" "$work/none" 2>"$work/message" || status=$?
    [ "$status" = 2 ]
    grep -q "^intune-mock: $option: .*none: No such file or directory$" "$work/message"
done
"$1/intune-mock" --help | grep -q '^Exit: 0 .* 2 the command line or a file'

"$1/intune-mock" "${arguments[@]}" --scenario "$here/scenario.json" &
mock=$!
for _ in {1..200}; do [ -s "$work/port" ] && break; sleep 0.05; done
url=https://localhost:$(cat "$work/port")
ask() { curl -sS --cacert "$work/mock/ca.pem" "$@"; }
bearer=$(ask "$url/contoso/oauth2/v2.0/token" -d grant_type=client_credentials -d client_id=connector \
    -d client_secret=the-secret --data-urlencode scope=https://api.manage.microsoft.com//.default |
    jq -r .access_token)
validate() {
    ask -o "$work/reply" -w '%{http_code}' -H "Authorization: Bearer $bearer" -X POST \
        "$url/RACerts/StatelessScepRequestValidationService/ScepActions/validateRequest"
}
# Without an api-version: an honest 400, then two 503, then honest again; and the role is gone from new tokens.
[ "$(validate) $(validate) $(validate)" = "400 503 503" ]
[ "$(ask "$url/admin/tenants/contoso" | jq -c .intuneRole)" = true ]
[ "$(validate)" = 400 ]
[ "$(ask "$url/admin/tenants/contoso" | jq -c .intuneRole)" = false ]
# What time brings comes without a request.
for _ in {1..200}; do
    [ "$(ask "$url/admin/faults" | jq -c '.[0].probability')" = 0.1 ] && echo "the bad day is over" && exit 0
    sleep 0.05
done
exit 1
