/* Tokens: see token.h. */
#include "intune/token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/metrics.h"
#include "intune/upstream.h"
#include "net/http_json.h"
#include "net/retry.h"
#include "net/url.h"

enum {
    MAX_RESPONSE_LEN = 64 * 1024,
    MAX_URL_LEN = 4096,
    MAX_LIFETIME_S = 24 * 3600,
    RENEWAL_RETRY_MS = 10000, /* between background renewals that fail while the old token still serves */
};

typedef struct cached_token {
    iscep_tokens *tokens;
    iscep_scope scope;
    iscep_shared token;
    int64_t renew_at_mono_ms; /* from here on a get also starts a renewal */
    int64_t expires_mono_ms;
    iscep_buf scope_text;        /* what it is asked for by: the resource and "/.default" */
    iscep_http_call *call;       /* the request in flight */
    iscep_token_request request; /* how it looks */
    iscep_credential_turn turn;  /* whose it is */
    iscep_pass pass;             /* its leave to be sent */
    iscep_upstream upstream;     /* how long it takes */
} cached_token;

struct iscep_tokens {
    const iscep_env *env;
    iscep_http *http;
    const iscep_tenant *tenant;
    iscep_credential_set *credentials;
    iscep_buf endpoint;    /* Entra ID's URL for this tenant's tokens */
    iscep_breaker breaker; /* one for both scopes: it is one service */
    cached_token cached[ISCEP_SCOPE_COUNT];
};

static const char *const scope_names[ISCEP_SCOPE_COUNT] = {"graph", "intune"};

static void emit_endpoint(iscep_buf *out, const iscep_tenant *tenant)
{
    iscep_url_join(out, tenant->authority, tenant->tenant_id);
    iscep_buf_printf(out, "/%s", tenant->token_path);
}

/* The Intune resource ends in a slash itself, so its scope has two. */
static void emit_scope(iscep_buf *out, const iscep_tenant *tenant, iscep_scope scope)
{
    if (scope == ISCEP_SCOPE_GRAPH)
        iscep_url_join(out, tenant->graph_resource, ".default");
    else
        iscep_buf_printf(out, "%s/.default", tenant->intune_resource);
}

/* One that was cut short would go unnoticed into every request. */
static iscep_status check_texts(const iscep_tokens *tokens, iscep_error *err)
{
    iscep_status status = iscep_buf_status(&tokens->endpoint, err);
    for (unsigned i = 0; i < ISCEP_SCOPE_COUNT && status == ISCEP_OK; i++)
        status = iscep_buf_status(&tokens->cached[i].scope_text, err);
    return status;
}

iscep_status iscep_tokens_new(iscep_tokens **out, const iscep_env *env, iscep_http *http,
                              const iscep_tenant *tenant, iscep_error *err)
{
    iscep_tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL)
        return iscep_error_nomem(err);
    tokens->env = env;
    tokens->http = http;
    tokens->tenant = tenant;
    iscep_breaker_init(&tokens->breaker, env, iscep_tenant_label(tenant),
                       iscep_endpoint_name(ISCEP_ENDPOINT_TOKEN), &tenant->breaker);
    for (unsigned i = 0; i < ISCEP_SCOPE_COUNT; i++) {
        cached_token *cached = &tokens->cached[i];
        cached->tokens = tokens;
        cached->scope = (iscep_scope)i;
        cached->upstream = (iscep_upstream){.env = env, .tenant = tenant, .endpoint = ISCEP_ENDPOINT_TOKEN};
        iscep_shared_init(&cached->token);
        iscep_token_request_init(&cached->request);
        iscep_buf_init(&cached->scope_text, MAX_URL_LEN);
        emit_scope(&cached->scope_text, tenant, cached->scope);
    }
    iscep_buf_init(&tokens->endpoint, MAX_URL_LEN);
    emit_endpoint(&tokens->endpoint, tenant);
    iscep_status status = check_texts(tokens, err);
    if (status == ISCEP_OK)
        status = iscep_credential_set_new(&tokens->credentials, env, tenant, err);
    if (status != ISCEP_OK) {
        iscep_tokens_free(tokens);
        return status;
    }
    *out = tokens;
    return ISCEP_OK;
}

