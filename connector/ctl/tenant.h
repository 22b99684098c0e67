/* Which tenant of the configuration a command is about: --tenant says, or there is only one. */
#ifndef ISCEP_CTL_TENANT_H
#define ISCEP_CTL_TENANT_H

#include "ctl/ctl.h"
#include "daemon/config.h"

/* Borrowed from config. USAGE: there is none of this name, or it must be said which; the message lists them. */
iscep_status ctl_choose_tenant(const iscep_config_tenant **out, const iscep_config *config,
                               const ctl_request *request, iscep_error *err) ISCEP_CHECKED;

#endif
