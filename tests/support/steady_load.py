#!/usr/bin/env python3
"""Asks for the same validation again and again over kept connections of a Unix socket; prints what came of it as JSON.

    steady_load.py --socket PATH --csr FILE --transaction ID --seconds N [--clients N] [--header NAME:VALUE]...

Every answer but 200 is a failure; so is a connection that ends, but between two requests. Exit: 0 if it could ask at all.
"""
import argparse
import http.client
import json
import socket
import statistics
import sys
import threading
import time


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("connector", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        self.sock.connect(self.path)


def ask_for(asked, body, headers, times_ms, failures):
    connection = UnixConnection(asked.socket)
    end = time.monotonic() + asked.seconds
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            connection.request("POST", "/v1/validate", body, headers)
            reply = connection.getresponse()
            text = reply.read()
            if reply.status != 200:
                failures.append(f"{reply.status} {text[:200]!r}")
        except (OSError, http.client.HTTPException) as fault:
            failures.append(repr(fault))
            connection.close()
        times_ms.append((time.monotonic() - began) * 1000)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--socket", required=True)
    parser.add_argument("--csr", required=True)
    parser.add_argument("--transaction", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--header", action="append", default=[])
    asked = parser.parse_args()
    with open(asked.csr, "rb") as file:
        body = file.read()
    headers = {"Content-Type": "application/pkcs10", "X-Scep-Transaction-Id": asked.transaction, "X-Scep-Replay": "no"}
    headers.update(header.split(":", 1) for header in asked.header)
    times_ms, failures = [], []
    clients = [
        threading.Thread(target=ask_for, args=(asked, body, headers, times_ms, failures)) for _ in range(asked.clients)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    times_ms.sort()
    report = {"answered": len(times_ms) - len(failures), "failed": len(failures), "failures": failures[:5]}
    if times_ms:
        report["median_ms"] = round(statistics.median(times_ms), 2)
        report["p99_ms"] = round(times_ms[min(len(times_ms) - 1, len(times_ms) * 99 // 100)], 2)
        report["max_ms"] = round(times_ms[-1], 2)
    json.dump(report, sys.stdout)
    print()
    return 0 if times_ms else 1


if __name__ == "__main__":
    sys.exit(main())
