/* A mock without sockets, with a clock that stands still until a test moves it, and requests as devices make them. */
#ifndef MOCK_FIXTURE_H
#define MOCK_FIXTURE_H

#include "handlers.h"
#include "mock.h"
#include "tests/support/temp_dir.h"

#define FIXTURE_TENANT "11111111-1111-1111-1111-111111111111"
#define FIXTURE_CLIENT "22222222-2222-2222-2222-222222222222"
#define FIXTURE_SECRET "the~secret"
#define FIXTURE_NOW_MS 1795332000000LL

typedef struct fixture {
    temp_dir state_dir;
    int64_t now_ms; /* wall clock and monotonic */
    iscep_log log;
    mock_options options;
    mock_state mock;
} fixture;

void fixture_open(fixture *f);
void fixture_close(fixture *f);

/* What goes into a request; NULL leaves it out. */
typedef struct csr_spec {
    const char *subject; /* as a profile writes it */
    const char *challenge;
    const char *san; /* these three as in openssl.cnf: "DNS:a.example,email:b@c.example" */
    const char *key_usage;
    const char *ext_key_usage;
    bool has_ec_key;         /* P-256, else RSA of 2048 bits */
    bool has_two_challenges; /* values in one attribute */
    bool has_two_sans;
    bool has_broken_extensions; /* the attribute is there, but it is no list of extensions */
    bool has_wrong_signature;
} csr_spec;

/* Appends base64. */
void fixture_make_csr(iscep_buf *out, const csr_spec *spec);

/* Calls a handler. The caller clears the reply. */
void fixture_call(fixture *f, mock_handler *handler, const mock_request *request, mock_reply *reply);
/* A challenge for a profile, from /admin/challenges; json is that call's body. */
void fixture_mint(fixture *f, iscep_buf *out, const char *json);
/* The "Bearer …" field for a resource, or with other roles; of FIXTURE_TENANT, or of another. */
void fixture_bearer(fixture *f, iscep_buf *out, const char *resource, const char *role);
void fixture_bearer_of(fixture *f, iscep_buf *out, const char *tenant_id, const char *resource,
                       const char *role);

#define FIXTURE_FORM         "application/x-www-form-urlencoded"
#define FIXTURE_GRAPH_SCOPE  "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
#define FIXTURE_INTUNE_SCOPE "&scope=https%3A%2F%2Fapi.manage.microsoft.com%2F%2F.default"
#define FIXTURE_WHO          "grant_type=client_credentials&client_id=" FIXTURE_CLIENT
#define FIXTURE_CREDENTIALS  FIXTURE_WHO "&client_secret=" FIXTURE_SECRET
/* Posts a form to the token endpoint; wants 200 and a token if aadsts is 0, otherwise that error and no token. Hands out
 * the answer. */
iscep_json *fixture_sign_in(fixture *f, const char *tenant_id, const char *form, int32_t status,
                            int64_t aadsts);
/* The same, and only that. */
void fixture_expect_sign_in(fixture *f, const char *tenant_id, const char *form, int32_t status,
                            int64_t aadsts);

/* Calls a handler below /admin, wants this status, and hands out its answer. */
iscep_json *fixture_admin(fixture *f, mock_handler *handler, const char *segment, const char *body,
                          int32_t status);
/* … and wants only the status. */
void fixture_expect_admin(fixture *f, mock_handler *handler, const char *segment, const char *body,
                          int32_t status);
/* The same for an action of Intune, with a right token and right header fields. */
iscep_json *fixture_intune(fixture *f, mock_handler *handler, const char *tenant_id, const char *api_version,
                           const char *body, int32_t status);

/* Calls a SCEP action with a right token and right header fields, and checks status and code ("" for none). */
void fixture_expect(fixture *f, mock_handler *handler, const char *body, int32_t status, const char *code);
/* The body of validateRequest. */
void fixture_validate_body(iscep_buf *out, const char *transaction_id, const char *csr_base64);

#endif
