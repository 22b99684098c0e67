#!/usr/bin/env bash
# The connector as a service: its doors and who may come in, sockets from systemd, reload, limits.
# WORKERS says how many it has (1).
set -euo pipefail
# shellcheck source=tests/support/stack.sh
. "$(dirname "$0")/../support/stack.sh"
SUPPORT=$(cd "$(dirname "$0")/../support" && pwd)
WORKERS=${WORKERS:-1}
stack_new
mock_start

# --- certificates: a CA for the doors, another one, and who has which name ---

make_ca() { # NAME
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/$1.key" -out "$WORK/$1.pem" \
        -days 30 -subj "/CN=$1" 2>/dev/null
}

certificate() { # NAME DNS CA USAGE [DAYS]
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$WORK/$1.key" -out "$WORK/$1.csr" \
        -subj "/CN=$2" 2>/dev/null
    openssl x509 -req -in "$WORK/$1.csr" -CA "$WORK/$3.pem" -CAkey "$WORK/$3.key" -days "${5:-30}" -out "$WORK/$1.pem" \
        -extfile <(printf 'subjectAltName=DNS:%s\nextendedKeyUsage=%s\n' "$2" "$4") 2>/dev/null
}

make_ca door-ca
make_ca other-ca
certificate server localhost door-ca serverAuth
certificate client scep1.example door-ca clientAuth
certificate wrong-name scep2.example door-ca clientAuth
certificate wrong-ca scep1.example other-ca clientAuth
certificate wrong-usage scep1.example door-ca serverAuth
echo "a-token-of-the-first-door" >"$WORK/token"
echo "a-token-of-another-server" >"$WORK/token2"
chmod 600 "$WORK"/token*

free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
MTLS=$(free_port) TOKEN=$(free_port) EITHER=$(free_port) WATCH=$(free_port)

configure() { # [MORE LINES OF [connector]]
    cat >"$WORK/connector.conf" <<TEXT
[connector]
request_timeout_ms = 10000
workers = $WORKERS
$1

[listener/local]
address = unix:$WORK/connector.sock
mode = 0666
serves = api admin

[listener/guarded]
address = unix:$WORK/guarded.sock
mode = 0666
peer_uids = daemon
serves = api

[listener/mtls]
address = tcp:127.0.0.1:$MTLS
certificate = $WORK/server.pem
key = $WORK/server.key
client_ca = $WORK/door-ca.pem
client_certificates = required
client_names = scep1.example
serves = api

[listener/token]
address = tcp:127.0.0.1:$TOKEN
certificate = $WORK/server.pem
key = $WORK/server.key
tokens = $WORK/token
serves = api

[listener/either]
address = tcp:127.0.0.1:$EITHER
certificate = $WORK/server.pem
key = $WORK/server.key
client_ca = $WORK/door-ca.pem
client_certificates = optional
client_names = scep1.example
tokens = $WORK/token
serves = api

[listener/watch]
address = tcp:127.0.0.1:$WATCH
serves = metrics status

[journal]
path = $WORK/journal.db

$(mock_tenant)
TEXT
}
configure ""
connector_start

CHALLENGE=$(mock_challenge '{"subject":"CN=service","subjectAltNames":[{"type":"dns","value":"service.example"}]}')
make_csr "$WORK/service" "CN=service" service.example "$CHALLENGE"

# What a SCEP server asks again and again without being told of a certificate of before; prints the status.
ask() { # URL [CURL OPTION…]
    local url=$1
    shift
    curl -sS -o "$WORK/answer" -w '%{http_code}' --max-time 20 --cacert "$WORK/door-ca.pem" \
        -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: service' -H 'X-Scep-Replay: no' \
        --data-binary "@$WORK/service.der" "$@" "$url/v1/validate" 2>"$WORK/curl.log" || true
}
with() { echo "--cert $WORK/$1.pem --key $WORK/$1.key"; }
bearer() { echo "Authorization: Bearer $1"; }

# --- who may come in ---

same 200 "$(ask http://local --unix-socket "$WORK/connector.sock")" "the Unix socket"
# shellcheck disable=SC2046
{
    same 200 "$(ask "https://localhost:$MTLS" $(with client))" "the client certificate with the right name"
    same 403 "$(ask "https://localhost:$MTLS" $(with wrong-name))" "a certificate with another name"
    grep -q client_certificate_not_allowed "$WORK/answer" || fail "no reason: $(cat "$WORK/answer")"
    for name in wrong-ca wrong-usage; do
        same 000 "$(ask "https://localhost:$MTLS" $(with "$name"))" "the certificate $name"
    done
    same 000 "$(ask "https://localhost:$MTLS")" "no certificate"
    same 000 "$(ask "https://localhost:$MTLS" -H "$(bearer a-token-of-the-first-door)")" "a token instead of a certificate"
}
ok "mTLS: only a certificate of the right CA, with the right name, for clients"