void iscep_tokens_free(iscep_tokens *tokens)
{
    if (tokens == NULL)
        return;
    for (unsigned i = 0; i < ISCEP_SCOPE_COUNT; i++) {
        cached_token *cached = &tokens->cached[i];
        if (cached->call != NULL)
            tokens->http->cancel(tokens->http, cached->call);
        iscep_token_request_wipe(&cached->request);
        iscep_buf_clear(&cached->scope_text);
        iscep_shared_clear(&cached->token);
    }
    iscep_buf_clear(&tokens->endpoint);
    iscep_credential_set_free(tokens->credentials);
    free(tokens);
}

/* A token goes into a header field: visible ASCII and nothing else. */
static bool is_header_safe(const char *token)
{
    if (token[0] == '\0')
        return false;
    for (; *token != '\0'; token++)
        if ((unsigned char)*token <= ' ' || (unsigned char)*token >= 0x7F)
            return false;
    return true;
}

/* expires_in is a number, or (older endpoints) a number in a string. */
static int64_t parse_lifetime_s(const iscep_json *reply)
{
    int64_t lifetime_s = 0;
    const char *text = iscep_json_text(reply, "expires_in");
    if (text != NULL) {
        char *end;
        lifetime_s = strtoll(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0')
            return 0;
    } else if (!iscep_json_int(reply, "expires_in", &lifetime_s)) {
        return 0;
    }
    return lifetime_s < 0 ? 0 : lifetime_s > MAX_LIFETIME_S ? MAX_LIFETIME_S : lifetime_s;
}

static iscep_status store_token(cached_token *cached, const iscep_json *reply, iscep_error *err)
{
    const char *token = iscep_json_text(reply, "access_token");
    const char *type = iscep_json_text(reply, "token_type");
    int64_t lifetime_ms = parse_lifetime_s(reply) * 1000;
    if (token == NULL || !is_header_safe(token) || type == NULL || strcasecmp(type, "Bearer") != 0 ||
        lifetime_ms == 0)
        return iscep_error_set(err, ISCEP_PROTOCOL, "token_malformed",
                               "Entra ID's reply is no usable bearer token");
    iscep_status status = iscep_shared_set(&cached->token, token, err);
    int64_t now_ms = iscep_now_mono_ms(cached->tokens->env);
    cached->expires_mono_ms = now_ms + lifetime_ms;
    cached->renew_at_mono_ms = now_ms + lifetime_ms - lifetime_ms / 10; /* the last tenth is for renewing */
    return status;
}

/* "AADSTS7000215: Invalid client secret …" -> the code; Entra's text behind it is for the log. */
static iscep_status describe_refusal(int32_t http_status, const iscep_json *reply, iscep_error *err)
{
    const char *description = iscep_json_text(reply, "error_description");
    const char *error = iscep_json_text(reply, "error");
    if (description == NULL || error == NULL)
        return iscep_error_set(err, ISCEP_SERVICE, "token_reply",
                               "Entra ID answered HTTP %d without saying why", http_status);
    size_t code_len = strncmp(description, "AADSTS", 6) == 0 ? strspn(description + 6, "0123456789") + 6 : 0;
    char code[64];
    iscep_text_copy(code, sizeof code, error);
    if (code_len > 6 && code_len < sizeof code) {
        memcpy(code, description, code_len);
        code[code_len] = '\0';
    }
    return iscep_error_set(err, ISCEP_AUTH, code, "Entra ID refused the token: %.300s", description);
}

static iscep_status read_reply(cached_token *cached, const iscep_http_response *response, iscep_error *err)
{
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_status status;
    if (response->status == 429)
        status = iscep_error_set(err, ISCEP_THROTTLED, "throttled", "Entra ID is throttling us");
    else if (response->status >= 500)
        status = iscep_error_set(err, ISCEP_SERVICE, "token_service", "Entra ID answered HTTP %d",
                                 response->status);
    else if ((status = iscep_http_parse_json(&reply, response, err)) != ISCEP_OK)
        iscep_error_prefix(err, "Entra ID's reply");
    else if (response->status == 200)
        status = store_token(cached, reply, err);
    else
        status = describe_refusal(response->status, reply, err);
    if (status != ISCEP_OK && err != NULL) {
        err->http_status = response->status;
        err->retry_after_ms = response->retry_after_ms;
    }
    return status;
}

static bool ask_next(cached_token *cached, iscep_error *err);

/* --- what is known outside of how a fetch ended --- */

static const char *tenant_of(const cached_token *cached)
{
    return iscep_tenant_label(cached->tokens->tenant);
}

static void count_fetch(const cached_token *cached, const char *outcome)
{
    ISCEP_METRIC_ADD(cached->tokens->env->metrics, ISCEP_METRIC_TOKENS, 1, tenant_of(cached),
                     scope_names[cached->scope], outcome);
}

static void tell_success(const cached_token *cached, const char *credential)
{
    const iscep_env *env = cached->tokens->env;
    int64_t lifetime_s = (cached->expires_mono_ms - iscep_now_mono_ms(env)) / 1000;
    double expires_unix = (double)iscep_now_unix_ms(env) / 1000 + (double)lifetime_s;
    count_fetch(cached, "fetched");
    ISCEP_METRIC_SET(env->metrics, ISCEP_METRIC_TOKEN_EXPIRY, expires_unix, tenant_of(cached),
                     scope_names[cached->scope]);
    iscep_log_event(env->log, ISCEP_LOG_INFO, "token_issued",
                    ISCEP_LOG_TEXT("scope", scope_names[cached->scope]),
                    ISCEP_LOG_TEXT("credential", credential), ISCEP_LOG_NUM("lifetime_s", lifetime_s),
                    ISCEP_LOG_TEXT("tenant", tenant_of(cached)));
}

static void tell_failure(const cached_token *cached, const char *credential, const iscep_error *err)
{
    count_fetch(cached, err->status == ISCEP_AUTH ? "refused" : "failed");
    iscep_log_event(
        cached->tokens->env->log, ISCEP_LOG_ERROR, "token_failed",
        ISCEP_LOG_TEXT("scope", scope_names[cached->scope]), ISCEP_LOG_TEXT("credential", credential),
        ISCEP_LOG_TEXT("class", iscep_status_name(err->status)), ISCEP_LOG_TEXT("code", err->code),
        ISCEP_LOG_TEXT("reason", err->message), ISCEP_LOG_TEXT("tenant", tenant_of(cached)));
}

static void on_reply(void *user, iscep_status status, const iscep_http_response *response,
                     const iscep_error *http_err)
{
    cached_token *cached = user;
    const iscep_credential_set *credentials = cached->tokens->credentials;
    iscep_error err = ISCEP_ERROR_INIT;
    cached->call = NULL;
    iscep_upstream_end(&cached->upstream, status, response, http_err);
    iscep_token_request_wipe(&cached->request);
    if (status == ISCEP_OK)
        status = read_reply(cached, response, &err);
    else
        err = *http_err;
    if (status != ISCEP_OK && ask_next(cached, &err))
        return;
    status = err.status;
    const char *credential = iscep_credential_name(iscep_credential_set_get(credentials, &cached->turn));
    if (status == ISCEP_OK) {
        iscep_credential_set_worked(cached->tokens->credentials, &cached->turn);
        iscep_breaker_succeed(&cached->tokens->breaker);
        tell_success(cached, credential);
    } else {
        iscep_error_prefix(&err, "token");
        iscep_breaker_fail(&cached->tokens->breaker, cached->pass, &err);
        tell_failure(cached, credential, &err);
        cached->renew_at_mono_ms = iscep_now_mono_ms(cached->tokens->env) + RENEWAL_RETRY_MS;
    }
    iscep_shared_settle(&cached->token, status, &err);
}

static iscep_status send_request(cached_token *cached, iscep_error *err)
{
    iscep_tokens *tokens = cached->tokens;
    iscep_token_request *asked = &cached->request;
    const iscep_http_request request = {
        .method = asked->method,
        .url = iscep_buf_text(&asked->url),
        .headers = asked->headers,
        .header_count = asked->header_count,
        .body = iscep_buf_bytes(&asked->body),
        .deadline_mono_ms = iscep_now_mono_ms(tokens->env) + tokens->tenant->fetch_timeout_ms,
        .max_response_len = MAX_RESPONSE_LEN,
        .is_local = asked->is_local,
    };
    iscep_upstream_begin(&cached->upstream);
    cached->call = tokens->http->send(tokens->http, &request, on_reply, cached, err);
    return cached->call != NULL ? ISCEP_OK : err->status;
}

/* With this credential, or with the next one if it cannot even be used; NULL is an error that is in err already. */
static iscep_status ask_with(cached_token *cached, iscep_credential *credential, iscep_error *err)
{
    iscep_tokens *tokens = cached->tokens;
    const iscep_tenant *tenant = tokens->tenant;
    const iscep_token_wish wish = {.client_id = tenant->client_id,
                                   .endpoint = iscep_buf_text(&tokens->endpoint),
                                   .resource = cached->scope == ISCEP_SCOPE_GRAPH ? tenant->graph_resource
                                                                                  : tenant->intune_resource,
                                   .scope = iscep_buf_text(&cached->scope_text)};
    for (; credential != NULL;
         credential = iscep_credential_set_next(tokens->credentials, &cached->turn, err))
        if (iscep_credential_emit_request(&cached->request, credential, &wish, err) == ISCEP_OK)
            return send_request(cached, err);
    return err->status;
}

/* The refusal may be this credential's own. False: it stays, or is worse now; see err. */
static bool ask_next(cached_token *cached, iscep_error *err)
{
    iscep_credential *next = iscep_credential_set_next(cached->tokens->credentials, &cached->turn, err);
    return next != NULL && ask_with(cached, next, err) == ISCEP_OK;
}

/* A dead Entra ID is not asked by every device: the breaker remembers. */
static iscep_status fetch(cached_token *cached, iscep_error *err)
{
    iscep_breaker *breaker = &cached->tokens->breaker;
    iscep_status status = iscep_breaker_enter(breaker, &cached->pass, err);
    if (status != ISCEP_OK)
        return status;
    status = ask_with(cached, iscep_credential_set_begin(cached->tokens->credentials, &cached->turn), err);
    if (status != ISCEP_OK) {
        iscep_breaker_forgo(breaker, cached->pass);
        count_fetch(cached, "failed");
        /* while the old token serves, a key that cannot sign is not asked by every device (a TPM takes its time) */
        cached->renew_at_mono_ms = iscep_now_mono_ms(cached->tokens->env) + RENEWAL_RETRY_MS;
    }
    return status;
}

const iscep_credential_set *iscep_tokens_credentials(const iscep_tokens *tokens)
{
    return tokens->credentials;
}

bool iscep_token_is_at_hand(const iscep_tokens *tokens, iscep_scope scope)
{
    const cached_token *cached = &tokens->cached[scope];
    return cached->token.value != NULL && iscep_now_mono_ms(tokens->env) < cached->expires_mono_ms;
}

void iscep_token_get(iscep_tokens *tokens, iscep_scope scope, iscep_wait *wait, iscep_shared_fn done,
                     void *user)
{
    cached_token *cached = &tokens->cached[scope];
    bool is_at_hand = iscep_token_is_at_hand(tokens, scope);
    bool is_fetch_due = !is_at_hand || iscep_now_mono_ms(tokens->env) >= cached->renew_at_mono_ms;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = ISCEP_OK;
    if (is_fetch_due && cached->call == NULL)
        status = fetch(cached, &err);
    if (is_at_hand)
        done(user, ISCEP_OK, cached->token.value, cached->token.generation, &(iscep_error)ISCEP_ERROR_INIT);
    else if (status != ISCEP_OK)
        done(user, status, NULL, 0, &err);
    else
        iscep_shared_wait(&cached->token, wait, done, user);
}

void iscep_token_drop(iscep_tokens *tokens, iscep_scope scope, uint64_t generation)
{
    iscep_shared_drop(&tokens->cached[scope].token, generation);
}

/* Without memory they are asked for anew. */
void iscep_tokens_inherit(iscep_tokens *tokens, const iscep_tokens *from)
{
    for (unsigned i = 0; i < ISCEP_SCOPE_COUNT; i++) {
        cached_token *cached = &tokens->cached[i];
        const cached_token *known = &from->cached[i];
        bool is_of_use =
            iscep_token_is_at_hand(from, known->scope) && !iscep_token_is_at_hand(tokens, cached->scope);
        if (!is_of_use || iscep_shared_set(&cached->token, known->token.value, NULL) != ISCEP_OK)
            continue;
        cached->expires_mono_ms = known->expires_mono_ms;
        cached->renew_at_mono_ms = known->renew_at_mono_ms;
    }
}
