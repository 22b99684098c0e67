/*
 * EJBCA, or a stand-in as strict as it: it knows one administrator by his client certificate, and its replies are those
 * of the REST API's revoke.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/key_files.h"
#include "tests/support/test_pki.h"
#include "tests/unit/ca/bench.h"

#define PATH "/ejbca/ejbca-rest-api/v1/certificate/"

typedef struct stand_in {
    unsigned asked;
    int32_t status;
    const char *body;
    const char *want_path;
    const char *want_query;
} stand_in;

static bench b;
static stand_in ejbca;

static bool is_right(const iscep_exchange *exchange)
{
    return strcmp(iscep_exchange_method(exchange), "PUT") == 0 &&
           strcmp(iscep_exchange_path(exchange), ejbca.want_path) == 0 &&
           iscep_bytes_equal(iscep_exchange_query(exchange), iscep_bytes_of_text(ejbca.want_query)) &&
           iscep_exchange_body(exchange).len == 0;
}

static void handle(iscep_exchange *exchange, void *user)
{
    (void)user;
    ejbca.asked++;
    if (is_right(exchange))
        iscep_exchange_reply(exchange,
                             &(iscep_reply){.status = ejbca.status, .body = iscep_bytes_of_text(ejbca.body)});
    else
        iscep_exchange_reply(exchange,
                             &(iscep_reply){.status = 404, .body = iscep_bytes_of_text("Not Found")});
}

#define REVOKED                                                                                              \
    "{\"issuer_dn\":\"CN=Device CA,O=Contoso\",\"serial_number\":\"0A1B\",\"revocation_reason\":"            \
    "\"CESSATION_OF_OPERATION\",\"revocation_date\":\"2026-11-22T07:20:00Z\",\"message\":\"Successfully "    \
    "revoked\",\"revoked\":true}"

/* NAME.pem and NAME.key of somebody new. */
static void make_client(const char *name, const char **certificate, const char **key_file)
{
    EVP_PKEY *key = test_pki_new_ec_key();
    char file[64];
    snprintf(file, sizeof file, "%s.pem", name);
    *certificate = bench_path(&b, file);
    snprintf(file, sizeof file, "%s.key", name);
    *key_file = bench_path(&b, file);
    key_files_write_key(*key_file, key, NULL);
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, 64 * 1024);
    test_pki_emit_cert(&der, &(test_cert_options){.key = key, .common_name = name, .issuer_name = name});
    FILE *out = fopen(*certificate, "w");
    const unsigned char *at = der.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    cr_assert_eq(PEM_write_X509(out, x509), 1);
    fclose(out);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static void set_up(void)
{
    bench_start(&b, ISCEP_CA_EJBCA);
    make_client("admin", &b.options.client_certificate, &b.options.client_key);
    ejbca = (stand_in){.status = 200,
                       .body = REVOKED,
                       .want_path = PATH "CN%3DDevice%20CA%2CO%3DContoso/0A1B/revoke",
                       .want_query = "reason=CESSATION_OF_OPERATION"};
    bench_serve(&b, handle, NULL, b.options.client_certificate);
}

static void tear_down(void)
{
    bench_stop(&b);
}

TestSuite(ejbca, .init = set_up, .fini = tear_down);

Test(ejbca, is_asked_as_it_wants_to_be_by_whom_it_knows)
{
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "200");
    cr_assert_eq(ejbca.asked, 1);
}

Test(ejbca, stranger_gets_no_connection)
{
    make_client("stranger", &b.options.client_certificate, &b.options.client_key);
    bench_expect(&b, "0A1B", ISCEP_CA_UNAVAILABLE, "localhost");
    cr_assert_eq(ejbca.asked, 0);
}

Test(ejbca, configured_issuer_wins_and_stays_one_segment)
{
    b.options.issuer_dn = "CN=a/../b?c#d\xC3\xA4";
    ejbca.want_path = PATH "CN%3Da%2F..%2Fb%3Fc%23d%C3%A4/0A1B/revoke";
    bench_expect(&b, "0A1B", ISCEP_CA_REVOKED, "");
}

Test(ejbca, without_an_issuer_nobody_is_asked)
{
    iscep_ca_request request = bench_request(&b, "0A1B");
    request.issuer = "";
    answer a = bench_ask(&b, &request);
    cr_assert_eq(a.outcome, ISCEP_CA_FAILED);
    cr_assert_not_null(strstr(a.message, "issuer_dn"));
    cr_assert_eq(ejbca.asked, 0);
}

