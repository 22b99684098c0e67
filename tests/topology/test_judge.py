#!/usr/bin/env python3
"""The judge of ./dev topology, judged: what is in order passes, and each thing that must not be is found, with its sentence."""
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

JUDGE = pathlib.Path(__file__).with_name("judge.py")
ONE, TWO = "https://one/scep", "https://two/scep"


def transaction(name, thumbprint, contents=1):
    return {"transactionId": name, "success": {"count": contents, "distinctContents": contents,
                                               "fields": {"certificateThumbprint": thumbprint}}}


def certificate(device, thumbprint, serial, cycle=1):
    return {"device": device, "thumbprint": thumbprint, "serialNumber": serial, "cycle": cycle}


def setback(device, platform, url, reason="HTTP 504"):
    return {"device": device, "platform": platform, "cycle": 1, "url": url, "reason": reason}


IN_ORDER = {
    "fleet.json": {"platforms": {}, "setbackList": [setback("i1", "ios", TWO), setback("a1", "android", TWO)], "lostList": []},
    "certificates.jsonl": [certificate("a1", "AA", "0A"), certificate("i1", "BB", "0B", cycle=2)],
    "transactions.json": [transaction("t1", "AA"), transaction("t2", "BB")],
    "revocations.json": [{"serialNumber": "0A", "state": "succeeded", "results": 1}],
    "one.revocations.json": {"revocations": [{"serialNumber": "0C"}]},
    "ca/index.txt": ["R\t3\t2\t0A\tunknown\t/CN=a1", "V\t3\t\t0B\tunknown\t/CN=i1", "R\t3\t2\t0C\tunknown\t/CN=w"],
}


def lost_device(e):
    e["fleet.json"]["lostList"].append({"device": "a1", "platform": "android", "reason": "HTTP 504"})


def failed_in_order(e):
    e["fleet.json"]["setbackList"].append(setback("a1", "android", ONE))


def failed_for_want_of_patience(e):
    e["fleet.json"]["setbackList"].append(setback("a1", "android", ONE, "pending longer than the profile's retries"))


def iphone_elsewhere(e):
    e["fleet.json"]["setbackList"][0]["url"] = ONE


def iphone_never_again(e):
    e["certificates.jsonl"][1]["cycle"] = 1


def untold(e):
    del e["transactions.json"][1]


def told_differently(e):
    e["transactions.json"][0]["success"]["distinctContents"] = 2


def told_for_two(e):
    e["transactions.json"].append(transaction("t3", "AA"))


def delivered_to_two(e):
    e["certificates.jsonl"].append(certificate("a2", "AA", "0A"))


def withheld_and_delivered(e):
    e["one.revocations.json"]["revocations"].append({"serialNumber": "0B"})


def unanswered(e):
    e["revocations.json"][0]["state"] = "handedOut"


def answered_with_failure(e):
    e["revocations.json"][0]["state"] = "failed"


def not_revoked(e):
    e["ca/index.txt"][0] = e["ca/index.txt"][0].replace("R", "V", 1)


def revoked_unasked(e):
    e["ca/index.txt"][1] = e["ca/index.txt"][1].replace("V", "R", 1)


def doubled(e):
    e["ca/index.txt"].append(e["ca/index.txt"][0])


def nothing_asked(e):
    e["revocations.json"] = []
    e["ca/index.txt"] = e["ca/index.txt"][1:]


WRONG = [
    (lost_device, "devices have no certificate in the end"),
    (failed_in_order, "attempts failed where nothing was out of order"),
    (failed_for_want_of_patience, "attempts failed where nothing was out of order"),
    (iphone_elsewhere, "iPhones lost a policy cycle at a URL that was in order"),
    (iphone_never_again, "iPhones lost a cycle and got nothing in a later one"),
    (untold, "certificates were delivered that Intune was never told of: BB"),
    (told_differently, "transactions were reported with two different certificates: t1"),
    (told_for_two, "certificates were reported for more than one transaction: AA"),
    (delivered_to_two, "certificates were delivered to more than one device: AA"),
    (withheld_and_delivered, "certificates were withheld and delivered all the same"),
    (unanswered, "revocations were never answered: 0A"),
    (answered_with_failure, "revocations were answered with a failure: 0A"),
    (not_revoked, "certificates are not revoked though Intune was told so"),
    (revoked_unasked, "certificates were revoked that nobody wanted revoked"),
    (doubled, "serial numbers are in a CA's register twice: 0A"),
    (nothing_asked, "Intune asked for no revocation"),
]


def judged(evidence, *options):
    with tempfile.TemporaryDirectory() as directory:
        for name, content in evidence.items():
            path = pathlib.Path(directory) / name
            path.parent.mkdir(exist_ok=True)
            if name.endswith(".json"):
                path.write_text(json.dumps(content))
            else:
                path.write_text("".join(f"{c if isinstance(c, str) else json.dumps(c)}\n" for c in content))
        return subprocess.run([JUDGE, directory, "--scenario", "test", "--nodes", "one,two", "--cas", "ca", "--dead", TWO, *options],
                              capture_output=True, text=True, check=False)


def main():
    failures = []
    result = judged(IN_ORDER)
    if result.returncode != 0 or result.stderr:
        failures.append(f"what is in order: {result.returncode}, {result.stderr}")
    patient = copy.deepcopy(IN_ORDER)
    failed_for_want_of_patience(patient)
    if judged(patient, "--may-lose-patience").returncode != 0:
        failures.append("--may-lose-patience: not taken into account")
    for break_it, sentence in WRONG:
        evidence = copy.deepcopy(IN_ORDER)
        break_it(evidence)
        result = judged(evidence)
        if result.returncode != 1 or sentence not in result.stderr or not result.stderr.startswith("test: "):
            failures.append(f"{break_it.__name__}: exit code {result.returncode}, \"{result.stderr.strip()}\"")
    for failure in failures:
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if failures else 0


sys.exit(main())
