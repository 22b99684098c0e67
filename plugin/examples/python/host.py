#!/usr/bin/env python3
"""A complete host of a SCEP policy plugin (include/scep_plugin.h), with nothing but ctypes.

    python3 host.py PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]

Arguments, output and exit status are those of ../minimal_host.c, which explains the steps. What Python adds:
- ctypes believes what it is told: every function has its types below, or sizes are cut to 32 bits.
- Buffers are freed when Python forgets them: the structs below hold what they point at, and Instance holds the
  callback and the host struct, which the plugin uses until close.
- DENY is false, but RETRY and DECLINE are true: a verdict is compared with ==.
- What a callback raises is printed and becomes 0, so it must not raise.
ctypes releases the GIL while the plugin is asked, so threads wait in parallel; async_host.py does without threads.
"""
import ctypes
import os
import sys
from ctypes import CFUNCTYPE, POINTER, Structure, byref, c_char, c_char_p, c_int32, c_size_t, c_uint32, c_void_p, sizeof

ABI_MAJOR, ABI_MINOR = 1, 0
OK, ERR_VERSION, ERR_NOMEM, ERR_UNAVAILABLE, PENDING = 0, 2, 4, 5, 6
VERDICT_RETRY, VERDICT_ALLOW = 1, 0x414C4C4F
HEALTH_READY = 1
PKCS_REQ = 19
LOG_WARN = 2


class Sized(Structure):
    """A struct that begins with its size. ctypes zeroes the rest, so an answer begins as DENY."""

    def __init__(self, **members):
        super().__init__(size=sizeof(self), **members)


class Bytes(Structure):
    _fields_ = [("data", c_char_p), ("len", c_size_t)]

    def __init__(self, data=None):
        super().__init__(data, len(data or b""))


class ConfigEntry(Structure):
    _fields_ = [("key", c_char_p), ("value", c_char_p)]


class Text(Sized):
    _fields_ = [("size", c_size_t), ("text", c_char * 512)]


LogFunction = CFUNCTYPE(None, c_void_p, c_int32, c_char_p)


class Host(Sized):
    _fields_ = [("size", c_size_t), ("user", c_void_p), ("log", LogFunction), ("revoke", c_void_p)]


class Request(Sized):
    _fields_ = [("size", c_size_t), ("message_type", c_uint32), ("timeout_ms", c_uint32), ("transaction_id", Bytes),
                ("csr_der", Bytes), ("signer_cert_der", Bytes), ("endpoint", Bytes), ("peer", Bytes)]


class Issued(Sized):
    _fields_ = [("size", c_size_t), ("timeout_ms", c_uint32), ("reserved", c_uint32), ("transaction_id", Bytes),
                ("csr_der", Bytes), ("cert_der", Bytes)]


class Failed(Sized):
    _fields_ = [("size", c_size_t), ("timeout_ms", c_uint32), ("error_code", c_uint32), ("transaction_id", Bytes),
                ("csr_der", Bytes), ("reason", Bytes)]


class Answer(Sized):
    _fields_ = [("size", c_size_t), ("verdict", c_int32), ("retry_after_ms", c_uint32), ("code", c_char * 64),
                ("message", c_char * 512), ("request_id", c_char * 64), ("cert_der", c_void_p),
                ("cert_capacity", c_size_t), ("cert_len", c_size_t)]


class Health(Sized):
    _fields_ = [("size", c_size_t), ("state", c_int32), ("reserved", c_uint32), ("code", c_char * 64),
                ("message", c_char * 512)]


def asking(question, *more):
    return CFUNCTYPE(c_int32, c_void_p, POINTER(question), POINTER(Answer), *more)


class Plugin(Structure):
    _fields_ = [
        ("size", c_size_t), ("abi_major", c_uint32), ("abi_minor", c_uint32), ("name", c_char_p), ("version", c_char_p),
        ("open", CFUNCTYPE(c_int32, POINTER(Host), POINTER(ConfigEntry), c_size_t, POINTER(c_void_p), POINTER(Text))),
        ("verify_request", asking(Request)), ("notify_issued", asking(Issued)), ("notify_failed", asking(Failed)),
        ("close", CFUNCTYPE(None, c_void_p)),
        ("health", CFUNCTYPE(c_int32, c_void_p, c_uint32, POINTER(Health))),
        ("begin_verify_request", asking(Request, POINTER(c_void_p))),
        ("begin_notify_issued", asking(Issued, POINTER(c_void_p))),
        ("begin_notify_failed", asking(Failed, POINTER(c_void_p))),
        ("descriptor", CFUNCTYPE(c_int32, c_void_p)), ("finish", CFUNCTYPE(c_int32, c_void_p)),
        ("cancel", CFUNCTYPE(None, c_void_p))]


