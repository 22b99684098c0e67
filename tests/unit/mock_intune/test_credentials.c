/* Several client secrets at once, and how they come and go while the mock runs. */
#include <string.h>

#include <criterion/criterion.h>

#include "credential_load.h"
#include "fixture.h"

#define NEW_SECRET     FIXTURE_WHO "&client_secret=the-new-one" FIXTURE_GRAPH_SCOPE
#define OLD_SECRET     FIXTURE_CREDENTIALS FIXTURE_GRAPH_SCOPE
#define ADD_NEW_SECRET "{\"kind\":\"secret\",\"secret\":\"the-new-one\"}"
#define NO_SUCH_KEY    "00000000-0000-0000-0000-000000000000"

static fixture f;

static void open_fixture(void)
{
    fixture_open(&f);
}

static void close_fixture(void)
{
    fixture_close(&f);
}

TestSuite(credentials, .init = open_fixture, .fini = close_fixture);

static void add(char key_id[ISCEP_GUID_SIZE], const char *body)
{
    ISCEP_AUTO_JSON *json = fixture_admin(&f, mock_admin_add_credential, "", body, 200);
    iscep_text_copy(key_id, ISCEP_GUID_SIZE, iscep_json_text(json, "keyId"));
    cr_assert_null(iscep_json_text(json, "secret"));
}

Test(credentials, two_secrets_work_at_once)
{
    char key_id[ISCEP_GUID_SIZE];
    fixture_expect_sign_in(&f, FIXTURE_TENANT, NEW_SECRET, 401, 7000215);
    add(key_id, ADD_NEW_SECRET);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, NEW_SECRET, 200, 0);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, OLD_SECRET, 200, 0);
}

Test(credentials, an_expired_secret_is_not_a_wrong_one)
{
    char key_id[ISCEP_GUID_SIZE];
    add(key_id, "{\"kind\":\"secret\",\"secret\":\"the-new-one\",\"expiresInSeconds\":60}");
    fixture_expect_sign_in(&f, FIXTURE_TENANT, NEW_SECRET, 200, 0);
    f.now_ms += 60 * 1000;
    fixture_expect_sign_in(&f, FIXTURE_TENANT, NEW_SECRET, 401, 7000222);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, OLD_SECRET, 200, 0);
}

Test(credentials, a_secret_is_ended_and_removed_while_it_runs)
{
    const char *initial = f.mock.credentials.items[0].key_id;
    fixture_expect_admin(&f, mock_admin_change_credential, initial, "{\"expiresInSeconds\":0}", 200);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, OLD_SECRET, 401, 7000222);
    fixture_expect_admin(&f, mock_admin_remove_credential, initial, "", 200);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, OLD_SECRET, 401, 7000215);
    fixture_expect_admin(&f, mock_admin_remove_credential, initial, "", 404);
    fixture_expect_admin(&f, mock_admin_reset, "", "", 200);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, OLD_SECRET, 200, 0);
}

Test(credentials, a_reset_forgets_what_was_added)
{
    char key_id[ISCEP_GUID_SIZE];
    add(key_id, ADD_NEW_SECRET);
    fixture_expect_admin(&f, mock_admin_reset, "", "", 200);
    fixture_expect_sign_in(&f, FIXTURE_TENANT, NEW_SECRET, 401, 7000215);
    cr_assert_eq(f.mock.credentials.count, 1);
}

Test(credentials, belong_to_one_application)
{
    char key_id[ISCEP_GUID_SIZE];
    add(key_id, "{\"kind\":\"secret\",\"secret\":\"the-new-one\",\"clientId\":\"another\"}");
    fixture_expect_sign_in(&f, FIXTURE_TENANT, NEW_SECRET, 401, 7000215);
    fixture_expect_admin(&f, mock_admin_put_tenant, "fabrikam", "{\"clientId\":\"another\"}", 200);
    fixture_expect_sign_in(
        &f, "fabrikam",
        "grant_type=client_credentials&client_id=another&client_secret=the-new-one" FIXTURE_GRAPH_SCOPE, 200,
        0);
    fixture_expect_sign_in(
        &f, "fabrikam",
        "grant_type=client_credentials&client_id=another&client_secret=" FIXTURE_SECRET FIXTURE_GRAPH_SCOPE,
        401, 7000215);
}

Test(credentials, are_listed_without_their_secrets)
{
    mock_reply reply;
    mock_request request = {.segment = ""};
    fixture_call(&f, mock_admin_list_credentials, &request, &reply);
    cr_assert_null(strstr(iscep_buf_text(&reply.body), FIXTURE_SECRET));
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), "\"kind\":\"secret\""));
    mock_reply_clear(&reply);
}

Test(credentials, what_makes_no_sense_is_refused)
{
    const char *bodies[] = {
        "",
        "{}",
        "{\"kind\":\"password\",\"secret\":\"x\"}",
        "{\"kind\":\"secret\"}",
        "{\"kind\":\"secret\",\"secret\":\"\"}",
        "{\"kind\":\"secret\",\"secret\":\"x\",\"certificate\":\"y\"}",
        "{\"kind\":\"secret\",\"secret\":\"x\",\"expiresInSeconds\":-1}",
        "{\"kind\":\"secret\",\"secret\":\"x\",\"clientId\":\"\"}",
        "{\"kind\":\"certificate\",\"certificate\":\"-----BEGIN CERTIFICATE-----\"}",
        "{\"kind\":\"federated\",\"issuer\":\"https://i\",\"subject\":\"s\",\"publicKey\":\"no key\"}",
        "{\"kind\":\"managedIdentity\",\"expiresInSeconds\":1}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        fixture_expect_admin(&f, mock_admin_add_credential, "", bodies[i], 400);
    fixture_expect_admin(&f, mock_admin_change_credential, NO_SUCH_KEY, "{\"expiresInSeconds\":0}", 404);
    fixture_expect_admin(&f, mock_admin_change_credential, f.mock.credentials.items[0].key_id, "{}", 400);
    cr_assert_eq(f.mock.credentials.count, 1);
}

Test(credentials, have_a_maximum)
{
    char key_id[ISCEP_GUID_SIZE];
    for (size_t i = f.mock.credentials.count; i < MOCK_CREDENTIALS_MAX; i++)
        add(key_id, ADD_NEW_SECRET);
    fixture_expect_admin(&f, mock_admin_add_credential, "", ADD_NEW_SECRET, 400);
}

Test(credentials, a_certificate_file_that_is_none_is_named)
{
    char path[256];
    mock_credentials loaded = {.count = 0};
    iscep_error err = ISCEP_ERROR_INIT;
    temp_dir_write(&f.state_dir, path, sizeof(path), "client.pem", "no certificate");
    mock_options options = {.client_id = "c", .certificate_files = {path}, .certificate_count = 1};
    cr_assert_eq(mock_credentials_load(&loaded, &f.mock.env, &options, &err), ISCEP_USAGE);
    cr_assert_not_null(strstr(err.message, path));
    cr_assert_eq(loaded.count, 0);
}
