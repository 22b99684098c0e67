/* libiscep's options: what an older or newer caller passes, two credentials, and each mistake told. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "iscep/client.h"
#include "tests/support/cloud.h"
#include "tests/support/test_pki.h"

enum { PATIENCE_MS = 10000 };

static cloud the_cloud;
static iscep_credential_options secret = ISCEP_CREDENTIAL_OPTIONS_INIT;
static char other_file[128];

static void set_up(void)
{
    cloud_start(&the_cloud);
    temp_dir_write(&the_cloud.dir, other_file, sizeof other_file, "other", "the-other-canary");
    secret.kind = ISCEP_CREDENTIAL_SECRET;
    secret.client_secret_file = the_cloud.secret_file;
}

static void tear_down(void)
{
    cloud_stop(&the_cloud);
}

TestSuite(client_options, .init = set_up, .fini = tear_down);

static iscep_client_options good_options(void)
{
    iscep_client_options options = ISCEP_CLIENT_OPTIONS_INIT;
    options.tenant_id = CLOUD_TENANT_ID;
    options.client_id = CLOUD_CLIENT_ID;
    options.client_secret_file = the_cloud.secret_file;
    options.authority = the_cloud.base_url;
    options.graph = the_cloud.base_url;
    options.allowed_hosts = "localhost";
    options.ca_file = the_cloud.ca_file;
    return options;
}

static void assert_validates(const iscep_client_options *options)
{
    iscep_client *client = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdict;
    ISCEP_AUTO_BUF csr;
    EVP_PKEY *key = test_pki_new_ec_key();
    iscep_buf_init(&csr, 64 * 1024);
    test_pki_emit_good_csr(&csr, key);
    EVP_PKEY_free(key);
    cr_assert_eq(iscep_client_new(&client, options, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_client_validate(client, "1", csr.data, csr.len, PATIENCE_MS, &verdict, &err),
                 ISCEP_OK);
    cr_assert_eq(verdict.decision, ISCEP_ALLOW, "%s", verdict.message);
    iscep_client_free(client);
}

static void assert_refused(const iscep_client_options *options, iscep_status want, const char *want_code)
{
    iscep_client *client = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_client_new(&client, options, &err), want);
    cr_assert_str_eq(err.code, want_code, "%s", err.message);
    cr_assert_null(client);
}

/* What 1.0 had, as a number: it stays 216 when the struct grows (sized_options reads the older ones). */
Test(client_options, must_have_all_that_the_first_version_had)
{
    iscep_client_options options = good_options();
    options.size = 216;
    assert_validates(&options);
    const size_t too_small[] = {215, 128, 8, 0};
    for (size_t i = 0; i < sizeof too_small / sizeof *too_small; i++) {
        options.size = too_small[i];
        assert_refused(&options, ISCEP_USAGE, "options");
    }
}

Test(client_options, of_a_newer_caller_must_ask_for_nothing_new)
{
    struct {
        iscep_client_options options;
        const char *from_the_future;
    } newer = {.options = good_options()};
    newer.options.size = sizeof newer;
    assert_validates(&newer.options);
    newer.from_the_future = "unknown here";
    assert_refused(&newer.options, ISCEP_USAGE, "options");
}

Test(client_options, may_name_two_credentials)
{
    iscep_client_options options = good_options();
    iscep_credential_options second = ISCEP_CREDENTIAL_OPTIONS_INIT;
    second.kind = ISCEP_CREDENTIAL_SECRET;
    second.client_secret_file = other_file;
    options.client_secret_file = NULL;
    options.credential = &second;
    options.second_credential = &secret;
    cloud_set_reply(&the_cloud, CLOUD_TOKEN, (cloud_reply){.status = 200});
    assert_validates(&options);
    cr_assert_not_null(strstr((const char *)cloud_request_at(&the_cloud, CLOUD_TOKEN, 0)->body.data,
                              "client_secret=the-other-canary&"));
}

Test(client_options, with_wrong_credentials_are_refused)
{
    iscep_client_options options = good_options();
    iscep_credential_options wrong = secret;
    options.credential = &secret;
    assert_refused(&options, ISCEP_CONFIG, "client_secret_file");
    options.client_secret_file = NULL;
    wrong.size--;
    options.credential = &wrong;
    assert_refused(&options, ISCEP_USAGE, "options");
    options.credential = &secret;
    options.second_credential = &wrong;
    assert_refused(&options, ISCEP_USAGE, "options");
    options.second_credential = NULL;
    options.credential = &wrong;
    wrong = secret;
    wrong.token_file = other_file;
    assert_refused(&options, ISCEP_CONFIG, "token_file");
    wrong = secret;
    wrong.kind = (iscep_credential_kind)0;
    assert_refused(&options, ISCEP_CONFIG, "kind");
}

Test(client_options, may_have_a_credential_of_a_newer_caller_that_asks_for_nothing_new)
{
    iscep_client_options options = good_options();
    struct {
        iscep_credential_options credential;
        const char *from_the_future;
    } newer = {.credential = secret};
    newer.credential.size = sizeof newer;
    options.client_secret_file = NULL;
    options.credential = &newer.credential;
    assert_validates(&options);
    newer.from_the_future = "unknown here";
    assert_refused(&options, ISCEP_USAGE, "options");
}

