/* Each kind of credential asks for a token in its own way, reads its files again, and refuses to be half a credential. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/jose.h"
#include "intune/credential.h"
#include "net/url.h"
#include "tests/support/fake_env.h"
#include "tests/support/key_files.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_pki.h"

#define ENDPOINT "https://login.microsoftonline.com/t/oauth2/v2.0/token"
#define SECRET   "secret-canary~ +&=%"
#define COUNT(t) (sizeof(t) / sizeof(t)[0])

static temp_dir dir;
static fake_env env;
static char secret_path[128], key_path[128], certificate_path[128], password_path[128];
static iscep_token_request request;
static const iscep_token_wish wish = {.client_id = "app id",
                                      .endpoint = ENDPOINT,
                                      .resource = "https://api.manage.microsoft.com/",
                                      .scope = "https://api.manage.microsoft.com//.default"};

static void set_up(void)
{
    temp_dir_make(&dir);
    fake_env_init(&env);
    iscep_token_request_init(&request);
    temp_dir_write(&dir, secret_path, sizeof secret_path, "secret", SECRET "\n");
    temp_dir_write(&dir, password_path, sizeof password_path, "password", KEY_FILES_PASSWORD "\n");
    temp_dir_path(&dir, key_path, sizeof key_path, "key.pem");
    temp_dir_path(&dir, certificate_path, sizeof certificate_path, "cert.pem");
}

static void tear_down(void)
{
    iscep_token_request_wipe(&request);
    cr_assert_null(strstr(fake_env_log(&env), "canary"));
    fake_env_clear(&env);
    temp_dir_remove(&dir);
}

TestSuite(credential, .init = set_up, .fini = tear_down);

static iscep_credential_options options_of(iscep_credential_kind kind)
{
    iscep_credential_options options = ISCEP_CREDENTIAL_OPTIONS_INIT;
    options.kind = kind;
    return options;
}

static iscep_credential *new_credential(const iscep_credential_options *options)
{
    iscep_credential *credential = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_credential_new(&credential, options, &env.env, &err), ISCEP_OK, "%s", err.message);
    return credential;
}

static void assert_refused(const iscep_credential_options *options, const char *want_code)
{
    iscep_credential *credential = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_credential_new(&credential, options, &env.env, &err), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, want_code, "%s", err.message);
    cr_assert_null(credential);
}

static void emit(iscep_credential *credential)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_credential_emit_request(&request, credential, &wish, &err), ISCEP_OK, "%s",
                 err.message);
}

static void assert_is_form(const char *want)
{
    cr_assert_str_eq(request.method, "POST");
    cr_assert_str_eq(iscep_buf_text(&request.url), ENDPOINT);
    cr_assert_str_eq(iscep_buf_text(&request.body), want);
    cr_assert_eq(request.header_count, 2);
    cr_assert_str_eq(request.headers[0].name, "Content-Type");
    cr_assert_str_eq(request.headers[0].value, "application/x-www-form-urlencoded");
    cr_assert_not(request.is_local);
}

/* The claims of the assertion in the request's form, verified with the key. */
static iscep_json *assertion_claims(EVP_PKEY *key, iscep_jwt_alg alg)
{
    ISCEP_AUTO_BUF jwt;
    iscep_json *claims = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&jwt, ISCEP_JWT_MAX_LEN);
    cr_assert_eq(iscep_form_get(&jwt, iscep_buf_bytes(&request.body), "client_assertion", &err), ISCEP_OK);
    cr_assert_eq(iscep_jwt_verify(&claims, iscep_buf_bytes(&jwt), alg, key, &err), ISCEP_OK, "%s",
                 err.message);
    return claims;
}

static void write_pair(EVP_PKEY *key, int64_t expires_unix)
{
    key_files_write_key(key_path, key, NULL);
    key_files_write_certificate(certificate_path, key, expires_unix);
}

static iscep_credential_options certificate_options(void)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_CERTIFICATE);
    options.key = key_path;
    options.certificate = certificate_path;
    return options;
}

/* --- a secret --- */

#define SECRET_FORM(value)                                                                                   \
    "grant_type=client_credentials&client_id=app%20id&client_secret=" value                                  \
    "&scope=https%3A%2F%2Fapi.manage.microsoft.com%2F%2F.default"

Test(credential, of_a_secret_sends_it)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_SECRET);
    options.client_secret_file = secret_path;
    iscep_credential *credential = new_credential(&options);
    emit(credential);
    assert_is_form(SECRET_FORM("secret-canary~%20%2B%26%3D%25"));
    cr_assert_str_eq(iscep_credential_name(credential), "secret");
    cr_assert_eq(iscep_credential_expires_unix(credential), 0);
    iscep_credential_free(credential);
}

