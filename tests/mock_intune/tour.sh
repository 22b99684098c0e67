#!/usr/bin/env bash
# One enrolment by hand, in the place of a connector. Usage: tour.sh DIR-OF-intune-mock
set -euo pipefail
work=$(mktemp -d)
trap 'kill "$mock" && wait "$mock" || true; rm -rf "$work"' EXIT
echo "the-secret" >"$work/secret"

# The cloud, with one tenant and one application.
"$1/intune-mock" --state "$work/mock" --tenant contoso --client-id connector \
    --client-secret-file "$work/secret" --port-file "$work/port" &
mock=$!
for _ in {1..200}; do [ -s "$work/port" ] && break; sleep 0.05; done
url=https://localhost:$(cat "$work/port")
ask() { curl -sS --cacert "$work/mock/ca.pem" "$@"; }

# The administrator assigns a profile, and the device is given its challenge.
challenge=$(ask "$url/admin/challenges" -d '{"subject":"CN=laptop-1,O=Contoso","keyLength":2048,"deviceId":"laptop-1",
    "subjectAltNames":[{"type":"dns","value":"laptop-1.contoso.example"}]}' | jq -r .challenge)

# The device makes its request.
cat >"$work/request.cnf" <<CONF
[req]
prompt = no
distinguished_name = subject
attributes = attributes
req_extensions = extensions
[subject]
CN = laptop-1
O = Contoso
[attributes]
challengePassword = $challenge
[extensions]
subjectAltName = DNS:laptop-1.contoso.example
CONF
openssl req -new -newkey rsa:2048 -nodes -keyout "$work/key.pem" -config "$work/request.cnf" \
    -outform DER -out "$work/request.der" 2>"$work/openssl.log"
csr=$(base64 -w0 "$work/request.der")

# The connector signs in, finds its scale unit, and asks.
token() {
    ask "$url/contoso/oauth2/v2.0/token" -d grant_type=client_credentials -d client_id=connector \
        --data-urlencode client_secret=the-secret --data-urlencode "scope=$1" | jq -r .access_token
}
scep=$(ask -H "Authorization: Bearer $(token https://graph.microsoft.com/.default)" \
    "$url/v1.0/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints" |
    jq -r '.value[] | select(.providerName == "ScepRequestValidationFEService").uri')
intune=$(token https://api.manage.microsoft.com//.default)
action() {
    ask "$scep/ScepActions/$1" -H "Authorization: Bearer $intune" -H 'Content-Type: application/json' \
        -H 'api-version: 2018-02-20' -H 'client-request-id: 6ee3d1c5-22c1-4f7e-9be5-1c9d2f0e5a11' -d "$2" | jq -r .code
}
request="{\"request\":{\"transactionId\":\"T1\",\"certificateRequest\":\"$csr\",\"callerInfo\":\"tour\"}}"
failure="{\"notification\":{\"transactionId\":\"T1\",\"certificateRequest\":\"$csr\",\"hResult\":-2147467259,
    \"errorDescription\":\"the CA is on holiday\",\"callerInfo\":\"tour\"}}"
[ "$(action validateRequest "$request")" = Success ]
[ "$(action failureNotification "$failure")" = Success ]

# The profile is taken away from the device; then Intune has a bad day.
ask -X DELETE "$url/admin/devices/laptop-1" >"$work/reply"
[ "$(action validateRequest "$request")" = ScepProfileNoLongerTargetedToTheClient ]
ask "$url/admin/faults" -d '{"endpoint":"validate","kind":"status","status":503,"retryAfter":7,"times":1}' >"$work/reply"
[ "$(action validateRequest "$request")" = null ]

# What the mock was told.
[ "$(ask "$url/admin/transactions/T1" | jq -r '.failure.fields.errorDescription')" = "the CA is on holiday" ]
[ "$(ask "$url/admin/stats" | jq -c .validate.outcomes)" = '{"Success":1,"ScepProfileNoLongerTargetedToTheClient":1}' ]
echo "the tour is over"
