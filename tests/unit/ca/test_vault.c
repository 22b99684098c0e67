/*
 * Vault, or a stand-in as strict as it: method, path, fields and body must be right to the letter, and the replies are
 * those of Vault's PKI engine.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "tests/unit/ca/bench.h"

typedef struct stand_in {
    unsigned asked;
    int32_t status; /* what to answer to a right request */
    const char *body;
    const char *retry_after;
    const char *want_path;
    const char *want_token;
    const char *want_namespace; /* NULL: none */
    const char *want_serial;
    bool is_slow;
    iscep_exchange *held; /* when it is slow */
} stand_in;

static bench b;
static stand_in vault;

static bool is_text(const char *value, const char *want)
{
    return value == NULL ? want == NULL : want != NULL && strcmp(value, want) == 0;
}

static bool has_right_body(iscep_bytes body)
{
    ISCEP_AUTO_JSON *json = NULL;
    return iscep_json_parse(&json, body, NULL) == ISCEP_OK &&
           is_text(iscep_json_text(json, "serial_number"), vault.want_serial) &&
           iscep_json_next(iscep_json_first(json)) == NULL;
}

static void refuse(iscep_exchange *exchange, int32_t status, const char *why)
{
    char body[256];
    snprintf(body, sizeof body, "{\"errors\":[\"%s\"]}", why);
    iscep_exchange_reply(exchange, &(iscep_reply){.status = status, .body = iscep_bytes_of_text(body)});
}

static void handle(iscep_exchange *exchange, void *user)
{
    (void)user;
    vault.asked++;
    if (vault.is_slow) {
        vault.held = exchange;
        return;
    }
    const iscep_http_header retry_after = {"Retry-After", vault.retry_after};
    if (!is_text(iscep_exchange_method(exchange), "POST") ||
        !is_text(iscep_exchange_path(exchange), vault.want_path))
        refuse(exchange, 404, "no handler for route");
    else if (!is_text(iscep_exchange_header(exchange, "X-Vault-Token"), vault.want_token) ||
             !is_text(iscep_exchange_header(exchange, "X-Vault-Namespace"), vault.want_namespace))
        refuse(exchange, 403, "permission denied");
    else if (!is_text(iscep_exchange_header(exchange, "X-Vault-Request"), "true") ||
             !is_text(iscep_exchange_header(exchange, "Content-Type"), "application/json") ||
             !has_right_body(iscep_exchange_body(exchange)))
        refuse(exchange, 400, "the stand-in did not like fields or body");
    else
        iscep_exchange_reply(exchange, &(iscep_reply){.status = vault.status,
                                                      .body = iscep_bytes_of_text(vault.body),
                                                      .headers = &retry_after,
                                                      .header_count = vault.retry_after != NULL});
}

#define REVOKED                                                                                              \
    "{\"request_id\":\"x\",\"lease_id\":\"\",\"data\":{\"revocation_time\":1795332000,"                      \
    "\"revocation_time_rfc3339\":\"2026-11-22T07:20:00Z\",\"state\":\"revoked\"},\"warnings\":null}"

static void set_up(void)
{
    bench_start(&b, ISCEP_CA_VAULT);
    vault = (stand_in){.status = 200,
                       .body = REVOKED,
                       .want_path = "/v1/pki/revoke",
                       .want_token = "hvs.token-canary",
                       .want_serial = "0a:1b"};
    bench_serve(&b, handle, NULL, NULL);
    b.options.token_file = bench_write(&b, "token", "hvs.token-canary\n");
}

static void tear_down(void)
{
    bench_stop(&b);
}

TestSuite(vault, .init = set_up, .fini = tear_down);

Test(vault, is_asked_as_it_wants_to_be)
{
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "200");
    cr_assert_eq(vault.asked, 1);
}

Test(vault, mount_and_namespace_are_used)
{
    b.options.mount = "pki/devices_1";
    b.options.vault_namespace = "team/a";
    vault.want_path = "/v1/pki/devices_1/revoke";
    vault.want_namespace = "team/a";
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "");
}

Test(vault, token_is_read_for_every_request)
{
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "");
    bench_write(&b, "token", "hvs.renewed");
    bench_expect(&b, "0A1B", ISCEP_CA_UNAUTHORIZED, "403");
    vault.want_token = "hvs.renewed";
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "");
    cr_assert_eq(remove(b.options.token_file), 0);
    bench_expect(&b, "0A1B", ISCEP_CA_UNAUTHORIZED, "cannot open");
    bench_write(&b, "token", "hvs.a\r\nX-Evil: 1");
    bench_expect(&b, "0A1B", ISCEP_CA_UNAUTHORIZED, "token alone");
    cr_assert_eq(vault.asked, 3);
}

