/* Could intune-scepd decide requests now? */
#ifndef ISCEP_PLUGIN_READINESS_H
#define ISCEP_PLUGIN_READINESS_H

#include "plugin/socket/asking.h"

/* health begins as DOWN. Returns within timeout_ms, of which 0 is the instance's own default. */
void iscep_readiness_ask(iscep_asker *asker, uint32_t timeout_ms, scep_health *health);

#endif
