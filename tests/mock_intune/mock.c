/* See mock.h. */
#include "mock.h"

#include <stdlib.h>

#define EXAMINED_MAX   10000
#define REDEEMED_MAX   1000000
#define UNASSIGNED_MAX 200000

static void set_defaults(mock_state *mock)
{
    mock->settings = (mock_settings){
        .token_lifetime_s = mock->options->token_lifetime_s,
        .grants_graph_role = true,
        .grants_intune_role = true,
    };
    mock->stats = (mock_stats){0};
}

iscep_status mock_open(mock_state *out, const iscep_env *env, const mock_options *options, iscep_error *err)
{
    *out = (mock_state){.env = *env, .options = options};
    set_defaults(out);
    iscep_status status = mock_pki_open(&out->pki, options->state_dir, err);
    if (status == ISCEP_OK)
        status = mock_record_new(&out->record, MOCK_RECORD_MAX, err);
    if (status == ISCEP_OK)
        status = mock_map_new(&out->examined, EXAMINED_MAX, free, err);
    if (status == ISCEP_OK)
        status = mock_map_new(&out->redeemed, REDEEMED_MAX, free, err);
    if (status == ISCEP_OK)
        status = mock_map_new(&out->unassigned, UNASSIGNED_MAX, NULL, err);
    return status;
}

void mock_clear(mock_state *mock)
{
    mock_token_cache_clear(&mock->tokens);
    mock_map_free(mock->unassigned);
    mock_map_free(mock->redeemed);
    mock_map_free(mock->examined);
    mock_record_free(mock->record);
    mock_pki_clear(&mock->pki);
}

void mock_reset(mock_state *mock)
{
    mock_record_clear(mock->record);
    mock_map_clear(mock->redeemed);
    mock_map_clear(mock->unassigned);
    mock_faults_clear(&mock->faults);
    set_defaults(mock);
}

void mock_guid(char out[ISCEP_GUID_SIZE], const mock_state *mock)
{
    if (iscep_guid_new(out, &mock->env, NULL) != ISCEP_OK)
        iscep_text_copy(out, ISCEP_GUID_SIZE, "00000000-0000-0000-0000-000000000000");
}