Test(vault, replies_have_these_meanings)
{
    static const struct {
        int32_t status;
        const char *body;
        iscep_ca_outcome outcome;
        const char *message;
    } cases[] = {
        {200, "{\"data\":{\"revocation_time\":1433269787}}", ISCEP_CA_REVOKED,
         "200"}, /* also if it was before */
        {200,
         "{\"data\":null,\"warnings\":[\"certificate with serial 0a:1b already expired; refusing to add to "
         "CRL\"]}",
         ISCEP_CA_ALREADY_REVOKED, "expired"},
        {200, "{\"data\":{\"state\":\"pending\"},\"warnings\":[\"not found on this node\"]}", ISCEP_CA_BUSY,
         "cluster"},
        {200, "{\"data\":{\"revocation_time\":0}}", ISCEP_CA_FAILED, "revocation_time"},
        {200, "{\"data\":{\"revocation_time\":\"1433269787\"}}", ISCEP_CA_FAILED, "revocation_time"},
        {200, "{\"revocation_time\":1433269787}", ISCEP_CA_FAILED, "revocation_time"},
        {200, "{}", ISCEP_CA_FAILED, "revocation_time"},
        {200, "[]", ISCEP_CA_FAILED, "revocation_time"},
        {200, "<html>", ISCEP_CA_FAILED, "none"},
        {200, "", ISCEP_CA_FAILED, "none"},
        {204, "", ISCEP_CA_FAILED, "204"},
        {302, "{}", ISCEP_CA_FAILED, "302"},
        {400, "{\"errors\":[\"certificate with serial 0a:1b not found\"]}", ISCEP_CA_NOT_FOUND, "not found"},
        {400, "{\"errors\":[\"unable to parse the serial\"]}", ISCEP_CA_INVALID, "unable"},
        {400, "<html>not found", ISCEP_CA_FAILED, "400"},
        {403, "{\"errors\":[\"permission denied\"]}", ISCEP_CA_UNAUTHORIZED, "403"},
        {404, "{\"errors\":[\"no handler for route \\\"pki/revoke\\\". route entry not found.\"]}",
         ISCEP_CA_FAILED, "no handler"}, /* a mount that is not there says nothing of a certificate */
        {429, "{}", ISCEP_CA_BUSY, "429"},
        {500, "{\"errors\":[\"not found\"]}", ISCEP_CA_FAILED, "500"},
        {503, "{\"errors\":[\"Vault is sealed\"]}", ISCEP_CA_BUSY, "503"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vault.status = cases[i].status;
        vault.body = cases[i].body;
        bench_expect(&b, "0A1B", cases[i].outcome, cases[i].message);
    }
}

Test(vault, that_is_busy_says_until_when)
{
    vault.status = 503;
    vault.retry_after = "7";
    cr_assert_eq(bench_revoke(&b, "0A1B").retry_after_ms, 7000);
    vault.retry_after = NULL;
    cr_assert_eq(bench_revoke(&b, "0A1B").retry_after_ms, -1);
}

Test(vault, that_is_not_there_or_somebody_else_is_unavailable)
{
    b.options.ca_file = NULL; /* the system's do not know the stand-in */
    bench_expect(&b, "0A1B", ISCEP_CA_UNAVAILABLE, "localhost");
    iscep_ca_free(b.ca);
    b.ca = NULL;
    b.options.ca_file = b.ca_file;
    iscep_http_server_free(b.server);
    b.server = NULL;
    bench_expect(&b, "0A1B", ISCEP_CA_UNAVAILABLE, "localhost");
    cr_assert_eq(vault.asked, 0);
}

Test(vault, that_is_too_slow_is_unavailable_and_not_waited_for)
{
    vault.is_slow = true;
    b.options.timeout_ms = 500;
    bench_expect(&b, "0A1B", ISCEP_CA_UNAVAILABLE, "");
    cr_assert_eq(vault.asked, 1);
    refuse(vault.held, 500, "too late");
}

Test(vault, that_is_freed_forgets_the_request)
{
    answer a = {0};
    const iscep_ca_request request = bench_request(&b, "0A1B");
    bench_open(&b);
    iscep_ca_revoke(b.ca, &request, answer_catch, &a);
    iscep_ca_free(b.ca);
    b.ca = NULL;
    cr_assert_eq(a.count, 1);
    cr_assert_eq(a.outcome, ISCEP_CA_UNAVAILABLE);
}

Test(vault, message_is_one_line_without_the_token)
{
    vault.status = 400;
    vault.body = "{\"errors\":[\"two\\nlines\"]}";
    answer a = bench_revoke(&b, "0A1B");
    cr_assert_str_eq(a.message, "HTTP 400: two lines");
    vault.status = 500;
    cr_assert_null(strstr(bench_revoke(&b, "0A1B").message, "canary"));
}

Test(vault, options_that_are_wrong_are_refused)
{
    static const char *const mounts[] = {"", "/pki", "pki/", "../sys", "pki?x", "p k i", "pki/../sys"};
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        b.options.mount = mounts[i];
        bench_assert_refused(&b, "is no path of a mount");
    }
    b.options.mount = NULL;
    static const char *const urls[] = {"http://vault:8200", "vault", "https://", "https://user@vault",
                                       "https://vault/?a"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        b.options.url = urls[i];
        bench_assert_refused(&b, urls[i]);
    }
    b.options.url = NULL;
    bench_assert_refused(&b, "url is missing");
    b.options.url = b.url;
    b.options.token_file = "/nonexistent";
    bench_assert_refused(&b, "/nonexistent");
    b.options.token_file = NULL;
    bench_assert_refused(&b, "token_file is missing");
}
