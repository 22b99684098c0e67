/* Which sections there are: what each is called, which keys it has and where they go. */
#include <stdio.h>
#include <string.h>

#include "daemon/config_key.h"

/* Of sections with a name of their own: where they are. */
#define ITEMS(array, count, type)                                                                            \
    .items_offset = offsetof(iscep_config, array), .count_offset = offsetof(iscep_config, count),            \
    .item_size = sizeof(type), .name_offset = offsetof(type, name)

static const struct section_kind kinds[] = {
    {.name = "connector", .keys = iscep_connector_keys, .derive = iscep_config_derive_connector},
    {.name = "journal", .keys = iscep_journal_keys},
    {.name = "policy", .keys = iscep_policy_keys},
    {.name = "credential",
     .keys_of = iscep_credential_keys,
     .add = iscep_config_add_credential,
     ITEMS(credentials, credential_count, iscep_credential_options)},
    {.name = "revocation", .keys = iscep_revocation_keys, .derive = iscep_config_derive_revocation},
    {.name = "ca",
     .keys_of = iscep_ca_keys,
     .add = iscep_config_add_ca,
     ITEMS(cas, ca_count, iscep_ca_options)},
    {.name = "tenant",
     .keys = iscep_tenant_keys,
     .add = iscep_config_add_tenant,
     ITEMS(tenants, tenant_count, iscep_config_tenant),
     .derive = iscep_config_derive_tenant},
    {.name = "listener",
     .keys = iscep_listener_keys,
     .add = iscep_config_add_listener,
     ITEMS(listeners, listener_count, iscep_listener_options),
     .derive = iscep_config_derive_listener},
    {.name = "step-ca",
     .keys = iscep_step_ca_keys,
     .add = iscep_config_add_step_ca,
     ITEMS(step_cas, step_ca_count, iscep_step_ca_options)},
};
enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

const struct section_kind *iscep_config_kind_at(size_t index)
{
    return index < KIND_COUNT ? &kinds[index] : NULL;
}

const struct section_kind *iscep_config_find_kind(const char *title, const char **name)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        const size_t len = strlen(kinds[i].name);
        const bool is_named = kinds[i].add != NULL;
        if (strncmp(title, kinds[i].name, len) != 0)
            continue;
        *name = is_named ? title + len + 1 : NULL;
        if (is_named ? title[len] == '/' && title[len + 1] != '\0' : title[len] == '\0')
            return &kinds[i];
    }
    return NULL;
}

const struct key *iscep_config_keys(const section *of)
{
    return of->kind->keys_of != NULL ? of->kind->keys_of(of->base) : of->kind->keys;
}

const struct key *iscep_config_find_key(const struct key *keys, const char *name)
{
    for (; keys->name != NULL; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

bool iscep_config_section_at(section *out, iscep_config *config, const struct section_kind *kind,
                             size_t index)
{
    char *whole = (char *)config;
    out->kind = kind;
    out->base = config;
    snprintf(out->title, sizeof out->title, "%s", kind->name);
    if (kind->add == NULL)
        return index == 0;
    if (index >= *(const size_t *)(const void *)(whole + kind->count_offset))
        return false;
    out->base = whole + kind->items_offset + index * kind->item_size;
    snprintf(out->title, sizeof out->title, "%s/%s", kind->name,
             *(const char *const *)(const void *)((const char *)out->base + kind->name_offset));
    return true;
}

iscep_status iscep_config_set_defaults(iscep_config *config, const section *of, iscep_error *err)
{
    for (const struct key *key = iscep_config_keys(of); key->name != NULL; key++)
        if (key->default_text != NULL &&
            key->read(config, (char *)of->base + key->offset, key->default_text) != NULL)
            return iscep_error_nomem(err); /* a default is right */
    return ISCEP_OK;
}

const char *iscep_config_default(const iscep_config *config, const section *of, const struct key *key)
{
    const char *text;
    bool is_derived = of->kind->derive != NULL && of->kind->derive(config, of->base, key->name, &text);
    return is_derived ? text : key->default_text;
}

const char *iscep_config_value(const iscep_config *config, const section *of, const struct key *key)
{
    const char *given = iscep_config_given(config, of->title, key->name, NULL);
    return given != NULL ? given : iscep_config_default(config, of, key);
}
