#!/usr/bin/env bash
# intune-scepctl profile, on the files that the mock hands to devices: what is in them is shown, the challenge is not, and what
# is hostile is refused at once. Apple's files are read by somebody else, too: plistutil.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/support/stack.sh
. tests/support/stack.sh
stack_new
mock_start

# exits CODE WHAT ARGUMENTS…: of the command profile; output in $WORK/out.
exits() {
    local code=$1 what=$2 status=0
    shift 2
    timeout 20 "$BUILD/bin/intune-scepctl" profile "$@" >"$WORK/out" 2>"$WORK/err" || status=$?
    cat "$WORK/out" "$WORK/err" >>"$WORK/said"
    same "$code" "$status" "$what: exit code"
    ok "$what: exit $code"
}
says() { # JQ-EXPRESSION EXPECTED, of the last output
    same "$2" "$(jq -r "$1" "$WORK/out")" "$1"
}
# hands FILE PLATFORM [MEMBERS]: what the mock gives such a device.
hands() {
    mock_admin POST /profiles "{\"platform\":\"$2\",
        \"urls\":[\"https://scep1.example/scep\",\"https://scep2.example/scep?a=1&b=2\"],
        \"subject\":\"CN=Doe\\\\, Jane,O=A & B\",\"subjectAltNames\":[{\"type\":\"upn\",\"value\":\"jane@corp.example\"}],
        \"keyUsage\":[\"digitalSignature\",\"keyEncipherment\"],\"extendedKeyUsage\":[\"1.3.6.1.5.5.7.3.2\"],
        \"keyLength\":2048${3+,$3}}" >"$WORK/$1"
}

# --- what the mock writes ---
hands mac.plist macos
exits 0 "macOS" --json "$WORK/mac.plist"
says '[.payloads[].urls[]] | join(" ")' 'https://scep1.example/scep https://scep2.example/scep?a=1&b=2'
says '.payloads[0].subject | map(.type + "=" + .value) | join("|")' 'CN=Doe, Jane|O=A & B'
says '.payloads[0] | "\(.subjectAltNames[0].type) \(.subjectAltNames[0].value) \(.key.bits) \(.challenge)"' \
    'upn jane@corp.example 2048 intune'
says '.payloads[0] | "\(.keyUsage | join(" ")) \(.extendedKeyUsage[0].name)"' 'digitalSignature keyEncipherment clientAuth'
says '[.warnings[].code] | join(" ")' several_certificates
exits 1 "macOS, and warnings are a no" --strict "$WORK/mac.plist"
exits 0 "the same file on iPhones" --json --strict --platform ios "$WORK/mac.plist"
says '.platforms[0].severalUrls' 'is handed one of the URLs, at random. If that one does not answer, the device has no certificate until its next policy cycle'
exits 0 "macOS, for people" "$WORK/mac.plist"
grep -qx 'URL  *https://scep1.example/scep' "$WORK/out" || fail "no URL for people"
plistutil -f bin -i "$WORK/mac.plist" -o "$WORK/mac.bplist" && plistutil -f xml -i "$WORK/mac.bplist" -o "$WORK/again.plist"
exits 0 "macOS, as plistutil writes it" --json "$WORK/again.plist"
says '.payloads | length' 2
exits 2 "a binary property list" --json "$WORK/mac.bplist"
says .error.code profile_format

hands ios.mobileconfig ios '"signed":true'
exits 0 "iOS, signed" --json "$WORK/ios.mobileconfig"
says '"\(.format) \(.payloads | length) \(.warnings | length)"' 'apple-signed 1 0'
openssl cms -verify -noverify -inform DER -in "$WORK/ios.mobileconfig" -out "$WORK/ios.plist" 2>/dev/null || fail "openssl cannot open it"
plistutil -i "$WORK/ios.plist" -o /dev/null || fail "plistutil cannot read it"
hands old.mobileconfig ios '"signed":true,"issuedInSeconds":-3700'
exits 1 "a challenge of an hour ago" --json --strict "$WORK/old.mobileconfig"
says '[.warnings[].code] | join(" ")' challenge_expired

