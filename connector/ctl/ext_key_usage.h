/* Extended key usages by name. */
#ifndef ISCEP_CTL_EXT_KEY_USAGE_H
#define ISCEP_CTL_EXT_KEY_USAGE_H

/* The few that Intune profiles ask for; "" for any other, which is shown as its OID. */
const char *ctl_ext_key_usage_name(const char *oid);

#endif
