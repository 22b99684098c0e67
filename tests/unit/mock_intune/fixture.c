/* See fixture.h. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "subject.h"

static int64_t fake_now(void *user)
{
    return ((fixture *)user)->now_ms;
}

void fixture_open(fixture *f)
{
    iscep_error err = ISCEP_ERROR_INIT;
    *f = (fixture){.now_ms = FIXTURE_NOW_MS, .log = {.min_level = ISCEP_LOG_ERROR}};
    temp_dir_make(&f->state_dir);
    char *argv[] = {"intune-mock", "--state",      f->state_dir.path, "--tenant",     FIXTURE_TENANT,
                    "--client-id", FIXTURE_CLIENT, "--client-secret", FIXTURE_SECRET, NULL};
    cr_assert_eq(mock_options_parse(&f->options, 9, argv, &err), ISCEP_OK, "%s", err.message);
    iscep_env env = iscep_env_system(&f->log);
    env.now_mono_ms = fake_now;
    env.now_unix_ms = fake_now;
    env.user = f;
    cr_assert_eq(mock_open(&f->mock, &env, &f->options, &err), ISCEP_OK, "%s", err.message);
    iscep_text_copy(f->mock.public_url, sizeof(f->mock.public_url), "https://mock.example/");
}

void fixture_close(fixture *f)
{
    mock_clear(&f->mock);
    mock_options_clear(&f->options);
    temp_dir_remove(&f->state_dir);
}

static void add_extension(STACK_OF(X509_EXTENSION) * list, int nid, const char *value)
{
    if (value == NULL)
        return;
    X509_EXTENSION *made = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    cr_assert_not_null(made, "%s", value);
    sk_X509_EXTENSION_push(list, made);
}

static void add_extensions(X509_REQ *req, const csr_spec *spec)
{
    STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
    add_extension(list, NID_subject_alt_name, spec->san);
    if (spec->has_two_sans)
        add_extension(list, NID_subject_alt_name, spec->san);
    add_extension(list, NID_key_usage, spec->key_usage);
    add_extension(list, NID_ext_key_usage, spec->ext_key_usage);
    if (sk_X509_EXTENSION_num(list) > 0)
        cr_assert_eq(X509_REQ_add_extensions(req, list), 1);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    if (spec->has_broken_extensions)
        cr_assert_eq(X509_REQ_add1_attr_by_NID(req, NID_ext_req, V_ASN1_UTF8STRING, (const uint8_t *)"x", 1),
                     1);
}

static void add_challenge(X509_REQ *req, const char *challenge, int value_count)
{
    X509_ATTRIBUTE *attribute = X509_ATTRIBUTE_new();
    cr_assert_eq(X509_ATTRIBUTE_set1_object(attribute, OBJ_nid2obj(NID_pkcs9_challengePassword)), 1);
    for (int i = 0; i < value_count; i++)
        cr_assert_eq(
            X509_ATTRIBUTE_set1_data(attribute, V_ASN1_UTF8STRING, challenge, (int)strlen(challenge)), 1);
    cr_assert_eq(X509_REQ_add1_attr(req, attribute), 1);
    X509_ATTRIBUTE_free(attribute);
}

/* The bytes that are signed last lie last: whoever flips one has a wrong signature. */
static void append_der(iscep_buf *out, X509_REQ *req, bool has_wrong_signature)
{
    uint8_t *der = NULL;
    int len = i2d_X509_REQ(req, &der);
    cr_assert_gt(len, 0);
    if (has_wrong_signature)
        der[len - 1] ^= 1;
    iscep_base64_encode(out, iscep_bytes_of(der, (size_t)len));
    OPENSSL_free(der);
}

void fixture_make_csr(iscep_buf *out, const csr_spec *spec)
{
    static EVP_PKEY *keys[2]; /* making them takes long; the process of a test ends soon */
    EVP_PKEY **key = &keys[spec->has_ec_key];
    if (*key == NULL)
        *key = spec->has_ec_key ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
    X509_REQ *req = X509_REQ_new();
    X509_NAME *subject = NULL;
    cr_assert_eq(mock_subject_parse(&subject, spec->subject != NULL ? spec->subject : "", NULL), ISCEP_OK);
    cr_assert(X509_REQ_set_subject_name(req, subject) == 1 && X509_REQ_set_pubkey(req, *key) == 1);
    add_extensions(req, spec);
    if (spec->challenge != NULL)
        add_challenge(req, spec->challenge, spec->has_two_challenges ? 2 : 1);
    cr_assert_gt(X509_REQ_sign(req, *key, EVP_sha256()), 0);
    append_der(out, req, spec->has_wrong_signature);
    X509_NAME_free(subject);
    X509_REQ_free(req);
}

void fixture_call(fixture *f, mock_handler *handler, const mock_request *request, mock_reply *reply)
{
    mock_reply_init(reply);
    handler(&f->mock, request, reply);
    cr_assert_eq(iscep_buf_status(&reply->body, NULL), ISCEP_OK);
}

