#!/usr/bin/env python3
"""A stand-in for smallstep's step, for tests/docs/step_ca.sh: the subcommands of docs/step-ca.md with the flags that smallstep's
reference gives them, and no others. Certificates are real, made with openssl; what would be told to step-ca is kept in
$STEPPATH/state.json.
"""

import base64
import json
import os
import secrets
import subprocess
import sys
import uuid
from pathlib import Path

HOME = Path(os.environ["STEPPATH"])
ADMIN = "admin-cert admin-key admin-subject admin-provisioner admin-password-file ca-url root context ca-config"

# Subcommand: how many arguments, flags with a value, flags without.
KNOWN = {
    "path": (0, "", ""),
    "ca init": (0, "name dns address provisioner deployment-type password-file provisioner-password-file", "remote-management"),
    "ca bootstrap": (0, "ca-url fingerprint", "install force"),
    "ca root": (1, "ca-url fingerprint context", "force"),
    "ca certificate": (3, "not-before not-after san kty curve size provisioner provisioner-password-file ca-url root", "force"),
    "ca renew": (2, "exec pid signal expires-in renew-period ca-url root", "daemon force"),
    "certificate fingerprint": (1, "roots format", "bundle insecure"),
    "certificate create": (
        3,
        "profile template not-before not-after ca ca-key ca-password-file password-file san kty curve size",
        "csr bundle no-password insecure force",
    ),
    "ca provisioner add": (
        1,
        "type challenge capabilities min-public-key-length encryption-algorithm-identifier scep-decrypter-certificate-file"
        " scep-decrypter-key-file scep-decrypter-key-uri scep-decrypter-key-password-file x509-template x509-template-data"
        " x509-min-dur x509-max-dur x509-default-dur " + ADMIN,
        "force-cn include-root exclude-intermediate disable-renewal",
    ),
    "ca provisioner webhook add": (
        2,
        "url kind bearer-token-file basic-auth-username basic-auth-password-file cert-type " + ADMIN,
        "disable-tls-client-auth",
    ),
}


def fail(why):
    sys.exit(f"step: {why}: step {' '.join(sys.argv[1:])}")


def parse(words):
    """The subcommand, its arguments, its flags."""
    for length in range(min(4, len(words)), 0, -1):
        name = " ".join(words[:length])
        if name in KNOWN:
            break
    else:
        fail("no such subcommand")
    count, valued, bare = KNOWN[name]
    arguments, flags, rest = [], {}, words[length:]
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            arguments.append(word)
            continue
        flag, has_value, value = word[2:].partition("=")
        if flag in bare.split():
            flags[flag] = True
        elif flag in valued.split():
            if not has_value and not rest:
                fail(f"--{flag} wants a value")
            flags[flag] = value if has_value else rest.pop(0)
        else:
            fail(f"no flag --{flag}")
    if len(arguments) != count:
        fail(f"{count} arguments are wanted")
    return name, arguments, flags


# --- certificates ---


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def write_extensions(path, lines):
    Path(path).write_text("\n".join(lines) + "\n")
    return str(path)


def make_certificate(crt, key, subject, extensions, issuer=None, size="2048"):
    """A key and a certificate; of issuer, a pair of files, or of its own."""
    request = str(HOME / "request.pem")
    extension_file = write_extensions(HOME / "extensions", extensions)
    openssl("req", "-newkey", f"rsa:{size}", "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={subject}")
    signer = ["-CA", issuer[0], "-CAkey", issuer[1]] if issuer else ["-signkey", key]
    openssl("x509", "-req", "-in", request, "-days", "2", "-extfile", extension_file, "-out", crt, *signer)
    os.chmod(key, 0o600)


CA_EXTENSIONS = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"]
LEAF_EXTENSIONS = ["keyUsage=critical,digitalSignature,keyEncipherment", "extendedKeyUsage=serverAuth,clientAuth"]
ISSUER = (str(HOME / "certs/intermediate_ca.crt"), str(HOME / "secrets/intermediate_ca_key"))


def make_server_certificate(name, crt, key):
    make_certificate(crt, key, name, [*LEAF_EXTENSIONS, f"subjectAltName=DNS:{name}"], ISSUER)
    with open(crt, "a") as file:  # the chain, as step gives it
        file.write(Path(ISSUER[0]).read_text())