class Unusable(Exception):
    """No plugin of this ABI, or it cannot be opened."""


def load(path):
    try:
        entry = ctypes.CDLL(path, mode=os.RTLD_NOW | os.RTLD_LOCAL).scep_plugin_entry
    except (OSError, AttributeError) as error:
        raise Unusable(error) from error
    entry.restype, entry.argtypes = c_int32, [c_uint32, c_uint32, POINTER(POINTER(Plugin))]
    table = POINTER(Plugin)()
    status = entry(ABI_MAJOR, ABI_MINOR, byref(table))
    if table and (status == ERR_VERSION or table.contents.abi_major != ABI_MAJOR):
        other = table.contents
        raise Unusable(f"{path}: {other.name.decode()} {other.version.decode()} speaks version "
                       f"{other.abi_major}.{other.abi_minor} of the ABI, this host {ABI_MAJOR}.{ABI_MINOR}")
    if status != OK or not table or table.contents.size < sizeof(Plugin):
        raise Unusable(f"{path}: not a usable plugin (error {status})")
    return table.contents


@LogFunction
def log_line(_user, level, message):  # on any thread
    print(f"{'warning' if level >= LOG_WARN else 'info'}: {(message or b'').decode(errors='replace')}", file=sys.stderr)


class Instance:
    """An opened plugin; every ask_... returns ("allow" | "deny" | "retry", code, message)."""

    def __init__(self, path, settings):
        self.plugin = load(path)
        self.host = Host(log=log_line)
        self.handle = c_void_p()
        config = (ConfigEntry * len(settings))(*[ConfigEntry(key.encode(), value.encode()) for key, value in settings.items()])
        text = Text()
        if self.plugin.open(byref(self.host), config, len(config), byref(self.handle), byref(text)) != OK:
            raise Unusable(f"{self.plugin.name.decode()}: {text.text.decode(errors='replace')}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.plugin.close(self.handle)

    def ask(self, function, question):
        answer = Answer()
        return decide(function(self.handle, byref(question), byref(answer)), answer)

    def health(self):
        health = Health()
        is_ready = self.plugin.health(self.handle, 2000, byref(health)) == OK and health.state == HEALTH_READY
        return is_ready, f"{health.code.decode(errors='replace')}: {health.message.decode(errors='replace')}"


def decide(status, answer):
    """The one place where an answer becomes a yes."""
    verdict = "deny"
    if status == OK and answer.verdict == VERDICT_ALLOW:
        verdict = "allow"
    elif status in (ERR_NOMEM, ERR_UNAVAILABLE) or (status == OK and answer.verdict == VERDICT_RETRY):
        verdict = "retry"
    code = answer.code.decode(errors="replace") if status == OK else "plugin_error"
    return verdict, code, answer.message.decode(errors="replace")


def read_file(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def main(plugin_path, socket, transaction_id, csr_path, cert_path=None):
    enrolment = {"timeout_ms": 25000, "transaction_id": Bytes(transaction_id.encode()), "csr_der": Bytes(read_file(csr_path))}
    with Instance(plugin_path, {"socket": socket}) as instance:
        is_ready, why = instance.health()
        if not is_ready:
            print("not ready:", why, file=sys.stderr)
        verdict, code, message = instance.ask(instance.plugin.verify_request, Request(message_type=PKCS_REQ, **enrolment))
        print(f"{verdict} {code}: {message}")
        if verdict == "allow" and cert_path is not None:
            cert = read_file(cert_path)
            if cert:
                verdict, code, message = instance.ask(instance.plugin.notify_issued, Issued(cert_der=Bytes(cert), **enrolment))
            else:
                failed = Failed(error_code=0x80004005, reason=Bytes(b"the CA has failed"), **enrolment)
                verdict, code, message = instance.ask(instance.plugin.notify_failed, failed)
            print(f"{verdict} {code}: {message}")
            verdict = verdict if cert else "deny"
    return {"allow": 0, "retry": 3}.get(verdict, 1)


if __name__ == "__main__":
    if len(sys.argv) not in (5, 6):
        sys.exit(print("usage: host.py PLUGIN.so SOCKET TRANSACTION-ID REQUEST.der [CERT.der]", file=sys.stderr) or 2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except Unusable as problem:
        sys.exit(print(problem, file=sys.stderr) or 2)
