#!/usr/bin/env python3
"""Very many connections that say nothing, half a handshake, or half a request, and one caller who means it.

    half_open.py --port N --connections N --ca FILE --token FILE --csr FILE --transaction ID --requests N

The strangers come from 127.0.0.2 on, a thousand from each address, over TLS's port: a third silent, a third with half a
ClientHello, a third with a whole handshake and half a header, as far as a handshake can be had in the time. The caller asks over one
kept connection of his own, and over a new one each time. Prints JSON: how many strangers were there, what was answered, and how fast.
"""
import argparse
import http.client
import json
import resource
import socket
import ssl
import statistics
import sys
import time

PER_ADDRESS = 1000
HALF_HELLO = bytes.fromhex("160301020001000200")


def raise_limit(wanted):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        except (ValueError, OSError):
            sys.exit(f"half_open.py: only {hard} descriptors may be had")
    elif soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def come_as_strangers(asked, context):
    strangers = []
    for n in range(asked.connections):
        made = socket.socket()
        made.bind((f"127.0.0.{2 + n // PER_ADDRESS}", 0))
        made.settimeout(20)
        made.connect(("127.0.0.1", asked.port))
        if n % 3 == 1:
            made.send(HALF_HELLO)
        elif n % 30 == 2:
            made = context.wrap_socket(made, server_hostname="localhost")
            made.send(b"POST /v1/validate HTTP/1.1\r\nHost: x\r\n")
        strangers.append(made)
    return strangers


def ask(connection, body, headers):
    began = time.monotonic()
    connection.request("POST", "/v1/validate", body, headers)
    reply = connection.getresponse()
    reply.read()
    return reply.status, (time.monotonic() - began) * 1000


def figures(times_ms):
    times_ms = sorted(times_ms)
    return {
        "median_ms": round(statistics.median(times_ms), 2),
        "p99_ms": round(times_ms[len(times_ms) * 99 // 100], 2),
        "max_ms": round(times_ms[-1], 2),
    }


def main():
    parser = argparse.ArgumentParser()
    for name in ("port", "connections", "requests"):
        parser.add_argument(f"--{name}", type=int, required=True)
    for name in ("ca", "token", "csr", "transaction"):
        parser.add_argument(f"--{name}", required=True)
    asked = parser.parse_args()
    raise_limit(asked.connections + 100)
    context = ssl.create_default_context(cafile=asked.ca)
    with open(asked.token) as file:
        token = file.read().strip()
    with open(asked.csr, "rb") as file:
        body = file.read()
    headers = {
        "Content-Type": "application/pkcs10",
        "X-Scep-Transaction-Id": asked.transaction,
        "X-Scep-Replay": "no",
        "Authorization": f"Bearer {token}",
    }
    kept = http.client.HTTPSConnection("localhost", asked.port, context=context, timeout=30)
    began = time.monotonic()
    strangers = come_as_strangers(asked, context)
    report = {"strangers": len(strangers), "came_in_s": round(time.monotonic() - began, 2), "statuses": {}}
    times = {"kept": [], "new": []}
    for n in range(asked.requests):
        connection = kept
        if n % 2 == 1:
            connection = http.client.HTTPSConnection("localhost", asked.port, context=context, timeout=30)
        status, took_ms = ask(connection, body, headers)
        times["new" if n % 2 == 1 else "kept"].append(took_ms)
        report["statuses"][str(status)] = report["statuses"].get(str(status), 0) + 1
        if connection is not kept:
            connection.close()
    report.update({name: figures(values) for name, values in times.items()})
    json.dump(report, sys.stdout)
    print()


if __name__ == "__main__":
    main()
