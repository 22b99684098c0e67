#!/usr/bin/env bash
# The doors for programs (docs/CONNECTING.md): micromdm/scep's own server and client by -csrverifierexec, OpenXPKI's
# contract as its SafeExec keeps it, and exec and notify for everybody else. Only a yes is a yes, whatever comes in.
# shellcheck disable=SC2016 # what stands in single quotes is expanded by the inner shell
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
# shellcheck source=tests/support/clients.sh
. tests/support/clients.sh
stack_new
mock_start
connector_configure
printf '\n[policy]\nforeign_challenge = decline\n' >>"$WORK/connector.conf"
connector_start
wait_until 20 "readiness" connector_ask /readyz --fail
export INTUNE_SCEP_SOCKET=$WORK/connector.sock
VERIFIER=$BUILD/bin/intune-scep-csrverifier
CTL=$BUILD/bin/intune-scepctl

# runs CODE STDOUT WHAT COMMAND… <STDIN: STDOUT is a text, "-" for any.
runs() {
    local code=$1 expected=$2 what=$3 status=0
    shift 3
    timeout 60 "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    cat "$WORK/out" "$WORK/err" >>"$WORK/said"
    same "$code" "$status" "$what: exit code ($(tail -n 1 "$WORK/err"))"
    [ "$expected" = - ] || same "$expected" "$(cat "$WORK/out")" "$what: standard output"
    ok "$what: exit $code"
}
says() { # TEXT, on standard error
    grep -qF -- "$1" "$WORK/err" || fail "said \"$(cat "$WORK/err")\", not \"$1\""
}
silent() { same "" "$(cat "$WORK/out" "$WORK/err")" "what it said"; }

last_answer() { mock_admin GET '/transactions?last=1' | jq -r '.[0].validations[-1].code'; }
answers() { mock_transactions | jq '[.[].validations[]] | length'; }
profile_for() { jq -n --arg s "$1" '{subject: $s}'; }

challenge=$(mock_challenge '{"subject":"CN=dev","subjectAltNames":[{"type":"dns","value":"dev.example"}]}')
make_csr "$WORK/good" CN=dev dev.example "$challenge"
make_csr "$WORK/wrong" CN=other dev.example "$challenge"
make_csr "$WORK/static" CN=dev dev.example a-static-password
openssl req -inform DER -in "$WORK/good.der" -out "$WORK/good.pem"
head -c 300 "$WORK/good.der" >"$WORK/half.der"
openssl req -new -key "$WORK/good.key" -subj /CN=dev -outform DER -out "$WORK/bare.der" 2>/dev/null
head -c 10000000 /dev/zero | tr '\0' '0' >"$WORK/huge"
: >"$WORK/empty"

# Somebody who takes connections, and never answers.
python3 - "$WORK/mute.sock" <<'PYTHON' &
import socket, signal, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
signal.pause()
PYTHON
PIDS+=($!)
wait_until 10 "the mute one's start" test -S "$WORK/mute.sock"
# Somebody who says yes in the wrong way.
"$BUILD/bin/fixed_reply" --unix "$WORK/liar.sock" \
    'HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{"verdict":"allow"}' >"$WORK/liar.log" 2>&1 &
PIDS+=($!)
wait_until 10 "the liar's start" test -S "$WORK/liar.sock"

# --- micromdm/scep: its own server and client ---
(cd "$WORK" && scepserver ca -init -depot depot -keySize 2048 >scepserver-ca.log 2>&1) || fail "scepserver has no CA"
scepserver_start sh -c 'exec scepserver -depot "$1" -port "$SCEP_PORT" -csrverifierexec "$2" -allowrenew 0' sh \
    "$WORK/depot" "$VERIFIER"

enrol() { # NAME CN CHALLENGE
    rm -f "$WORK/csr.pem" "$WORK/self.pem" # which scepclient would use again
    scepclient_enrol "$SCEP_URL" "$WORK/$1" "$2" "$3" 2>>"$WORK/enrol.log" || return 1
}
refused() { # WHAT ASKED NAME CN CHALLENGE
    local before
    before=$(answers)
    if enrol "$3" "$4" "$5"; then fail "micromdm: $1 got a certificate"; fi
    same $((before + $2)) "$(answers)" "micromdm: $1: how often Intune was asked"
    grep -q 'failInfo: badRequest' "$WORK/$3.log" || fail "micromdm: $1: the client was told something else"
    ok "micromdm: $1 is refused"
}

