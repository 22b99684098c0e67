#!/usr/bin/env python3
"""step-ca's webhook client, as strict as the real one: what it sends, when it asks again, and what it makes of the reply.

One webhook call a run; prints one JSON object: decision (allow, deny, failed), attempts, status, ms, reply. Exit code 0 (allow;
of a notification: taken), 1 (deny), 2 (failed: step-ca issues nothing then, but a failed notification stops nothing).
"""

import argparse
import base64
import datetime
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse

RETRY_AFTER_S = 1.0
WRITE_TIMEOUT_S = 15.0  # of step-ca's server: the device has its answer by then, or none


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["challenge", "notify"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", required=True, help="PEM of the CAs that the connector's certificate may be of")
    parser.add_argument("--id", default="")
    parser.add_argument("--secret-file", help="base64; none: the empty key, as of a webhook written into ca.json")
    parser.add_argument("--bearer-token-file")
    parser.add_argument("--basic", help="USER:PASSWORD")
    parser.add_argument("--cert", help="step-ca's own certificate and its key, PEM")
    parser.add_argument("--key")
    parser.add_argument("--csr", required=True, help="DER")
    parser.add_argument("--transaction-id", required=True)
    parser.add_argument("--challenge", default="")
    parser.add_argument("--issued", help="DER of the certificate; none: it has failed")
    parser.add_argument("--error-description", default="")
    parser.add_argument("--error-code", type=int, default=0)
    parser.add_argument("--connect-to", help="HOST:PORT instead of the URL's; the certificate must be the URL's all the same")
    parser.add_argument("--tamper", help="body:N, signature:N or id:N: byte N is changed on the way")
    return parser.parse_args()


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


# --- the body: the order of members, and what is left out when empty, are Go's ---


def public_key(kind, path):
    pem = subprocess.run(["openssl", kind, "-inform", "DER", "-in", path, "-noout", "-pubkey"], check=True, capture_output=True)
    return "".join(line for line in pem.stdout.decode().splitlines() if not line.startswith("-"))


def encode(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":  # encoding/json escapes these inside strings; elsewhere they do not occur
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text.encode()


def make_body(arguments):
    now = datetime.datetime.now(datetime.timezone.utc)
    body = {"timestamp": now.strftime("%Y-%m-%dT%H:%M:%S.%f") + "789Z"}
    if arguments.kind == "challenge":
        body["provisionerName"] = "intune"
    body["x509CertificateRequest"] = {
        "version": 0,
        "subject": {},
        "dnsNames": None,
        "emailAddresses": None,
        "ipAddresses": None,
        "uris": None,
        "publicKey": public_key("req", arguments.csr),
        "publicKeyAlgorithm": "RSA",
        "raw": base64.b64encode(read_file(arguments.csr)).decode(),
    }
    if arguments.issued:
        body["x509Certificate"] = {
            "publicKey": public_key("x509", arguments.issued),
            "publicKeyAlgorithm": "RSA",
            "notBefore": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "notAfter": (now + datetime.timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "raw": base64.b64encode(read_file(arguments.issued)).decode(),
        }
    optional = {
        "scepChallenge": arguments.challenge if arguments.kind == "challenge" else "",
        "scepTransactionID": arguments.transaction_id,
        "scepErrorCode": arguments.error_code,
        "scepErrorDescription": arguments.error_description,
    }
    body.update((name, value) for name, value in optional.items() if value)
    return encode(body)


# --- the request ---


def make_headers(arguments, body):
    secret = base64.b64decode(read_file(arguments.secret_file), validate=False) if arguments.secret_file else b""
    headers = {
        "X-Smallstep-Signature": hmac.new(secret, body, hashlib.sha256).hexdigest(),
        "X-Smallstep-Webhook-Id": arguments.id,
    }
    if arguments.bearer_token_file:
        headers["Authorization"] = "Bearer " + read_file(arguments.bearer_token_file).decode().strip()
    elif arguments.basic:
        headers["Authorization"] = "Basic " + base64.b64encode(arguments.basic.encode()).decode()
    return headers


def change_byte(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def tamper(arguments, body, headers):
    where, _, at = arguments.tamper.partition(":")
    if where == "body":
        return change_byte(body, int(at))
    name = {"signature": "X-Smallstep-Signature", "id": "X-Smallstep-Webhook-Id"}[where]
    headers[name] = change_byte(headers[name].encode(), int(at)).decode()
    return body


def make_tls(arguments):
    context = ssl.create_default_context(cafile=arguments.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if arguments.cert:
        context.load_cert_chain(arguments.cert, arguments.key)
    return context


def send(arguments, body, headers):
    """Status and body of the reply; OSError or HTTPException when there is none."""
    url = urllib.parse.urlsplit(arguments.url)
    if url.scheme != "https":
        sys.exit("step-ca calls https only")
    host, port = arguments.connect_to.rsplit(":", 1) if arguments.connect_to else (url.hostname, url.port or 443)
    connection = http.client.HTTPConnection(url.netloc, timeout=WRITE_TIMEOUT_S)
    try:
        plain = socket.create_connection((host, int(port)), timeout=WRITE_TIMEOUT_S)
        connection.sock = make_tls(arguments).wrap_socket(plain, server_hostname=url.hostname)
        connection.putrequest("POST", url.path, skip_accept_encoding=True)
        connection.putheader("User-Agent", "Go-http-client/1.1")
        connection.putheader("Content-Length", str(len(body)))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.putheader("Accept-Encoding", "gzip")
        connection.endheaders(body)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def send_twice_at_most(arguments, body, headers):
    """The same bytes once more after a second, when nobody answered or the server has failed."""
    for attempt in (1, 2):
        try:
            status, reply = send(arguments, body, headers)
        except (OSError, http.client.HTTPException) as error:
            status, reply = 0, str(error).encode()
        if attempt == 2 or 0 < status < 500:
            return attempt, status, reply
        time.sleep(RETRY_AFTER_S)
    raise AssertionError


# --- what it makes of the reply ---


def decide(status, reply):
    if not 0 < status < 400:
        return "failed"
    try:
        document, _ = json.JSONDecoder().raw_decode(reply.decode().lstrip())
    except ValueError:
        return "failed"
    if not isinstance(document, dict):
        return "failed"
    allow = False
    for name, value in document.items():
        if name.lower() == "allow":  # encoding/json does not look at case
            if not isinstance(value, bool):
                return "failed"
            allow = value
    return "allow" if allow else "deny"


def main():
    arguments = read_arguments()
    body = make_body(arguments)
    headers = make_headers(arguments, body)
    if arguments.tamper:
        body = tamper(arguments, body, headers)
    began = time.monotonic()
    attempts, status, reply = send_twice_at_most(arguments, body, headers)
    took = time.monotonic() - began
    decision = decide(status, reply) if took < WRITE_TIMEOUT_S else "failed"
    if arguments.kind == "notify" and decision == "deny":
        decision = "allow"  # it does not look
    print(
        json.dumps(
            {
                "decision": decision,
                "attempts": attempts,
                "status": status,
                "ms": round(took * 1000),
                "reply": reply.decode(errors="replace").strip(),
            }
        )
    )
    sys.exit({"allow": 0, "deny": 1, "failed": 2}[decision])


main()