Test(client_options, that_make_no_sense_are_refused)
{
    iscep_client_options options = good_options();
    options.cloud = "mars";
    assert_refused(&options, ISCEP_CONFIG, "cloud");
    options = good_options();
    options.ip_version = 5;
    assert_refused(&options, ISCEP_CONFIG, "ip_version");
    options = good_options();
    options.connect_timeout_ms = -1;
    assert_refused(&options, ISCEP_CONFIG, "connect_timeout_ms");
    options = good_options();
    options.fetch_timeout_ms = -1;
    assert_refused(&options, ISCEP_CONFIG, "fetch_timeout_ms");
    options = good_options();
    options.allowed_hosts = "a b c d e f g h i j k l m n o p q";
    assert_refused(&options, ISCEP_CONFIG, "allowed_hosts");
    options = good_options();
    options.scep_path = "a?b";
    assert_refused(&options, ISCEP_CONFIG, "scep_path");
    options = good_options();
    options.proxy_password_file = "/nonexistent";
    assert_refused(&options, ISCEP_CONFIG, "secret_unreadable");
}

/* --- numbers --- */

static iscep_verdict validate_once(const iscep_client_options *options)
{
    iscep_client *client = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdict;
    cr_assert_eq(iscep_client_new(&client, options, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_client_validate(client, "1", (const uint8_t *)"x", 1, PATIENCE_MS, &verdict, &err),
                 ISCEP_OK);
    iscep_client_free(client);
    return verdict;
}

static int64_t now_ms(void)
{
    return iscep_now_mono_ms(&the_cloud.env);
}

Test(client_options, say_how_long_a_token_is_waited_for)
{
    iscep_client_options options = good_options();
    options.fetch_timeout_ms = 100;
    cloud_set_reply(&the_cloud, CLOUD_TOKEN, (cloud_reply){.is_held = true});
    const int64_t began_ms = now_ms();
    const iscep_verdict verdict = validate_once(&options);
    cr_assert_eq(verdict.decision, ISCEP_RETRY);
    cr_assert_str_eq(verdict.code, "timeout", "%s", verdict.message);
    cr_assert_lt(now_ms() - began_ms, PATIENCE_MS / 2);
}

/* Somebody listens, and never says a word: the kernel accepts for him. */
Test(client_options, say_how_long_a_connection_is_waited_for)
{
    char authority[64];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(fd, 8), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &(socklen_t){sizeof address}), 0);
    snprintf(authority, sizeof authority, "https://localhost:%u", ntohs(address.sin_port));
    iscep_client_options options = good_options();
    options.authority = authority;
    options.ip_version = 4;
    options.connect_timeout_ms = 100;
    const int64_t began_ms = now_ms();
    const iscep_verdict verdict = validate_once(&options);
    cr_assert_eq(verdict.decision, ISCEP_RETRY);
    cr_assert_str_eq(verdict.code, "timeout", "%s", verdict.message);
    cr_assert_lt(now_ms() - began_ms, PATIENCE_MS / 2);
    close(fd);
}

static gate answered = GATE_INIT;

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    *(iscep_verdict *)user = *verdict;
    gate_pass(&answered);
}

/* Two are asked at once, and Intune answers neither: how many has it seen? */
static size_t count_side_by_side(const iscep_client_options *options)
{
    iscep_client *client = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdicts[2];
    const size_t before = cloud_count(&the_cloud, CLOUD_VALIDATE);
    cloud_set_reply(&the_cloud, CLOUD_VALIDATE, (cloud_reply){.is_held = true});
    cr_assert_eq(iscep_client_new(&client, options, &err), ISCEP_OK, "%s", err.message);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(iscep_client_validate_begin(client, "1", (const uint8_t *)"x", 1, 1000, on_verdict,
                                                 &verdicts[i], &err),
                     ISCEP_OK);
    gate_await(&answered, gate_count(&answered) + 2);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(verdicts[i].decision, ISCEP_RETRY);
        cr_assert_str_eq(verdicts[i].code, "timeout");
    }
    iscep_client_free(client);
    return cloud_count(&the_cloud, CLOUD_VALIDATE) - before;
}

Test(client_options, say_how_much_is_asked_at_once)
{
    iscep_client_options options = good_options();
    cr_assert_eq(count_side_by_side(&options), 2);
    options.max_connections = 1;
    options.max_streams = 1;
    cr_assert_eq(count_side_by_side(&options), 1);
}

Test(client_options, may_move_every_path)
{
    iscep_client_options options = good_options();
    options.token_path = "oauth2/v9/token";
    iscep_client *client = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_verdict verdict;
    cr_assert_eq(iscep_client_new(&client, &options, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_client_validate(client, "1", (const uint8_t *)"x", 1, PATIENCE_MS, &verdict, &err),
                 ISCEP_OK);
    cr_assert_neq(verdict.decision, ISCEP_ALLOW);
    cr_assert_str_eq(cloud_request_at(&the_cloud, CLOUD_UNKNOWN, 0)->path,
                     "/" CLOUD_TENANT_ID "/oauth2/v9/token");
    iscep_client_free(client);
}