static iscep_json *parse_reply(const mock_reply *reply)
{
    iscep_json *json = NULL;
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&reply->body), NULL), ISCEP_OK);
    return json;
}

void fixture_mint(fixture *f, iscep_buf *out, const char *json_text)
{
    mock_reply reply;
    mock_request request = {.segment = "", .body = iscep_bytes_of_text(json_text)};
    fixture_call(f, mock_admin_mint_challenge, &request, &reply);
    cr_assert_eq(reply.status, 200, "%s", iscep_buf_text(&reply.body));
    ISCEP_AUTO_JSON *json = parse_reply(&reply);
    iscep_buf_append_text(out, iscep_json_text(json, "challenge"));
    mock_reply_clear(&reply);
}

void fixture_bearer_of(fixture *f, iscep_buf *out, const char *tenant_id, const char *resource,
                       const char *role)
{
    mock_token_spec spec = {.tenant = mock_tenants_find(&f->mock.tenants, tenant_id),
                            .resource = resource,
                            .role = role,
                            .appidacr = "1",
                            .lifetime_s = f->mock.settings.token_lifetime_s};
    cr_assert_not_null(spec.tenant);
    iscep_buf_append_text(out, "Bearer ");
    cr_assert_eq(mock_token_mint(out, &f->mock, &spec, NULL), ISCEP_OK);
}

void fixture_bearer(fixture *f, iscep_buf *out, const char *resource, const char *role)
{
    fixture_bearer_of(f, out, FIXTURE_TENANT, resource, role);
}

iscep_json *fixture_admin(fixture *f, mock_handler *handler, const char *segment, const char *body,
                          int32_t status)
{
    mock_reply reply;
    mock_request request = {.segment = segment, .body = iscep_bytes_of_text(body)};
    fixture_call(f, handler, &request, &reply);
    cr_assert_eq(reply.status, status, "%d: %s", reply.status, iscep_buf_text(&reply.body));
    iscep_json *json = parse_reply(&reply);
    mock_reply_clear(&reply);
    return json;
}

void fixture_expect_admin(fixture *f, mock_handler *handler, const char *segment, const char *body,
                          int32_t status)
{
    iscep_json_free(fixture_admin(f, handler, segment, body, status));
}

iscep_json *fixture_sign_in(fixture *f, const char *tenant_id, const char *form, int32_t status,
                            int64_t aadsts)
{
    mock_reply reply;
    mock_request request = {
        .segment = tenant_id, .content_type = FIXTURE_FORM, .body = iscep_bytes_of_text(form)};
    fixture_call(f, mock_handle_token, &request, &reply);
    iscep_json *json = parse_reply(&reply);
    cr_assert_eq(reply.status, status, "%d: %s", reply.status, iscep_buf_text(&reply.body));
    if (aadsts == 0) {
        cr_assert_not_null(iscep_json_text(json, "access_token"));
    } else {
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "AADSTS%lld: ", (long long)aadsts);
        const char *description = iscep_json_text(json, "error_description");
        cr_assert_eq(strncmp(description, prefix, strlen(prefix)), 0, "%s, not %s", description, prefix);
        cr_assert_null(iscep_json_text(json, "access_token"));
    }
    mock_reply_clear(&reply);
    return json;
}

void fixture_expect_sign_in(fixture *f, const char *tenant_id, const char *form, int32_t status,
                            int64_t aadsts)
{
    iscep_json_free(fixture_sign_in(f, tenant_id, form, status, aadsts));
}

iscep_json *fixture_intune(fixture *f, mock_handler *handler, const char *tenant_id, const char *api_version,
                           const char *body, int32_t status)
{
    ISCEP_AUTO_BUF bearer;
    mock_reply reply;
    iscep_buf_init(&bearer, 8192);
    fixture_bearer_of(f, &bearer, tenant_id, f->options.intune_resource, MOCK_ROLE_INTUNE);
    mock_request request = {
        .segment = "",
        .authorization = iscep_buf_text(&bearer),
        .content_type = "application/json",
        .client_request_id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        .api_version = api_version,
        .body = iscep_bytes_of_text(body),
    };
    fixture_call(f, handler, &request, &reply);
    cr_assert_eq(reply.status, status, "%d: %s", reply.status, iscep_buf_text(&reply.body));
    iscep_json *json = parse_reply(&reply);
    mock_reply_clear(&reply);
    return json;
}

void fixture_expect(fixture *f, mock_handler *handler, const char *body, int32_t status, const char *code)
{
    ISCEP_AUTO_JSON *json = fixture_intune(f, handler, FIXTURE_TENANT, "2018-02-20", body, status);
    const char *found = iscep_json_text(json, "code");
    cr_assert_str_eq(found != NULL ? found : "", code);
}

void fixture_validate_body(iscep_buf *out, const char *transaction_id, const char *csr_base64)
{
    iscep_buf_printf(
        out, "{\"request\":{\"transactionId\":\"%s\",\"callerInfo\":\"test\",\"certificateRequest\":\"",
        transaction_id);
    iscep_buf_append_text(out, csr_base64);
    iscep_buf_append_text(out, "\"}}");
}
