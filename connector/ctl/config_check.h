/* What is allowed in a configuration, but unwise, or will not work for long: warnings of intune-scepctl config check. */
#ifndef ISCEP_CTL_CONFIG_CHECK_H
#define ISCEP_CTL_CONFIG_CHECK_H

#include "base/env.h"
#include "daemon/config.h"

/* code: one word, for scripts; text: which thing, what is wrong with it, and what to do. Both for the length of the call. */
typedef void (*ctl_warn_fn)(void *user, const char *code, const char *text);

/* Calls warn for each. Reads files' modes and certificates, and asks nobody. */
void ctl_config_check(const iscep_config *config, const iscep_env *env, ctl_warn_fn warn, void *user);

#endif
