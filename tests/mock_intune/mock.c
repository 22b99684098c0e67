/* See mock.h. */
#include "mock.h"

#include <stdlib.h>

#include "credential_load.h"

#define EXAMINED_MAX    10000
#define REDEEMED_MAX    1000000
#define UNASSIGNED_MAX  200000
#define ASSERTIONS_MAX  200000
#define REVOCATIONS_MAX 200000

static void set_defaults(mock_state *mock)
{
    const mock_options *options = mock->options;
    mock->settings = (mock_settings){
        .token_lifetime_s = options->token_lifetime_s,
        .revocation_quiet_s = options->revocation_quiet_s,
        .issuer_filter = MOCK_FILTER_DOCUMENTED,
    };
    mock->stats = (mock_stats){0};
    mock->tenants.count = 0;
    for (size_t i = 0; i < options->tenant_count; i++) {
        mock_tenant tenant;
        mock_tenant_init(&tenant, options->tenant_ids[i], options->client_id);
        mock_tenants_put(&mock->tenants, &tenant); /* there is room: MOCK_OPTION_VALUES_MAX are fewer */
    }
}

static iscep_status open_memory(mock_state *mock, iscep_error *err)
{
    const struct {
        mock_map **map;
        size_t max_entries;
        void (*free_value)(void *value);
    } maps[] = {{&mock->examined, EXAMINED_MAX, free},
                {&mock->redeemed, REDEEMED_MAX, free},
                {&mock->unassigned, UNASSIGNED_MAX, NULL},
                {&mock->seen_assertions, ASSERTIONS_MAX, NULL}};
    iscep_status status = mock_record_new(&mock->record, MOCK_RECORD_MAX, err);
    if (status == ISCEP_OK)
        status = mock_revocations_new(&mock->revocations, REVOCATIONS_MAX, err);
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && status == ISCEP_OK; i++)
        status = mock_map_new(maps[i].map, maps[i].max_entries, maps[i].free_value, err);
    return status;
}

iscep_status mock_open(mock_state *out, const iscep_env *env, const mock_options *options, iscep_error *err)
{
    *out = (mock_state){.env = *env, .options = options};
    set_defaults(out);
    iscep_status status = mock_pki_open(&out->pki, options->state_dir, err);
    if (status == ISCEP_OK)
        status = mock_credentials_load(&out->credentials, env, options, err);
    return status == ISCEP_OK ? open_memory(out, err) : status;
}

void mock_clear(mock_state *mock)
{
    mock_token_cache_clear(&mock->tokens);
    mock_revocations_free(mock->revocations);
    mock_map_free(mock->seen_assertions);
    mock_map_free(mock->unassigned);
    mock_map_free(mock->redeemed);
    mock_map_free(mock->examined);
    mock_record_free(mock->record);
    mock_credentials_clear(&mock->credentials);
    mock_pki_clear(&mock->pki);
}

void mock_reset(mock_state *mock)
{
    mock_record_clear(mock->record);
    mock_revocations_clear(mock->revocations);
    mock_map_clear(mock->redeemed);
    mock_map_clear(mock->unassigned);
    mock_map_clear(mock->seen_assertions);
    mock_credentials_reset(&mock->credentials);
    mock_faults_clear(&mock->faults);
    set_defaults(mock);
}

void mock_guid(char out[ISCEP_GUID_SIZE], const mock_state *mock)
{
    if (iscep_guid_new(out, &mock->env, NULL) != ISCEP_OK)
        iscep_text_copy(out, ISCEP_GUID_SIZE, "00000000-0000-0000-0000-000000000000");
}
