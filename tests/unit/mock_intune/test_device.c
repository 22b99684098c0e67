/* The files that devices are handed: what the mock writes, the connector's reader reads, and challenges in them open. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "challenge.h"
#include "codes.h"
#include "fixture.h"
#include "profile/profile.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Everything that needs escaping somewhere, and two attributes in one RDN. */
#define DEMANDS                                                                                              \
    "\"subject\":\"CN=Doe\\\\, J <b> \\\"x\\\",O=A & B+OU=y,1.2.3=z\","                                      \
    "\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"a.example\"},{\"type\":\"upn\",\"value\":\"u@c\"},"  \
    "{\"type\":\"email\",\"value\":\"e@c\"},{\"type\":\"uri\",\"value\":\"https://x/?a=1&b=2\"}],"           \
    "\"keyUsage\":[\"digitalSignature\",\"keyEncipherment\"],"                                               \
    "\"extendedKeyUsage\":[\"1.3.6.1.5.5.7.3.2\",\"1.3.6.1.4.1.311.20.2.2\"],\"keyLength\":4096"
#define URLS "\"urls\":[\"https://a.example/scep?a=1&b=2\",\"https://b.example/scep\"]"

static fixture f;
static mock_reply reply;
static iscep_profile profile;

static void open_fixture(void)
{
    fixture_open(&f);
    mock_reply_init(&reply);
}

static void close_fixture(void)
{
    iscep_profile_clear(&profile);
    mock_reply_clear(&reply);
    fixture_close(&f);
}

TestSuite(device, .init = open_fixture, .fini = close_fixture);

static void ask(const char *body, int32_t status)
{
    const mock_request request = {.segment = "", .body = iscep_bytes_of_text(body)};
    mock_reply_clear(&reply);
    mock_reply_init(&reply);
    fixture_call(&f, mock_admin_make_profile, &request, &reply);
    cr_assert_eq(reply.status, status, "%s: %s", body, iscep_buf_text(&reply.body));
}

static void ask_and_read(const char *body)
{
    iscep_error err = ISCEP_ERROR_INIT;
    ask(body, 200);
    iscep_profile_clear(&profile);
    cr_assert_eq(iscep_profile_read(&profile, iscep_buf_bytes(&reply.body), &err), ISCEP_OK, "%s",
                 err.message);
}

static void expect_name(const iscep_profile_name *name, const char *kind, const char *value)
{
    cr_assert_str_eq(name->kind, kind);
    cr_assert_str_eq(name->value, value);
}

static bool has_san(const iscep_profile_scep *scep, const char *kind, const char *value)
{
    for (size_t i = 0; i < scep->san_count; i++)
        if (strcmp(scep->sans[i].kind, kind) == 0 && strcmp(scep->sans[i].value, value) == 0)
            return true;
    return false;
}

static void expect_demands(const iscep_profile_scep *scep)
{
    cr_assert_eq(scep->subject_count, 4);
    expect_name(&scep->subject[0], "CN", "Doe, J <b> \"x\"");
    expect_name(&scep->subject[1], "O", "A & B");
    expect_name(&scep->subject[2], "OU", "y");
    expect_name(&scep->subject[3], "1.2.3", "z");
    cr_assert_eq(scep->san_count, 4);
    cr_assert(has_san(scep, "dns", "a.example"));
    cr_assert(has_san(scep, "upn", "u@c"));
    cr_assert(has_san(scep, "rfc822", "e@c"));
    cr_assert(has_san(scep, "uri", "https://x/?a=1&b=2"));
    cr_assert_eq(scep->key_usage, 5);
    cr_assert_eq(scep->key_bits, 4096);
    cr_assert_eq(scep->ext_usage_count, 2);
    cr_assert_eq(scep->retries, 3);
    cr_assert_eq(scep->retry_delay_s, 60);
}

/* Copies the challenge's id; it must be one that opens. */
static void open_challenge(char id[ISCEP_GUID_SIZE], const iscep_profile_scep *scep)
{
    mock_challenge challenge;
    cr_assert_str_eq(mock_challenge_open(&challenge, &f.mock.pki, iscep_secret_reveal(scep->challenge)),
                     MOCK_SUCCESS);
    cr_assert_str_eq(challenge.facts.device_id, "device-7");
    memcpy(id, challenge.facts.id, ISCEP_GUID_SIZE);
    mock_challenge_clear(&challenge);
}

#define BODY(platform) "{\"platform\":\"" platform "\",\"deviceId\":\"device-7\"," URLS "," DEMANDS "}"

Test(device, macos_has_a_payload_and_a_challenge_for_each_url)
{
    char ids[2][ISCEP_GUID_SIZE];
    ask_and_read(BODY("macos"));
    cr_assert_str_eq(reply.content_type, "application/x-apple-aspen-config");
    cr_assert_eq(profile.format, ISCEP_PROFILE_APPLE);
    cr_assert_eq(profile.scep_count, 2);
    cr_assert_str_eq(profile.sceps[0].urls[0], "https://a.example/scep?a=1&b=2");
    cr_assert_str_eq(profile.sceps[1].urls[0], "https://b.example/scep");
    for (size_t i = 0; i < 2; i++) {
        expect_demands(&profile.sceps[i]);
        open_challenge(ids[i], &profile.sceps[i]);
    }
    cr_assert_str_neq(ids[0], ids[1]);
}

