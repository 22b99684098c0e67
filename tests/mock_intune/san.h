/*
 * Subject alternative names in one spelling, so that equal names are equal texts: "dns:host.example",
 * "email:a@b.example", "upn:a@b.example" (these three without case), "uri:…" (exactly), "ip:" + hex of the address.
 */
#ifndef MOCK_SAN_H
#define MOCK_SAN_H

#include <openssl/x509v3.h>

#include "textset.h"

/* From a profile: type is one of the words above. USAGE when type or value make no sense. */
iscep_status mock_san_add_text(mock_textset *set, const char *type, const char *value,
                               iscep_error *err) ISCEP_CHECKED;
/* From a request. False for a kind of name that a profile cannot demand, and for text with a NUL in it. */
bool mock_san_add(mock_textset *set, const GENERAL_NAME *name) ISCEP_CHECKED;

#endif
