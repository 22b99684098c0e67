/* Which of Microsoft's clouds (intune/cloud.h) addresses belong to: a mix of two never works. */
#ifndef ISCEP_CTL_CLOUDS_H
#define ISCEP_CTL_CLOUDS_H

#include <stdbool.h>
#include <stddef.h>

/* address: a URL or a bare host. The name of the first cloud that has it; NULL: none, as far as we know. */
const char *ctl_cloud_of(const char *address);

/* Is there one cloud that has all of these, but for those that no cloud has? */
bool ctl_is_one_cloud(const char *const *addresses, size_t count);

/*
 * issuer: of a server certificate, as "C = US, O = DigiCert Inc, CN = …". Is it one of the organisations that sign for
 * Microsoft's services?
 */
bool ctl_signs_for_microsoft(const char *issuer);

#endif
