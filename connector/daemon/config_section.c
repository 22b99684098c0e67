/* Which sections there are: what each is called, which keys it has and where they go. */
#include <stdio.h>
#include <string.h>

#include "daemon/config_key.h"

/* Of sections with a name of their own: where they are. */
#define ITEMS(array, count, type)                                                                            \
    .items_offset = offsetof(iscep_config, array), .count_offset = offsetof(iscep_config, count),            \
    .item_size = sizeof(type), .name_offset = offsetof(type, name)

static const struct section_kind kinds[] = {
    {.name = "connector",
     .title = "connector",
     .keys = iscep_connector_keys,
     .derive = iscep_config_derive_connector},
    {.name = "journal", .title = "journal", .keys = iscep_journal_keys},
    {.name = "policy", .title = "policy", .keys = iscep_policy_keys},
    {.name = "credential",
     .title = "credential/ID",
     .keys = iscep_credential_keys,
     .kind_of = iscep_config_credential_kind,
     .kind_name = iscep_config_credential_kind_name,
     .add = iscep_config_add_credential,
     ITEMS(credentials, credential_count, iscep_credential_options)},
    {.name = "revocation",
     .title = "revocation",
     .keys = iscep_revocation_keys,
     .derive = iscep_config_derive_revocation},
    {.name = "ca",
     .title = "ca/NAME",
     .keys = iscep_ca_keys,
     .kind_of = iscep_config_ca_kind,
     .kind_name = iscep_config_ca_kind_name,
     .add = iscep_config_add_ca,
     ITEMS(cas, ca_count, iscep_ca_options)},
    {.name = "tenant",
     .title = "tenant/NAME",
     .keys = iscep_tenant_keys,
     .add = iscep_config_add_tenant,
     ITEMS(tenants, tenant_count, iscep_config_tenant),
     .derive = iscep_config_derive_tenant},
    {.name = "listener",
     .title = "listener/NAME",
     .keys = iscep_listener_keys,
     .add = iscep_config_add_listener,
     ITEMS(listeners, listener_count, iscep_listener_options),
     .derive = iscep_config_derive_listener},
    {.name = "step-ca",
     .title = "step-ca/NAME",
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

static bool has_key(const section *of, const struct key *key)
{
    const unsigned kind = of->kind->kind_of != NULL ? of->kind->kind_of(of->base) : 0;
    return key->kinds == 0 || (kind != 0 && (key->kinds & 1U << kind) != 0);
}

const struct key *iscep_config_next_key(const section *of, const struct key *after)
{
    const struct key *key = after != NULL ? after + 1 : of->kind->keys;
    while (key->name != NULL && !has_key(of, key))
        key++;
    return key->name != NULL ? key : NULL;
}

const struct key *iscep_config_find_key(const section *of, const char *name)
{
    const struct key *key = NULL;
    while ((key = iscep_config_next_key(of, key)) != NULL && strcmp(key->name, name) != 0)
        ;
    return key;
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
    for (const struct key *key = NULL; (key = iscep_config_next_key(of, key)) != NULL;)
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
