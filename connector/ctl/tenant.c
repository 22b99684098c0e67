/* See tenant.h. */
#include "ctl/tenant.h"

#include "base/bytes.h"

/* Nobody is meant, or somebody who is not there. */
static iscep_status complain(const iscep_config *config, const char *wanted, iscep_error *err)
{
    ISCEP_AUTO_BUF names;
    iscep_buf_init(&names, 4096);
    for (size_t i = 0; i < config->tenant_count; i++)
        iscep_buf_printf(&names, "%s%s", i > 0 ? ", " : "", config->tenants[i].name);
    if (wanted == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "tenant_missing", "--tenant must say which one: %s",
                               iscep_buf_text(&names));
    return iscep_error_set(err, ISCEP_USAGE, "tenant_unknown", "there is no tenant %s; there are: %s", wanted,
                           iscep_buf_text(&names));
}

iscep_status ctl_choose_tenant(const iscep_config_tenant **out, const iscep_config *config,
                               const ctl_request *request, iscep_error *err)
{
    *out = NULL;
    if (request->tenant != NULL)
        *out = iscep_config_find_tenant(config, request->tenant);
    else if (config->tenant_count == 1)
        *out = &config->tenants[0];
    return *out != NULL ? ISCEP_OK : complain(config, request->tenant, err);
}
