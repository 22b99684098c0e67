/* Apple configuration profiles: all that the SCEP payload may say, and what is refused instead of guessed. */
#include <criterion/criterion.h>
#include <openssl/cms.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "profile_case.h"
#include "tests/support/test_pki.h"

#define HEAD                                                                                                 \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                           \
    "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "                                                \
    "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n"
#define PROFILE(payloads)                                                                                    \
    HEAD "<dict><key>PayloadDisplayName</key><string>Wi-Fi certificate</string>\n"                           \
         "<key>PayloadOrganization</key><string>Contoso &amp; Söhne</string>\n"                             \
         "<key>PayloadContent</key><array>" payloads "</array></dict></plist>"
#define PAYLOAD(settings)                                                                                    \
    "<dict><key>PayloadType</key><string>com.apple.security.scep</string>\n"                                 \
    "<key>PayloadIdentifier</key><string>scep.1</string>\n"                                                  \
    "<key>PayloadContent</key><dict>\n" settings "</dict></dict>\n"

TestSuite(apple_profile, .fini = profile_case_tear_down);

Test(apple_profile, everything_it_says_is_read)
{
    must_read(PROFILE("<dict><key>PayloadType</key><string>com.apple.wifi.managed</string></dict>\n" PAYLOAD(
        "<key>URL</key><string> https://scep.example/scep </string>"
        "<key>Name</key><string>CA-1</string>"
        "<key>Subject</key><array><array><array><string>CN</string><string>phone-1</string></array></array>"
        "<array><array><string>2.5.4.10</string><string>Contoso</string></array>"
        "<array><string>1.2.5.3</string><string>bar</string></array></array></array>"
        "<key>SubjectAltName</key><dict><key>dNSName</key><array><string>a.example</string>"
        "<string>b.example</string></array><key>rfc822Name</key><string>u@example</string>"
        "<key>ntPrincipalName</key><string>u@corp.example</string><key>uniformResourceIdentifier</key>"
        "<string>tag:microsoft.com,2022-09-14:sid:S-1-5-21-1</string><key>iPAddress</key>"
        "<string>192.0.2.1</string></dict>"
        "<key>Challenge</key><string>MIIchallenge</string><key>Keysize</key><integer>2048</integer>"
        "<key>Key Type</key><string>RSA</string><key>Key Usage</key><integer>5</integer>"
        "<key>ExtendedKeyUsage</key><array><string>1.3.6.1.5.5.7.3.2</string></array>"
        "<key>Retries</key><integer>3</integer><key>RetryDelay</key><integer>10</integer>"
        "<key>CAFingerprint</key><data>\n\t3q2+\n\t7w==\n</data>")));
    cr_assert_eq(profile.format, ISCEP_PROFILE_APPLE);
    cr_assert_str_eq(iscep_profile_format_name(profile.format), "apple");
    cr_assert_str_eq(profile.name, "Wi-Fi certificate");
    cr_assert_str_eq(profile.organization, "Contoso & Söhne");
    cr_assert_null(profile.signer);
    cr_assert_eq(profile.scep_count, 1);
    const iscep_profile_scep *scep = &profile.sceps[0];
    cr_assert_str_eq(scep->identifier, "scep.1");
    cr_assert_str_eq(scep->ca_name, "CA-1");
    cr_assert_eq(scep->url_count, 1);
    cr_assert_str_eq(scep->urls[0], "https://scep.example/scep");
    cr_assert_eq(scep->subject_count, 3);
    expect_name(&scep->subject[0], "CN", "phone-1");
    expect_name(&scep->subject[1], "O", "Contoso");
    expect_name(&scep->subject[2], "1.2.5.3", "bar");
    cr_assert_eq(scep->san_count, 6);
    expect_name(&scep->sans[0], "dns", "a.example");
    expect_name(&scep->sans[1], "dns", "b.example");
    expect_name(&scep->sans[2], "rfc822", "u@example");
    expect_name(&scep->sans[3], "upn", "u@corp.example");
    expect_name(&scep->sans[4], "uri", "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1");
    expect_name(&scep->sans[5], "other", "iPAddress=192.0.2.1");
    cr_assert(iscep_secret_equals(scep->challenge, iscep_bytes_of_text("MIIchallenge")));
    cr_assert_str_eq(scep->key_type, "RSA");
    cr_assert_eq(scep->key_bits, 2048);
    cr_assert_eq(scep->key_usage, 5);
    cr_assert_eq(scep->ext_usage_count, 1);
    cr_assert_str_eq(scep->ext_usages[0], "1.3.6.1.5.5.7.3.2");
    cr_assert_eq(scep->retries, 3);
    cr_assert_eq(scep->retry_delay_s, 10);
    cr_assert_str_eq(scep->ca_fingerprint, "DEADBEEF");
}