phone=$(mock_challenge "$(profile_for "$(scepclient_subject phone)")")
enrol phone phone "$phone" || fail "scepclient got no certificate"
openssl verify -CAfile "$WORK/depot/ca.pem" "$WORK/phone.pem" >/dev/null || fail "whose certificate is this?"
same "1 Success" "$(answers) $(last_answer)" "what Intune answered"
ok "micromdm: an Intune challenge enrols"
refused "a challenge that is used up" 1 again phone "$phone"
same BadCertificateRequestIdInChallenge "$(last_answer)" "what Intune answered"
refused "another subject than the profile's" 1 stranger stranger "$(mock_challenge "$(profile_for "$(scepclient_subject phone)")")"
same SubjectNameMismatch "$(last_answer)" "what Intune answered"
refused "a static challenge" 0 fixed fixed a-static-password
mock_fault '{"endpoint":"validate","kind":"status","status":403}'
refused "a request that nobody can judge" 0 later later "$(mock_challenge "$(profile_for "$(scepclient_subject later)")")"
mock_no_faults

# The verifier alone, as that server runs it.
runs 0 '' "csrverifier: a good request" "$VERIFIER" <"$WORK/good.der"
silent
same "$(sha256sum "$WORK/good.der" | cut -d' ' -f1 | tr a-f A-F)" \
    "$(mock_admin GET '/transactions?last=1' | jq -r '.[0].transactionId')" "its transaction id"
runs 0 '' "csrverifier: the same again" "$CTL" csrverifier <"$WORK/good.der"
runs 0 '' "csrverifier: nobody looks at its output" sh -c '"$1" >&- 2>&-' sh "$VERIFIER" <"$WORK/good.der"
for name in wrong static half bare empty huge good.pem; do
    file=$WORK/$name
    [ -f "$file" ] || file=$WORK/$name.der
    runs 1 '' "csrverifier: $name" "$VERIFIER" <"$file"
    silent
done
runs 1 '' "csrverifier: no standard input" "$VERIFIER" <&-
silent
runs 1 '' "csrverifier: arguments" "$VERIFIER" good.der <"$WORK/good.der"
silent
runs 1 '' "csrverifier: an option that is none" "$VERIFIER" --accept <"$WORK/good.der"
silent
runs 1 '' "csrverifier: no connector" env INTUNE_SCEP_SOCKET="$WORK/none.sock" "$VERIFIER" <"$WORK/good.der"
silent
runs 1 '' "csrverifier: why not" env INTUNE_SCEP_VERBOSE=1 INTUNE_SCEP_SOCKET="$WORK/none.sock" "$VERIFIER" <"$WORK/good.der"
says "retry: connector_unreachable: cannot connect to intune-scepd at $WORK/none.sock: No such file or directory"
runs 1 '' "csrverifier: somebody else's yes" "$VERIFIER" --socket "$WORK/liar.sock" <"$WORK/good.der"
runs 1 '' "csrverifier: a connector that never answers" env INTUNE_SCEP_TIMEOUT_MS=300 "$VERIFIER" \
    --socket "$WORK/mute.sock" <"$WORK/good.der"
runs 1 '' "csrverifier: a time that is none" env INTUNE_SCEP_TIMEOUT_MS=soon "$VERIFIER" <"$WORK/good.der"
runs 1 '' "csrverifier: a tenant that cannot be one" env INTUNE_SCEP_TENANT=$'a\r\nX-Scep-Replay: yes' "$VERIFIER" <"$WORK/good.der"
runs 0 '' "csrverifier: the configuration says where" env -u INTUNE_SCEP_SOCKET INTUNE_SCEP_CONFIG="$WORK/connector.conf" \
    "$VERIFIER" <"$WORK/good.der"

# The SCEP server's user reads no configuration and no secret, only the socket.
chmod 711 "$WORK"
chmod 666 "$WORK/connector.sock"
chmod 600 "$WORK/connector.conf" "$WORK/client-secret"
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups test -x "$VERIFIER"; then
    runs 0 '' "csrverifier: as nobody" setpriv --reuid=65534 --regid=65534 --clear-groups "$VERIFIER" <"$WORK/good.der"