/* libcurl takes the segments "." and ".." away, and the request would be for something else. */
Test(ejbca, what_is_no_name_is_not_asked_for)
{
    static const char *const issuers[] = {"..", ".", "Device CA"};
    for (size_t i = 0; i < sizeof issuers / sizeof *issuers; i++) {
        iscep_ca_request request = bench_request(&b, "0A1B");
        request.issuer = issuers[i];
        cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_INVALID, "%s", issuers[i]);
    }
    cr_assert_eq(ejbca.asked, 0);
}

Test(ejbca, reasons_have_its_names)
{
    static const struct {
        iscep_crl_reason reason;
        const char *query;
    } cases[] = {{ISCEP_CRL_UNSPECIFIED, "reason=UNSPECIFIED"},
                 {ISCEP_CRL_KEY_COMPROMISE, "reason=KEY_COMPROMISE"},
                 {ISCEP_CRL_CA_COMPROMISE, "reason=CA_COMPROMISE"},
                 {ISCEP_CRL_AFFILIATION_CHANGED, "reason=AFFILIATION_CHANGED"},
                 {ISCEP_CRL_SUPERSEDED, "reason=SUPERSEDED"},
                 {ISCEP_CRL_CERTIFICATE_HOLD, "reason=CERTIFICATE_HOLD"},
                 {ISCEP_CRL_PRIVILEGE_WITHDRAWN, "reason=PRIVILEGES_WITHDRAWN"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        iscep_ca_request request = bench_request(&b, "0A1B");
        request.reason = cases[i].reason;
        ejbca.want_query = cases[i].query;
        cr_assert_eq(bench_ask(&b, &request).outcome, ISCEP_CA_REVOKED, "%s", cases[i].query);
    }
}

Test(ejbca, replies_have_these_meanings)
{
    static const struct {
        int32_t status;
        const char *body;
        iscep_ca_outcome outcome;
        const char *message;
    } cases[] = {
        {200, "{\"revoked\":false,\"message\":\"no\"}", ISCEP_CA_FAILED, "200"},
        {200, "{\"revoked\":\"true\"}", ISCEP_CA_FAILED, "200"},
        {200, "{}", ISCEP_CA_FAILED, "200"},
        {200, "<html>login</html>", ISCEP_CA_FAILED, "none"},
        {202, "{\"error_code\":202,\"error_message\":\"waits for approval\"}", ISCEP_CA_BUSY, "approval"},
        {400, "{\"error_code\":400,\"error_message\":\"Approval request already exists\"}", ISCEP_CA_BUSY,
         "Approval"},
        {400, "{\"error_code\":400,\"error_message\":\"Invalid serial number\"}", ISCEP_CA_INVALID,
         "Invalid serial"},
        {403, "{\"error_code\":403,\"error_message\":\"not authorized\"}", ISCEP_CA_UNAUTHORIZED, "403"},
        {404, "{\"error_code\":404,\"error_message\":\"Certificate with serial 0A1B was not found\"}",
         ISCEP_CA_NOT_FOUND, "was not found"},
        {404, "<html>404</html>", ISCEP_CA_FAILED, "404"}, /* another server's: the URL is wrong */
        {404, "{\"error_code\":1}", ISCEP_CA_FAILED, "404"},
        {409, "{\"error_code\":409,\"error_message\":\"is already revoked\"}", ISCEP_CA_ALREADY_REVOKED,
         "already"},
        {409, "Conflict", ISCEP_CA_FAILED, "409"},
        {422, "{\"error_code\":422,\"error_message\":\"back date\"}", ISCEP_CA_INVALID, "back date"},
        {429, "", ISCEP_CA_BUSY, "429"},
        {500, "{\"error_code\":500}", ISCEP_CA_FAILED, "500"},
        {503, "", ISCEP_CA_BUSY, "503"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ejbca.status = cases[i].status;
        ejbca.body = cases[i].body;
        bench_expect(&b, "0A1B", cases[i].outcome, cases[i].message);
    }
}

Test(ejbca, options_that_are_wrong_are_refused)
{
    const char *key = b.options.client_key, *unused;
    make_client("other", &unused, &b.options.client_key);
    bench_assert_refused(&b, "no certificate belongs to the key");
    b.options.client_key = NULL;
    bench_assert_refused(&b, "client_key is missing");
    b.options.client_key = key;
    b.options.client_certificate = NULL;
    bench_assert_refused(&b, "client_certificate is missing");
}
