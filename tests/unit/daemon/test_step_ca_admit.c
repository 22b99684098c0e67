/* Who is step-ca: the signature over the body, the webhook's id, what Authorization must be, whose certificate. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/test_pki.h"
#include "tests/unit/daemon/hook_world.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static hook_world w;
static iscep_buf asking;
static hook_signature signature; /* of asking */
static peer_reply reply;

static void set_up(void)
{
    hook_world_make(&w);
    hook_emit_challenge(&asking, iscep_buf_bytes(&w.csr), TEST_PKI_CHALLENGE);
    signature = hook_sign(HOOK_CHALLENGE_KEY, iscep_buf_bytes(&asking));
}

static void tear_down(void)
{
    hook_world_stop(&w);
    iscep_buf_clear(&asking);
}

TestSuite(step_ca_admit, .init = set_up, .fini = tear_down);

static hook_request good_request(void)
{
    return (hook_request){.path = HOOK_CHALLENGE_PATH,
                          .id = HOOK_CHALLENGE_ID,
                          .signature = signature.hex,
                          .body = iscep_buf_bytes(&asking)};
}

/* All refusals look alike: what was wrong is for the log. */
static void assert_refused(const hook_request *request)
{
    hook_world_send(&w, request, &reply);
    cr_assert_str_eq(iscep_buf_text(&reply.body),
                     "{\"allow\":false,\"error\":{\"message\":\"this is not the webhook that "
                     "is configured here\",\"code\":\"step_ca_refused\"}}\n");
    assert_hook_reply(&reply, 401, false, "step_ca_refused");
}

static void assert_admitted(const hook_request *request)
{
    hook_world_send(&w, request, &reply);
    assert_hook_reply(&reply, 200, true, NULL);
}

static void assert_reason_logged(const char *reason)
{
    char want[64];
    snprintf(want, sizeof want, "reason=%s", reason);
    const char *log = hook_world_log(&w);
    cr_assert_not_null(strstr(log, "step_ca_refused"), "%s", log);
    cr_assert_not_null(strstr(log, want), "%s", log);
}

/* --- signature and id --- */

Test(step_ca_admit, the_right_id_and_signature)
{
    const hook_request request = good_request();
    hook_world_start(&w);
    assert_admitted(&request);
    cr_assert_null(strstr(hook_world_log(&w), "step_ca_refused"));
}

Test(step_ca_admit, every_byte_of_the_signature_counts)
{
    hook_request request = good_request();
    hook_world_start(&w);
    for (size_t i = 0; i < 64; i++) {
        hook_signature wrong = signature;
        wrong.hex[i] ^= 1;
        request.signature = wrong.hex;
        assert_refused(&request);
        wrong.hex[i] ^= 1 ^ 0x20; /* other case, for letters */
        if (wrong.hex[i] >= 'A')
            assert_refused(&request);
    }
    cr_assert_eq(hook_world_count_calls(&w), 0);
    assert_reason_logged("signature");
}

Test(step_ca_admit, every_byte_of_the_id_counts)
{
    char id[] = HOOK_CHALLENGE_ID;
    hook_request request = good_request();
    request.id = id;
    hook_world_start(&w);
    for (size_t i = 0; i < sizeof id - 1; i++) {
        id[i] ^= 1;
        assert_refused(&request);
        id[i] ^= 1;
    }
    cr_assert_eq(hook_world_count_calls(&w), 0);
    assert_reason_logged("webhook_id");
    assert_admitted(&request);
}

Test(step_ca_admit, every_byte_of_the_body_counts)
{
    const hook_request request = good_request();
    hook_world_start(&w);
    for (size_t i = 0; i < asking.len; i++) {
        asking.data[i] ^= 1;
        assert_refused(&request);
        asking.data[i] ^= 1;
    }
    cr_assert_eq(hook_world_count_calls(&w), 0);
    assert_admitted(&request);
}

