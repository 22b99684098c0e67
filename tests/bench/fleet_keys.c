/* See fleet_keys.h. */
#include "fleet_keys.h"

iscep_status fleet_keys_make(fleet_keys *out, size_t count, iscep_error *err)
{
    out->count = 0;
    while (out->count < count) {
        iscep_status status = scep_client_identity_make(&out->identities[out->count], err);
        if (status != ISCEP_OK)
            return status;
        out->count++;
    }
    return ISCEP_OK;
}

void fleet_keys_clear(fleet_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        scep_client_identity_clear(&keys->identities[i]);
    keys->count = 0;
}
