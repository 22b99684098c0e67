#!/usr/bin/env bash
# The failure matrix: every hop on the way to Intune, and every way in which it can fail. For each the connector must say
# the right thing and never yes, stop asking when it keeps failing, and work again, by itself, when the hop does.
#
#   matrix.sh            compares with docs/FAILURE-MATRIX.md
#   matrix.sh --write    writes it
#
# Each hop has a mock and a connector of its own, so all hops are tried at the same time.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
exec 3>&2

document=docs/FAILURE-MATRIX.md
hops=(token discovery validate success failure)

breaker_failures=5
breaker_open_ms=400

# The faults. Behind the label: the fault of the mock (docs/MOCK.md), the code that is to be answered when it strikes the
# token, discovery, or one of the three calls to Intune ("-": this hop cannot fail so), and whether the circuit opens when
# it goes on. The answer is HTTP 503 and retry; behind a ":", HTTP 403 and deny.
faults() {
    cat <<'TEXT'
HTTP 500                    |{"kind":"status","status":500}                |token_service     |graph_service     |intune_service        |opens
HTTP 503                    |{"kind":"status","status":503}                |token_service     |graph_service     |intune_service        |opens
HTTP 503, Retry-After: 1    |{"kind":"status","status":503,"retryAfter":1} |token_service     |graph_service     |intune_service        |opens
HTTP 429                    |{"kind":"status","status":429}                |throttled         |throttled         |throttled             |opens
HTTP 400                    |{"kind":"status","status":400}                |AADSTS90033       |-                 |-                     |opens
HTTP 400                    |{"kind":"status","status":400}                |-                 |graph_status      |intune_status         |stays
HTTP 401                    |{"kind":"status","status":401}                |AADSTS90033       |graph_refused     |intune_refused_us     |opens
HTTP 403                    |{"kind":"status","status":403}                |AADSTS90033       |graph_refused     |intune_refused_us     |opens
HTTP 404                    |{"kind":"status","status":404}                |AADSTS90033       |graph_status      |intune_status         |opens
redirect                    |{"kind":"redirect"}                           |json_malformed    |graph_status      |intune_status         |opens
no answer                   |{"kind":"hang"}                               |timeout           |timeout           |timeout               |opens
answer too late             |{"kind":"latency","latencyMs":60000}          |timeout           |timeout           |timeout               |opens
answer drop by drop         |{"kind":"drip","pauseMs":2000}                |timeout           |timeout           |timeout               |opens
connection closed           |{"kind":"cut"}                                |cut               |cut               |cut                   |opens
connection reset            |{"kind":"reset"}                              |cut               |cut               |cut                   |opens
every connection reset      |{"kind":"refuse","endpoint":"all"}            |cut               |cut               |cut                   |opens
half of the answer          |{"kind":"truncate"}                           |cut               |cut               |cut                   |opens
web page                    |{"kind":"html"}                               |json_malformed    |json_malformed    |intune_reply_malformed|opens
not JSON                    |{"kind":"garbage"}                            |json_malformed    |json_malformed    |intune_reply_malformed|opens
JSON of 100 MiB             |{"kind":"huge"}                               |response_too_large|response_too_large|response_too_large    |opens
JSON nested too deep        |{"kind":"deep"}                               |response_too_large|json_malformed    |response_too_large    |opens
JSON that is called HTML    |{"kind":"contentType"}                        |json_malformed    |json_malformed    |intune_reply_malformed|opens
token for somebody else     |{"kind":"audience"}                           |graph_refused     |-                 |-                     |opens
token that has expired      |{"kind":"expired"}                            |graph_refused     |-                 |-                     |opens
unknown code                |{"kind":"code","code":"SomethingNew"}         |-                 |-                 |:SomethingNew         |stays
code that is nearly Success |{"kind":"code","code":"success"}              |-                 |-                 |:success              |stays
TEXT
}

# --- one hop ---

hop_start() {
    stack_new
    mock_start
    connector_configure
    cat >>"$WORK/connector.conf" <<TEXT
breaker_failures = $breaker_failures
breaker_open_ms = $breaker_open_ms
fetch_timeout_ms = 5000
TEXT
    connector_start
    openssl req -x509 -new -newkey rsa:2048 -nodes -keyout "$WORK/ca.key" -subj "/CN=Matrix CA" -out "$WORK/ca.pem" \
        2>"$WORK/ca.log"
    openssl genrsa -out "$WORK/device.key" 2048 2>/dev/null
    make_request
}

