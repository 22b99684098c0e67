#!/usr/bin/env bash
# revoke_at_ca.sh URL TLS-DIRECTORY SERIAL REASON: has scep-ca revoke, as a connector's [ca/NAME] of kind command. The exit codes
# are those of docs/REVOCATION.md.
set -eu
url=$1 tls=$2 serial=$3 reason=$4
reply=$(curl -sS --fail --max-time 5 --cacert "$tls/tls-ca.pem" --cert "$tls/client.pem" --key "$tls/client.key" \
    -H "Content-Type: application/json" -d "{\"serial\":\"$serial\",\"reason\":$reason}" "$url/revoke") || exit 75
case $reply in
'{"state":"valid"}') exit 0 ;;
'{"state":"revoked"}') exit 194 ;;
'{"state":"unknown"}') exit 195 ;;
*) exit 196 ;;
esac