Test(credential, of_a_secret_is_read_again_for_each_request)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_SECRET);
    options.client_secret_file = secret_path;
    options.name = "main";
    iscep_credential *credential = new_credential(&options);
    temp_dir_write(&dir, secret_path, sizeof secret_path, "secret", "new");
    emit(credential);
    assert_is_form(SECRET_FORM("new"));
    cr_assert_str_eq(fake_env_log(&env), "");
    iscep_credential_free(credential);
}

Test(credential, of_a_secret_goes_on_with_the_old_one_while_the_file_is_away)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_SECRET);
    options.client_secret_file = secret_path;
    options.name = "main";
    iscep_credential *credential = new_credential(&options);
    temp_dir_write(&dir, secret_path, sizeof secret_path, "secret", ""); /* half a replacement */
    emit(credential);
    assert_is_form(SECRET_FORM("secret-canary~%20%2B%26%3D%25"));
    cr_assert_not_null(strstr(fake_env_log(&env), "credential_unreadable"));
    cr_assert_not_null(strstr(fake_env_log(&env), "credential=main"));
    cr_assert_eq(remove(secret_path), 0);
    emit(credential);
    assert_is_form(SECRET_FORM("secret-canary~%20%2B%26%3D%25"));
    iscep_credential_free(credential);
}

Test(credential, of_a_secret_without_its_file_is_refused)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_SECRET);
    assert_refused(&options, "client_secret_file");
    options.client_secret_file = "/nonexistent";
    assert_refused(&options, "secret_unreadable");
    temp_dir_write(&dir, secret_path, sizeof secret_path, "secret", "\n");
    options.client_secret_file = secret_path;
    assert_refused(&options, "secret_empty");
}

Test(credential, in_memory_is_a_secret_as_well)
{
    iscep_secret *secret = NULL;
    iscep_credential *credential = NULL;
    cr_assert_eq(iscep_secret_new(&secret, iscep_bytes_of_text("abc"), NULL), ISCEP_OK);
    cr_assert_eq(iscep_credential_new_secret(&credential, secret, &env.env, NULL), ISCEP_OK);
    emit(credential);
    assert_is_form(SECRET_FORM("abc"));
    iscep_credential_free(credential);
    iscep_secret_free(secret);
}

/* --- a certificate --- */

Test(credential, of_a_certificate_sends_an_assertion)
{
    static const struct {
        const char *algorithm;
        iscep_jwt_alg want;
    } cases[] = {{NULL, ISCEP_JWT_PS256}, {"PS256", ISCEP_JWT_PS256}, {"RS256", ISCEP_JWT_RS256}};
    EVP_PKEY *key = test_pki_new_rsa_key();
    write_pair(key, KEY_FILES_EXPIRES);
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_credential_options options = certificate_options();
        options.algorithm = cases[i].algorithm;
        iscep_credential *credential = new_credential(&options);
        emit(credential);
        ISCEP_AUTO_JSON *claims = assertion_claims(key, cases[i].want);
        cr_assert_str_eq(iscep_json_text(claims, "iss"), "app id");
        cr_assert_str_eq(iscep_json_text(claims, "aud"), ENDPOINT);
        const char *form = iscep_buf_text(&request.body);
        cr_assert_not_null(strstr(form, "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
                                        "client-assertion-type%3Ajwt-bearer&client_assertion="));
        cr_assert_null(strstr(form, "client_secret"));
        cr_assert_eq(iscep_credential_expires_unix(credential), KEY_FILES_EXPIRES);
        iscep_credential_free(credential);
    }
    EVP_PKEY_free(key);
}

Test(credential, of_a_certificate_reads_a_replaced_pair)
{
    EVP_PKEY *first = test_pki_new_rsa_key(), *second = test_pki_new_rsa_key();
    write_pair(first, KEY_FILES_EXPIRES);
    iscep_credential_options options = certificate_options();
    iscep_credential *credential = new_credential(&options);
    write_pair(second, KEY_FILES_EXPIRES - 1);
    emit(credential);
    iscep_json_free(assertion_claims(second, ISCEP_JWT_PS256));
    cr_assert_eq(iscep_credential_expires_unix(credential), KEY_FILES_EXPIRES - 1);
    iscep_credential_free(credential);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
}