Test(step_ca_admit, signatures_that_are_none)
{
    char cut[65], longer[67], spaced[66];
    snprintf(cut, sizeof cut, "%.63s", signature.hex);
    snprintf(longer, sizeof longer, "%s00", signature.hex);
    snprintf(spaced, sizeof spaced, "%.32s %s", signature.hex, signature.hex + 32);
    const hook_signature others[] = {hook_sign(HOOK_NOTIFY_KEY, iscep_buf_bytes(&asking)),
                                     hook_sign("", iscep_buf_bytes(&asking)),
                                     hook_sign(HOOK_CHALLENGE_KEY, (iscep_bytes){0})};
    const char *const cases[] = {NULL,          "",           "0", cut, longer, spaced, others[0].hex,
                                 others[1].hex, others[2].hex};
    hook_world_start(&w);
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_request request = good_request();
        request.signature = cases[i];
        assert_refused(&request);
    }
    cr_assert_eq(hook_world_count_calls(&w), 0);
}

Test(step_ca_admit, ids_that_are_none)
{
    static const char *const cases[] = {NULL, "", HOOK_NOTIFY_ID, HOOK_CHALLENGE_ID "0"};
    hook_world_start(&w);
    for (size_t i = 0; i < COUNT(cases); i++) {
        hook_request request = good_request();
        request.id = cases[i];
        assert_refused(&request);
    }
}

Test(step_ca_admit, one_webhooks_secret_does_not_open_the_other)
{
    hook_request request = good_request();
    hook_world_start(&w);
    request.path = HOOK_NOTIFY_PATH;
    assert_refused(&request);
    request.id = HOOK_NOTIFY_ID;
    assert_refused(&request);
}

Test(step_ca_admit, a_webhook_that_is_not_configured)
{
    w.hook_options.notify_id = NULL;
    w.hook_options.notify_secret_file = NULL;
    hook_request request = good_request();
    hook_world_start(&w);
    request.path = HOOK_NOTIFY_PATH;
    assert_refused(&request);
    assert_reason_logged("not_configured");
}

Test(step_ca_admit, refusals_do_not_fill_the_log)
{
    hook_request request = good_request();
    request.id = HOOK_NOTIFY_ID;
    hook_world_start(&w);
    const int64_t began_ms = iscep_now_mono_ms(&w.env);
    for (size_t i = 0; i < 200; i++)
        assert_refused(&request);
    const int64_t took_ms = iscep_now_mono_ms(&w.env) - began_ms;
    int64_t lines = 0;
    for (const char *at = hook_world_log(&w); (at = strstr(at, "step_ca_refused")) != NULL; at++)
        lines++;
    cr_assert_geq(lines, 1);
    cr_assert_leq(lines, took_ms / 1000 + 2);
}

/* --- Authorization --- */

typedef struct authorization_case {
    const char *fields;
    bool want_admitted;
} authorization_case;

static void try_authorizations(const authorization_case *cases, size_t count)
{
    hook_world_start(&w);
    for (size_t i = 0; i < count; i++) {
        hook_request request = good_request();
        request.more_fields = cases[i].fields;
        cr_log_info("%s", cases[i].fields);
        if (cases[i].want_admitted)
            assert_admitted(&request);
        else
            assert_refused(&request);
    }
    assert_reason_logged("authorization");
}

Test(step_ca_admit, a_bearer_token_if_one_is_configured)
{
    static const authorization_case cases[] = {
        {"", false},
        {"Authorization: Bearer bearer-canary-0123\r\n", true},
        {"authorization: Bearer bearer-canary-0123\r\n", true},
        {"Authorization: Bearer bearer-canary-0124\r\n", false},
        {"Authorization: Bearer bearer-canary-01234\r\n", false},
        {"Authorization: Bearer bearer-canary-012\r\n", false},
        {"Authorization: Bearer \r\n", false},
        {"Authorization: bearer-canary-0123\r\n", false},
        {"Authorization: Basic YmVhcmVyLWNhbmFyeS0wMTIz\r\n", false},
    };
    char path[128];
    temp_dir_write(&w.dir, path, sizeof path, "token", "bearer-canary-0123\n");
    w.hook_options.bearer_token_file = path;
    try_authorizations(cases, COUNT(cases));
    cr_assert_null(strstr(hook_world_log(&w), "canary"));
}

