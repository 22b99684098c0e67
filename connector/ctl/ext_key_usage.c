/* See ext_key_usage.h. */
#include "ctl/ext_key_usage.h"

#include <stddef.h>
#include <string.h>

const char *ctl_ext_key_usage_name(const char *oid)
{
    static const struct {
        const char *oid;
        const char *name;
    } known[] = {{"1.3.6.1.5.5.7.3.1", "serverAuth"},           {"1.3.6.1.5.5.7.3.2", "clientAuth"},
                 {"1.3.6.1.5.5.7.3.4", "emailProtection"},      {"1.3.6.1.5.5.7.3.7", "ipsecUser"},
                 {"1.3.6.1.5.5.8.2.2", "ipsecIKEIntermediate"}, {"1.3.6.1.4.1.311.20.2.2", "smartcardLogon"},
                 {"2.5.29.37.0", "anyExtendedKeyUsage"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].oid, oid) == 0)
            return known[i].name;
    return "";
}
