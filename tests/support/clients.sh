# shellcheck shell=bash
# Sourced: SCEP clients that nobody here wrote, as they come with Debian. Each takes URL, CA file and where to put what it
# makes (PREFIX.key, PREFIX.pem; what the client says goes to PREFIX.log), and succeeds only with a certificate. Where the
# CA has an RA, RA_FILE is its certificate.

new_key() { # FILE
    openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1" 2>/dev/null ||
        openssl genrsa -out "$1" 2048 2>/dev/null
}

strongswan_enrol() { # URL CA PREFIX SUBJECT SAN CHALLENGE [OPTION…]
    local url=$1 ca=$2 prefix=$3 subject=$4 san=$5 challenge=$6
    shift 6
    [ -f "$prefix.key" ] || new_key "$prefix.key"
    pki --scep --url "$url" --in "$prefix.key" --dn "$subject" --san "$san" --password "$challenge" \
        --cacert-enc "${RA_FILE:-$ca}" --cacert-sig "$ca" --outform pem "$@" >"$prefix.pem.new" 2>>"$prefix.log" || return 1
    mv "$prefix.pem.new" "$prefix.pem"
}

# A session of certmonger's own, with its own bus and home; its state dies with it.
certmonger_enrol() { # URL CA PREFIX SUBJECT SAN CHALLENGE
    local home=$3.certmonger
    rm -rf "$home"
    mkdir -p "$home"
    # shellcheck disable=SC2016 # expanded by the inner shell
    HOME=$home dbus-run-session -- sh -eu -c '
        /usr/lib/certmonger/certmonger-session -n -d 1 >"$HOME/session.log" 2>&1 &
        for try in 1 2 3 4 5 6 7 8 9 10; do
            getcert add-scep-ca -s -c test -u "$1" -N "$2" -r "$7" >/dev/null 2>&1 && break
            [ "$try" -lt 10 ]
        done
        getcert request -s -c test -k "$3.key" -f "$3.pem" -N "$4" -D "$5" -L "$6" -w --wait-timeout 60 >/dev/null
        ' sh "$1" "$2" "$3" "$4" "$5" "$6" "${RA_FILE:-$2}" >>"$3.log" 2>&1 || return 1
    [ -s "$3.pem" ]
}

# micromdm's client fixes most of the subject, asks for no alternative names, and encrypts with single DES.
scepclient_subject() { # CN
    echo "CN=$1,OU=MDM,O=scep-client,C=US"
}

scepclient_enrol() { # URL PREFIX CN CHALLENGE
    (cd "$(dirname "$2")" &&
        scepclient -server-url "$1" -challenge "$4" -private-key "$2.key" -certificate "$2.pem" -cn "$3" \
            >>"$2.log" 2>&1)
    [ -s "$2.pem" ]
}

# A port that nobody has now, and that the kernel gives nobody by itself.
free_port() {
    python3 -c 'import random, socket
while True:
    port = random.randrange(10000, 30000)
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            continue
    print(port)
    break'
}

# scepserver_start COMMAND…: micromdm's server, told its port by SCEP_PORT in the command; leaves SCEP_URL. Somebody may be
# quicker to take the port: then it ends, and is started again.
scepserver_start() {
    local try
    for try in 1 2 3 4 5; do
        SCEP_PORT=$(free_port)
        start scepserver env "SCEP_PORT=$SCEP_PORT" "$@"
        SCEP_URL=http://127.0.0.1:$SCEP_PORT/scep
        wait_until 20 "scepserver's start ($try)" scepserver_is_settled "$STARTED"
        if kill -0 "$STARTED" 2>/dev/null; then return 0; fi
    done
    fail "scepserver does not start"
}
scepserver_is_settled() { # PID: it answers, or it is gone
    ! kill -0 "$1" 2>/dev/null || curl -sf "$SCEP_URL?operation=GetCACaps"
}
