/* See routes.h. */
#include "routes.h"

#include <string.h>

#include "service_paths.h"

static const mock_route routes[] = {
    {"POST", "/*/oauth2/v2.0/token", mock_handle_token, false, MOCK_TOKEN},
    {"GET", "/v1.0/servicePrincipals/*/endpoints", mock_handle_discovery, false, MOCK_DISCOVERY},
    {"POST", MOCK_SCEP_PATH "/ScepActions/validateRequest", mock_handle_validate, false, MOCK_VALIDATE},
    {"POST", MOCK_SCEP_PATH "/ScepActions/successNotification", mock_handle_success, false,
     MOCK_SUCCESS_NOTE},
    {"POST", MOCK_SCEP_PATH "/ScepActions/failureNotification", mock_handle_failure, false,
     MOCK_FAILURE_NOTE},
    {.method = "POST",
     .pattern = "/admin/challenges",
     .handler = mock_admin_mint_challenge,
     .is_admin = true},
    {.method = "GET",
     .pattern = "/admin/transactions",
     .handler = mock_admin_list_transactions,
     .is_admin = true},
    {.method = "GET",
     .pattern = "/admin/transactions/*",
     .handler = mock_admin_get_transaction,
     .is_admin = true},
    {.method = "GET", .pattern = "/admin/stats", .handler = mock_admin_get_stats, .is_admin = true},
    {.method = "GET", .pattern = "/admin/settings", .handler = mock_admin_get_settings, .is_admin = true},
    {.method = "POST", .pattern = "/admin/settings", .handler = mock_admin_change_settings, .is_admin = true},
    {.method = "PUT", .pattern = "/admin/devices/*", .handler = mock_admin_assign_device, .is_admin = true},
    {.method = "DELETE",
     .pattern = "/admin/devices/*",
     .handler = mock_admin_unassign_device,
     .is_admin = true},
    {.method = "GET", .pattern = "/admin/faults", .handler = mock_admin_list_faults, .is_admin = true},
    {.method = "POST", .pattern = "/admin/faults", .handler = mock_admin_add_fault, .is_admin = true},
    {.method = "DELETE", .pattern = "/admin/faults", .handler = mock_admin_clear_faults, .is_admin = true},
    {.method = "POST", .pattern = "/admin/reset", .handler = mock_admin_reset, .is_admin = true},
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
