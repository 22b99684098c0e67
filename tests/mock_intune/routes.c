/* See routes.h. */
#include "routes.h"

#include <string.h>

#include "service_paths.h"

#define ADMIN(method_, pattern_, handler_)                                                                   \
    {                                                                                                        \
        .method = (method_), .pattern = (pattern_), .handler = (handler_), .is_admin = true                  \
    }
#define REVOCATIONS MOCK_PKI_CONNECTOR_PATH "/CertificateAuthorityRequests"

static const mock_route routes[] = {
    {"POST", "/*/oauth2/v2.0/token", mock_handle_token, false, MOCK_TOKEN},
    {"GET", MOCK_IMDS_PATH, mock_handle_imds, false, MOCK_IMDS},
    {"GET", "/v1.0/servicePrincipals/*/endpoints", mock_handle_discovery, false, MOCK_DISCOVERY},
    {"POST", MOCK_SCEP_PATH "/ScepActions/validateRequest", mock_handle_validate, false, MOCK_VALIDATE},
    {"POST", MOCK_SCEP_PATH "/ScepActions/successNotification", mock_handle_success, false,
     MOCK_SUCCESS_NOTE},
    {"POST", MOCK_SCEP_PATH "/ScepActions/failureNotification", mock_handle_failure, false,
     MOCK_FAILURE_NOTE},
    {"POST", REVOCATIONS "/downloadRevocationRequests", mock_handle_download, false, MOCK_DOWNLOAD},
    {"POST", REVOCATIONS "/uploadRevocationResults", mock_handle_upload, false, MOCK_UPLOAD},
    ADMIN("POST", "/admin/challenges", mock_admin_mint_challenge),
    ADMIN("POST", "/admin/profiles", mock_admin_make_profile),
    ADMIN("GET", "/admin/transactions", mock_admin_list_transactions),
    ADMIN("GET", "/admin/transactions/*", mock_admin_get_transaction),
    ADMIN("GET", "/admin/stats", mock_admin_get_stats),
    ADMIN("GET", "/admin/settings", mock_admin_get_settings),
    ADMIN("POST", "/admin/settings", mock_admin_change_settings),
    ADMIN("GET", "/admin/tenants", mock_admin_list_tenants),
    ADMIN("GET", "/admin/tenants/*", mock_admin_get_tenant),
    ADMIN("PUT", "/admin/tenants/*", mock_admin_put_tenant),
    ADMIN("DELETE", "/admin/tenants/*", mock_admin_remove_tenant),
    ADMIN("GET", "/admin/credentials", mock_admin_list_credentials),
    ADMIN("POST", "/admin/credentials", mock_admin_add_credential),
    ADMIN("PUT", "/admin/credentials/*", mock_admin_change_credential),
    ADMIN("DELETE", "/admin/credentials/*", mock_admin_remove_credential),
    ADMIN("PUT", "/admin/devices/*", mock_admin_assign_device),
    ADMIN("DELETE", "/admin/devices/*", mock_admin_unassign_device),
    ADMIN("GET", "/admin/revocations", mock_admin_list_revocations),
    ADMIN("POST", "/admin/revocations", mock_admin_add_revocations),
    ADMIN("DELETE", "/admin/revocations", mock_admin_clear_revocations),
    ADMIN("GET", "/admin/fault-kinds", mock_admin_list_fault_kinds),
    ADMIN("GET", "/admin/faults", mock_admin_list_faults),
    ADMIN("POST", "/admin/faults", mock_admin_add_fault),
    ADMIN("DELETE", "/admin/faults", mock_admin_clear_faults),
    ADMIN("POST", "/admin/reset", mock_admin_reset),
};

static bool matches(const char *pattern, const char *path, iscep_bytes *segment)
{
    for (;; pattern++) {
        if (*pattern == '*') {
            *segment = iscep_bytes_of(path, strcspn(path, "/"));
            if (segment->len == 0)
                return false;
            path += segment->len;
        } else if (*pattern != *path) {
            return false;
        } else if (*path++ == '\0') {
            return true;
        }
    }
}

const mock_route *mock_route_find(const char *method, const char *path, iscep_bytes *segment,
                                  bool *is_known_path)
{
    *is_known_path = false;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        *segment = iscep_bytes_of(NULL, 0);
        if (!matches(routes[i].pattern, path, segment))
            continue;
        *is_known_path = true;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
    }
    return NULL;
}
