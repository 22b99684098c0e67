/* Windows SyncML: all that a SCEP node may say, and what is refused instead of guessed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "profile_case.h"

#define ROOT            "./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/"
#define ITEM(uri, data) "<Item><Target><LocURI>" uri "</LocURI></Target><Data>" data "</Data></Item>"
#define ADD(node, data) "<Add><CmdID>1</CmdID>" ITEM(ROOT "profile-1/Install/" node, data) "</Add>\n"
#define SYNCML(commands)                                                                                     \
    "<SyncML xmlns=\"SYNCML:SYNCML1.2\"><SyncBody><Atomic><CmdID>0</CmdID>" commands                         \
    "</Atomic></SyncBody></SyncML>"

TestSuite(windows_profile, .fini = profile_case_tear_down);

Test(windows_profile, everything_it_says_is_read)
{
    must_read(SYNCML(
        "<Add>" ITEM(ROOT "profile-1", "") "</Add>" ADD(
            "ServerURL", " https://a.example/scep;https://b.example/scep; ") ADD("Challenge", "MIIchallenge")
            ADD("SubjectName", "CN=&quot;Doe, Jane&quot;,OU=a\\,b+E=j@example, S=Bayern;OID.1.2.5.3=bar")
                ADD("SubjectAlternativeNames",
                    "11+jane@corp.example;3+pc.example;2+j@example;7+tag:x;8+192.0.2.1;9+1.2.3")
                    ADD("KeyUsage", "160") ADD("KeyLength", "2048")
                        ADD("EKUMapping", "1.3.6.1.5.5.7.3.2+1.3.6.1.4.1.311.20.2.2") ADD(
                            "HashAlgorithm", "SHA-2") ADD("ValidPeriod", "Years") ADD("ValidPeriodUnits", "1")
                            ADD("RetryCount", "3") ADD("RetryDelay", "10") ADD("CAThumbprint", "dead beef")
                                ADD("CustomTextToShowInPrompt",
                                    "Hello") "<Exec>" ITEM(ROOT "profile-1/Install/Enroll", "") "</Exec>"));
    cr_assert_eq(profile.format, ISCEP_PROFILE_WINDOWS);
    cr_assert_eq(profile.scep_count, 1);
    const iscep_profile_scep *scep = &profile.sceps[0];
    cr_assert_str_eq(scep->identifier, "profile-1");
    cr_assert_eq(scep->url_count, 2);
    cr_assert_str_eq(scep->urls[0], "https://a.example/scep");
    cr_assert_str_eq(scep->urls[1], "https://b.example/scep");
    cr_assert_eq(scep->subject_count, 5);
    expect_name(&scep->subject[0], "CN", "Doe, Jane");
    expect_name(&scep->subject[1], "OU", "a,b");
    expect_name(&scep->subject[2], "1.2.840.113549.1.9.1", "j@example");
    expect_name(&scep->subject[3], "ST", "Bayern");
    expect_name(&scep->subject[4], "1.2.5.3", "bar");
    cr_assert_eq(scep->san_count, 6);
    expect_name(&scep->sans[0], "upn", "jane@corp.example");
    expect_name(&scep->sans[1], "dns", "pc.example");
    expect_name(&scep->sans[2], "rfc822", "j@example");
    expect_name(&scep->sans[3], "uri", "tag:x");
    expect_name(&scep->sans[4], "ip", "192.0.2.1");
    expect_name(&scep->sans[5], "other", "9=1.2.3");
    cr_assert(iscep_secret_equals(scep->challenge, iscep_bytes_of_text("MIIchallenge")));
    cr_assert_eq(scep->key_usage, 5);
    cr_assert_eq(scep->key_bits, 2048);
    cr_assert_eq(scep->ext_usage_count, 2);
    cr_assert_str_eq(scep->ext_usages[1], "1.3.6.1.4.1.311.20.2.2");
    cr_assert_str_eq(scep->hash, "SHA-2");
    cr_assert_eq(scep->validity_count, 1);
    cr_assert_str_eq(scep->validity_unit, "Years");
    cr_assert_eq(scep->retries, 3);
    cr_assert_eq(scep->retry_delay_s, 600);
    cr_assert_str_eq(scep->ca_fingerprint, "DEADBEEF");
}

Test(windows_profile, values_may_be_escaped_or_base64)
{
    must_read(SYNCML(ADD("ServerURL", "<![CDATA[https://a.example/scep?a=1&b=2]]>") ADD(
        "SubjectName",
        "CN=a &lt;b&gt; &#228;") "<Replace><Item><Target><LocURI>" ROOT
                                 "profile-1/Install/Challenge</LocURI></Target><Meta><Format "
                                 "xmlns=\"syncml:metinf\">b64"
                                 "</Format></Meta><Data>\nTUlJY2hhbGxlbmdl\n</Data></Item></Replace>"));
    cr_assert_str_eq(profile.sceps[0].urls[0], "https://a.example/scep?a=1&b=2");
    expect_name(&profile.sceps[0].subject[0], "CN", "a <b> ä");
    cr_assert(iscep_secret_equals(profile.sceps[0].challenge, iscep_bytes_of_text("MIIchallenge")));
}

Test(windows_profile, user_device_and_ids_are_payloads_apart)
{
    must_read("<Add>" ITEM("./Vendor/MSFT/ClientCertificateInstall/SCEP/a/Install/KeyLength", "1024")
                  ITEM("./User/Vendor/MSFT/ClientCertificateInstall/SCEP/a/Install/KeyLength", "2048")
                      ITEM("./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/a/Install/KeyLength", "3072")
                          ITEM("./Device/Vendor/MSFT/ClientCertificateInstall/SCEP/b/Install/KeyLength",
                               "4096") "</Add>");
    cr_assert_eq(profile.scep_count, 4);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(profile.sceps[i].key_bits, 1024 * (i + 1));
    cr_assert_str_eq(profile.sceps[3].identifier, "b");
}

Test(windows_profile, a_variable_may_stand_for_attributes)
{
    must_read(SYNCML(ADD("SubjectName", "{{OnPrem_Distinguished_Name}},CN={{UserName}}")));
    expect_name(&profile.sceps[0].subject[0], "", "{{OnPrem_Distinguished_Name}}");
    expect_name(&profile.sceps[0].subject[1], "CN", "{{UserName}}");
}

Test(windows_profile, values_that_cannot_be_are_refused)
{
    static const struct {
        const char *node;
        const char *data;
    } cases[] = {
        {"SubjectName", "somebody"},
        {"SubjectName", "CN=\"half"},
        {"SubjectName", "XX=unknown"},
        {"SubjectName", "=x"},
        {"SubjectAlternativeNames", "pc.example"},
        {"SubjectAlternativeNames", "3+a;x+b"},
        {"KeyUsage", "0xA0"},
        {"KeyUsage", "256"},
        {"KeyLength", "-2048"},
        {"KeyLength", ""},
        {"ValidPeriodUnits", "1.5"},
        {"RetryDelay", "1000000000"},
        {"RetryCount", "many"},
        {"CAThumbprint", "XYZ"},
        {"ServerURL", "<b/>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text, SYNCML(ADD("%s", "%s")), cases[i].node, cases[i].data);
        expect_refusal(text, i == 14 ? "xml_text" : "profile_value");
    }
    expect_refusal(SYNCML(ADD("KeyLength", "1024") ADD("KeyLength", "2048")), "profile_value");
    cr_assert_str_eq(err.message, "line 2: KeyLength stands there twice");
}

Test(windows_profile, base64_that_is_none_is_refused)
{
#define B64(data)                                                                                            \
    SYNCML("<Add><Item><Target><LocURI>" ROOT "a/Install/Challenge</LocURI></Target><Meta><Format>b64"       \
           "</Format></Meta><Data>" data "</Data></Item></Add>")
    expect_refusal(B64("no base64"), "profile_value");
    expect_refusal(B64("AAAA"), "profile_value"); /* NULs */
    expect_refusal(B64("QfxC"), "profile_value"); /* no UTF-8 */
}

Test(windows_profile, other_nodes_and_commands_say_nothing)
{
    static const char *const texts[] = {
        SYNCML(""),
        SYNCML("<Delete>" ITEM(ROOT "a/Install/ServerURL", "https://a.example") "</Delete>"),
        SYNCML("<Add>" ITEM("./Device/Vendor/MSFT/Policy/Config/a/Install/ServerURL", "x") "</Add>"),
        SYNCML("<Add>" ITEM(ROOT "a/ServerURL", "x") "</Add>"),
        SYNCML("<Add>" ITEM(ROOT "/Install/ServerURL", "x") "</Add>"),
        SYNCML("<Add>" ITEM(ROOT "a/b/Install/ServerURL", "x") "</Add>"),
        SYNCML("<Add><Item><Data>x</Data></Item></Add>"),
        SYNCML("<Status>" ITEM(ROOT "a/Install/ServerURL", "x") "</Status>"),
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_refusal(texts[i], "profile_no_scep");
    expect_refusal("<Policy/>", "profile_format");
}
