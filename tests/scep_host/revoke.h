/* Revoking for the plugin: from what the ABI asks to what this CA does, and back. */
#ifndef ISCEP_HOST_REVOKE_H
#define ISCEP_HOST_REVOKE_H

#include "ca.h"
#include "scep_plugin.h"

/* SCEP_REVOKE_…; err says more, unless it is DONE or ALREADY. The issuer is not looked at: the serial numbers of this CA
 * are 127 random bits, no other's is among them. Threads: any. */
int32_t iscep_revoke(const iscep_host_ca *ca, const char *serial, uint32_t reason, iscep_error *err);

#endif
