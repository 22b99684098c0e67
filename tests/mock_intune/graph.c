/* Microsoft Graph: the endpoints of Intune's service principal, by which a client finds its scale unit. */
#include "handlers.h"

#include <string.h>

#include "base/json.h"
#include "net/url.h"
#include "replies.h"
#include "service_paths.h"

#define INTUNE_SERVICE_PRINCIPAL "appId=0000000a-0000-0000-c000-000000000000"
#define URI_MAX_LEN              1024

/* The real list is longer; who takes the first element, or the last, finds out here. */
static const struct {
    const char *provider;
    const char *path;
    bool needs_licence;
} services[] = {
    {"StatelessEnrollmentService", "/StatelessEnrollmentService", false},
    {"ScepRequestValidationFEService", MOCK_SCEP_PATH, true},
    {"PkiConnectorFEService", MOCK_PKI_CONNECTOR_PATH, true},
    {"ReportingFEService", "/ReportingFEService", false},
};

static void emit_service(iscep_buf *out, const mock_state *mock, size_t i)
{
    ISCEP_AUTO_BUF uri;
    char id[ISCEP_GUID_SIZE];
    iscep_buf_init(&uri, URI_MAX_LEN);
    iscep_url_join(&uri, mock->public_url, services[i].path);
    mock_guid(id, mock);
    iscep_buf_printf(out, "%s{\"id\":\"%s\",\"deletedDateTime\":null,\"capability\":\"%s\",",
                     i == 0 ? "" : ",", id, services[i].provider);
    iscep_buf_printf(out, "\"providerId\":null,\"providerName\":\"%s\",\"providerResourceId\":null,\"uri\":",
                     services[i].provider);
    iscep_json_append_quoted(out, iscep_buf_text(&uri));
    iscep_buf_append_text(out, "}");
}

static void reply_services(const mock_state *mock, const mock_tenant *tenant, mock_reply *reply)
{
    iscep_buf_append_text(&reply->body,
                          "{\"@odata.context\":\"https://graph.microsoft.com/v1.0/$metadata"
                          "#servicePrincipals('0000000a-0000-0000-c000-000000000000')/endpoints\","
                          "\"value\":[");
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        if (tenant->has_licence || !services[i].needs_licence)
            emit_service(&reply->body, mock, i);
    iscep_buf_append_text(&reply->body, "]}");
}

static const char *describe(mock_token_result result)
{
    switch (result) {
    case MOCK_TOKEN_MISSING:
        return "Access token is empty.";
    case MOCK_TOKEN_EXPIRED:
        return "Lifetime validation failed, the token is expired.";
    case MOCK_TOKEN_WRONG_AUDIENCE:
        return "Access token validation failure. Invalid audience.";
    default:
        return "Access token validation failure.";
    }
}

void mock_handle_discovery(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    const mock_tenant *tenant = NULL;
    mock_token_result result = mock_token_check(&tenant, mock, request->authorization,
                                                mock->options->graph_resource, MOCK_ROLE_GRAPH);
    if (result == MOCK_TOKEN_NO_ROLE) {
        mock_reply_graph_error(reply, mock, request, 403, "Authorization_RequestDenied",
                               "Insufficient privileges to complete the operation.");
    } else if (result != MOCK_TOKEN_OK) {
        mock_reply_set_header(reply, "WWW-Authenticate", "Bearer");
        mock_reply_graph_error(reply, mock, request, 401, "InvalidAuthenticationToken", describe(result));
    } else if (strcmp(request->segment, INTUNE_SERVICE_PRINCIPAL) != 0) {
        mock_reply_graph_error(
            reply, mock, request, 404, "Request_ResourceNotFound",
            "Resource does not exist or one of its queried reference-property objects are not "
            "present.");
    } else {
        reply_services(mock, tenant, reply);
    }
}