Test(credential, of_a_certificate_reads_a_replaced_pair_that_is_named_by_uris)
{
    EVP_PKEY *first = test_pki_new_rsa_key(), *second = test_pki_new_rsa_key();
    char key_uri[160], certificate_uri[160];
    snprintf(key_uri, sizeof key_uri, "file:%s", key_path);
    snprintf(certificate_uri, sizeof certificate_uri, "file:%s", certificate_path);
    write_pair(first, KEY_FILES_EXPIRES);
    iscep_credential_options options = certificate_options();
    options.key = key_uri;
    options.certificate = certificate_uri;
    iscep_credential *credential = new_credential(&options);
    emit(credential);
    iscep_json_free(assertion_claims(first, ISCEP_JWT_PS256));
    write_pair(second, KEY_FILES_EXPIRES - 1);
    emit(credential);
    iscep_json_free(assertion_claims(second, ISCEP_JWT_PS256));
    iscep_credential_free(credential);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
}

Test(credential, of_a_certificate_waits_until_both_files_are_replaced)
{
    EVP_PKEY *first = test_pki_new_rsa_key(), *second = test_pki_new_rsa_key();
    write_pair(first, KEY_FILES_EXPIRES);
    iscep_credential_options options = certificate_options();
    iscep_credential *credential = new_credential(&options);
    key_files_write_key(key_path, second, NULL); /* the certificate is still the first one's */
    emit(credential);
    iscep_json_free(assertion_claims(first, ISCEP_JWT_PS256));
    cr_assert_not_null(strstr(fake_env_log(&env), "keystore_certificate"));
    key_files_write_certificate(certificate_path, second, KEY_FILES_EXPIRES);
    emit(credential);
    iscep_json_free(assertion_claims(second, ISCEP_JWT_PS256));
    iscep_credential_free(credential);
    EVP_PKEY_free(first);
    EVP_PKEY_free(second);
}

Test(credential, of_a_certificate_may_be_a_pkcs12_file_with_a_password)
{
    EVP_PKEY *key = test_pki_new_rsa_key();
    key_files_write_pkcs12(key_path, key, KEY_FILES_PASSWORD);
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_CERTIFICATE);
    options.key = key_path;
    assert_refused(&options, "keystore_unreadable");
    options.password_file = password_path;
    iscep_credential *credential = new_credential(&options);
    emit(credential);
    iscep_json_free(assertion_claims(key, ISCEP_JWT_PS256));
    iscep_credential_free(credential);
    EVP_PKEY_free(key);
}

Test(credential, of_a_certificate_that_cannot_sign_is_refused)
{
    EVP_PKEY *ec = test_pki_new_ec_key();
    iscep_credential_options options = certificate_options();
    write_pair(ec, KEY_FILES_EXPIRES);
    assert_refused(&options, "jwt_key");
    EVP_PKEY_free(ec);
    options.algorithm = "HS256";
    assert_refused(&options, "algorithm");
    options = certificate_options();
    options.provider = "nosuchprovider";
    assert_refused(&options, "provider");
    options = certificate_options();
    options.password_file = "/nonexistent";
    assert_refused(&options, "secret_unreadable");
    options = certificate_options();
    options.key = NULL;
    assert_refused(&options, "key");
}

/* --- a federated token --- */

Test(credential, federated_sends_what_the_file_holds_at_that_moment)
{
    char token_path[128];
    temp_dir_write(&dir, token_path, sizeof token_path, "token", "a.b.canary1\n");
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_FEDERATED);
    options.token_file = token_path;
    iscep_credential *credential = new_credential(&options);
    temp_dir_write(&dir, token_path, sizeof token_path, "token", "a.b.canary2\n");
    emit(credential);
    assert_is_form(
        "grant_type=client_credentials&client_id=app%20id"
        "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
        "&client_assertion=a.b.canary2&scope=https%3A%2F%2Fapi.manage.microsoft.com%2F%2F.default");
    iscep_credential_free(credential);
    options.token_file = NULL;
    assert_refused(&options, "token_file");
    options.token_file = "/nonexistent";
    assert_refused(&options, "secret_unreadable");
}

/* --- a managed identity --- */

Test(credential, managed_identity_asks_the_machines_own_service)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_MANAGED_IDENTITY);
    iscep_credential *credential = new_credential(&options);
    emit(credential);
    cr_assert_str_eq(request.method, "GET");
    cr_assert_str_eq(iscep_buf_text(&request.url),
                     "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
                     "&resource=https%3A%2F%2Fapi.manage.microsoft.com%2F");
    cr_assert_eq(request.body.len, 0);
    cr_assert(request.is_local);
    cr_assert_str_eq(request.headers[0].name, "Metadata");
    cr_assert_str_eq(request.headers[0].value, "true");
    iscep_credential_free(credential);
}

