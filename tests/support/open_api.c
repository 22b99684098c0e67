/* See open_api.h. */
#include "tests/support/open_api.h"

bool open_api_make(open_api *out, const iscep_env *env, iscep_intune *intune, iscep_service *service,
                   int64_t request_timeout_ms)
{
    *out = (open_api){
        .config = {.request_timeout_ms = request_timeout_ms, .listener_count = 1, .tenant_count = 1}};
    out->config.listeners[0] = (iscep_listener_options){.name = "default", .serves = UINT32_MAX};
    out->config.tenants[0].name = "contoso";
    if (iscep_doors_new(&out->doors, &out->config, NULL) != ISCEP_OK)
        return false;
    iscep_doors_number(out->doors, 0, 0);
    out->seat = (iscep_seat){.config = &out->config.tenants[0], .intune = intune, .service = service};
    out->api = (iscep_api){.env = env,
                           .config = &out->config,
                           .doors = out->doors,
                           .seats = &out->seat,
                           .seat_count = 1,
                           .is_on_keeper = true};
    out->in_force = &out->api;
    return true;
}

void open_api_clear(open_api *api)
{
    iscep_doors_free(api->doors);
}