same 200 "$(ask "https://localhost:$TOKEN" -H "$(bearer a-token-of-the-first-door)")" "the token"
for wrong in a-token-of-the-first-doo a-token-of-the-first-doorr a-token-of-another-server ""; do
    same 401 "$(ask "https://localhost:$TOKEN" -H "$(bearer "$wrong")")" "the token \"$wrong\""
done
same 401 "$(ask "https://localhost:$TOKEN")" "no token"
same 401 "$(ask "https://localhost:$TOKEN" -u "x:a-token-of-the-first-door")" "the token as a password"
# shellcheck disable=SC2046
same 200 "$(ask "https://localhost:$EITHER" $(with client))" "the certificate, where either will do"
same 200 "$(ask "https://localhost:$EITHER" -H "$(bearer a-token-of-the-first-door)")" "the token, where either will do"
same 401 "$(ask "https://localhost:$EITHER")" "neither"
# shellcheck disable=SC2046
same 401 "$(ask "https://localhost:$EITHER" $(with wrong-name))" "a certificate with another name, and no token"
ok "bearer tokens: the whole token or nothing"

same 400 "$(ask "http://localhost:$TOKEN" -H "$(bearer a-token-of-the-first-door)")" "plain HTTP at a TLS door"
same 200 "$(curl -sS -o /dev/null -w '%{http_code}' "http://127.0.0.1:$WATCH/metrics")" "metrics at their door"
same 403 "$(curl -sS -o /dev/null -w '%{http_code}' -H 'Host: rebound.example' "http://127.0.0.1:$WATCH/metrics")" \
    "metrics for a page whose name was made to lead here"
same 404 "$(curl -sS -o /dev/null -w '%{http_code}' --cacert "$WORK/door-ca.pem" -H "$(bearer a-token-of-the-first-door)" \
    "https://localhost:$TOKEN/metrics")" "metrics at another door"
same 404 "$(ask "http://127.0.0.1:$WATCH")" "validation at the metrics' door"
same 404 "$(curl -sS -o /dev/null -w '%{http_code}' --unix-socket "$WORK/guarded.sock" http://guarded/v1/journal)" \
    "the operator's API where it is not served"
ok "each door serves what it is for"

if [ "$(id -u)" = 0 ]; then
    chmod 755 "$WORK"
    guarded() { # USER
        setpriv --reuid "$1" --clear-groups curl -sS -o /dev/null -w '%{http_code}' --unix-socket "$WORK/guarded.sock" \
            -H 'Content-Type: application/pkcs10' -H 'X-Scep-Transaction-Id: service' -H 'X-Scep-Replay: no' \
            --data-binary @- http://guarded/v1/validate <"$WORK/service.der"
    }
    same 200 "$(guarded daemon)" "a user of peer_uids"
    same 403 "$(guarded nobody)" "another user"
    ok "a Unix socket answers the users it names"
fi
grep -q 'door_refused .*code=token_wrong' "$WORK/connector.log" || fail "the refusals were not logged"
grep -q 'a-token-of' "$WORK/connector.log" && fail "a token is in the log"

# --- reload ---

reload() { "$BUILD/bin/intune-scepctl" reload --socket "$WORK/connector.sock" >"$WORK/reload.out" 2>&1; }

cp "$WORK/connector.conf" "$WORK/good.conf"
sed -i "s|tokens = $WORK/token\$|tokens = $WORK/token2|" "$WORK/connector.conf"
reload || fail "the reload: $(cat "$WORK/reload.out")"
same 401 "$(ask "https://localhost:$TOKEN" -H "$(bearer a-token-of-the-first-door)")" "the token of before"
same 200 "$(ask "https://localhost:$TOKEN" -H "$(bearer a-token-of-another-server)")" "the token of now"

sed -i '0,/^mode = 0666/s//mode = 0600/' "$WORK/connector.conf"
reload || fail "the reload with another mode: $(cat "$WORK/reload.out")"
grep -q 'mode or owner of a socket has changed, and that takes effect after a restart' "$WORK/reload.out" ||
    fail "nobody is told that the socket stays as it was: $(cat "$WORK/reload.out")"
