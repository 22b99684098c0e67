/* "11111111-2222-3333-4444-555555555555": tenants, applications and ids of secrets look like this; a secret's value does not. */
#ifndef ISCEP_CTL_GUID_H
#define ISCEP_CTL_GUID_H

#include "base/bytes.h"

bool ctl_is_guid(iscep_bytes text);

#endif
