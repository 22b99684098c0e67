#!/usr/bin/env python3
"""spdx.py ARTEFACT TREE VERSION: the SPDX 2.3 document of a package, tarball or rootfs, as JSON on standard output.

TREE is what is in ARTEFACT, unpacked. The document lists its files with their digests, the Debian packages whose libraries its
programs load (on the machine where they were built), and who loads whom. Time stamp: SOURCE_DATE_EPOCH."""
import hashlib
import json
import os
import re
import sys
import time
from urllib.parse import quote

import debian

HERE = os.path.dirname(os.path.abspath(__file__))
LICENCE = "Apache-2.0"


def digest(path, algorithm):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def spdx_id(kind, name):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def files_of(tree):
    """Regular files, by path from the top."""
    found = []
    for directory, _, names in os.walk(tree):
        paths = (os.path.join(directory, name) for name in names)
        found += [os.path.relpath(path, tree) for path in paths if os.path.isfile(path) and not os.path.islink(path)]
    return sorted(found)


def file_entry(tree, name):
    path = os.path.join(tree, name)
    sha1 = digest(path, "sha1")
    return {
        "SPDXID": "SPDXRef-File-" + hashlib.sha256(name.encode()).hexdigest()[:20],
        "fileName": "./" + name,
        "checksums": [{"algorithm": "SHA1", "checksumValue": sha1},
                      {"algorithm": "SHA256", "checksumValue": digest(path, "sha256")}],
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
    }


def artefact_package(path, name, version, files):
    sha1s = sorted(file["checksums"][0]["checksumValue"] for file in files)
    return {
        "SPDXID": "SPDXRef-Artefact",
        "name": name,
        "versionInfo": version,
        "packageFileName": os.path.basename(path),
        "supplier": "Organization: intune-scep-connector",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": True,
        "packageVerificationCode": {"packageVerificationCodeValue": hashlib.sha1("".join(sha1s).encode()).hexdigest()},
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest(path, "sha256")}],
        "licenseConcluded": LICENCE if not path.endswith("-rootfs.tar.gz") else "NOASSERTION",  # others' files, too
        "licenseDeclared": LICENCE,
        "licenseInfoFromFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
    }


def debian_package(facts, licences):
    name, version = facts["Package"], facts["Version"]
    licence = licences.get(facts["source:Package"], "NOASSERTION")
    maintainer = re.sub(r"\s*<(.*)>$", r" (\1)", facts["Maintainer"])
    purl = f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={facts['Architecture']}&distro={debian.release()}"
    return {
        "SPDXID": spdx_id("Package", name),
        "name": name,
        "versionInfo": version,
        "supplier": "Organization: " + maintainer,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "homepage": facts["Homepage"] or "NOASSERTION",
        "sourceInfo": f"Debian source package {facts['source:Package']} {facts['source:Version']}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}],
    }


def relation(one, kind, other):
    return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}


def is_elf(path):
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def linked(tree, names):
    """Debian's packages that the programs of the tree load, and (who, how, whom) for each that is asked for by name."""
    own = [path for path in (os.path.join(tree, name) for name in names) if is_elf(path)]
    own_names = {os.path.basename(path) for path in own}
    loaded = debian.libraries_of(own)
    owner_of = debian.owners_of(sorted(set(loaded.values())))
    facts = debian.facts_of(sorted(set(owner_of.values())))
    edges = set()
    for path, sonames in debian.needed_by(sorted(set(own) | set(owner_of))).items() if own else ():
        is_own = path not in owner_of
        one = "SPDXRef-Artefact" if is_own else spdx_id("Package", facts[owner_of[path]]["Package"])
        for soname in sonames:
            if loaded.get(soname) not in owner_of:
                if soname not in own_names and not soname.startswith("libiscep.so."):
                    raise SystemExit(f"sbom: {path}: whose is {soname}?")
                continue
            other = spdx_id("Package", facts[owner_of[loaded[soname]]]["Package"])
            if one != other:
                edges.add((one, "DYNAMIC_LINK" if is_own else "DEPENDS_ON", other))
    return facts, edges


def bundled(tree):
    """Debian's packages that are in a rootfs, by the names under var/lib/dpkg/status.d."""
    directory = os.path.join(tree, "var/lib/dpkg/status.d")
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return debian.facts_of(sorted(name for name in names if not name.endswith(".md5sums")))


def document(path, tree, version):
    name = re.sub(r"(\.tar\.gz|\.deb|\.rpm)$", "", os.path.basename(path))
    with open(os.path.join(HERE, "licences.json"), encoding="utf-8") as file:
        licences = json.load(file)
    names = files_of(tree)
    files = [file_entry(tree, name) for name in names]
    # A rootfs brings its libraries with it: they are not the connector's programs.
    in_it = bundled(tree)
    facts, edges = linked(tree, [name for name in names if not in_it or re.match("usr/s?bin/", name)])
    facts = {**facts, **in_it}
    packages = {spdx_id("Package", fact["Package"]): debian_package(fact, licences) for fact in facts.values()}
    edges |= {("SPDXRef-Artefact", "CONTAINS", spdx_id("Package", fact["Package"])) for fact in in_it.values()}
    edges |= {("SPDXRef-Artefact", "CONTAINS", file["SPDXID"]) for file in files}
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{digest(path, 'sha256')}",
        "creationInfo": {
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"]))),
            "creators": [f"Tool: intune-scep-connector-sbom-{version}"],
        },
        "packages": [artefact_package(path, name, version, files)] + [packages[key] for key in sorted(packages)],
        "files": files,
        "relationships": [relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Artefact")] + [relation(*edge) for edge in sorted(edges)],
    }


def main():
    if len(sys.argv) != 4:
        sys.exit("usage: spdx.py ARTEFACT TREE VERSION")
    json.dump(document(*sys.argv[1:]), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
