#!/usr/bin/env python3
"""Compares what the devices have, what Intune was told, and what the CAs have revoked, after a wave and when nobody owes
anybody anything any more.

    judge.py DIRECTORY --scenario NAME --nodes NODE,… --cas CA,… [--dead URL]… [--may-lose-patience]

DIRECTORY has fleet.json, certificates.jsonl, transactions.json, revocations.json, NODE.revocations.json (of connectors that
live), NODE.host/ and CA/index.txt. --dead: such a URL was out of order for a while; only there may a device have failed. --may-lose-patience: a device that was told PENDING for longer than it
asks has not failed; it begins anew.
Prints a line for each figure, and on what is wrong a sentence, to standard error. Exit code 1: something is wrong.
"""
import argparse
import collections
import json
import pathlib
import sys

EXIT_WRONG = 1


def number_of(serial):
    """Serial numbers are compared as numbers."""
    return int(serial, 16)


class Verdict:
    def __init__(self):
        self.sentences = []

    def row(self, name, value, wanted=None):
        is_right = wanted is None or wanted(value)
        print(f"  {name:<58} {value:>8}  {'' if wanted is None else 'ok' if is_right else 'WRONG'}")
        return is_right

    def none(self, name, found, sentence):
        """found must be empty; the sentence says what it means."""
        found = sorted(map(str, found))
        if not self.row(name, len(found), lambda n: n == 0):
            self.sentences.append(f"{len(found)} {sentence}: {', '.join(found[:5])}{', …' if len(found) > 5 else ''}")

    def some(self, name, count, sentence):
        if not self.row(name, count, lambda n: n > 0):
            self.sentences.append(sentence)


class Evidence:
    def __init__(self, directory, nodes, cas):
        self.directory = pathlib.Path(directory)
        self.fleet = self.read("fleet.json")
        lines = (self.directory / "certificates.jsonl").read_text().splitlines()
        self.certificates = [json.loads(line) for line in lines]
        self.transactions = self.read("transactions.json")
        self.revocations = self.read("revocations.json")
        self.withheld = set()
        self.register = {}
        self.doubles = []
        for node in nodes:
            self.read_node(node)
        for ca in cas:
            self.read_register(ca)

    def read(self, name):
        return json.loads((self.directory / name).read_text())

    def read_node(self, node):
        for shelf in ("withheld", "revoking"):
            for path in (self.directory / f"{node}.host" / shelf).glob("*.pem"):
                self.withheld.add(number_of(path.stem))
        path = self.directory / f"{node}.revocations.json"
        if path.exists():
            given_up = json.loads(path.read_text())["revocations"]
            self.withheld |= {number_of(r["serialNumber"]) for r in given_up if not r.get("requestContext")}

    def read_register(self, ca):
        for line in (self.directory / ca / "index.txt").read_text().splitlines():
            columns = line.split("\t")
            serial = number_of(columns[3])
            if serial in self.register:
                self.doubles.append(columns[3])
            self.register[serial] = columns[0]

    def told(self):
        """thumbprint -> the transactions that Intune was told of it for."""
        found = collections.defaultdict(list)
        for transaction in self.transactions:
            if transaction.get("success"):
                found[transaction["success"]["fields"]["certificateThumbprint"]].append(transaction)
        return found


PENDING_TOO_LONG = "pending longer than the profile's retries"


def judge_devices(verdict, evidence, dead, may_lose_patience):
    fleet = evidence.fleet
    setbacks = fleet["setbackList"]
    if may_lose_patience:
        impatient = [s for s in setbacks if s["reason"] == PENDING_TOO_LONG]
        setbacks = [s for s in setbacks if s["reason"] != PENDING_TOO_LONG]
        verdict.row("attempts given up, because PENDING took too long", len(impatient))
    for platform, share in fleet["platforms"].items():
        print(f"  {platform:<58} {share['issued']:>8}  of {share['wanted']}, {share['firstCycle']} in the first cycle, "
              f"p50 {share['p50Ms']} ms, p99 {share['p99Ms']} ms, longest {share['maxMs']} ms")
    verdict.none("devices that end without a certificate", [f"{l['device']} ({l['platform']}): {l['reason']}" for l in fleet["lostList"]],
                 "devices have no certificate in the end")
    elsewhere = [f"{s['device']} ({s['platform']}) at {s['url']}: {s['reason']}" for s in setbacks if s["url"] not in dead]
    verdict.none("attempts that failed" + (" at a URL in order" if dead else ""), elsewhere,
                 "attempts failed where nothing was out of order")
    if dead:
        verdict.row("attempts that failed at the URL out of order", len(setbacks) - len(elsewhere))
        judge_ios(verdict, evidence, dead, setbacks)


