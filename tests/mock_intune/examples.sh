#!/usr/bin/env bash
# What can be done to intune-mock while it runs. Usage: examples.sh DIR-OF-intune-mock
set -euo pipefail
work=$(mktemp -d)
trap 'kill "$mock" && wait "$mock" || true; rm -rf "$work"' EXIT
echo "the-secret" >"$work/secret"
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=connector -keyout "$work/client.key" \
    -out "$work/client.pem" 2>"$work/openssl.log"

# Two tenants; a secret, a certificate and a managed identity.
"$1/intune-mock" --state "$work/mock" --tenant contoso --tenant fabrikam --client-id connector \
    --client-secret-file "$work/secret" --client-certificate "$work/client.pem" \
    --imds-listen 127.0.0.1:0 --imds-port-file "$work/imds" --port-file "$work/port" &
mock=$!
for _ in {1..200}; do [ -s "$work/port" ] && break; sleep 0.05; done
url=https://localhost:$(cat "$work/port")
ask() { curl -sS --cacert "$work/mock/ca.pem" "$@"; }
graph=https://graph.microsoft.com/.default
intune=https://api.manage.microsoft.com//.default
# sign_in TENANT SCOPE CREDENTIAL…: what the token endpoint says: the number of its error, or null and a token.
sign_in() {
    ask "$url/$1/oauth2/v2.0/token" -d grant_type=client_credentials -d client_id=connector \
        --data-urlencode "scope=$2" "${@:3}" >"$work/token"
    jq -c '.error_codes[0]' "$work/token"
}
secret=(--data-urlencode client_secret=the-secret)

# Tenants. A PUT says what the tenant is; what it does not name is healthy.
ask -X PUT "$url/admin/tenants/contoso" -d '{"intunePrincipal":false}' >"$work/reply"
[ "$(sign_in contoso "$intune" "${secret[@]}")" = 500011 ]
[ "$(sign_in fabrikam "$intune" "${secret[@]}")" = null ]
ask -X PUT "$url/admin/tenants/contoso" -d '{"conditionalAccessBlocks":true}' >"$work/reply"
[ "$(sign_in contoso "$graph" "${secret[@]}")" = 53003 ]
ask -X PUT "$url/admin/tenants/contoso" -d '{}' >"$work/reply"
[ "$(sign_in contoso "$graph" "${secret[@]}")" = null ]

# Rotation of a secret: the new one comes, the old one ends.
old=$(ask "$url/admin/credentials" | jq -r '.[] | select(.kind == "secret").keyId')
ask "$url/admin/credentials" -d '{"kind":"secret","secret":"the-new-one"}' >"$work/reply"
ask -X PUT "$url/admin/credentials/$old" -d '{"expiresInSeconds":0}' >"$work/reply"
[ "$(sign_in contoso "$graph" "${secret[@]}")" = 7000222 ]
[ "$(sign_in contoso "$graph" -d client_secret=the-new-one)" = null ]
ask -X DELETE "$url/admin/credentials/$old" >"$work/reply"
[ "$(sign_in contoso "$graph" "${secret[@]}")" = 7000215 ]

# A certificate: an assertion signed with its key, good for ten minutes and for once.
base64url() { base64 -w0 | tr '+/' '-_' | tr -d =; }
assertion() { # AUDIENCE JTI
    local now thumbprint head claims
    now=$(date +%s)
    thumbprint=$(openssl x509 -in "$work/client.pem" -outform DER | openssl dgst -sha256 -binary | base64url)
    head=$(printf '{"alg":"PS256","typ":"JWT","x5t#S256":"%s"}' "$thumbprint" | base64url)
    claims=$(printf '{"aud":"%s","iss":"connector","sub":"connector","jti":"%s","nbf":%d,"exp":%d}' "$1" "$2" \
        "$((now - 5))" "$((now + 300))" | base64url)
    printf '%s.%s.' "$head" "$claims"
    printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -sign "$work/client.key" \
        -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest | base64url
}
present() { # ASSERTION
    sign_in contoso "$graph" -d "client_assertion=$1" \
        -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer
}
once=$(assertion "$url/contoso/oauth2/v2.0/token" jti-1)
[ "$(present "$once")" = null ]
[ "$(present "$once")" = 50013 ]
[ "$(present "$(assertion "$url/fabrikam/oauth2/v2.0/token" jti-2)")" = 700023 ]

