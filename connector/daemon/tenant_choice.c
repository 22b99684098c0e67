/*
 * Whose request is it? See api.h. A tenant that is named twice must be the same twice: whoever put something in front of us, be it
 * a proxy's path or a listener, is not outvoted by what the caller writes.
 */
#include <string.h>

#include "daemon/api.h"

/* /t/NAME goes before the path of what is asked. */
static const char prefix[] = "/t/";
enum { PREFIX_LEN = sizeof prefix - 1 };

/* A name as it stands in the request; len 0: it is not named there. */
typedef struct naming {
    const char *name;
    size_t len;
} naming;

static naming naming_of(const char *name)
{
    return (naming){name, name == NULL ? 0 : strlen(name)};
}

static naming in_path(const iscep_exchange *exchange)
{
    const char *path = iscep_exchange_path(exchange);
    if (strncmp(path, prefix, PREFIX_LEN) != 0)
        return (naming){0};
    return (naming){path + PREFIX_LEN, strcspn(path + PREFIX_LEN, "/")};
}

const char *iscep_api_path(const iscep_exchange *exchange)
{
    const naming named = in_path(exchange);
    return named.len > 0 ? named.name + named.len : iscep_exchange_path(exchange);
}

static bool is_same(naming one, naming other)
{
    return one.len == other.len && memcmp(one.name, other.name, one.len) == 0;
}

static iscep_status refuse(iscep_error *err, int32_t http_status, const char *code, const char *message)
{
    iscep_error_set(err, ISCEP_USAGE, code, "%s", message);
    if (err != NULL)
        err->http_status = http_status;
    return ISCEP_USAGE;
}

/* What the request says, if it says the same everywhere. An empty header or member is a name that nobody has. */
static iscep_status read_names(naming *out, bool *is_named, const iscep_exchange *exchange, const char *named,
                               iscep_error *err)
{
    const char *header = iscep_exchange_header(exchange, "X-Scep-Tenant");
    const naming path = in_path(exchange);
    const naming names[] = {path, naming_of(header), naming_of(named)};
    const bool is_given[] = {path.len > 0, header != NULL, named != NULL};
    *is_named = false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!is_given[i])
            continue;
        if (*is_named && !is_same(*out, names[i]))
            return refuse(err, 400, "tenant_contradictory",
                          "path, X-Scep-Tenant and the member tenant name different tenants");
        *out = names[i];
        *is_named = true;
    }
    return ISCEP_OK;
}

static iscep_status find_seat(const iscep_seat **out, const iscep_api *api, naming name, iscep_error *err)
{
    for (size_t i = 0; i < api->seat_count; i++) {
        if (!is_same(naming_of(api->seats[i].config->name), name))
            continue;
        *out = &api->seats[i];
        return ISCEP_OK;
    }
    return refuse(err, 404, "tenant_unknown", "the connector has no such [tenant/NAME]");
}

iscep_status iscep_api_find_tenant(const iscep_seat **out, const iscep_api *api,
                                   const iscep_exchange *exchange, const char *named, iscep_error *err)
{
    *out = NULL;
    naming name = {0};
    bool is_named;
    const naming tied = naming_of(iscep_doors_tenant(api->doors, iscep_exchange_peer(exchange).door));
    iscep_status status = read_names(&name, &is_named, exchange, named, err);
    if (status != ISCEP_OK)
        return status;
    if (tied.len > 0 && is_named && !is_same(tied, name))
        return refuse(err, 403, "tenant_not_here", "this listener is for another tenant");
    return tied.len > 0 || is_named ? find_seat(out, api, is_named ? name : tied, err) : ISCEP_OK;
}

iscep_status iscep_api_choose_tenant(const iscep_seat **out, const iscep_api *api,
                                     const iscep_exchange *exchange, const char *named, iscep_error *err)
{
    iscep_status status = iscep_api_find_tenant(out, api, exchange, named, err);
    if (status != ISCEP_OK || *out != NULL)
        return status;
    if (api->seat_count == 1) {
        *out = &api->seats[0];
        return ISCEP_OK;
    }
    return refuse(err, 400, "tenant_missing",
                  "the connector has several tenants: name one by /t/NAME before the path, by the header "
                  "X-Scep-Tenant, by the member tenant of a JSON body, or by a listener that is tied to one");
}
