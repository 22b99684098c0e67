/*
 * Azure's instance metadata service, as far as a managed identity needs it: a token for whoever may speak plain HTTP to
 * 169.254.169.254. What guards it is a header field that no browser and no careless proxy sends.
 */
#include "handlers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "issue.h"
#include "net/url.h"
#include "replies.h"

#define API_VERSION   "2018-02-01"
#define TOKEN_MAX_LEN 4096

typedef struct imds_query {
    iscep_buf resource;
    iscep_buf client_id; /* empty: the only identity */
} imds_query;

/* NULL if the request may be looked at. */
static const char *find_fault(imds_query *out, const mock_request *request)
{
    ISCEP_AUTO_BUF api_version;
    iscep_buf_init(&api_version, MOCK_NAME_SIZE);
    iscep_buf_init(&out->resource, MOCK_RESOURCE_SIZE);
    iscep_buf_init(&out->client_id, MOCK_NAME_SIZE);
    if (request->metadata == NULL || strcasecmp(request->metadata, "true") != 0)
        return "Required metadata header not specified";
    if (request->forwarded_for != NULL)
        return "Bad request. The header X-Forwarded-For is not allowed";
    if (iscep_form_get(&api_version, request->query, "api-version", NULL) != ISCEP_OK ||
        strcmp(iscep_buf_text(&api_version), API_VERSION) != 0)
        return "Bad request. api-version is invalid or was not specified in the request";
    if (iscep_form_get(&out->resource, request->query, "resource", NULL) != ISCEP_OK ||
        out->resource.len == 0)
        return "Required query variable 'resource' is missing";
    if (iscep_form_get(&out->client_id, request->query, "client_id", NULL) != ISCEP_OK)
        iscep_buf_clear(&out->client_id);
    return NULL;
}

/* The identity of this machine that is asked for. What is wrong, or NULL. */
static const char *find_identity(const mock_credential **out, mock_state *mock, const char *client_id)
{
    mock_credential *next = NULL;
    *out = NULL;
    while ((next = mock_credentials_next(&mock->credentials, next)) != NULL) {
        if (next->kind != MOCK_MANAGED_IDENTITY ||
            (client_id[0] != '\0' && strcasecmp(next->client_id, client_id) != 0))
            continue;
        if (*out != NULL)
            return "Multiple user assigned identities exist, please specify the clientId / resourceId of the "
                   "identity in "
                   "the token request";
        *out = next;
    }
    return *out == NULL ? "Identity not found" : NULL;
}

static void refuse(mock_reply *reply, int32_t status, const char *error, const char *description)
{
    reply->status = status;
    iscep_buf_append_text(&reply->body, "{\"error\":");
    iscep_json_append_quoted(&reply->body, error);
    iscep_buf_append_text(&reply->body, ",\"error_description\":");
    iscep_json_append_quoted(&reply->body, description);
    iscep_buf_append_text(&reply->body, "}");
}

/* Entra ID has refused: the metadata service passes its words on. */
static void refuse_as_entra(mock_reply *reply, const mock_refusal *why)
{
    char text[MOCK_REFUSAL_SIZE + 32];
    snprintf(text, sizeof(text), "AADSTS%d: %s", (int)why->error.aadsts, why->text);
    refuse(reply, why->error.status, why->error.error, text);
    snprintf(reply->outcome, sizeof(reply->outcome), "AADSTS%d", (int)why->error.aadsts);
}

/* All numbers are strings here. */
static void reply_token(mock_reply *reply, const mock_state *mock, const mock_issue *issue, const char *token)
{
    long long now = (long long)mock_now_unix(mock), lifetime_s = (long long)mock->settings.token_lifetime_s;
    iscep_buf_printf(&reply->body, "{\"access_token\":\"%s\",\"client_id\":", token);
    iscep_json_append_quoted(&reply->body, issue->tenant->client_id);
    iscep_buf_printf(&reply->body,
                     ",\"expires_in\":\"%lld\",\"expires_on\":\"%lld\",\"ext_expires_in\":\"%lld\"",
                     lifetime_s, now + lifetime_s, lifetime_s);
    iscep_buf_printf(&reply->body, ",\"not_before\":\"%lld\",\"resource\":", now);
    iscep_json_append_quoted(&reply->body, issue->resource);
    iscep_buf_append_text(&reply->body, ",\"token_type\":\"Bearer\"}");
    snprintf(reply->outcome, sizeof(reply->outcome), "%s",
             mock_issue_is_graph(mock, issue) ? "graph" : "intune");
}

static void answer(mock_state *mock, const mock_request *request, mock_reply *reply, imds_query *query)
{
    ISCEP_AUTO_BUF token;
    mock_refusal why;
    const mock_credential *identity = NULL;
    iscep_buf_init(&token, TOKEN_MAX_LEN);
    const char *fault = find_identity(&identity, mock, iscep_buf_text(&query->client_id));
    mock_issue issue = {
        .resource = iscep_buf_text(&query->resource), .appidacr = "2", .quirk = request->token_quirk};
    if (fault == NULL)
        issue.tenant = mock_tenants_find(&mock->tenants, identity->tenant_id);
    if (fault == NULL &&
        (issue.tenant == NULL || strcasecmp(issue.tenant->client_id, identity->client_id) != 0))
        fault = "Identity not found";
    if (fault != NULL)
        refuse(reply, 400, "invalid_request", fault);
    else if (!mock_issue_token(&token, mock, &issue, &why))
        refuse_as_entra(reply, &why);
    else
        reply_token(reply, mock, &issue, iscep_buf_text(&token));
}

void mock_handle_imds(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    imds_query query;
    const char *fault = find_fault(&query, request);
    if (fault != NULL)
        refuse(reply, 400, "invalid_request", fault);
    else
        answer(mock, request, reply, &query);
    iscep_buf_clear(&query.resource);
    iscep_buf_clear(&query.client_id);
}
