/*
 * See credential.h. The table of kinds says what each does: load() reads what lies in files and keeps what was read
 * before if that fails, emit() makes the request.
 */
#include "intune/credential.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "intune/assertion.h"
#include "net/url.h"

enum { MAX_URL_LEN = 4096, MAX_BODY_LEN = 256 * 1024, WATCHED_FILES = 3 };

/* By which a replaced file is told from the old one. All zero: there is no such file, it is another kind of URI. */
typedef struct file_stamp {
    dev_t device;
    ino_t inode;
    off_t len;
    struct timespec modified;
    struct timespec changed;
} file_stamp;

struct iscep_credential {
    const iscep_credential_options *options;
    const struct kind *kind;
    const iscep_env *env;
    iscep_secret *own_secret;
    const iscep_secret *secret; /* own_secret, or somebody else's */
    iscep_keystore *keystore;
    iscep_jwt_alg alg;
    file_stamp stamps[WATCHED_FILES]; /* of what the keystore was read from */
};

struct kind {
    iscep_credential_kind number;
    const char *name;
    iscep_status (*load)(iscep_credential *credential, iscep_error *err);
    iscep_status (*emit)(iscep_token_request *out, iscep_credential *credential, const iscep_token_wish *wish,
                         iscep_error *err);
};

/* --- what all requests to Entra ID have in common --- */

static void begin_form(iscep_token_request *out, const iscep_token_wish *wish)
{
    out->method = "POST";
    out->headers[0] = (iscep_http_header){"Content-Type", "application/x-www-form-urlencoded"};
    out->headers[1] = (iscep_http_header){"Accept", "application/json"};
    out->header_count = 2;
    iscep_buf_append_text(&out->url, wish->endpoint);
    iscep_form_append(&out->body, "grant_type", iscep_bytes_of_text("client_credentials"));
    iscep_form_append(&out->body, "client_id", iscep_bytes_of_text(wish->client_id));
}

static void end_form(iscep_token_request *out, const iscep_token_wish *wish)
{
    iscep_form_append(&out->body, "scope", iscep_bytes_of_text(wish->scope));
}

static void emit_assertion_form(iscep_token_request *out, const iscep_token_wish *wish, iscep_bytes assertion)
{
    begin_form(out, wish);
    iscep_form_append(&out->body, "client_assertion_type", iscep_bytes_of_text(ISCEP_ASSERTION_TYPE));
    iscep_form_append(&out->body, "client_assertion", assertion);
    end_form(out, wish);
}

/* --- a client secret, and a federated token: one text in a file --- */

static iscep_status load_text(iscep_credential *credential, const char *path, iscep_error *err)
{
    iscep_secret *fresh = NULL;
    iscep_status status = iscep_secret_load(&fresh, path, err);
    if (status != ISCEP_OK)
        return status;
    iscep_secret_free(credential->own_secret);
    credential->own_secret = fresh;
    credential->secret = fresh;
    return ISCEP_OK;
}

static iscep_status load_secret(iscep_credential *credential, iscep_error *err)
{
    return credential->options != NULL ? load_text(credential, credential->options->client_secret_file, err)
                                       : ISCEP_OK;
}

static iscep_status emit_secret(iscep_token_request *out, iscep_credential *credential,
                                const iscep_token_wish *wish, iscep_error *err)
{
    (void)err;
    begin_form(out, wish);
    iscep_form_append(&out->body, "client_secret", iscep_secret_reveal(credential->secret));
    end_form(out, wish);
    return ISCEP_OK;
}

static iscep_status load_federated(iscep_credential *credential, iscep_error *err)
{
    return load_text(credential, credential->options->token_file, err);
}

static iscep_status emit_federated(iscep_token_request *out, iscep_credential *credential,
                                   const iscep_token_wish *wish, iscep_error *err)
{
    (void)err;
    emit_assertion_form(out, wish, iscep_secret_reveal(credential->secret));
    return ISCEP_OK;
}

/* --- a certificate --- */