# What a device and its CA make, number N: N.der, the CSR, and N.issued, what is sent when its certificate is reported.
made=0
make_request() {
    local challenge name
    made=$((made + 1))
    name=$WORK/$made
    challenge=$(mock_challenge '{"subject":"CN=device","subjectAltNames":[{"type":"dns","value":"device.example"}]}')
    cp "$WORK/device.key" "$name.key"
    make_csr "$name" CN=device device.example "$challenge"
    openssl x509 -req -inform DER -in "$name.der" -CA "$WORK/ca.pem" -CAkey "$WORK/ca.key" -days 30 \
        -copy_extensions copy -outform DER -out "$name.crt" 2>>"$WORK/ca.log"
    cat "$name.der" "$name.crt" >"$name.issued"
}

# send HOP N: what goes over this hop, a validation or one of the reports, of request N. ANSWER is "STATUS VERDICT CODE",
# MESSAGE what it says.
send() {
    local reply path=/v1/validate body=der
    case $1 in
    success) path=/v1/issued body=issued ;;
    failure) path=/v1/failed ;;
    esac
    reply=$(connector_ask $path -H 'Content-Type: application/pkcs10' -H "X-Scep-Transaction-Id: matrix-$2" \
        -H "X-Scep-Timeout-Ms: $PATIENCE_MS" -H 'X-Scep-Error-Code: 2147500037' -H 'X-Scep-Error-Description: no' \
        -H 'Accept: text/plain' --data-binary "@$WORK/$2.$body" -w '%{http_code}')
    ANSWER="${reply##*$'\n'} $(sed -n 's/^verdict: //p' <<<"$reply") $(sed -n 's/^code: //p' <<<"$reply")"
    MESSAGE=$(sed -n 's/^message: //p' <<<"$reply")
}

is_report() { [ "$1" = success ] || [ "$1" = failure ]; }

is_validated() { send validate "$1" && [ "$ANSWER" = "200 allow Success" ]; }

# A report that has failed once is delivered by the connector itself, so each is of a request of its own; and that must have
# been validated, which must be done before the faults.
ready=0
prepare() { # HOP COUNT
    local n
    is_report "$1" || return 0
    for ((n = 0; n < $2; n++)); do
        make_request
        wait_until 20 "a validation before the report of $1" is_validated "$made"
    done
    ready=$((made - $2))
}

ask() { # HOP
    local number=1
    if is_report "$1"; then
        [ $ready -lt $made ] || prepare "$1" 1
        ready=$((ready + 1))
        number=$ready
    fi
    send "$1" "$number"
}

# For hops whose answer is kept: only a new connector asks for token and address again. A fetch that hangs is given up
# as early as its caller gives up.
forget() { # HOP
    case $1 in token | discovery) ;; *) return 0 ;; esac
    sed -i "s/^fetch_timeout_ms = .*/fetch_timeout_ms = $PATIENCE_MS/" "$WORK/connector.conf"
    kill -9 "$CONNECTOR_PID"
    wait "$CONNECTOR_PID" 2>/dev/null || true
    connector_start
}

# Either the honest answer, or still a retry; a refusal, or a yes while the fault goes on, is a failure.
is_healthy() { # HOP
    ask "$1"
    case $1:$ANSWER in
    *:"200 allow Success") return 0 ;;
    *:"503 retry "*) return 1 ;;
    esac
    fail "$1: $ANSWER on the way back to health ($MESSAGE)" 2>&3 # wait_until shows nothing
}

# Of whatever endpoint: a bad token is noticed by the one to which it is shown.
circuits_opened() {
    grep -c "circuit_opened " "$WORK/connector.log" || true
}

# Asks again and again; prints whether the circuit opens.
goes_on() { # HOP HAD_OPENED
    local tries
    for ((tries = 0; tries <= breaker_failures; tries++)); do
        [ "$(circuits_opened)" = "$2" ] || { echo opens; return; }
        ask "$1"
        [[ $ANSWER != 200* ]] || fail "$1: $ANSWER while the fault goes on"
    done
    echo stays
}

# What a person is told to do, without what differs from run to run.
advice() {
    sed -E 's/.*; advice: //; s/ \([0-9]+ attempts?\)//; s/ *(Trace|Correlation) ID: .*//' <<<"$MESSAGE"
}

