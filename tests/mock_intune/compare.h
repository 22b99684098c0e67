/* Does a request ask for what its profile says? */
#ifndef MOCK_COMPARE_H
#define MOCK_COMPARE_H

#include "csr.h"
#include "profile.h"

/* The code of the first difference, in the order subject, SAN, key usage, key length, extended key usage; else
 * MOCK_SUCCESS. What the request asks for beyond these is not looked at, as Intune does not. */
const char *mock_compare(const mock_profile *profile, const mock_csr *csr);

#endif
