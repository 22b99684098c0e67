/* The codes that the thin plugin gives by itself, without the connector (docs/PLUGIN-ABI.md), for codes to explain. */
#ifndef ISCEP_CTL_PLUGIN_CODES_H
#define ISCEP_CTL_PLUGIN_CODES_H

#include "intune/codes.h"

/* Its refusals, one after the other, from 0; NULL behind the last. */
const iscep_code *ctl_plugin_refusal_at(size_t index);

/* What to do about a retry that it answers: one clause without a full stop; NULL: not a retry of the plugin's. */
const char *ctl_plugin_retry_find(const char *code);

#endif
