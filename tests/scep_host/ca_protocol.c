/* The words of ca_protocol.h. */
#include "ca_protocol.h"

#include <string.h>

static const char *const NAMES[] = {[ISCEP_CERT_UNKNOWN] = "unknown",
                                    [ISCEP_CERT_VALID] = "valid",
                                    [ISCEP_CERT_REVOKED] = "revoked",
                                    [ISCEP_CERT_AMBIGUOUS] = "ambiguous"};

const char *iscep_ca_name_of_state(iscep_cert_state state)
{
    return NAMES[state];
}

bool iscep_ca_state_of_name(iscep_cert_state *out, const char *name)
{
    for (size_t i = 0; name && i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
        if (strcmp(NAMES[i], name) == 0) {
            *out = (iscep_cert_state)i;
            return true;
        }
    }
    return false;
}
