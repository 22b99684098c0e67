/*
 * What can be told of a SCEP challenge without opening it. Intune's is a CMS structure (RFC 5652) that only Intune can
 * decrypt, as base64: a guess from the field, documented nowhere, so nothing may depend on it by default.
 */
#ifndef ISCEP_BASE_CHALLENGE_H
#define ISCEP_BASE_CHALLENGE_H

#include "base/bytes.h"

/* Is it base64, without line breaks, of exactly one ContentInfo of a PKCS#7 type? A static password is not. */
bool iscep_challenge_is_like_intune(iscep_bytes challenge);

#endif