Test(apple_profile, what_it_does_not_say_is_not_made_up)
{
    must_read(PROFILE(PAYLOAD("<key>Challenge</key><string> </string>")));
    const iscep_profile_scep *scep = &profile.sceps[0];
    cr_assert_eq(scep->url_count, 0);
    cr_assert_eq(scep->subject_count, 0);
    cr_assert_eq(scep->san_count, 0);
    cr_assert_null(scep->challenge);
    cr_assert_null(scep->ca_name);
    cr_assert_null(scep->hash);
    cr_assert_null(scep->ca_fingerprint);
    cr_assert_eq(scep->key_bits, 0);
    cr_assert_eq(scep->key_usage, 0);
    cr_assert_eq(scep->retries, -1);
    cr_assert_eq(scep->retry_delay_s, -1);
}

Test(apple_profile, each_payload_is_a_certificate)
{
    must_read(PROFILE(PAYLOAD("<key>URL</key><string>https://a.example</string>")
                          PAYLOAD("<key>URL</key><string>https://b.example</string>")));
    cr_assert_eq(profile.scep_count, 2);
    cr_assert_str_eq(profile.sceps[0].urls[0], "https://a.example");
    cr_assert_str_eq(profile.sceps[1].urls[0], "https://b.example");
}

Test(apple_profile, values_that_cannot_be_are_refused_with_their_line)
{
    static const char *const settings[] = {
        "<key>URL</key><integer>1</integer>",
        "<key>URL</key><array><string>https://a.example</string></array>",
        "<key>URL</key><string>https://a.example</string><key>URL</key><string>https://b.example</string>",
        "<key>URL</key>",
        "<string>URL</string><key>x</key>",
        "<key>Challenge</key><data>TUlJ</data>",
        "<key>Keysize</key><integer>-1</integer>",
        "<key>Keysize</key><integer>2048x</integer>",
        "<key>Keysize</key><string>2048</string>",
        "<key>Key Usage</key><integer>512</integer>",
        "<key>Subject</key><string>CN=x</string>",
        "<key>Subject</key><array><string>CN</string></array>",
        "<key>Subject</key><array><array><string>CN</string><string>x</string></array></array>",
        "<key>Subject</key><array><array><array><string>CN</string></array></array></array>",
        "<key>Subject</key><array><array><array><string>CN</string><string>x</string><string>y</string>"
        "</array></array></array>",
        "<key>Subject</key><array><array><array><string>XX</string><string>x</string></array></array></"
        "array>",
        "<key>SubjectAltName</key><array/>",
        "<key>SubjectAltName</key><dict><key>dNSName</key><integer>1</integer></dict>",
        "<key>SubjectAltName</key><dict><key>dNSName</key><array/><key>dNSName</key><array/></dict>",
        "<key>SubjectAltName</key><dict><key>dNSName</key></dict>",
        "<key>CAFingerprint</key><data>%</data>",
        "<key>ExtendedKeyUsage</key><string>1.2.3</string>",
        "<key>RetryDelay</key><integer>999999999999999999</integer>", /* of which a fleet makes milliseconds */
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char text[2048];
        snprintf(text, sizeof text, PROFILE(PAYLOAD("%s")), settings[i]);
        expect_refusal(text, "profile_value");
    }
    expect_refusal(PROFILE(PAYLOAD("<key>Keysize</key>\n<integer>many</integer>")), "profile_value");
    cr_assert_str_eq(err.message, "line 10: Keysize must be a number of 0 or more");
}

Test(apple_profile, a_refusal_never_quotes_the_challenge)
{
    expect_refusal(PROFILE(PAYLOAD("<key>Challenge</key><string>canary<b/></string>")), "xml_text");
    cr_assert_null(strstr(err.message, "canary"));
    expect_refusal(PROFILE(PAYLOAD("<key>Challenge</key><string>canary</key>")), "xml_malformed");
    cr_assert_null(strstr(err.message, "canary"));
}