static void look_at(file_stamp *out, const char *path)
{
    struct stat found;
    *out = (file_stamp){0};
    if (path != NULL && strncmp(path, "file:", 5) == 0)
        path += 5;
    if (path != NULL && stat(path, &found) == 0)
        *out = (file_stamp){found.st_dev, found.st_ino, found.st_size, found.st_mtim, found.st_ctim};
}

static bool is_same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool is_same_file(const file_stamp *a, const file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->len == b->len &&
           is_same_time(a->modified, b->modified) && is_same_time(a->changed, b->changed);
}

/* Looked at before they are read: a file that is replaced meanwhile is read again next time. */
static bool is_changed(const iscep_credential *credential, file_stamp now[WATCHED_FILES])
{
    const iscep_credential_options *options = credential->options;
    const char *const paths[WATCHED_FILES] = {options->key, options->certificate, options->password_file};
    bool is_same = credential->keystore != NULL;
    for (size_t i = 0; i < WATCHED_FILES; i++) {
        look_at(&now[i], paths[i]);
        is_same = is_same && is_same_file(&now[i], &credential->stamps[i]);
    }
    return !is_same;
}

static iscep_status open_keystore(iscep_keystore **out, const iscep_credential_options *options,
                                  iscep_error *err)
{
    iscep_secret *password = NULL;
    iscep_status status = ISCEP_OK;
    if (options->password_file != NULL)
        status = iscep_secret_load(&password, options->password_file, err);
    const iscep_keystore_source source = {.key = options->key,
                                          .certificate = options->certificate,
                                          .provider = options->provider,
                                          .password = password};
    if (status == ISCEP_OK)
        status = iscep_keystore_open(out, &source, err);
    iscep_secret_free(password);
    return status;
}

/* A key that is there may still be one that cannot sign: of another kind, too short, locked. */
static iscep_status try_to_sign(const iscep_keystore *keystore, iscep_jwt_alg alg, const iscep_env *env,
                                iscep_error *err)
{
    ISCEP_AUTO_BUF assertion;
    iscep_buf_init(&assertion, ISCEP_JWT_MAX_LEN);
    const iscep_assertion trial = {.keystore = keystore, .alg = alg, .client_id = "-", .audience = "-"};
    return iscep_assertion_emit(&assertion, &trial, env, err);
}

static iscep_status load_certificate(iscep_credential *credential, iscep_error *err)
{
    file_stamp now[WATCHED_FILES];
    iscep_keystore *fresh = NULL;
    if (!is_changed(credential, now))
        return ISCEP_OK;
    iscep_status status = open_keystore(&fresh, credential->options, err);
    if (status == ISCEP_OK)
        status = try_to_sign(fresh, credential->alg, credential->env, err);
    if (status != ISCEP_OK) {
        iscep_keystore_close(fresh);
        return status;
    }
    iscep_keystore_close(credential->keystore);
    credential->keystore = fresh;
    memcpy(credential->stamps, now, sizeof now);
    return ISCEP_OK;
}

static iscep_status emit_certificate(iscep_token_request *out, iscep_credential *credential,
                                     const iscep_token_wish *wish, iscep_error *err)
{
    ISCEP_AUTO_BUF assertion;
    iscep_buf_init(&assertion, ISCEP_JWT_MAX_LEN);
    const iscep_assertion what = {.keystore = credential->keystore,
                                  .alg = credential->alg,
                                  .client_id = wish->client_id,
                                  .audience = wish->endpoint};
    iscep_status status = iscep_assertion_emit(&assertion, &what, credential->env, err);
    if (status != ISCEP_OK)
        return status;
    emit_assertion_form(out, wish, iscep_buf_bytes(&assertion));
    iscep_buf_wipe(&assertion);
    return ISCEP_OK;
}

/* --- a managed identity --- */