def create(arguments, flags):
    subject, crt, key = arguments
    profile = flags.get("profile", "leaf")
    if flags.get("kty") != "RSA":
        fail("SCEP wants RSA")
    if os.path.exists(crt) and "force" not in flags:
        fail(f"{crt} is there already")
    if profile not in ("leaf", "intermediate-ca", "root-ca"):
        fail("no such profile")
    if profile != "root-ca" and not ("ca" in flags and "ca-key" in flags):
        fail("--ca and --ca-key are wanted")
    if ("no-password" in flags) != ("insecure" in flags):
        fail("--no-password wants --insecure")
    if "template" in flags:
        check_template(flags["template"])
    issuer = None if profile == "root-ca" else (flags["ca"], flags["ca-key"])
    extensions = LEAF_EXTENSIONS[:1] if profile == "leaf" else CA_EXTENSIONS
    make_certificate(crt, key, subject, extensions, issuer, flags.get("size", "2048"))


def check_template(path):
    """JSON but for the places that are filled in."""
    text = Path(path).read_text()
    while "{{" in text:
        begin, end = text.index("{{"), text.index("}}")
        if not text[begin:end].startswith("{{ toJson ."):
            fail(f"{path} fills in what this stand-in does not know")
        text = text[:begin] + "null" + text[end + 2 :]
    json.loads(text)


# --- what would be told to step-ca ---


def load_state():
    path = HOME / "state.json"
    return json.loads(path.read_text()) if path.exists() else {"provisioners": {}}


def save_state(state):
    (HOME / "state.json").write_text(json.dumps(state, indent=1))


def init(flags):
    for part in ("certs", "secrets", "config"):
        (HOME / part).mkdir(parents=True, exist_ok=True)
    for part in ("certs/root_ca.crt", "secrets/root_ca_key", "certs/intermediate_ca.crt", "secrets/intermediate_ca_key"):
        (HOME / part).write_text("of another kind")
    save_state({"dns": flags["dns"], "isRemote": "remote-management" in flags, "provisioners": {}})


def add_provisioner(name, flags):
    state = load_state()
    if flags.get("type") != "SCEP":
        fail("this stand-in knows the type SCEP")
    for flag in ("scep-decrypter-certificate-file", "scep-decrypter-key-file"):
        if not Path(flags[flag]).exists():
            fail(f"--{flag}: no such file")
    check_template(flags["x509-template"])
    state["provisioners"][name] = {
        "type": "SCEP",
        "name": name,
        "includeRoot": "include-root" in flags,
        "encryptionAlgorithmIdentifier": int(flags.get("encryption-algorithm-identifier", "0")),
        "options": {"webhooks": []},
    }
    save_state(state)


def add_webhook(provisioner, name, flags):
    state = load_state()
    if not state["isRemote"]:
        fail("webhooks want remote management")
    if flags.get("kind", "ENRICHING") not in ("ENRICHING", "AUTHORIZING", "SCEPCHALLENGE", "NOTIFYING"):
        fail("no such kind")
    if not flags["url"].startswith("https://"):
        fail("https only")
    webhook = {
        "id": str(uuid.uuid4()),
        "name": name,
        "kind": flags["kind"],
        "certType": flags.get("cert-type", "ALL"),
        "url": flags["url"],
    }
    state["provisioners"][provisioner]["options"]["webhooks"].append(webhook)
    save_state(state)
    print(f"Webhook ID: {webhook['id']}\nSecret: {base64.b64encode(secrets.token_bytes(64)).decode()}")


def main():
    name, arguments, flags = parse(sys.argv[1:])
    if name == "path":
        print(HOME)
    elif name == "ca init":
        init(flags)
    elif name == "certificate create":
        create(arguments, flags)
    elif name == "certificate fingerprint":
        Path(arguments[0]).read_text()
        print("0" * 64)
    elif name == "ca root":
        Path(arguments[0]).write_text((HOME / "certs/root_ca.crt").read_text())
    elif name == "ca certificate":
        make_server_certificate(*arguments)
    elif name == "ca renew":
        make_server_certificate("connector.example", *arguments)
        subprocess.run(flags["exec"], shell=True, check=True)
    elif name == "ca provisioner add":
        add_provisioner(arguments[0], flags)
    elif name == "ca provisioner webhook add":
        add_webhook(*arguments, flags)


main()
