/* intune-scepctl config keys: what a configuration can say. No file is read. */
#ifndef ISCEP_CTL_CONFIG_KEYS_H
#define ISCEP_CTL_CONFIG_KEYS_H

#include "ctl/ctl.h"

/* Operand: a section, "tenant" or "tenant/NAME"; none: all. */
ctl_command_fn ctl_config_keys;

#endif