/* This machine, or its link: 127/8 and 169.254/16 are the only addresses that plain http may go to. */
static bool is_near(const char *endpoint)
{
    char host[64];
    struct in_addr address;
    if (strncmp(endpoint, "http://", strlen("http://")) != 0 || strchr(endpoint, '@') != NULL)
        return false; /* in http://127.0.0.1:80@example.com the host is the last one */
    endpoint += strlen("http://");
    size_t len = strcspn(endpoint, ":/");
    if (len >= sizeof host)
        return false;
    memcpy(host, endpoint, len);
    host[len] = '\0';
    if (strcmp(host, "localhost") == 0)
        return true;
    if (inet_pton(AF_INET, host, &address) != 1)
        return false;
    uint32_t number = ntohl(address.s_addr);
    return number >> 24 == 127 || number >> 16 == (169 << 8 | 254);
}

static iscep_status load_managed_identity(iscep_credential *credential, iscep_error *err)
{
    const char *endpoint = credential->options->imds_endpoint; /* there is nothing to read */
    if (endpoint == NULL || strncmp(endpoint, "https://", strlen("https://")) == 0 || is_near(endpoint))
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_CONFIG, "imds_endpoint",
                           "imds_endpoint must be https, or http on this machine or link (169.254.…), not %s",
                           endpoint);
}

static iscep_status emit_managed_identity(iscep_token_request *out, iscep_credential *credential,
                                          const iscep_token_wish *wish, iscep_error *err)
{
    (void)err;
    const iscep_credential_options *options = credential->options;
    const char *endpoint = options->imds_endpoint != NULL ? options->imds_endpoint : ISCEP_DEFAULT_IMDS;
    const char *version =
        options->imds_api_version != NULL ? options->imds_api_version : ISCEP_DEFAULT_IMDS_API_VERSION;
    ISCEP_AUTO_BUF query;
    iscep_buf_init(&query, MAX_URL_LEN);
    iscep_form_append(&query, "api-version", iscep_bytes_of_text(version));
    iscep_form_append(&query, "resource", iscep_bytes_of_text(wish->resource));
    if (options->identity_client_id != NULL)
        iscep_form_append(&query, "client_id", iscep_bytes_of_text(options->identity_client_id));
    out->method = "GET";
    out->headers[0] = (iscep_http_header){"Metadata", "true"};
    out->headers[1] = (iscep_http_header){"Accept", "application/json"};
    out->header_count = 2;
    out->is_local = true;
    iscep_url_join(&out->url, endpoint, "metadata/identity/oauth2/token?");
    iscep_buf_append(&out->url, query.data, query.len);
    return ISCEP_OK;
}

/* --- all kinds --- */

static const struct kind kinds[] = {
    {ISCEP_CREDENTIAL_SECRET, "secret", load_secret, emit_secret},
    {ISCEP_CREDENTIAL_CERTIFICATE, "certificate", load_certificate, emit_certificate},
    {ISCEP_CREDENTIAL_FEDERATED, "federated", load_federated, emit_federated},
    {ISCEP_CREDENTIAL_MANAGED_IDENTITY, "managed_identity", load_managed_identity, emit_managed_identity},
};

#define MEMBER(name, kind, is_required)                                                                      \
    {                                                                                                        \
#name, offsetof(iscep_credential_options, name), kind, is_required                                   \
    }

static const struct {
    const char *name;
    size_t offset;
    iscep_credential_kind kind;
    bool is_required;
} members[] = {
    MEMBER(client_secret_file, ISCEP_CREDENTIAL_SECRET, true),
    MEMBER(key, ISCEP_CREDENTIAL_CERTIFICATE, true),
    MEMBER(certificate, ISCEP_CREDENTIAL_CERTIFICATE, false),
    MEMBER(password_file, ISCEP_CREDENTIAL_CERTIFICATE, false),
    MEMBER(provider, ISCEP_CREDENTIAL_CERTIFICATE, false),
    MEMBER(algorithm, ISCEP_CREDENTIAL_CERTIFICATE, false),
    MEMBER(token_file, ISCEP_CREDENTIAL_FEDERATED, true),
    MEMBER(identity_client_id, ISCEP_CREDENTIAL_MANAGED_IDENTITY, false),
    MEMBER(imds_endpoint, ISCEP_CREDENTIAL_MANAGED_IDENTITY, false),
    MEMBER(imds_api_version, ISCEP_CREDENTIAL_MANAGED_IDENTITY, false),
};