reload || fail "the same again: $(cat "$WORK/reload.out")"
grep -q 'mode or owner of a socket has changed' "$WORK/reload.out" || fail "the second time nobody is told"
sed -i 's|^\[tenant/contoso\]|[tenant/renamed]|' "$WORK/connector.conf"
reload || fail "the reload with another tenant: $(cat "$WORK/reload.out")"
grep -q 'there is no \[tenant/contoso\] any more' "$WORK/reload.out" || fail "nobody is told that a tenant is gone"
sed -i 's|^\[tenant/renamed\]|[tenant/contoso]|' "$WORK/connector.conf"
reload || fail "the reload with the tenant again: $(cat "$WORK/reload.out")"
same 200 "$(ask http://local --unix-socket "$WORK/connector.sock")" "the tenant that has come back"

# Renewed in its files, as an ACME client does it.
shown() { openssl s_client -connect "127.0.0.1:$TOKEN" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
before=$(shown)
certificate server localhost door-ca serverAuth
same "$before" "$(shown)" "the certificate before the reload"
mv "$WORK/server.key" "$WORK/renewed.key"
cp "$WORK/client.key" "$WORK/server.key"
reload && fail "a key of another certificate was taken"
same "$before" "$(shown)" "the certificate after a refused reload"
mv "$WORK/renewed.key" "$WORK/server.key"
reload || fail "the reload with a renewed certificate: $(cat "$WORK/reload.out")"
same "$(openssl x509 -noout -serial -in "$WORK/server.pem")" "$(shown)" "the certificate after the reload"

echo "nonsense = 1" >>"$WORK/connector.conf"
reload && fail "a broken configuration was taken"
grep -q 'nonsense' "$WORK/reload.out" || fail "the reason is missing: $(cat "$WORK/reload.out")"
same 200 "$(ask "https://localhost:$TOKEN" -H "$(bearer a-token-of-another-server)")" "the old configuration"
grep -q 'reload_refused' "$WORK/connector.log" || fail "the refused reload is not in the log"

sed "s|^address = tcp:127.0.0.1:$EITHER|address = tcp:127.0.0.1:1|" "$WORK/good.conf" >"$WORK/connector.conf"
if [ "$(id -u)" != 0 ]; then
    reload && fail "a listener that cannot be opened was taken"
fi
sed '/^\[listener\/either\]/,/^serves/d' "$WORK/good.conf" >"$WORK/connector.conf"
reload || fail "the reload without a listener: $(cat "$WORK/reload.out")"
same 000 "$(ask "https://localhost:$EITHER")" "the listener that is gone"
cp "$WORK/good.conf" "$WORK/connector.conf"
kill -HUP "$CONNECTOR_PID"
is_back() { [ "$(ask "https://localhost:$EITHER")" = 401 ]; }
wait_until 20 "the listener's return" is_back
ok "reload: tokens and listeners change, a broken configuration is refused, and the old one goes on"

# Under load, once a second: nobody notices, and Entra ID is not asked again each time.
tokens_before=$(grep -c token_issued "$WORK/connector.log")
python3 "$SUPPORT/steady_load.py" --socket "$WORK/connector.sock" --csr "$WORK/service.der" --transaction service \
    --seconds 8 --clients 4 >"$WORK/load.json" &
LOAD=$!
for _ in 1 2 3 4 5 6; do
    read -rt 1 <> <(:) || true
    reload || fail "a reload under load: $(cat "$WORK/reload.out")"
done
wait $LOAD || fail "the load: $(cat "$WORK/load.json")"
same 0 "$(jq .failed "$WORK/load.json")" "failed requests during six reloads"
[ "$(jq .answered "$WORK/load.json")" -gt 100 ] || fail "hardly any load: $(cat "$WORK/load.json")"
same "$tokens_before" "$(grep -c token_issued "$WORK/connector.log")" "tokens fetched by six reloads"
ok "six reloads in six seconds under load: $(jq -r '"\(.answered) answers, \(.failed) failed, slowest \(.max_ms) ms"' "$WORK/load.json")"

# --- limits ---

configure $'max_requests_per_second = 5\nmax_burst = 5'
reload || fail "the reload with limits: $(cat "$WORK/reload.out")"
statuses=
for _ in $(seq 100); do
    statuses+=" $(ask "https://localhost:$TOKEN" -H "$(bearer a-token-of-the-first-door)")"
    [[ $statuses != *503 ]] || break
done
[[ $statuses == " 200"*503 ]] || fail "served first, then told to wait: $statuses"
grep -qi 'too_often' "$WORK/answer" || fail "no reason: $(cat "$WORK/answer")"
same 200 "$(ask http://local --unix-socket "$WORK/connector.sock")" "another client meanwhile"
same 200 "$(connector_ask /livez -o /dev/null -w '%{http_code}')" "/livez at any rate"
ok "a client that asks too often is told to wait, the others are served"

# Ten thousand who never finish what they begin, from ten addresses; who means it is served meanwhile.
configure 'header_timeout_ms = 60000'
reload || fail "the reload with a long header time: $(cat "$WORK/reload.out")"
python3 "$SUPPORT/half_open.py" --port "$TOKEN" --connections 10000 --ca "$WORK/door-ca.pem" --token "$WORK/token" \
    --csr "$WORK/service.der" --transaction service --requests 200 >"$WORK/half_open.json" || fail "half_open.py"
same '{"200":200}' "$(jq -c .statuses "$WORK/half_open.json")" "the answers among 10,000 half-open connections"
jq -e '.strangers == 10000 and .kept.median_ms < 50 and .new.median_ms < 50' "$WORK/half_open.json" >/dev/null ||
    fail "slow among 10,000 half-open connections: $(cat "$WORK/half_open.json")"
ok "10,000 half-open connections; a request meanwhile: $(jq -r '"median \(.kept.median_ms) ms (p99 \(.kept.p99_ms), max \(.kept.max_ms)), with a new connection \(.new.median_ms) ms (p99 \(.new.p99_ms), max \(.new.max_ms))"' "$WORK/half_open.json")"

kill -TERM "$CONNECTOR_PID"
wait "$CONNECTOR_PID" || fail "the connector did not end in order"

# --- systemd: its sockets, its notifications, its watchdog ---

configure ""
sed -i "s|^address = unix:$WORK/connector.sock|address = systemd:local|; s|^mode = 0666||; s|^address = tcp:127.0.0.1:$TOKEN|address = systemd:tls|" \
    "$WORK/connector.conf"
start systemd python3 "$SUPPORT/notify_socket.py" --told "$WORK/told" --socket "local=unix:$WORK/activated.sock" \
    --socket tls=tcp --ports "$WORK/ports" --watchdog-ms 1000 -- "$BUILD/bin/intune-scepd" -c "$WORK/connector.conf"
SYSTEMD=$STARTED
wait_until 20 "readiness" grep -qx READY=1 "$WORK/told"
same 200 "$(ask http://local --unix-socket "$WORK/activated.sock")" "the socket from systemd"
same 200 "$(ask "https://localhost:$(sed -n 's/^tls //p' "$WORK/ports")" -H "$(bearer a-token-of-the-first-door)")" \
    "the TLS socket from systemd"
wait_until 10 "the watchdog's food" grep -qx WATCHDOG=1 "$WORK/told"
kill -HUP "$SYSTEMD"
wait_until 10 "the announcement of the reload" grep -qx RELOADING=1 "$WORK/told"
has_told_twice() { [ "$(grep -cx READY=1 "$WORK/told")" = 2 ]; }
wait_until 10 "its end" has_told_twice
same 200 "$(ask http://local --unix-socket "$WORK/activated.sock")" "the socket from systemd after a reload"
cp "$WORK/connector.conf" "$WORK/both.conf"
activated_reload() { "$BUILD/bin/intune-scepctl" reload --socket "$WORK/activated.sock" >"$WORK/reload.out" 2>&1; }
sed -i '/^\[listener\/token\]/,/^serves/{/^tokens/d}' "$WORK/connector.conf"
activated_reload && fail "a reload has opened the API on a socket from systemd to whoever comes"
grep -q 'over TCP api and admin are for callers who say who they are' "$WORK/reload.out" || fail "$(cat "$WORK/reload.out")"
cp "$WORK/both.conf" "$WORK/connector.conf"
sed -i '/^\[listener\/token\]/,/^serves/d' "$WORK/connector.conf"
activated_reload || fail "the reload without the TLS socket: $(cat "$WORK/reload.out")"
cp "$WORK/both.conf" "$WORK/connector.conf"
activated_reload || fail "the reload with the TLS socket again: $(cat "$WORK/reload.out")"
same 200 "$(ask "https://localhost:$(sed -n 's/^tls //p' "$WORK/ports")" -H "$(bearer a-token-of-the-first-door)")" \
    "the TLS socket from systemd, which was gone for a while"
kill -TERM "$SYSTEMD"
wait "$SYSTEMD" || fail "the connector under systemd did not end in order"
grep -qx STOPPING=1 "$WORK/told" || fail "the stop was not announced"
test -S "$WORK/activated.sock" || fail "systemd's socket was removed"
ok "socket activation, readiness, reload, watchdog and stop as systemd wants them"