hands windows.xml windows
exits 0 "Windows" --json --strict "$WORK/windows.xml"
says '"\(.format) \(.payloads[0].urls | length) \(.payloads[0].subject[0].value) \(.payloads[0].challenge)"' 'windows 2 Doe, Jane intune'
touch -d '2 hours ago' "$WORK/windows.xml"
exits 1 "a file of two hours ago" --json --strict "$WORK/windows.xml"
says '[.warnings[].code] | join(" ")' challenge_expired
sed 's|https://scep1|http://scep1|; s|CN=|CN={{UserName}} |' "$WORK/windows.xml" >"$WORK/edited.xml"
exits 0 "plain http and a variable, on Android" --json --platform android "$WORK/edited.xml"
says '[.warnings[].code] | join(" ")' 'url_http subject_variable'
hands android.json android
jq -e '.urls | length == 2' "$WORK/android.json" >/dev/null || fail "Android's facts"
jq -r .challenge "$WORK/android.json" >"$WORK/challenges"
ok "Android: JSON"

# --- what is hostile ---
refused() { # CODE FILE
    exits 2 "$2" --json "$WORK/$2"
    says .error.code "$1"
}
{
    printf '<!DOCTYPE plist [<!ENTITY a0 "ha">'
    for i in {1..9}; do printf '<!ENTITY a%d "%s">' "$i" "$(printf "&a$((i - 1));%.0s" {1..10})"; done
    printf ']><plist><string>&a9;</string></plist>'
} >"$WORK/laughs.plist"
refused xml_entity laughs.plist
printf '<!DOCTYPE plist [<!ENTITY a SYSTEM "file:///etc/hostname">]><plist><string>&a;</string></plist>' >"$WORK/external.plist"
refused xml_entity external.plist
printf '<!DOCTYPE plist SYSTEM "%s/never"><plist><string>&a;</string></plist>' "$MOCK_URL" >"$WORK/fetching.plist"
before=$(mock_admin GET /stats)
refused xml_entity fetching.plist
same "$before" "$(mock_admin GET /stats)" "what was fetched"
{ printf '<plist>'; printf '<array>%.0s' {1..10000}; } >"$WORK/deep.plist"
refused xml_too_deep deep.plist
head -c 2097152 /dev/zero | tr '\0' ' ' >"$WORK/large.plist"
refused file_too_large large.plist
head -c 700 "$WORK/mac.plist" >"$WORK/cut.plist"
refused xml_malformed cut.plist
iconv -f UTF-8 -t UTF-16 "$WORK/mac.plist" >"$WORK/utf16.plist"
refused xml_encoding utf16.plist
sed 's|https://scep1|https:\x00//scep1|' "$WORK/mac.plist" >"$WORK/nul.plist"
refused xml_encoding nul.plist
openssl cms -sign -binary -in "$WORK/ios.plist" -outform DER -out "$WORK/empty.mobileconfig" \
    -signer "$WORK/mock/challenge-sign.pem" -inkey "$WORK/mock/challenge-sign.key"
refused cms_no_content empty.mobileconfig
printf '{}' >"$WORK/some.json"
refused xml_malformed some.json
refused file_missing none
exits 2 "another platform" --platform symbian "$WORK/mac.plist"

# --- no challenge was printed, whole or in part ---
for file in mac.plist ios.plist windows.xml challenges; do
    grep -ao 'MII[A-Za-z0-9+/]\{60\}' "$WORK/$file" >>"$WORK/beginnings"
done
[ "$(wc -l <"$WORK/beginnings")" -ge 5 ] || fail "there were no challenges to look for"
grep -qFf "$WORK/beginnings" "$WORK/said" && fail "a challenge was printed"
ok "no challenge was printed"
