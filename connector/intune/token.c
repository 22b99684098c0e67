/* Tokens: see token.h. */
#include "intune/token.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "net/url.h"

enum {
    REQUEST_TIMEOUT_MS = 10000,
    MAX_RESPONSE_LEN = 64 * 1024,
    MAX_FORM_LEN = 256 * 1024,
    MAX_LIFETIME_S = 24 * 3600,
    RENEWAL_RETRY_MS = 10000, /* between background renewals that fail while the old token still serves */
};

typedef struct cached_token {
    iscep_tokens *tokens;
    iscep_scope scope;
    iscep_shared token;
    int64_t renew_at_mono_ms; /* from here on a get also starts a renewal */
    int64_t expires_mono_ms;
    iscep_http_call *call; /* the request in flight */
    iscep_buf form;        /* its body: holds the secret */
} cached_token;

struct iscep_tokens {
    const iscep_env *env;
    iscep_http *http;
    const iscep_tenant *tenant;
    cached_token cached[ISCEP_SCOPE_COUNT];
};

static const char *const scope_names[ISCEP_SCOPE_COUNT] = {"graph", "intune"};

iscep_status iscep_tokens_new(iscep_tokens **out, const iscep_env *env, iscep_http *http,
                              const iscep_tenant *tenant, iscep_error *err)
{
    iscep_tokens *tokens = calloc(1, sizeof *tokens);
    if (tokens == NULL)
        return iscep_error_nomem(err);
    tokens->env = env;
    tokens->http = http;
    tokens->tenant = tenant;
    for (unsigned i = 0; i < ISCEP_SCOPE_COUNT; i++) {
        cached_token *cached = &tokens->cached[i];
        cached->tokens = tokens;
        cached->scope = (iscep_scope)i;
        iscep_shared_init(&cached->token);
        iscep_buf_init(&cached->form, MAX_FORM_LEN);
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
        iscep_buf_wipe(&cached->form);
        iscep_shared_clear(&cached->token);
    }
    free(tokens);
}

/* "<resource>/.default": the Intune resource ends in a slash itself, so its scope has two. */
static void append_scope(iscep_buf *form, const cached_token *cached)
{
    const iscep_tenant *tenant = cached->tokens->tenant;
    ISCEP_AUTO_BUF scope;
    iscep_buf_init(&scope, 1024);
    if (cached->scope == ISCEP_SCOPE_GRAPH)
        iscep_url_join(&scope, tenant->graph_resource, ".default");
    else
        iscep_buf_printf(&scope, "%s/.default", tenant->intune_resource);
    iscep_form_append(form, "scope", iscep_buf_bytes(&scope));
    form->is_overflown |= scope.is_overflown;
}

static void emit_form(cached_token *cached)
{
    const iscep_tenant *tenant = cached->tokens->tenant;
    iscep_buf_wipe(&cached->form);
    iscep_form_append(&cached->form, "grant_type", iscep_bytes_of_text("client_credentials"));
    iscep_form_append(&cached->form, "client_id", iscep_bytes_of_text(tenant->client_id));
    iscep_form_append(&cached->form, "client_secret", iscep_secret_reveal(tenant->client_secret));
    append_scope(&cached->form, cached);
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
    else if ((status = iscep_json_parse(&reply, response->body, err)) != ISCEP_OK)
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

static void on_reply(void *user, iscep_status status, const iscep_http_response *response,
                     const iscep_error *http_err)
{
    cached_token *cached = user;
    const iscep_log *log = cached->tokens->env->log;
    iscep_error err = ISCEP_ERROR_INIT;
    cached->call = NULL;
    iscep_buf_wipe(&cached->form);
    if (status == ISCEP_OK)
        status = read_reply(cached, response, &err);
    else
        err = *http_err;
    if (status == ISCEP_OK) {
        iscep_log_event(
            log, ISCEP_LOG_INFO, "token_issued", ISCEP_LOG_TEXT("scope", scope_names[cached->scope]),
            ISCEP_LOG_NUM("lifetime_s",
                          (cached->expires_mono_ms - iscep_now_mono_ms(cached->tokens->env)) / 1000));
    } else {
        iscep_error_prefix(&err, "token");
        iscep_log_event(log, ISCEP_LOG_ERROR, "token_failed",
                        ISCEP_LOG_TEXT("scope", scope_names[cached->scope]),
                        ISCEP_LOG_TEXT("class", iscep_status_name(status)), ISCEP_LOG_TEXT("code", err.code),
                        ISCEP_LOG_TEXT("reason", err.message));
        cached->renew_at_mono_ms = iscep_now_mono_ms(cached->tokens->env) + RENEWAL_RETRY_MS;
    }
    iscep_shared_settle(&cached->token, status, &err);
}

static iscep_status fetch(cached_token *cached, iscep_error *err)
{
    iscep_tokens *tokens = cached->tokens;
    emit_form(cached);
    ISCEP_AUTO_BUF path, url;
    iscep_buf_init(&path, 1024);
    iscep_buf_init(&url, 4096);
    iscep_buf_printf(&path, "%s/oauth2/v2.0/token", tokens->tenant->tenant_id);
    iscep_url_join(&url, tokens->tenant->authority, iscep_buf_text(&path));
    if (cached->form.is_overflown || path.is_overflown || url.is_overflown)
        return iscep_error_nomem(err);
    const iscep_http_header headers[] = {{"Content-Type", "application/x-www-form-urlencoded"},
                                         {"Accept", "application/json"}};
    const iscep_http_request request = {
        .method = "POST",
        .url = iscep_buf_text(&url),
        .headers = headers,
        .header_count = sizeof headers / sizeof *headers,
        .body = iscep_buf_bytes(&cached->form),
        .deadline_mono_ms = iscep_now_mono_ms(tokens->env) + REQUEST_TIMEOUT_MS,
        .max_response_len = MAX_RESPONSE_LEN,
    };
    cached->call = tokens->http->send(tokens->http, &request, on_reply, cached, err);
    return cached->call != NULL ? ISCEP_OK : err->status;
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
        done(user, ISCEP_OK, cached->token.value, cached->token.generation, &err);
    else if (status != ISCEP_OK)
        done(user, status, NULL, 0, &err);
    else
        iscep_shared_wait(&cached->token, wait, done, user);
}

void iscep_token_drop(iscep_tokens *tokens, iscep_scope scope, uint64_t generation)
{
    iscep_shared_drop(&tokens->cached[scope].token, generation);
}
