/* What is warned of in a device's profile: each by its own code, and nothing where nothing is wrong. */
#include <criterion/criterion.h>
#include <string.h>

#include "ctl/profile_warnings.h"

enum { NOW = 1795332000 };

#define CMS_CHALLENGE "MAsGCSqGSIb3DQEHAw==" /* a ContentInfo, as Intune's are */

static const char *good_urls[] = {"https://a.example/scep"};
static iscep_profile_name subject[] = {{"CN", "phone-1"}};
static iscep_profile_name variable[] = {{"CN", "{{DeviceName}}"}};
static iscep_secret *challenge;
static iscep_secret *password;
static iscep_profile_scep sceps[2];
static iscep_profile profile;
static ctl_profile_view view;

static void set_up(void)
{
    cr_assert_eq(iscep_secret_new(&challenge, iscep_bytes_of_text(CMS_CHALLENGE), NULL), ISCEP_OK);
    cr_assert_eq(iscep_secret_new(&password, iscep_bytes_of_text("password"), NULL), ISCEP_OK);
    for (size_t i = 0; i < 2; i++)
        sceps[i] = (iscep_profile_scep){.identifier = i == 0 ? "first" : "second",
                                        .urls = good_urls,
                                        .url_count = 1,
                                        .subject = subject,
                                        .subject_count = 1,
                                        .challenge = challenge,
                                        .key_type = "RSA",
                                        .key_bits = 2048,
                                        .key_usage = 5};
    profile = (iscep_profile){.format = ISCEP_PROFILE_APPLE, .sceps = sceps, .scep_count = 1};
    view = (ctl_profile_view){.profile = &profile, .written_unix = NOW - 3600, .now_unix = NOW};
}

static void tear_down(void)
{
    iscep_secret_free(challenge);
    iscep_secret_free(password);
}

TestSuite(profile_warnings, .init = set_up, .fini = tear_down);

/* The codes, by spaces; payload: of the last. */
static void expect(const char *codes, const char *payload)
{
    ISCEP_AUTO_JSON *warnings = iscep_json_new_array();
    ISCEP_AUTO_BUF found;
    const char *last = NULL;
    iscep_buf_init(&found, 1024);
    ctl_profile_warn(warnings, &view);
    for (const iscep_json *each = iscep_json_first(warnings); each != NULL; each = iscep_json_next(each)) {
        iscep_buf_printf(&found, "%s%s", found.len > 0 ? " " : "", iscep_json_text(each, "code"));
        last = iscep_json_text(each, "payload");
        cr_assert_not_null(iscep_json_text(each, "text"));
        cr_assert_null(strstr(iscep_json_text(each, "text"), "password"));
    }
    cr_assert_str_eq(iscep_buf_text(&found), codes);
    cr_assert(payload == NULL ? last == NULL : strcmp(last, payload) == 0);
}

Test(profile_warnings, a_good_profile_has_none)
{
    expect("", NULL);
    view.platform = "android";
    expect("", NULL);
    view.written_unix = 0;
    expect("", NULL);
}

Test(profile_warnings, urls)
{
    static const struct {
        const char *url;
        const char *codes;
    } cases[] = {
        {"http://a.example/scep", "url_http"},  {"HTTP://a.example/scep", "url_http"},
        {"HTTPS://a.example/scep", ""},         {"https:///scep", "url_without_host"},
        {"https://", "url_without_host"},       {"http://:80/scep", "url_without_host"},
        {"a.example/scep", "url_without_host"}, {"ftp://a.example/scep", "url_without_host"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *urls[] = {cases[i].url};
        sceps[0].urls = urls;
        expect(cases[i].codes, cases[i].codes[0] != '\0' ? "first" : NULL);
    }
    sceps[0].url_count = 0;
    expect("url_missing", "first");
    const char *twice[] = {"https://a.example", "https://b.example", "https://a.example"};
    sceps[0].urls = twice;
    sceps[0].url_count = 3;
    profile.format = ISCEP_PROFILE_WINDOWS;
    expect("url_duplicate", "first");
}

Test(profile_warnings, two_urls_are_two_certificates_on_macos_only)
{
    profile.scep_count = 2;
    expect("several_certificates", NULL);
    view.platform = "macos";
    expect("several_certificates", NULL);
    view.platform = "ios";
    expect("", NULL);
    view.platform = NULL;
    profile.format = ISCEP_PROFILE_WINDOWS;
    expect("", NULL);
}

Test(profile_warnings, two_names_are_meant_to_be_two_certificates)
{
    iscep_profile_name other[] = {{"CN", "phone-2"}};
    profile.scep_count = 2;
    sceps[1].subject = other;
    expect("", NULL);
}

Test(profile_warnings, challenges)
{
    sceps[0].challenge = NULL;
    expect("challenge_missing", "first");
    sceps[0].challenge = password;
    expect("challenge_foreign", "first");
    sceps[0].challenge = challenge;
    view.written_unix = NOW - 3601;
    expect("challenge_expired", "first");
}

Test(profile_warnings, keys)
{
    sceps[0].key_bits = 1024;
    expect("key_short", "first");
    sceps[0].key_bits = 0; /* not said */
    expect("", NULL);
    static const uint32_t insufficient[] = {1, 4, 2, 1 << 8};
    for (size_t i = 0; i < sizeof insufficient / sizeof *insufficient; i++) {
        sceps[0].key_usage = insufficient[i];
        expect("key_usage_insufficient", "first");
    }
    sceps[0].key_usage = 0; /* not said */
    expect("", NULL);
}

Test(profile_warnings, names)
{
    sceps[0].subject = variable;
    expect("subject_variable", "first");
    sceps[0].subject = subject;
    sceps[0].sans = variable;
    sceps[0].san_count = 1;
    expect("subject_variable", "first");
    sceps[0].san_count = sceps[0].subject_count = 0;
    expect("subject_missing", "first");
}