Test(step_ca_admit, a_user_and_password_if_they_are_configured)
{
    static const authorization_case cases[] = {
        {"", false},
        {"Authorization: Basic c3RlcC1jYTpvcGVuOnNlc2FtZQ==\r\n", true}, /* step-ca:open:sesame */
        {"Authorization: Basic c3RlcC1jYTpvcGVuOnNlc2FtZg==\r\n", false},
        {"Authorization: Basic c3RlcC1jYjpvcGVuOnNlc2FtZQ==\r\n", false},
        {"Authorization: Basic c3RlcC1jYQ==\r\n", false},
        {"Authorization: Bearer c3RlcC1jYTpvcGVuOnNlc2FtZQ==\r\n", false},
    };
    char path[128];
    temp_dir_write(&w.dir, path, sizeof path, "password", "open:sesame\n");
    w.hook_options.basic_user = "step-ca";
    w.hook_options.basic_password_file = path;
    try_authorizations(cases, COUNT(cases));
}

Test(step_ca_admit, authorization_is_no_substitute_for_the_signature)
{
    char path[128];
    hook_request request = good_request();
    temp_dir_write(&w.dir, path, sizeof path, "token", "bearer-canary-0123");
    w.hook_options.bearer_token_file = path;
    hook_world_start(&w);
    request.more_fields = "Authorization: Bearer bearer-canary-0123\r\n";
    assert_admitted(&request);
    request.signature = NULL;
    assert_refused(&request);
}

/* --- certificates; with TLS: tests/e2e/step_ca.sh --- */

Test(step_ca_admit, who_has_no_certificate_when_one_is_asked_for)
{
    const hook_request request = good_request();
    w.hook_options.client_names = (iscep_config_words){.words = {"ca.example"}, .count = 1};
    hook_world_start(&w);
    assert_refused(&request);
    assert_reason_logged("client_certificate");
}

Test(step_ca_admit, the_empty_key_opens_nothing_without_a_certificate)
{
    const hook_signature empty = hook_sign("", iscep_buf_bytes(&asking));
    hook_request request = good_request();
    request.signature = empty.hex;
    w.hook_options = (iscep_step_ca_options){.name = "main",
                                             .is_key_empty = true,
                                             .client_names = {.words = {"ca.example"}, .count = 1},
                                             .answer_within_ms = 6000};
    hook_world_start(&w);
    assert_refused(&request);
    assert_reason_logged("client_certificate");
}

Test(step_ca_admit, the_empty_key_opens_nothing_without_a_name_either)
{
    const hook_signature empty = hook_sign("", iscep_buf_bytes(&asking));
    hook_request request = good_request();
    request.signature = empty.hex;
    w.hook_options = (iscep_step_ca_options){.name = "main", .is_key_empty = true, .answer_within_ms = 6000};
    hook_world_start(&w);
    assert_refused(&request);
}

/* --- secrets that are none --- */

Test(step_ca_secrets, that_cannot_be_read_are_refused)
{
    static const struct {
        const char *secret; /* NULL: there is no file */
        const char *want_code;
    } cases[] = {
        {NULL, "secret_unreadable"},     {"", "secret_empty"},
        {"\n", "secret_empty"},          {"not base64 QUJD", "step_ca_secret"},
        {"QUJD QUJD", "step_ca_secret"}, {"QUJ", "step_ca_secret"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_step_ca *hook = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        temp_dir dir;
        char path[128];
        temp_dir_make(&dir);
        temp_dir_path(&dir, path, sizeof path, "secret");
        if (cases[i].secret != NULL)
            temp_dir_write(&dir, path, sizeof path, "secret", cases[i].secret);
        const iscep_step_ca_options options = {
            .name = "main", .challenge_id = HOOK_CHALLENGE_ID, .challenge_secret_file = path};
        cr_assert_eq(iscep_step_ca_new(&hook, &options, &err), ISCEP_CONFIG, "case %zu", i);
        cr_assert_str_eq(err.code, cases[i].want_code, "case %zu: %s", i, err.message);
        cr_assert_null(strstr(err.message, "QUJ"), "case %zu", i);
        cr_assert_null(hook);
        temp_dir_remove(&dir);
    }
}