static const struct kind *find_kind(iscep_credential_kind number)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].number == number)
            return &kinds[i];
    return NULL;
}

static iscep_status check_members(const iscep_credential_options *options, const struct kind *kind,
                                  iscep_error *err)
{
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const char *value = *(const char *const *)((const char *)options + members[i].offset);
        bool is_ours = members[i].kind == kind->number;
        if (value != NULL && !is_ours)
            return iscep_error_set(err, ISCEP_CONFIG, members[i].name,
                                   "%s does not belong to a credential of kind %s", members[i].name,
                                   kind->name);
        if (value == NULL && is_ours && members[i].is_required)
            return iscep_error_set(err, ISCEP_CONFIG, members[i].name, "%s is missing", members[i].name);
    }
    return ISCEP_OK;
}

static iscep_status parse_algorithm(iscep_jwt_alg *out, const char *text, iscep_error *err)
{
    if (text == NULL || strcmp(text, "PS256") == 0)
        *out = ISCEP_JWT_PS256;
    else if (strcmp(text, "RS256") == 0)
        *out = ISCEP_JWT_RS256;
    else
        return iscep_error_set(err, ISCEP_CONFIG, "algorithm", "algorithm must be PS256 or RS256, not %s",
                               text);
    return ISCEP_OK;
}

static iscep_status set_up(iscep_credential *credential, iscep_error *err)
{
    const iscep_credential_options *options = credential->options;
    credential->kind = find_kind(options->kind);
    if (credential->kind == NULL || options->size < sizeof *options)
        return iscep_error_set(err, ISCEP_CONFIG, "kind", "there is no such kind of credential");
    iscep_status status = check_members(options, credential->kind, err);
    if (status == ISCEP_OK)
        status = parse_algorithm(&credential->alg, options->algorithm, err);
    return status != ISCEP_OK ? status : credential->kind->load(credential, err);
}

iscep_status iscep_credential_new(iscep_credential **out, const iscep_credential_options *options,
                                  const iscep_env *env, iscep_error *err)
{
    iscep_credential *credential = calloc(1, sizeof *credential);
    if (credential == NULL)
        return iscep_error_nomem(err);
    credential->options = options;
    credential->env = env;
    iscep_status status = set_up(credential, err);
    if (status != ISCEP_OK) {
        iscep_credential_free(credential);
        return status;
    }
    *out = credential;
    return ISCEP_OK;
}

iscep_status iscep_credential_new_secret(iscep_credential **out, const iscep_secret *secret,
                                         const iscep_env *env, iscep_error *err)
{
    iscep_credential *credential = calloc(1, sizeof *credential);
    if (credential == NULL)
        return iscep_error_nomem(err);
    credential->kind = find_kind(ISCEP_CREDENTIAL_SECRET);
    credential->env = env;
    credential->secret = secret;
    *out = credential;
    return ISCEP_OK;
}

void iscep_credential_free(iscep_credential *credential)
{
    if (credential == NULL)
        return;
    iscep_secret_free(credential->own_secret);
    iscep_keystore_close(credential->keystore);
    free(credential);
}

const char *iscep_credential_name(const iscep_credential *credential)
{
    const iscep_credential_options *options = credential->options;
    return options != NULL && options->name != NULL ? options->name : credential->kind->name;
}

const char *iscep_credential_kind_name(iscep_credential_kind kind)
{
    const struct kind *found = find_kind(kind);
    return found != NULL ? found->name : "unknown";
}

iscep_credential_kind iscep_credential_kind_parse(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return kinds[i].number;
    return (iscep_credential_kind)0;
}