else
    echo "--  not root, or nobody may not run $VERIFIER: its user is not tried"
fi

# --- OpenXPKI: a program and its arguments, without a shell; empty arguments are dropped; 5 s ---
safe_exec=(python3 -c 'import subprocess, sys
result = subprocess.run([a for a in sys.argv[1:] if a], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=5)
sys.stdout.buffer.write(result.stdout)
sys.exit(result.returncode if result.returncode >= 0 else 128)')
runs 0 1 "openxpki: PEM" "${safe_exec[@]}" "$CTL" openxpki 7F00A1 "$(cat "$WORK/good.pem")"
same "7F00A1 Success" \
    "$(mock_admin GET '/transactions?last=1' | jq -r '.[0] | .transactionId + " " + .validations[-1].code')" "what Intune was told"
runs 0 1 "openxpki: base64" "${safe_exec[@]}" "$CTL" openxpki 7F00A1 "$(base64 "$WORK/good.der")"
runs 0 1 "openxpki: a file" "${safe_exec[@]}" "$CTL" openxpki 7F00A1 "$WORK/good.der"
# What a device chooses is never an option.
runs 0 1 "openxpki: a transaction id like an option" "${safe_exec[@]}" "$CTL" openxpki "--socket=$WORK/liar.sock" "$(cat "$WORK/good.pem")"
same "--socket=$WORK/liar.sock" "$(mock_admin GET '/transactions?last=1' | jq -r '.[0].transactionId')" "what Intune was told"
runs 0 0 "openxpki: help is none here" "${safe_exec[@]}" "$CTL" openxpki --help "$(base64 "$WORK/wrong.der")"
for case in "wrong:another subject" "static:a static challenge" "bare:no challenge" "half:half a request"; do
    runs 0 0 "openxpki: ${case#*:}" "${safe_exec[@]}" "$CTL" openxpki T1 "$(base64 "$WORK/${case%%:*}.der")"
done
runs 0 0 "openxpki: no request" "${safe_exec[@]}" "$CTL" openxpki T1 ""
runs 0 0 "openxpki: no transaction id" "${safe_exec[@]}" "$CTL" openxpki "" "$(cat "$WORK/good.pem")"
runs 0 0 "openxpki: nothing at all" "${safe_exec[@]}" "$CTL" openxpki "" ""
runs 0 0 "openxpki: more than was asked for" "${safe_exec[@]}" "$CTL" openxpki T1 "$(cat "$WORK/good.pem")" 1
runs 0 0 "openxpki: a file that is not there" "${safe_exec[@]}" "$CTL" openxpki T1 "$WORK/none.der"
runs 0 0 "openxpki: no connector" "${safe_exec[@]}" env INTUNE_SCEP_SOCKET="$WORK/none.sock" "$CTL" openxpki T1 "$(cat "$WORK/good.pem")"
runs 0 0 "openxpki: somebody else's yes" "${safe_exec[@]}" "$CTL" --socket "$WORK/liar.sock" openxpki T1 "$(cat "$WORK/good.pem")"
runs 0 0 "openxpki: a connector that never answers, in time" "${safe_exec[@]}" "$CTL" --socket "$WORK/mute.sock" openxpki T1 "$(cat "$WORK/good.pem")"
runs 9 '' "openxpki: the same, to be tried again" "${safe_exec[@]}" "$CTL" --socket "$WORK/mute.sock" --timeout-ms 300 \
    --retry-exit 9 openxpki T1 "$(cat "$WORK/good.pem")"
runs 0 0 "openxpki: a refusal is not to be tried again" "${safe_exec[@]}" "$CTL" --retry-exit 9 openxpki T1 "$(base64 "$WORK/wrong.der")"
runs 3 - "openxpki: a 1 that nobody can read is none" sh -c '"$@" >&-' sh "$CTL" openxpki 7F00A1 "$(cat "$WORK/good.pem")"

# --- exec: the exit code is the verdict ---
runs 0 '' "exec: allowed, DER" "$CTL" exec --transaction-id SCRIPT-1 <"$WORK/good.der"
runs 0 '' "exec: allowed, PEM" "$CTL" exec --transaction-id SCRIPT-1 <"$WORK/good.pem"
runs 1 '' "exec: refused by Intune" "$CTL" exec <"$WORK/wrong.der"
says "deny: SubjectNameMismatch:"
runs 1 - "exec: refused, as JSON" "$CTL" exec --json <"$WORK/wrong.der"
same "deny SubjectNameMismatch" "$(jq -r '.verdict + " " + .code' "$WORK/out")" "its JSON"
runs 1 '' "exec: half a request" "$CTL" exec <"$WORK/half.der"
says "deny: csr_malformed:"
runs 4 '' "exec: not Intune's challenge" "$CTL" exec <"$WORK/static.der"
runs 2 '' "exec: nothing on standard input" "$CTL" exec <"$WORK/empty"
runs 2 '' "exec: 10 MB" "$CTL" exec <"$WORK/huge"
runs 2 '' "exec: neither DER nor PEM" "$CTL" exec <"$WORK/connector.conf"
runs 2 '' "exec: an empty transaction id" "$CTL" exec --transaction-id "" <"$WORK/good.der"
runs 2 '' "exec: an operand" "$CTL" exec good.der <"$WORK/good.der"
runs 3 '' "exec: no connector" "$CTL" exec --socket "$WORK/none.sock" <"$WORK/good.der"
runs 3 '' "exec: somebody else's yes" "$CTL" exec --socket "$WORK/liar.sock" <"$WORK/good.der"
runs 3 '' "exec: a connector that never answers" "$CTL" exec --socket "$WORK/mute.sock" --timeout-ms 300 <"$WORK/good.der"
mock_fault '{"endpoint":"validate","kind":"status","status":403}'
runs 3 '' "exec: nobody can say" "$CTL" exec <"$WORK/good.der"
mock_no_faults
mkfifo "$WORK/fifo"
runs 2 '' "exec: standard input that never ends" "$CTL" exec --timeout-ms 300 <>"$WORK/fifo"

# --- notify, and what was issued before ---
[ -f "$WORK/script.pem" ] || openssl req -x509 -newkey rsa:2048 -nodes -keyout "$WORK/script.key" -out "$WORK/script.pem" \
    -subj '/CN=Script CA' -days 2 2>/dev/null
issue() { # PREFIX TO
    openssl x509 -req -inform DER -in "$1.der" -CA "$WORK/script.pem" -CAkey "$WORK/script.key" -copy_extensions copy \
        -days 1 -out "$2" 2>/dev/null
}
issue "$WORK/good" "$WORK/good.crt"
issue "$WORK/good" "$WORK/good-again.crt"
notify=("$CTL" notify --transaction-id SCRIPT-1)
mock_fault '{"endpoint":"success","kind":"status","status":403}'
runs 3 '' "notify issued: Intune cannot be told yet" "${notify[@]}" issued "$WORK/good.der" "$WORK/good.crt"
mock_no_faults
runs 0 '' "notify issued: deliver" "${notify[@]}" issued "$WORK/good.pem" - <"$WORK/good.crt"
same "$(openssl x509 -in "$WORK/good.crt" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')" "$(reported_thumbprints)" "what Intune was told"
runs 1 '' "notify issued: another certificate for the same request" "${notify[@]}" issued "$WORK/good.der" "$WORK/good-again.crt"
says "deny: already_issued_other:"
runs 5 "$(openssl x509 -in "$WORK/good.crt")" "exec: it has its certificate" "$CTL" exec --transaction-id SCRIPT-1 <"$WORK/good.der"
runs 5 - "exec: the same, as JSON" "$CTL" exec --json --transaction-id SCRIPT-1 <"$WORK/good.der"
same "$(openssl x509 -in "$WORK/good.crt" -outform DER | base64 -w0)" "$(jq -r .certificate "$WORK/out")" "its JSON"
runs 3 - "exec: it has one, and nobody can read it" sh -c '"$@" >&-' sh "$CTL" exec --transaction-id SCRIPT-1 <"$WORK/good.der"
runs 0 '' "exec: it has one that cannot be delivered" "$CTL" exec --no-replay --transaction-id SCRIPT-1 <"$WORK/good.der"
runs 2 '' "notify issued: no certificate" "${notify[@]}" issued "$WORK/good.der" "$WORK/good.pem"
runs 2 '' "notify issued: a file is missing" "${notify[@]}" issued "$WORK/good.der" "$WORK/none.crt"
runs 2 '' "notify issued: too little" "${notify[@]}" issued "$WORK/good.der"
runs 2 '' "notify: a word that is none" "${notify[@]}" delivered "$WORK/good.der" "$WORK/good.crt"
runs 3 '' "notify issued: no connector" "${notify[@]}" --socket "$WORK/none.sock" issued "$WORK/good.der" "$WORK/good.crt"
make_csr "$WORK/unlucky" CN=unlucky unlucky.example \
    "$(mock_challenge '{"subject":"CN=unlucky","subjectAltNames":[{"type":"dns","value":"unlucky.example"}]}')"
runs 0 '' "exec: allowed, without a transaction id" "$CTL" exec <"$WORK/unlucky.der"
runs 0 '' "notify failed: taken note of" "$CTL" notify failed --error-code 2148073504 \
    --description 'the CA is on holiday' - <"$WORK/unlucky.der"
same "the CA is on holiday -2146893792" "$(mock_admin GET '/transactions?last=1' |
    jq -r '.[0].failure.fields | .errorDescription + " " + (.hResult | tostring)')" "what Intune was told"
