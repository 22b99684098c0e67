/* See tenants.h. */
#include "tenants.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    size_t offset;
    bool is_healthy; /* the value in a healthy tenant */
} switches[] = {
    {"graphRole", offsetof(mock_tenant, has_graph_role), true},
    {"intuneRole", offsetof(mock_tenant, has_intune_role), true},
    {"licence", offsetof(mock_tenant, has_licence), true},
    {"applicationEnabled", offsetof(mock_tenant, is_application_enabled), true},
    {"intunePrincipal", offsetof(mock_tenant, has_intune_principal), true},
    {"conditionalAccessBlocks", offsetof(mock_tenant, is_blocked_by_policy), false},
};
#define SWITCH_COUNT (sizeof(switches) / sizeof(switches[0]))

static bool *switch_of(mock_tenant *tenant, size_t i)
{
    return (bool *)((char *)tenant + switches[i].offset);
}

void mock_tenant_init(mock_tenant *out, const char *id, const char *client_id)
{
    *out = (mock_tenant){.downloaded_mono_ms = -1};
    iscep_text_copy(out->id, sizeof(out->id), id);
    iscep_text_copy(out->client_id, sizeof(out->client_id), client_id);
    for (size_t i = 0; i < SWITCH_COUNT; i++)
        *switch_of(out, i) = switches[i].is_healthy;
}

static bool is_id(const char *text)
{
    return text[0] != '\0' && strlen(text) < MOCK_NAME_SIZE;
}

const char *mock_tenant_read(mock_tenant *out, const char *id, const char *client_id, const iscep_json *json)
{
    const char *other_client_id = iscep_json_text(json, "clientId");
    if (other_client_id != NULL)
        client_id = other_client_id;
    if (!is_id(id) || !is_id(client_id))
        return "the tenant's id or its clientId is empty or too long";
    mock_tenant_init(out, id, client_id);
    for (size_t i = 0; i < SWITCH_COUNT; i++)
        if (iscep_json_member(json, switches[i].name) != NULL)
            *switch_of(out, i) = iscep_json_is_true(json, switches[i].name);
    return NULL;
}

void mock_tenant_emit(iscep_json *out, const mock_tenant *tenant)
{
    iscep_json_add_text(out, "id", tenant->id);
    iscep_json_add_text(out, "clientId", tenant->client_id);
    for (size_t i = 0; i < SWITCH_COUNT; i++)
        iscep_json_add_bool(out, switches[i].name,
                            *(const bool *)((const char *)tenant + switches[i].offset));
}

mock_tenant *mock_tenants_find(mock_tenants *tenants, const char *id)
{
    for (size_t i = 0; i < tenants->count; i++)
        if (strcasecmp(tenants->items[i].id, id) == 0)
            return &tenants->items[i];
    return NULL;
}

bool mock_tenants_put(mock_tenants *tenants, const mock_tenant *tenant)
{
    mock_tenant *known = mock_tenants_find(tenants, tenant->id);
    if (known != NULL) {
        int64_t downloaded_mono_ms = known->downloaded_mono_ms;
        *known = *tenant;
        known->downloaded_mono_ms = downloaded_mono_ms;
        return true;
    }
    if (tenants->count == MOCK_TENANTS_MAX)
        return false;
    tenants->items[tenants->count++] = *tenant;
    return true;
}

void mock_tenants_remove(mock_tenants *tenants, mock_tenant *tenant)
{
    size_t at = (size_t)(tenant - tenants->items);
    tenants->count--;
    memmove(tenant, tenant + 1, (tenants->count - at) * sizeof(*tenant));
}