iscep_credential_kind iscep_credential_get_kind(const iscep_credential *credential)
{
    return credential->kind->number;
}

int64_t iscep_credential_expires_unix(const iscep_credential *credential)
{
    return credential->keystore != NULL ? iscep_keystore_expires_unix(credential->keystore) : 0;
}

void iscep_token_request_init(iscep_token_request *request)
{
    *request = (iscep_token_request){0};
    iscep_buf_init(&request->url, MAX_URL_LEN);
    iscep_buf_init(&request->body, MAX_BODY_LEN);
}

void iscep_token_request_wipe(iscep_token_request *request)
{
    iscep_buf_wipe(&request->url);
    iscep_buf_wipe(&request->body);
    request->header_count = 0;
    request->is_local = false;
}

iscep_status iscep_credential_emit_request(iscep_token_request *out, iscep_credential *credential,
                                           const iscep_token_wish *wish, iscep_error *err)
{
    iscep_error unread = ISCEP_ERROR_INIT;
    iscep_token_request_wipe(out);
    if (credential->kind->load(credential, &unread) != ISCEP_OK)
        iscep_log_event(credential->env->log, ISCEP_LOG_WARN, "credential_unreadable",
                        ISCEP_LOG_TEXT("credential", iscep_credential_name(credential)),
                        ISCEP_LOG_TEXT("code", unread.code), ISCEP_LOG_TEXT("reason", unread.message));
    iscep_status status = credential->kind->emit(out, credential, wish, err);
    if (status == ISCEP_OK)
        status = iscep_buf_status(&out->url, err);
    return status != ISCEP_OK ? status : iscep_buf_status(&out->body, err);
}

/*
 * Refusals of Entra ID that another credential of the same application may not get, by Microsoft's page
 * "Microsoft Entra authentication and authorization error codes". Others are about the application, its tenant or
 * what it asks for: another credential would only be refused as well.
 */
static const char *const faults_of_credentials[] = {
    "AADSTS50012",  /* the signing key was not found, or the certificate's chain is not trusted */
    "AADSTS50013",  /* an assertion with a wrong signature, issuer or audience, or replayed */
    "AADSTS50027",  /* a JSON Web Token that is none */
    "AADSTS70002",  /* credentials that do not validate */
    "AADSTS70021",  /* no federated identity matches the token's issuer, subject or audience */
    "AADSTS700021", /* the assertion is another application's */
    "AADSTS700023", /* the assertion's audience is not this endpoint */
    "AADSTS700024", /* the assertion is not valid now */
    "AADSTS700027", /* the assertion's signature is wrong, or its certificate is not registered or has expired */
    "AADSTS700030",   /* a certificate that is not allowed for this application */
    "AADSTS700211",   /* no federated identity for the token's issuer */
    "AADSTS700212",   /* no federated identity for the token's audience */
    "AADSTS700213",   /* no federated identity for the token's subject */
    "AADSTS700223",   /* a federated identity that is not valid */
    "AADSTS700238",   /* the federated token has expired */
    "AADSTS7000214",  /* the certificate was revoked */
    "AADSTS7000215",  /* a wrong client secret */
    "AADSTS7000218",  /* no credential was seen in the request */
    "AADSTS7000222",  /* the client secret has expired */
    "invalid_client", /* OAuth's word for all of these, without a number */
    "jwt_key"         /* ours: the key does not sign, say because its TPM is locked or away */
};

bool iscep_credential_is_at_fault(const iscep_credential *credential, const iscep_error *err)
{
    if (err->status == ISCEP_NOMEM)
        return false;
    /* What its own endpoint cannot give, whatever the reason, another kind may get from Entra ID. */
    if (credential->kind->number == ISCEP_CREDENTIAL_MANAGED_IDENTITY)
        return true;
    for (size_t i = 0; i < sizeof faults_of_credentials / sizeof *faults_of_credentials; i++)
        if (strcmp(err->code, faults_of_credentials[i]) == 0)
            return true;
    return false;
}
