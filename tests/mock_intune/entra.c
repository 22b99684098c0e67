/* Entra ID's token endpoint: OAuth 2.0 client credentials (RFC 6749, 4.4). */
#include "handlers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "issue.h"
#include "replies.h"
#include "sign_in.h"

#define TOKEN_MAX_LEN 4096

static const mock_entra_error missing_parameter = {400, "invalid_request", 900144};
static const mock_entra_error unknown_tenant = {400, "invalid_request", 90002};
static const mock_entra_error unsupported_grant = {400, "unsupported_grant_type", 70003};
static const mock_entra_error unknown_application = {400, "unauthorized_client", 700016};
static const mock_entra_error invalid_scope = {400, "invalid_scope", 70011};

/* A scope is RESOURCE/.default; the slash at the end of a resource belongs to it. */
static bool is_scope_of(const char *resource, const char *scope)
{
    static const char suffix[] = "/.default";
    size_t len = strlen(resource);
    return strncmp(scope, resource, len) == 0 && strcmp(scope + len, suffix) == 0;
}

/* NULL: of neither. */
static const char *resource_of(const mock_options *options, const char *scope)
{
    const char *resources[] = {options->graph_resource, options->intune_resource};
    for (size_t i = 0; i < 2; i++)
        if (is_scope_of(resources[i], scope))
            return resources[i];
    return NULL;
}

/* The form is whole: who is it, and what may it have? */
static bool check_form(mock_issue *out, mock_state *mock, const mock_request *request, mock_sign_in *form,
                       mock_refusal *why)
{
    const char *grant_type = iscep_buf_text(&form->grant_type);
    const char *client_id = iscep_buf_text(&form->client_id), *scope = iscep_buf_text(&form->scope);
    *out = (mock_issue){.tenant = mock_tenants_find(&mock->tenants, request->segment),
                        .resource = resource_of(mock->options, scope),
                        .quirk = request->token_quirk};
    if (out->tenant == NULL)
        return mock_refuse(
            why, &unknown_tenant,
            "Tenant '%.64s' not found. Check to make sure you have the correct tenant ID and are signing "
            "into the correct cloud.",
            request->segment);
    if (strcmp(grant_type, "client_credentials") != 0)
        return mock_refuse(why, &unsupported_grant, "The app requested an unsupported grant type '%.64s'.",
                           grant_type);
    if (strcasecmp(client_id, out->tenant->client_id) != 0)
        return mock_refuse(why, &unknown_application,
                           "Application with identifier '%.64s' was not found in the directory '%s'.",
                           client_id, out->tenant->id);
    if (!mock_sign_in_check(&out->appidacr, mock, form, request->segment, why))
        return false;
    if (out->resource == NULL)
        return mock_refuse(
            why, &invalid_scope,
            "The provided value for the input parameter 'scope' is not valid. The scope %.200s is not "
            "valid.",
            scope);
    return true;
}

static bool make_token(iscep_buf *token, mock_state *mock, const mock_request *request, mock_reply *reply,
                       mock_refusal *why)
{
    mock_sign_in form;
    mock_issue issue;
    bool is_made = false;
    const char *missing = mock_sign_in_read(&form, request);
    if (missing != NULL)
        mock_refuse(why, &missing_parameter, "The request body must contain the following parameter: '%s'.",
                    missing);
    else
        is_made = check_form(&issue, mock, request, &form, why) && mock_issue_token(token, mock, &issue, why);
    mock_sign_in_clear(&form);
    if (is_made)
        snprintf(reply->outcome, sizeof(reply->outcome), "%s",
                 mock_issue_is_graph(mock, &issue) ? "graph" : "intune");
    return is_made;
}

void mock_handle_token(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    ISCEP_AUTO_BUF token;
    mock_refusal why;
    iscep_buf_init(&token, TOKEN_MAX_LEN);
    if (!make_token(&token, mock, request, reply, &why)) {
        mock_reply_entra_error(reply, mock, request, &why);
        return;
    }
    long long lifetime_s = (long long)mock->settings.token_lifetime_s;
    iscep_buf_printf(&reply->body, "{\"token_type\":\"Bearer\",\"expires_in\":%lld,\"ext_expires_in\":%lld,",
                     lifetime_s, lifetime_s);
    iscep_buf_printf(&reply->body, "\"access_token\":\"%s\"}", iscep_buf_text(&token));
}