Test(credential, managed_identity_may_be_user_assigned_and_elsewhere)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_MANAGED_IDENTITY);
    options.identity_client_id = "id&x";
    options.imds_endpoint = "http://localhost:8080/";
    options.imds_api_version = "2021-01-01";
    iscep_credential *credential = new_credential(&options);
    emit(credential);
    cr_assert_str_eq(iscep_buf_text(&request.url),
                     "http://localhost:8080/metadata/identity/oauth2/token?api-version=2021-01-01"
                     "&resource=https%3A%2F%2Fapi.manage.microsoft.com%2F&client_id=id%26x");
    iscep_credential_free(credential);
}

Test(credential, managed_identity_speaks_plain_http_to_nobody_else)
{
    static const char *const strangers[] = {
        "http://example.com",
        "http://169.253.1.1",
        "http://169.254.169.254.evil",
        "http://localhost.evil:80",
        "http://127.0.0.1@evil",
        "http://127.0.0.1:80@evil",
        "http://10.0.0.1",
        "ftp://localhost:1",
        "",
        "http://127.000000000000000000000000000000000000000000000000000000000.0.1"}; /* 64 characters */
    for (size_t i = 0; i < COUNT(strangers); i++) {
        iscep_credential_options options = options_of(ISCEP_CREDENTIAL_MANAGED_IDENTITY);
        options.imds_endpoint = strangers[i];
        assert_refused(&options, "imds_endpoint");
    }
}

/* --- every kind --- */

Test(credential, with_members_of_another_kind_is_refused)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_SECRET);
    options.client_secret_file = secret_path;
    options.token_file = secret_path;
    assert_refused(&options, "token_file");
    options = options_of(ISCEP_CREDENTIAL_FEDERATED);
    options.token_file = secret_path;
    options.key = secret_path;
    assert_refused(&options, "key");
    options = options_of(ISCEP_CREDENTIAL_MANAGED_IDENTITY);
    options.client_secret_file = secret_path;
    assert_refused(&options, "client_secret_file");
    options = options_of((iscep_credential_kind)0);
    assert_refused(&options, "kind");
    options = options_of((iscep_credential_kind)9);
    assert_refused(&options, "kind");
}

Test(credential, is_at_fault_for_what_another_one_may_not_get)
{
    static const struct {
        iscep_status status;
        const char *code;
        bool want;
    } cases[] = {
        {ISCEP_AUTH, "AADSTS7000215", true},    {ISCEP_AUTH, "AADSTS7000222", true},
        {ISCEP_AUTH, "AADSTS700027", true},     {ISCEP_AUTH, "AADSTS700024", true},
        {ISCEP_AUTH, "AADSTS700021", true},     {ISCEP_AUTH, "AADSTS70021", true},
        {ISCEP_AUTH, "AADSTS700213", true},     {ISCEP_AUTH, "invalid_client", true},
        {ISCEP_CONFIG, "jwt_key", true},        {ISCEP_AUTH, "AADSTS700016", false},
        {ISCEP_AUTH, "AADSTS7000112", false},   {ISCEP_AUTH, "AADSTS90002", false},
        {ISCEP_AUTH, "AADSTS500011", false},    {ISCEP_AUTH, "AADSTS53003", false},
        {ISCEP_AUTH, "AADSTS700002150", false}, {ISCEP_AUTH, "", false},
        {ISCEP_NETWORK, "timeout", false},      {ISCEP_SERVICE, "token_service", false},
        {ISCEP_THROTTLED, "throttled", false},  {ISCEP_NOMEM, "nomem", false},
    };
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_SECRET);
    options.client_secret_file = secret_path;
    iscep_credential *credential = new_credential(&options);
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_error err;
        iscep_error_fill(&err, cases[i].status, cases[i].code, "as the test wishes");
        cr_assert_eq(iscep_credential_is_at_fault(credential, &err), cases[i].want, "%s", cases[i].code);
    }
    iscep_credential_free(credential);
}

Test(credential, managed_identity_is_at_fault_when_its_service_is_not_there)
{
    iscep_credential_options options = options_of(ISCEP_CREDENTIAL_MANAGED_IDENTITY);
    iscep_credential *credential = new_credential(&options);
    iscep_error err;
    iscep_error_fill(&err, ISCEP_NETWORK, "timeout", "nobody");
    cr_assert(iscep_credential_is_at_fault(credential, &err));
    iscep_error_fill(&err, ISCEP_NOMEM, "nomem", "out of memory");
    cr_assert_not(iscep_credential_is_at_fault(credential, &err));
    iscep_credential_free(credential);
}
