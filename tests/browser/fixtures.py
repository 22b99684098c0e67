"""Documents as GET /v1/status answers them (docs/LOCAL-API.md), for looks that a real connector takes long to get into."""
from datetime import datetime, timedelta, timezone

NOW = datetime.now(timezone.utc)
VERDICTS = ("allow", "deny", "retry", "deliver", "decline")
XSS = "<img src=x onerror=\"window.isPwned=1\"><script>window.isPwned=1</script>"


def at(**distance):
    return (NOW + timedelta(**distance)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def verdicts(allow=0, deny=0, retry=0, codes=()):
    def spread(total, period):
        column = [0] * 60
        for i in range(total):
            column[(i * i * period + 7 * i) % 60] += 1
        return column
    columns = {"allow": spread(allow, 3), "deny": spread(deny, 5), "retry": [0] * 50 + [retry // 10] * 10,
               "deliver": [0] * 60, "decline": [0] * 60}
    zero = dict.fromkeys(VERDICTS, 0)
    return {"totals": {"validate": {**zero, "allow": allow, "deny": deny, "retry": retry // 10 * 10},
                       "issued": dict(zero), "failed": dict(zero)},
            "byCode": list(codes), "perMinute": {"startsAt": at(minutes=-59), **columns}}


def code(operation, verdict, name, count, advice=None):
    return {"operation": operation, "verdict": verdict, "code": name, "advice": advice, "count": count}


def refusal(name, message, advice=None, verdict="deny", subject="CN=kim.laptop.example", transaction="8F2A6101", minutes=3):
    return {"at": at(minutes=-minutes), "operation": "validate", "verdict": verdict, "code": name, "advice": advice,
            "transactionId": transaction, "subject": subject, "requestId": "2f4c5a10-1d2e-4f3a-8b7c-9d0e1f2a3b4c",
            "message": message}


def tenant(name="contoso"):
    return {"name": name, "tenantId": "11111111-2222-3333-4444-555555555555", "cloud": "public", "state": "working",
            "intune": {"ready": True, "reachable": True, "code": None, "message": None, "tokenExpiresAt": at(minutes=47),
                       "circuits": [{"endpoint": "validate", "state": "closed"}],
                       "lastAnswerAt": at(seconds=-40), "lastFailureAt": None, "p50Ms": 118, "p99Ms": 410},
            "credentials": [{"name": "main", "kind": "certificate", "expiresAt": at(days=211)}],
            "owed": {"owed": 0, "dead": 0, "oldestOwedAt": None},
            "revocations": {"isPolling": True, "waiting": 0, "held": 0, "answerable": 0, "lastPollAt": at(minutes=-9),
                            "lastPollResult": "ok", "nextPollAt": at(minutes=6), "isLeader": True, "leader": None, "isHeld": False, "heldSince": None,
                            "heldReason": None},
            "verdicts": verdicts(141, 3, 0, [
                code("validate", "allow", "Success", 141),
                code("validate", "deny", "ChallengeExpired", 3, "the device waited too long: sync it")]),
            "refusals": [refusal("ChallengeExpired", "Intune refused: the challenge has expired; the device waited too long: "
                                 "sync it", "the device waited too long: sync it")]}


def database(state=None, lost=None):
    """state: of one that several nodes share."""
    return {"isShared": state is not None, "state": state or "database", "since": at(hours=-30) if lost is None else lost,
            "code": None if lost is None else "journal_away", "reason": None if lost is None else "connection refused", "spooled": 0}


def document(*tenants, state="working", problems=()):
    return {"version": "0.1.0", "state": state, "ready": state != "failing", "now": at(), "startedAt": at(days=-12),
            "workers": 2,
            "configuration": {"path": "/etc/intune-scep/connector.conf", "digest": "9f86d081884c7d65" * 4,
                              "loadedAt": at(hours=-30), "lastReload": None},
            "problems": list(problems), "tenants": list(tenants),
            "listeners": [{"name": "default", "address": "unix:/run/intune-scep/connector.sock", "tls": False,
                           "servesScep": True, "expiresAt": None, "connections": 3},
                          {"name": "webhooks", "address": "tcp:0.0.0.0:8443", "tls": True, "servesScep": True, "expiresAt": at(days=21),
                           "connections": 12}],
            "journal": {"path": "/var/lib/intune-scep/journal.db", "isHealthy": True, "code": None, "reason": None, "sizeBytes": 48 << 20},
            "database": database(),
            "nodes": {"warnings": []},
            "process": {"rssBytes": 14 << 20, "fds": 41, "maxFds": 1048576, "cpuSeconds": 93.4},
            "sandbox": {"isWanted": True, "landlock": 7, "seccomp": True, "reason": None}}


def problem(severity, name, message, advice=None, of=None):
    return {"severity": severity, "code": name, "tenant": of, "message": message, "advice": advice}


def healthy():
    return document(tenant())


def empty():
    """Just installed: nobody has asked for anything."""
    it = tenant()
    it["verdicts"] = verdicts()
    it["refusals"] = []
    it["revocations"] = None
    it["intune"].update(lastAnswerAt=None, p50Ms=None, p99Ms=None)
    return document(it)


def degraded():
    it = tenant()
    it["state"] = "degraded"
    it["credentials"] = [{"name": "old", "kind": "certificate", "expiresAt": at(days=5)},
                         {"name": "new", "kind": "secret", "expiresAt": None}]
    it["owed"] = {"owed": 12, "dead": 2, "oldestOwedAt": at(hours=-3)}
    it["revocations"].update(waiting=0, held=640, isHeld=True, heldSince=at(hours=-1),
                             heldReason="640 revocations within 24 h, more than storm_limit = 500")
    return document(it, state="degraded", problems=[
        problem("warning", "storm_guard", "640 revocations are held: more were asked for than usual",
                "intune-scepctl revocations list; if they are meant: intune-scepctl revocations approve", "contoso"),
        problem("warning", "credential_expires", "the credential old (certificate) expires in 5 days",
                "register a new one in Entra ID and replace the file: /usr/share/doc/intune-scep-connector/CREDENTIALS.md", "contoso"),
        problem("warning", "outbox_ageing", "12 reports have not reached Intune, the oldest for 3 hours",
                "intune-scepctl outbox list shows the last answer of each", "contoso"),
        problem("notice", "listener_expires", "the TLS certificate of the listener webhooks expires in 21 days",
                "replace its file, then: intune-scepctl reload")])


def failing():
    it = tenant()
    it["state"] = "failing"
    it["intune"].update(reachable=False, code="tls_untrusted", message="token: the certificate is not trusted",
                        lastAnswerAt=at(minutes=-11), lastFailureAt=at(seconds=-2), lastFailure={"code": "tls_untrusted", "message": "x"},
                        circuits=[{"endpoint": "token", "state": "open"}, {"endpoint": "validate", "state": "half_open"}])
    it["verdicts"] = verdicts(80, 2, 90, [
        code("validate", "retry", "tls_untrusted", 90, "set ca_file if a proxy of yours intercepts TLS; otherwise somebody "
             "else answers in its place"), code("validate", "allow", "Success", 80),
        code("validate", "deny", "csr_extensions_malformed", 2, "two readers could understand two things; look at the "
             "request with intune-scepctl inspect")])
    it["refusals"] = [refusal("tls_untrusted", "token: the certificate of login.microsoftonline.com is not trusted (3 attempts); "
                              "advice: set ca_file if a proxy of yours intercepts TLS", verdict="retry", minutes=i)
                      for i in range(50)]
    made = document(it, state="failing", problems=[
        problem("error", "intune_unreachable", "Intune cannot be asked: token: the certificate of "
                "login.microsoftonline.com is not trusted (tls_untrusted)",
                "set ca_file if a proxy of yours intercepts TLS; otherwise somebody else answers in its place", "contoso"),
        problem("error", "journal_unhealthy", "the journal cannot be written: disk is full (journal_full); every request is answered retry",
                "make room on the journal's disk")])
    made["journal"].update(isHealthy=False, reason="database or disk is full")
    made["configuration"]["lastReload"] = {"at": at(minutes=-4), "result": "refused", "message": "/etc/intune-scep/connector.conf:12: unknown key"}
    return made


def twelve():
    tenants = [tenant(f"customer-{i:02}") for i in range(12)]
    tenants[4].update(state="failing")
    tenants[4]["intune"].update(reachable=False)
    tenants[7].update(state="degraded")
    made = document(*tenants, state="degraded", problems=[
        problem("error", "intune_unreachable", "Intune cannot be asked: connection refused (connect)",
                "check firewall, proxy and the configured addresses", "customer-04"),
        problem("warning", "outbox_dead", "3 reports were given up", "intune-scepctl outbox list --dead", "customer-07")])
    made["database"] = database("spool", lost=at(minutes=-2))
    return made


def hostile():
    """Whatever a device, or whoever sends a request, may choose; and everything as long as it can be."""
    it = tenant("t" * 63)
    it["refusals"] = [refusal("csr_malformed", XSS + " " + "long" * 120, XSS, subject=f"CN={XSS}" + "A" * 200, transaction=XSS + "Z" * 200),
                      refusal("x" * 63, "javascript:alert(1)", None, subject="CN=\u202eevil\u0007", transaction="'\"><svg onload=alert(1)>")]
    it["verdicts"] = verdicts(1234567, 98765, 4320, [code("validate", "deny", "C" * 63, 1234567890, XSS)])
    it["revocations"].update(isHeld=True, held=1, heldReason=XSS, lastPollResult=XSS)
    it["credentials"] = [{"name": XSS, "kind": XSS, "expiresAt": at(days=-2)}]
    return document(it, state="degraded", problems=[problem("warning", "x", XSS + "W" * 300, XSS, XSS)])


ALL = {f.__name__: f for f in (healthy, empty, degraded, failing, twelve, hostile)}
