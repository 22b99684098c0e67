#!/usr/bin/env python3
"""check_spdx.py DOCUMENT ARTEFACT TREE: is the document valid SPDX 2.3, and true of the artefact? Debian has no validator; this one
is stricter: it knows only the fields that we write, and every one of them. Prints what is wrong; the figures, if nothing is."""
import hashlib
import json
import os
import re
import sys

ID = re.compile(r"SPDXRef-[A-Za-z0-9.-]+")
HEX = {"SHA1": re.compile("[0-9a-f]{40}"), "SHA256": re.compile("[0-9a-f]{64}")}
RELATIONSHIPS = {"DESCRIBES", "CONTAINS", "DYNAMIC_LINK", "DEPENDS_ON"}
LICENCES = {
    "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSD-4-Clause", "GPL-2.0-only", "GPL-2.0-or-later", "GPL-3.0-or-later",
    "LGPL-2.0-or-later", "LGPL-2.1-only", "LGPL-2.1-or-later", "LGPL-3.0-or-later", "MIT", "MPL-2.0", "OLDAP-2.8", "PostgreSQL",
    "Unicode-DFS-2016", "Zlib", "blessing", "curl", "GCC-exception-3.1",
}
# What there is, and what of that need not be there.
DOCUMENT = ({"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace", "creationInfo", "packages", "files", "relationships"}, set())
PACKAGE = ({"SPDXID", "name", "versionInfo", "supplier", "downloadLocation", "filesAnalyzed", "licenseConcluded", "licenseDeclared",
            "copyrightText"},
           {"packageFileName", "packageVerificationCode", "checksums", "licenseInfoFromFiles", "homepage", "sourceInfo", "externalRefs"})
FILE = ({"SPDXID", "fileName", "checksums", "licenseConcluded", "licenseInfoInFiles", "copyrightText"}, set())
RELATIONSHIP = ({"spdxElementId", "relationshipType", "relatedSpdxElement"}, set())

problems = []


def expect(is_so, what):
    if not is_so:
        problems.append(what)


def expect_fields(value, fields, what):
    required, optional = fields
    expect(not required - value.keys(), f"{what}: lacks {sorted(required - value.keys())}")
    expect(not value.keys() - required - optional, f"{what}: has {sorted(value.keys() - required - optional)}")


def expect_licence(text, what):
    words = re.split(r" (?:AND|OR|WITH) ", text)
    expect(text == "NOASSERTION" or all(word in LICENCES for word in words), f"{what}: {text!r} is no licence expression of SPDX")


def expect_checksums(checksums, what):
    for checksum in checksums:
        form = HEX.get(checksum.get("algorithm"))
        expect(form and form.fullmatch(checksum.get("checksumValue", "")), f"{what}: {checksum} is no checksum")


def check_creation(info):
    expect(set(info) == {"created", "creators"}, "creationInfo: its fields")
    expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", info["created"]), "creationInfo: created")
    expect(info["creators"] and all(re.match("(Tool|Person|Organization): .", one) for one in info["creators"]), "creationInfo: creators")


def check_package(package):
    what = package.get("SPDXID", "a package")
    expect_fields(package, PACKAGE, what)
    expect(re.match(r"(Person|Organization): .", package["supplier"]), f"{what}: supplier")
    expect_licence(package["licenseDeclared"], what)
    expect_licence(package["licenseConcluded"], what)
    expect_checksums(package.get("checksums", []), what)
    expect(package["filesAnalyzed"] == ("packageVerificationCode" in package), f"{what}: a verification code, if and only if files were looked at")
    for reference in package.get("externalRefs", []):
        expect(set(reference) == {"referenceCategory", "referenceType", "referenceLocator"}, f"{what}: an external reference's fields")
        expect(re.fullmatch(r"pkg:deb/debian/[^@?]+@[^@?]+\?arch=[a-z0-9]+&distro=[a-z]+-[a-z0-9.]+", reference["referenceLocator"]),
               f"{what}: purl {reference['referenceLocator']}")


def check_file(file):
    what = file.get("fileName", "a file")
    expect_fields(file, FILE, what)
    expect(what.startswith("./"), f"{what}: does not begin with ./")
    expect([checksum["algorithm"] for checksum in file["checksums"]] == ["SHA1", "SHA256"], f"{what}: SHA1 and SHA256")
    expect_checksums(file["checksums"], what)


def check_references(document):
    ids = [element["SPDXID"] for element in [document] + document["packages"] + document["files"]]
    expect(len(ids) == len(set(ids)), "two elements have one SPDXID")
    for one in ids:
        expect(ID.fullmatch(one), f"{one}: no SPDXID")
    described = 0
    for relationship in document["relationships"]:
        expect_fields(relationship, RELATIONSHIP, "a relationship")
        one, kind, other = (relationship[field] for field in ("spdxElementId", "relationshipType", "relatedSpdxElement"))
        expect(one in ids and other in ids and one != other, f"{one} {kind} {other}: of whom?")
        expect(kind in RELATIONSHIPS, f"{kind}: no relationship that we know")
        described += kind == "DESCRIBES" and one == "SPDXRef-DOCUMENT"
    expect(described == 1, "the document does not describe one thing")
    related = {relationship[field] for relationship in document["relationships"] for field in ("spdxElementId", "relatedSpdxElement")}
    expect(related == set(ids), f"nothing is said of {sorted(set(ids) - related)[:5]}")


def digest(path, algorithm):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def check_truth(document, artefact, tree):
    """The files that are there, the digests that they have."""
    package = document["packages"][0]
    expect(package["packageFileName"] == os.path.basename(artefact), "the artefact's name")
    expect(package["checksums"][0]["checksumValue"] == digest(artefact, "sha256"), "the artefact's digest")
    there = set()
    for directory, _, names in os.walk(tree):
        paths = [os.path.join(directory, name) for name in names]
        there |= {"./" + os.path.relpath(path, tree) for path in paths if os.path.isfile(path) and not os.path.islink(path)}
    listed = {file["fileName"]: file["checksums"] for file in document["files"]}
    expect(there == listed.keys(), f"listed or there, but not both: {sorted(there ^ listed.keys())[:5]}")
    for name in there & listed.keys():
        for checksum in listed[name]:
            expect(checksum["checksumValue"] == digest(os.path.join(tree, name), checksum["algorithm"].lower()), f"{name}: its digest")
    sha1s = sorted(checksums[0]["checksumValue"] for checksums in listed.values())
    code = package["packageVerificationCode"]["packageVerificationCodeValue"]
    expect(code == hashlib.sha1("".join(sha1s).encode()).hexdigest(), "the verification code")


def main():
    path, artefact, tree = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    expect_fields(document, DOCUMENT, "the document")
    if not problems:
        expect(document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0", "SPDX 2.3 is CC0-1.0")
        expect(re.fullmatch(r"https://spdx\.org/spdxdocs/[A-Za-z0-9._+~-]+", document["documentNamespace"]), "documentNamespace")
        check_creation(document["creationInfo"])
        for package in document["packages"]:
            check_package(package)
        for file in document["files"]:
            check_file(file)
        check_references(document)
        check_truth(document, artefact, tree)
    for problem in problems:
        print("spdx:", problem)
    if problems:
        sys.exit(1)
    print(f"{len(document['packages']) - 1} packages, {len(document['files'])} files, {len(document['relationships'])} relationships")


main()