Test(device, ios_is_handed_one_url_and_not_always_the_same)
{
    bool has_seen[2] = {false, false};
    for (int i = 0; i < 64 && !(has_seen[0] && has_seen[1]); i++) {
        ask_and_read(BODY("ios"));
        cr_assert_eq(profile.scep_count, 1);
        cr_assert_eq(profile.sceps[0].url_count, 1);
        expect_demands(&profile.sceps[0]);
        has_seen[strcmp(profile.sceps[0].urls[0], "https://b.example/scep") == 0] = true;
    }
    cr_assert(has_seen[0] && has_seen[1]);
}

Test(device, windows_has_all_urls_and_one_challenge)
{
    char id[ISCEP_GUID_SIZE];
    ask_and_read(BODY("windows"));
    cr_assert_eq(profile.format, ISCEP_PROFILE_WINDOWS);
    cr_assert_eq(profile.scep_count, 1);
    cr_assert_eq(profile.sceps[0].url_count, 2);
    cr_assert_str_eq(profile.sceps[0].urls[0], "https://a.example/scep?a=1&b=2");
    cr_assert_str_eq(profile.sceps[0].urls[1], "https://b.example/scep");
    expect_demands(&profile.sceps[0]);
    open_challenge(id, &profile.sceps[0]);
}

Test(device, android_has_the_same_facts_as_json)
{
    ISCEP_AUTO_JSON *json = NULL;
    ask(BODY("android"), 200);
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&reply.body), NULL), ISCEP_OK);
    cr_assert(iscep_json_has_text(json, "platform", "android"));
    const iscep_json *second = iscep_json_next(iscep_json_first(iscep_json_member(json, "urls")));
    cr_assert_str_eq(iscep_json_as_text(second), "https://b.example/scep");
    cr_assert_str_eq(iscep_json_text(json, "subject"), "CN=Doe\\, J <b> \"x\",O=A & B+OU=y,1.2.3=z");
    cr_assert_not_null(iscep_json_text(json, "challenge"));
}

Test(device, a_signed_profile_says_when_it_was_issued)
{
    ask_and_read("{\"platform\":\"ipados\",\"signed\":true,\"issuedInSeconds\":-7200," URLS "," DEMANDS "}");
    cr_assert_eq(profile.format, ISCEP_PROFILE_APPLE_SIGNED);
    cr_assert_eq(profile.signed_unix, FIXTURE_NOW_MS / 1000 - 7200);
    cr_assert(strstr(profile.signer, "intune-mock") != NULL);
    expect_demands(&profile.sceps[0]);
}

Test(device, what_is_not_demanded_is_not_written)
{
    ask_and_read("{\"platform\":\"windows\"," URLS ",\"subject\":\"CN=x\"}");
    cr_assert_eq(profile.sceps[0].key_usage, 0);
    cr_assert_eq(profile.sceps[0].ext_usage_count, 0);
    cr_assert_eq(profile.sceps[0].san_count, 0);
    cr_assert_eq(profile.sceps[0].key_bits, 2048);
    ask_and_read("{\"platform\":\"macos\"," URLS ",\"subject\":\"\"}");
    cr_assert_eq(profile.sceps[0].subject_count, 0);
    cr_assert_eq(profile.sceps[0].key_usage, 0);
    cr_assert_eq(profile.sceps[0].san_count, 0);
}

Test(device, what_a_format_cannot_say_is_refused)
{
    static const char *const bodies[] = {
        "{}",
        "{\"platform\":\"symbian\"," URLS ",\"subject\":\"CN=x\"}",
        "{\"platform\":\"ios\",\"urls\":[],\"subject\":\"CN=x\"}",
        "{\"platform\":\"ios\",\"urls\":[1],\"subject\":\"CN=x\"}",
        "{\"platform\":\"ios\",\"urls\":[\"\"],\"subject\":\"CN=x\"}",
        "{\"platform\":\"ios\"," URLS "}",
        "{\"platform\":\"ios\"," URLS ",\"subject\":\"CN=x\",\"unknown\":1}",
        "{\"platform\":\"windows\",\"signed\":true," URLS ",\"subject\":\"CN=x\"}",
        "{\"platform\":\"windows\",\"urls\":[\"https://a.example/;b\"],\"subject\":\"CN=x\"}",
        "{\"platform\":\"windows\"," URLS
        ",\"subject\":\"CN=x\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"a;b\"}]}",
        "{\"platform\":\"macos\"," URLS
        ",\"subject\":\"CN=x\",\"subjectAltNames\":[{\"type\":\"ip\",\"value\":\"192.0.2.1\"}]}",
        "{\"platform\":\"macos\"," URLS ",\"subject\":\"CN=x\\u0001\"}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        ask(bodies[i], 400);
        cr_assert_null(reply.content_type);
    }
}