runs 0 - "notify failed: as JSON" "$CTL" notify failed --json "$WORK/unlucky.der"
same true "$(jq '.verdict == "allow" or .verdict == "deliver"' "$WORK/out")" "its JSON"
runs 1 '' "notify failed: refused by Intune" "$CTL" notify failed --transaction-id NEVER-SEEN "$WORK/unlucky.der"
says "deny: "
runs 2 '' "notify failed: a code that is none" "$CTL" notify failed --error-code 4294967296 "$WORK/good.der"

# --- several tenants: who asks says which is meant ---
cp "$WORK/connector.conf" "$WORK/one-tenant.conf"
sed -n '/^\[tenant/,/^$/p' "$WORK/one-tenant.conf" | sed 's|tenant/contoso|tenant/fabrikam|' >>"$WORK/connector.conf"
runs 0 - "reload: a second tenant" "$CTL" -c "$WORK/connector.conf" reload
runs 1 '' "exec: no tenant is named" "$CTL" exec <"$WORK/good.der"
says "deny: tenant_missing:"
runs 1 '' "exec: a tenant that is not there" "$CTL" exec --tenant nobody <"$WORK/good.der"
says "deny: tenant_unknown:"
runs 2 '' "exec: a tenant that cannot be one" "$CTL" exec --tenant "a b" <"$WORK/good.der"
runs 1 '' "csrverifier: no tenant is named" "$VERIFIER" <"$WORK/unlucky.der"
runs 0 '' "csrverifier: the tenant is named" env INTUNE_SCEP_TENANT=fabrikam "$VERIFIER" <"$WORK/unlucky.der"
runs 0 1 "openxpki: the tenant is named" "${safe_exec[@]}" "$CTL" --tenant fabrikam openxpki 7F00A2 "$(base64 "$WORK/unlucky.der")"
runs 0 - "trace: of one tenant" "$CTL" trace --json --socket "$WORK/connector.sock" --tenant fabrikam 7F00A2
same fabrikam "$(jq -r '.enrolments[].tenant' "$WORK/out")" "whose it is"
runs 1 - "trace: not of the other" "$CTL" trace --socket "$WORK/connector.sock" --tenant contoso 7F00A2
echo "nonsense = 1" >>"$WORK/connector.conf"
runs 1 - "reload: a broken configuration" "$CTL" reload --json --socket "$WORK/connector.sock"
same refused "$(jq -r .result "$WORK/out")" "its JSON"
runs 0 '' "exec: the one before goes on" "$CTL" exec --tenant fabrikam <"$WORK/unlucky.der"
cp "$WORK/one-tenant.conf" "$WORK/connector.conf"
runs 0 - "reload: one tenant again" "$CTL" reload --json --socket "$WORK/connector.sock"
runs 3 - "reload: no connector" "$CTL" reload --socket "$WORK/none.sock"

# --- with the connector down, nobody is let in ---
kill -TERM "$CONNECTOR_PID"
wait "$CONNECTOR_PID" || true
refused "a request while the connector is down" 0 down down "$(mock_challenge "$(profile_for "$(scepclient_subject down)")")"
runs 1 '' "csrverifier: the connector is down" "$VERIFIER" <"$WORK/good.der"
silent

if grep -qF "$challenge" "$WORK/said"; then fail "a challenge was printed"; fi
ok "no challenge was printed"