def judge_ios(verdict, evidence, dead, setbacks):
    """An iPhone tries the URL that it was handed, and no other until it is handed one again."""
    failed = {(s["device"], s["cycle"]) for s in setbacks if s["platform"] in ("ios", "ipados")}
    handed_dead = {(s["device"], s["cycle"]) for s in setbacks if s["platform"] in ("ios", "ipados") and s["url"] in dead}
    verdict.row("iPhones that lost a policy cycle", len({device for device, _ in failed}))
    verdict.none("iPhones that lost one though handed another URL", failed - handed_dead,
                 "iPhones lost a policy cycle at a URL that was in order")
    cycles = {c["device"]: c["cycle"] for c in evidence.certificates}
    verdict.none("iPhones without a certificate in a later cycle",
                 [device for device, cycle in failed if cycles.get(device, 0) <= cycle],
                 "iPhones lost a cycle and got nothing in a later one")


def judge_certificates(verdict, evidence):
    told = evidence.told()
    delivered = collections.Counter(c["thumbprint"] for c in evidence.certificates)
    verdict.some("certificates delivered", len(delivered), "not a single certificate was delivered")
    verdict.none("LOST: delivered, and Intune does not know", set(delivered) - set(told),
                 "certificates were delivered that Intune was never told of")
    verdict.none("one certificate delivered to two devices", [t for t, n in delivered.items() if n > 1],
                 "certificates were delivered to more than one device")
    verdict.none("one certificate told for two transactions", [t for t, all_of in told.items() if len(all_of) > 1],
                 "certificates were reported for more than one transaction")
    verdict.none("TOLD TWICE, differently",
                 [t["transactionId"] for t in evidence.transactions if t.get("success") and t["success"]["distinctContents"] > 1],
                 "transactions were reported with two different certificates")
    again = sum(t["success"]["count"] - 1 for t in evidence.transactions if t.get("success"))
    verdict.row("told again, the same", again)
    verdict.row("told, and the device never got it (its answer was lost)", len(set(told) - set(delivered)))
    verdict.none("withheld, though delivered", evidence.withheld & {number_of(c["serialNumber"]) for c in evidence.certificates},
                 "certificates were withheld and delivered all the same")
    verdict.row("certificates withheld", len(evidence.withheld))


def judge_revocations(verdict, evidence):
    asked = {number_of(r["serialNumber"]) for r in evidence.revocations}
    revoked = {serial for serial, state in evidence.register.items() if state == "R"}
    verdict.some("revocations that Intune asked for", len(asked), "Intune asked for no revocation")
    verdict.none("LOST: asked, and never answered",
                 [r["serialNumber"] for r in evidence.revocations if r["state"] not in ("succeeded", "failed")],
                 "revocations were never answered")
    verdict.none("answered with a failure", [r["serialNumber"] for r in evidence.revocations if r["state"] == "failed"],
                 "revocations were answered with a failure")
    verdict.none("asked, and not revoked", asked - revoked, "certificates are not revoked though Intune was told so")
    verdict.none("revoked, neither asked nor withheld", revoked - asked - evidence.withheld,
                 "certificates were revoked that nobody wanted revoked")
    verdict.none("entered twice in a CA's register", evidence.doubles, "serial numbers are in a CA's register twice")
    verdict.row("results that were uploaded again, the same", sum(max(r["results"] - 1, 0) for r in evidence.revocations))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--nodes", required=True)
    parser.add_argument("--cas", required=True)
    parser.add_argument("--dead", action="append", default=[])
    parser.add_argument("--may-lose-patience", action="store_true")
    arguments = parser.parse_args()
    evidence = Evidence(arguments.directory, arguments.nodes.split(","), arguments.cas.split(","))
    verdict = Verdict()
    judge_devices(verdict, evidence, arguments.dead, arguments.may_lose_patience)
    judge_certificates(verdict, evidence)
    judge_revocations(verdict, evidence)
    for sentence in verdict.sentences:
        print(f"{arguments.scenario}: {sentence}", file=sys.stderr)
    return EXIT_WRONG if verdict.sentences else 0


sys.exit(main())