Test(apple_profile, a_file_without_a_scep_payload_is_none)
{
    expect_refusal(PROFILE(""), "profile_no_scep");
    expect_refusal(HEAD "<dict/></plist>", "profile_no_scep");
    expect_refusal(HEAD "<array/></plist>", "profile_value");
    expect_refusal(HEAD "</plist>", "profile_value");
    expect_refusal(HEAD "<dict/><dict/></plist>", "profile_value");
    expect_refusal("<html/>", "profile_format");
    expect_refusal("bplist00\xD1", "profile_format");
    expect_refusal("", "xml_malformed");
}

Test(apple_profile, payloads_and_values_are_bounded)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, ISCEP_PROFILE_MAX_BYTES);
    iscep_buf_append_text(&text, HEAD "<dict><key>PayloadContent</key><array>");
    for (int i = 0; i <= ISCEP_PROFILE_MAX_PAYLOADS; i++)
        iscep_buf_append_text(&text, PAYLOAD(""));
    iscep_buf_append_text(&text, "</array></dict></plist>");
    expect_refusal(iscep_buf_text(&text), "profile_too_many");

    iscep_buf_clear(&text);
    iscep_buf_append_text(&text,
                          HEAD "<dict><key>PayloadContent</key><array><dict><key>PayloadType</key>"
                               "<string>com.apple.security.scep</string><key>PayloadContent</key><dict>"
                               "<key>ExtendedKeyUsage</key><array>");
    for (int i = 0; i <= ISCEP_PROFILE_MAX_VALUES; i++)
        iscep_buf_append_text(&text, "<string>1.2.3</string>");
    iscep_buf_append_text(&text, "</array></dict></dict></array></dict></plist>");
    expect_refusal(iscep_buf_text(&text), "profile_too_many");
}

Test(apple_profile, two_megabytes_are_too_many)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 4 * ISCEP_PROFILE_MAX_BYTES);
    uint8_t *room = iscep_buf_reserve(&text, 2 * ISCEP_PROFILE_MAX_BYTES);
    memset(room, ' ', 2 * ISCEP_PROFILE_MAX_BYTES);
    text.len = 2 * ISCEP_PROFILE_MAX_BYTES;
    expect_refusal(iscep_buf_text(&text), "profile_too_large");
}

/* --- signed --- */

static void sign(iscep_buf *out, const char *content, unsigned flags)
{
    ISCEP_AUTO_BUF cert_der;
    EVP_PKEY *key = test_pki_new_ec_key();
    iscep_buf_init(&cert_der, 64 * 1024);
    test_pki_emit_cert(&cert_der, &(test_cert_options){.key = key, .common_name = "profile signer"});
    const uint8_t *at = cert_der.data;
    X509 *cert = d2i_X509(NULL, &at, (long)cert_der.len);
    BIO *in = BIO_new_mem_buf(content, -1);
    CMS_ContentInfo *cms = CMS_sign(cert, key, NULL, in, CMS_BINARY | flags);
    uint8_t *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    iscep_buf_init(out, 2 * ISCEP_PROFILE_MAX_BYTES);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    X509_free(cert);
    EVP_PKEY_free(key);
}

Test(apple_profile, a_signed_one_names_its_signer)
{
    ISCEP_AUTO_BUF der;
    sign(&der, PROFILE(PAYLOAD("<key>URL</key><string>https://a.example</string>")), 0);
    cr_assert_eq(iscep_profile_read(&profile, iscep_buf_bytes(&der), &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(profile.format, ISCEP_PROFILE_APPLE_SIGNED);
    cr_assert_str_eq(profile.signer, "CN=profile signer,O=Contoso");
    cr_assert_gt(profile.signed_unix, 1700000000);
    cr_assert_str_eq(profile.sceps[0].urls[0], "https://a.example");
}

static void expect_der_refusal(iscep_buf *der, const char *code)
{
    err = (iscep_error)ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_profile_read(&profile, iscep_buf_bytes(der), &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, code, "%s", err.message);
    iscep_profile_clear(&profile);
}

Test(apple_profile, a_signature_over_nothing_or_something_else_is_refused)
{
    ISCEP_AUTO_BUF detached, syncml, cut;
    sign(&detached, PROFILE(PAYLOAD("")), CMS_DETACHED);
    expect_der_refusal(&detached, "cms_no_content");
    sign(&syncml, "<SyncML/>", 0);
    expect_der_refusal(&syncml, "profile_format");
    sign(&cut, PROFILE(PAYLOAD("")), 0);
    cut.len -= 10;
    expect_der_refusal(&cut, "cms_malformed");
}
