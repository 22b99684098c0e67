/* /admin/tenants: making, changing and removing tenants. */
#include "admin.h"
#include "handlers.h"

static void reply_tenant(mock_reply *reply, const mock_tenant *tenant)
{
    iscep_json *json = iscep_json_new_object();
    mock_tenant_emit(json, tenant);
    mock_admin_reply_json(reply, json);
}

void mock_admin_list_tenants(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    (void)request;
    iscep_json *array = iscep_json_new_array();
    for (size_t i = 0; i < mock->tenants.count; i++)
        mock_tenant_emit(iscep_json_append_object(array), &mock->tenants.items[i]);
    mock_admin_reply_json(reply, array);
}

/* The tenant of the path, or NULL and a reply of 404. */
static mock_tenant *find_tenant(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_tenant *found = mock_tenants_find(&mock->tenants, request->segment);
    if (found == NULL)
        mock_admin_refuse(reply, 404, "not_found", "no such tenant");
    return found;
}

void mock_admin_get_tenant(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    const mock_tenant *found = find_tenant(mock, request, reply);
    if (found != NULL)
        reply_tenant(reply, found);
}

void mock_admin_put_tenant(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    static const mock_json_rule rules[] = {MOCK_TENANT_RULES};
    mock_tenant tenant;
    ISCEP_AUTO_JSON *json = mock_admin_read(request, reply, rules, sizeof(rules) / sizeof(rules[0]));
    if (json == NULL)
        return;
    const char *wrong = mock_tenant_read(&tenant, request->segment, mock->options->client_id, json);
    if (wrong != NULL)
        mock_admin_refuse(reply, 400, "bad_request", wrong);
    else if (!mock_tenants_put(&mock->tenants, &tenant))
        mock_admin_refuse(reply, 409, "too_many", "there are too many tenants already");
    else
        reply_tenant(reply, &tenant);
}

void mock_admin_remove_tenant(mock_state *mock, const mock_request *request, mock_reply *reply)
{
    mock_tenant *found = find_tenant(mock, request, reply);
    if (found == NULL)
        return;
    if (mock->tenants.count == 1) {
        mock_admin_refuse(reply, 409, "last_tenant", "this is the last tenant; the mock needs one");
        return;
    }
    mock_tenants_remove(&mock->tenants, found);
    mock_admin_list_tenants(mock, request, reply);
}
