/* Entra ID's token endpoint: OAuth 2.0 client credentials (RFC 6749, 4.4) with a client secret. */
#include "handlers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "net/url.h"
#include "replies.h"

#define PARAMETER_MAX_LEN 4096

static const mock_entra_error missing_parameter = {400, "invalid_request", 900144};
static const mock_entra_error unknown_tenant = {400, "invalid_request", 90002};
static const mock_entra_error unsupported_grant = {400, "unsupported_grant_type", 70003};
static const mock_entra_error unknown_application = {400, "unauthorized_client", 700016};
static const mock_entra_error no_secret = {401, "invalid_client", 7000218};
static const mock_entra_error wrong_secret = {401, "invalid_client", 7000215};
static const mock_entra_error invalid_scope = {400, "invalid_scope", 70011};
static const mock_entra_error no_service = {500, "server_error", 90033};

typedef struct token_form {
    iscep_buf grant_type;
    iscep_buf client_id;
    iscep_buf client_secret;
    iscep_buf scope;
} token_form;

static void init_form(token_form *form)
{
    iscep_buf_init(&form->grant_type, PARAMETER_MAX_LEN);
    iscep_buf_init(&form->client_id, PARAMETER_MAX_LEN);
    iscep_buf_init(&form->client_secret, PARAMETER_MAX_LEN);
    iscep_buf_init(&form->scope, PARAMETER_MAX_LEN);
}

static void clear_form(token_form *form)
{
    iscep_buf_clear(&form->grant_type);
    iscep_buf_clear(&form->client_id);
    iscep_buf_wipe(&form->client_secret);
    iscep_buf_clear(&form->scope);
}

/* The name of the first parameter that is missing, doubled or broken; NULL if none is. A form of another content type
 * has no parameters. */
static const char *read_form(token_form *form, const mock_request *request)
{
    struct {
        const char *name;
        iscep_buf *out;
    } parameters[] = {{"grant_type", &form->grant_type},
                      {"client_id", &form->client_id},
                      {"scope", &form->scope},
                      {"client_secret", &form->client_secret}};
    bool is_form = mock_request_has_type(request, "application/x-www-form-urlencoded");
    for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
        if (!is_form ||
            iscep_form_get(parameters[i].out, request->body, parameters[i].name, NULL) != ISCEP_OK ||
            parameters[i].out->len == 0 ||
            memchr(parameters[i].out->data, '\0', parameters[i].out->len) != NULL)
            return parameters[i].name;
    return NULL;
}

static bool is_secret_right(const mock_state *mock, const iscep_buf *given)
{
    iscep_bytes right = iscep_secret_reveal(mock->options->client_secret);
    return given->len == right.len && CRYPTO_memcmp(given->data, right.data, right.len) == 0;
}

static bool is_scope_of(const char *resource, const char *scope)
{
    static const char suffix[] = "/.default";
    size_t len = strlen(resource);
    return strncmp(scope, resource, len) == 0 && strcmp(scope + len, suffix) == 0;
}

static void reply_token(mock_state *mock, const mock_request *request, mock_reply *reply, bool is_graph)
{
    ISCEP_AUTO_BUF token;
    iscep_buf_init(&token, PARAMETER_MAX_LEN);
    const mock_settings *settings = &mock->settings;
    const char *resource = is_graph ? mock->options->graph_resource : mock->options->intune_resource;
    const char *role = is_graph ? (settings->grants_graph_role ? MOCK_ROLE_GRAPH : NULL)
                                : (settings->grants_intune_role ? MOCK_ROLE_INTUNE : NULL);
    if (mock_token_mint(&token, mock, resource, role, NULL) != ISCEP_OK) {
        mock_reply_entra_error(reply, mock, request, &no_service, "A transient error has occurred.");
        return;
    }
    long long lifetime_s = (long long)settings->token_lifetime_s;
    iscep_buf_printf(&reply->body, "{\"token_type\":\"Bearer\",\"expires_in\":%lld,\"ext_expires_in\":%lld,",
                     lifetime_s, lifetime_s);
    iscep_buf_printf(&reply->body, "\"access_token\":\"%s\"}", iscep_buf_text(&token));
    snprintf(reply->outcome, sizeof(reply->outcome), "%s", is_graph ? "graph" : "intune");
}

/* The form is whole: is this the tenant, the application and its secret? */
static void check_form(mock_state *mock, const mock_request *request, mock_reply *reply, token_form *form)
{
    const char *client_id = iscep_buf_text(&form->client_id);
    const char *scope = iscep_buf_text(&form->scope);
    bool is_graph = is_scope_of(mock->options->graph_resource, scope);
    if (strcmp(iscep_buf_text(&form->grant_type), "client_credentials") != 0)
        mock_reply_entra_error(reply, mock, request, &unsupported_grant,
                               "The app requested an unsupported grant type '%.64s'.",
                               iscep_buf_text(&form->grant_type));
    else if (strcasecmp(client_id, mock->options->client_id) != 0)
        mock_reply_entra_error(reply, mock, request, &unknown_application,
                               "Application with identifier '%.64s' was not found in the directory '%s'.",
                               client_id, mock->options->tenant_id);
    else if (!is_secret_right(mock, &form->client_secret))
        mock_reply_entra_error(
            reply, mock, request, &wrong_secret,
            "Invalid client secret provided. Ensure the secret being sent in the request is the "
            "client secret value, not the client secret ID, for a secret added to app '%s'.",
            mock->options->client_id);
    else if (!is_graph && !is_scope_of(mock->options->intune_resource, scope))
        mock_reply_entra_error(
            reply, mock, request, &invalid_scope,
            "The provided value for the input parameter 'scope' is not valid. The scope %.200s is "
            "not valid.",
            scope);
    else
        reply_token(mock, request, reply, is_graph);
}

void mock_handle_token(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    token_form form;
    init_form(&form);
    const char *missing = read_form(&form, request);
    if (missing != NULL && strcmp(missing, "client_secret") == 0)
        mock_reply_entra_error(reply, mock, request, &no_secret,
                               "The request body must contain the following parameter: 'client_assertion' or "
                               "'client_secret'.");
    else if (missing != NULL)
        mock_reply_entra_error(reply, mock, request, &missing_parameter,
                               "The request body must contain the following parameter: '%s'.", missing);
    else if (strcasecmp(request->segment, mock->options->tenant_id) != 0)
        mock_reply_entra_error(
            reply, mock, request, &unknown_tenant,
            "Tenant '%.64s' not found. Check to make sure you have the correct tenant ID and are "
            "signing into the correct cloud.",
            request->segment);
    else
        check_form(mock, request, reply, &form);
    clear_form(&form);
}