cell() { # HOP LABEL FAULT CODE CIRCUIT
    local hop=$1 label=$2 code=$4 want="503 retry $4" cause="" opened text circuit
    case $hop in success | failure) want="503 retry report_pending" ;; esac
    [[ $code != :* ]] || want="403 deny ${code#:}"
    PATIENCE_MS=5000
    [ "$code" != timeout ] || PATIENCE_MS=1300 # the breaker does not hear callers who wait less than a second
    prepare "$hop" $((breaker_failures + 2))
    opened=$(circuits_opened)
    mock_fault "$(jq -n --arg e "$hop" "{endpoint: \$e} + $3")"
    forget "$hop"
    ask "$hop"
    [ "$want" = "$ANSWER" ] || fail "$hop, $label: $ANSWER, not $want ($MESSAGE)"
    [[ $want != *report_pending || $MESSAGE == *"($code"[:\)]* ]] || fail "$hop, $label: not ($code) in \"$MESSAGE\""
    text=$(advice)
    [ ${#text} -ge 20 ] || fail "$hop, $label: no advice in \"$MESSAGE\""
    circuit=$(goes_on "$hop" "$opened")
    ready=$made # a subshell has used them
    [ "$5" = "$circuit" ] || fail "$hop, $label: the circuit $circuit, not $5"
    mock_no_faults
    wait_until 20 "recovery of $hop after $label" is_healthy "$hop"
    [[ $want != *report_pending ]] || cause=" (\`$code\`)"
    echo "| $label | ${want% *} | \`${want##* }\`$cause | $circuit | $text |"
}

row_of() { # HOP LABEL FAULT TOKEN DISCOVERY SCEP CIRCUIT
    local code=$6
    case $1 in token) code=$4 ;; discovery) code=$5 ;; esac
    code=${code%% *}
    [ "$code" = - ] || cell "$1" "${2%"${2##*[! ]}"}" "$3" "$code" "$7"
}

hop() { # HOP
    local label fault token discovery scep circuit
    PATIENCE_MS=5000
    hop_start
    wait_until 20 "health" is_healthy validate
    while IFS='|' read -r label fault token discovery scep circuit; do
        row_of "$1" "$label" "$fault" "$token" "$discovery" "$scep" "$circuit"
    done < <(faults)
}

# --- all of them ---

# Every kind of fault that the mock knows has a row.
is_complete() {
    local kind
    while read -r kind; do
        grep -q "\"kind\":\"$kind\"" <<<"$(faults)" || fail "the mock's fault \"$kind\" is not in the matrix"
    done < <(sed -n 's/.*\.name = "\([a-zA-Z]*\)".*/\1/p' tests/mock_intune/fault_kinds.c)
}

title() { # HOP
    case $1 in
    token) echo "Entra ID: the token" ;;
    discovery) echo "Graph: Intune's address" ;;
    validate) echo "Intune: validateRequest" ;;
    success) echo "Intune: successNotification" ;;
    failure) echo "Intune: failureNotification" ;;
    esac
}

matrix() { # DIRECTORY-WITH-THE-ROWS
    cat <<'TEXT'
# The failure matrix

Made by `tests/e2e/matrix.sh --write`, and compared by every test run: a real connector, a real TLS connection, and
`intune-mock`, which fails in each of these ways. In every case

- the answer is never a yes;
- the SCEP server is told what the table says: HTTP status, verdict and code of the local API ([LOCAL-API.md](LOCAL-API.md));
- **circuit**: if it goes on, the connector stops asking after some failures in a row (`opens`), or goes on because the
  trouble is about one request (`stays`);
- when it is over, the next requests succeed without a restart, as soon as the circuit's probe has.
TEXT
    for hop in "${hops[@]}"; do
        printf '\n## %s\n| what happens | answer | code | circuit | what a person is told |\n' "$(title "$hop")"
        echo '| --- | --- | --- | --- | --- |'
        cat "$1/$hop"
    done
}

run_all() { # DIRECTORY
    local hop pids=() failed=no
    for hop in "${hops[@]}"; do
        (hop "$hop") >"$1/$hop" &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do wait "$pid" || failed=yes; done
    [ $failed = no ]
}

rows=$(mktemp -d)
trap 'rm -rf "$rows"' EXIT
is_complete
run_all "$rows" || fail "the matrix has gaps: see above"
matrix "$rows" >"$rows/document"
if [ "${1:-}" = --write ]; then
    cp "$rows/document" $document
else
    diff -u $document "$rows/document" || fail "$document is not what the test has found: tests/e2e/matrix.sh --write"
fi
ok "$(cat "${hops[@]/#/$rows/}" | wc -l) failures: never a yes, the right word, and healthy again"