# A federated credential: the application trusts an issuer's tokens for one subject.
openssl genrsa -out "$work/issuer.key" 2048 2>"$work/openssl.log"
openssl pkey -in "$work/issuer.key" -pubout -out "$work/issuer.pem"
jq -n --rawfile key "$work/issuer.pem" '{kind: "federated", issuer: "https://oidc.example/cluster",
    subject: "system:serviceaccount:scep:connector", publicKey: $key}' >"$work/federated.json"
[ "$(ask "$url/admin/credentials" -d @"$work/federated.json" | jq -r .audience)" = api://AzureADTokenExchange ]

# A managed identity: plain HTTP, a header field, and numbers that are strings.
imds="http://127.0.0.1:$(cat "$work/imds")/metadata/identity/oauth2/token"
query="api-version=2018-02-01&resource=https%3A%2F%2Fapi.manage.microsoft.com%2F"
[ "$(curl -sS -H 'Metadata: true' "$imds?$query" | jq -r .expires_in)" = 3599 ]
[ "$(curl -sS "$imds?$query" | jq -r .error)" = invalid_request ]
[ "$(curl -sS -o "$work/reply" -w '%{http_code}' "${imds%/metadata*}/admin/stats")" = 404 ] # it has nothing else

# Revocations: somebody asks for one, the connector fetches it and reports the result.
ask "$url/admin/revocations" -d '{"serialNumber":"0A1B","issuerName":"CN=Issuing CA"}' >"$work/reply"
[ "$(sign_in contoso "$intune" -d client_secret=the-new-one)" = null ]
bearer=$(jq -r .access_token "$work/token")
revocations() { # ACTION BODY
    ask "$url/StatelessPkiConnectorService/CertificateAuthorityRequests/$1" -H "Authorization: Bearer $bearer" \
        -H 'Content-Type: application/json' -H 'api-version: 5019-05-05' \
        -H 'client-request-id: 6ee3d1c5-22c1-4f7e-9be5-1c9d2f0e5a11' -d "$2"
}
wanted='{"downloadParameters":{"maxRequests":100,"issuerName":null}}'
context=$(revocations downloadRevocationRequests "$wanted" | jq -r '.value[0].requestContext')
[ "$(revocations downloadRevocationRequests "$wanted" | jq -c .value)" = '[]' ] # it is quiet now, for an hour
[ "$(revocations uploadRevocationResults "{\"results\":[{\"requestContext\":\"$context\",\"succeeded\":true,
    \"errorCode\":\"None\",\"errorMessage\":null}]}" | jq -c .value)" = true ]
[ "$(ask "$url/admin/revocations" | jq -r '.[0].state')" = succeeded ]
ask "$url/admin/settings" -d '{"revocationQuietSeconds":0,"issuerNameFilter":"field"}' >"$work/reply"

# Faults: one request in ten, always the same ones; and all there is to choose from.
ask "$url/admin/faults" -d '{"endpoint":"token","kind":"status","status":503,"probability":0.1,"seed":42}' >"$work/reply"
[ "$(ask "$url/admin/fault-kinds" | jq -c '.[] | select(.kind == "expired").endpoints')" = '["token","imds"]' ]
ask -X DELETE "$url/admin/faults" >"$work/reply"
ask "$url/admin/faults" -d '{"endpoint":"token","kind":"drip","pauseMs":1,"times":1}' >"$work/reply"
[ "$(sign_in contoso "$graph" -d client_secret=the-new-one)" = null ]

# And everything as it was at the start.
ask -X POST "$url/admin/reset" >"$work/reply"
[ "$(sign_in contoso "$graph" "${secret[@]}")" = null ]
echo "the examples are over"
