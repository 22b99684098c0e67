/*
 * The configuration that setup writes: packaging/connector.conf, which is built in, with values filled in and all its comments. It
 * is edited as text: a line that sets the key, or one that shows it commented out ("#key = value"), becomes the one that sets it.
 */
#ifndef ISCEP_CTL_SETUP_DRAFT_H
#define ISCEP_CTL_SETUP_DRAFT_H

#include "ctl/setup_values.h"

/* Appends it. settings: in this order, a later one beats an earlier one; an empty section is [tenant/NAME]. NOMEM. */
iscep_status ctl_draft_make(iscep_buf *out, const char *tenant_name, const ctl_setting *settings,
                            size_t count, iscep_error *err) ISCEP_CHECKED;

/* The parts of it. A section that is not there is appended, a key stands behind the last of its section. */
void ctl_draft_set(iscep_buf *text, const char *section, const char *key, const char *value);
void ctl_draft_name_tenant(iscep_buf *text, const char *name);

#endif
