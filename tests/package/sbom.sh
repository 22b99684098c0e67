#!/usr/bin/env bash
# The bill of materials: valid, true, and the checker that says so finds what is not. Takes the programs of BUILD.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
export SOURCE_DATE_EPOCH=1700000000

TREE=$WORK/tree ARTEFACT=$WORK/connector-1.2.3.tar.gz DOCUMENT=$WORK/connector.spdx.json
install -D "$BUILD/bin/intune-scepd" "$TREE/usr/sbin/intune-scepd"
install -D "$BUILD/lib/scep_intune.so" "$TREE/usr/lib/scep-plugins/scep_intune.so"
install -D -m 0644 LICENSE "$TREE/usr/share/doc/a name with spaces"
ln -s intune-scepd "$TREE/usr/sbin/a-link"
tar -czf "$ARTEFACT" -C "$TREE" .
packaging/sbom/spdx.py "$ARTEFACT" "$TREE" 1.2.3 >"$DOCUMENT"
cmp "$DOCUMENT" <(cd / && TZ=Asia/Tokyo LANG=tr_TR.UTF-8 "$OLDPWD/packaging/sbom/spdx.py" "$ARTEFACT" "$TREE" 1.2.3) || fail "not the same bytes twice"
figures=$(tests/package/check_spdx.py "$DOCUMENT" "$ARTEFACT" "$TREE") || fail "$figures"
ok "$figures"

# --- what it says ---
linked() { # what the connector itself asks for, by package
    jq -r '.relationships[] | select(.relationshipType == "DYNAMIC_LINK") | .relatedSpdxElement' "$DOCUMENT" | sed 's/SPDXRef-Package-//'
}
same "$(readelf -d "$BUILD/bin/intune-scepd" | sed -n "s,.*(NEEDED).*\[\(.*\)\],*/$(cc -print-multiarch)/\1,p" | xargs dpkg-query -S | sed 's/:.*//' | sort -u)" \
    "$(linked | sort)" "the packages that are linked"
version_of() { jq -r --arg name "$1" '.packages[] | select(.name == $name) | .versionInfo' "$DOCUMENT"; }
same "$(dpkg-query -W -f '${Version}' libssl3)" "$(version_of libssl3)" "OpenSSL's version"
# By curl only: what is further down is there, but the connector is not said to link it.
[ -n "$(version_of libnghttp2-14)" ] || fail "libnghttp2, which libcurl loads, is missing"
if linked | grep -qx libnghttp2-14; then fail "the connector is said to link libnghttp2"; fi
same "liblzma5" "$(jq -r '.packages[] | select(.licenseDeclared == "NOASSERTION") | .name' "$DOCUMENT")" \
    "packages whose licence nobody has looked up in packaging/sbom/licences.json"
ok "what is linked, with its version and licence; what that loads, too"

# --- what the checker finds ---
finds() { # WHAT IT_SAYS JQ_FILTER
    jq "$3" "$DOCUMENT" >"$WORK/planted.json"
    if tests/package/check_spdx.py "$WORK/planted.json" "$ARTEFACT" "$TREE" >"$WORK/found"; then fail "not found: $1"; fi
    grep -qF -- "$2" "$WORK/found" || fail "$1: $(cat "$WORK/found")"
}
finds "a file's other digest" "scepd: its digest" '.files |= map(if .fileName == "./usr/sbin/intune-scepd" then .checksums[1].checksumValue = "0" * 64 else . end)'
finds "a file that is not there" "listed or there, but not both: ['./nowhere'" '.files[0].fileName = "./nowhere"'
finds "a file without SHA1" "SHA1 and SHA256" '.files[0].checksums |= .[1:]'
finds "the other artefact" "the artefact's digest" '.packages[0].checksums[0].checksumValue = "0" * 64'
finds "a relationship with nobody" "of whom?" '.relationships[1].relatedSpdxElement = "SPDXRef-Nobody"'
finds "a package that nobody needs" "nothing is said of" '.packages += [.packages[1] | .SPDXID = "SPDXRef-Package-new"]'
finds "an id twice" "two elements have one SPDXID" '.packages[2].SPDXID = .packages[1].SPDXID'
finds "a licence of its own" "no licence expression" '.packages[1].licenseDeclared = "GPL-ish"'
finds "no download location" "lacks ['downloadLocation']" 'del(.packages[1].downloadLocation)'
finds "a field that SPDX has not" "has ['licence']" '.licence = "MIT"'
finds "local time" "creationInfo: created" '.creationInfo.created = "2026-11-23T01:00:00+01:00"'
finds "nothing described" "does not describe one thing" '.relationships[0].relationshipType = "CONTAINS"'
ok "the checker finds what is planted"

# A program whose library is not here is not said to need nothing.
cc -shared -Wl,-soname,libgone.so.1 -o "$WORK/libgone.so" -x c - <<<'int gone(void); int gone(void) { return 0; }'
mkdir "$WORK/gone"
cc -o "$WORK/gone/program" -x c - -x none "$WORK/libgone.so" <<<'int gone(void); int main(void) { return gone(); }'
if packaging/sbom/spdx.py "$ARTEFACT" "$WORK/gone" 1.2.3 >/dev/null 2>"$WORK/gone.txt"; then fail "a missing library is not noticed"; fi
grep -q "libgone.so.1 is not here" "$WORK/gone.txt" || fail "a missing library: $(cat "$WORK/gone.txt")"
ok "a library that is missing is an error"
