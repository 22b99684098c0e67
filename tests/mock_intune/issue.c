/* See issue.h. */
#include "issue.h"

#include <string.h>

#define OTHER_RESOURCE "https://management.azure.com/"
#define LONG_AGO_S     3600

static const mock_entra_error disabled = {400, "unauthorized_client", 7000112};
static const mock_entra_error no_principal = {400, "invalid_resource", 500011};
static const mock_entra_error blocked = {400, "invalid_grant", 53003};
static const mock_entra_error no_service = {500, "server_error", 90033};

bool mock_issue_is_graph(const mock_state *mock, const mock_issue *issue)
{
    return strcmp(issue->resource, mock->options->graph_resource) == 0;
}

static bool is_allowed(const mock_state *mock, const mock_issue *issue, mock_refusal *why)
{
    const mock_tenant *tenant = issue->tenant;
    bool is_intune = strcmp(issue->resource, mock->options->intune_resource) == 0;
    if (!tenant->is_application_enabled)
        return mock_refuse(why, &disabled, "Application '%s' (connector) is disabled.", tenant->client_id);
    if (!mock_issue_is_graph(mock, issue) && !(is_intune && tenant->has_intune_principal))
        return mock_refuse(
            why, &no_principal,
            "The resource principal named %.128s was not found in the tenant named %.64s. This can happen "
            "if the application has not been installed by the administrator of the tenant or consented to "
            "by any user in the tenant. You might have sent your authentication request to the wrong "
            "tenant.",
            issue->resource, tenant->id);
    if (tenant->is_blocked_by_policy)
        return mock_refuse(
            why, &blocked,
            "Access has been blocked by Conditional Access policies. The access policy does not allow "
            "token issuance.");
    return true;
}

bool mock_issue_token(iscep_buf *out, const mock_state *mock, const mock_issue *issue, mock_refusal *why)
{
    if (!is_allowed(mock, issue, why))
        return false;
    bool is_graph = mock_issue_is_graph(mock, issue);
    bool has_role = is_graph ? issue->tenant->has_graph_role : issue->tenant->has_intune_role;
    const char *role = is_graph ? MOCK_ROLE_GRAPH : MOCK_ROLE_INTUNE;
    mock_token_spec spec = {
        .tenant = issue->tenant,
        .resource = issue->quirk == MOCK_TOKEN_FOR_ANOTHER ? OTHER_RESOURCE : issue->resource,
        .role = has_role ? role : NULL,
        .appidacr = issue->appidacr,
        .lifetime_s = issue->quirk == MOCK_TOKEN_OF_YESTERDAY ? -LONG_AGO_S : mock->settings.token_lifetime_s,
    };
    if (mock_token_mint(out, mock, &spec, NULL) == ISCEP_OK)
        return true;
    return mock_refuse(why, &no_service, "A transient error has occurred. Please try again.");
}
