/* A secret in memory: cleansed when freed, never printed, neither in a core file nor, where the limits allow it, in swap. */
#ifndef ISCEP_BASE_SECRET_H
#define ISCEP_BASE_SECRET_H

#include "base/bytes.h"

typedef struct iscep_secret iscep_secret;

iscep_status iscep_secret_new(iscep_secret **out, iscep_bytes value, iscep_error *err) ISCEP_CHECKED;
/* From a file of at most 64 KiB; one trailing line end is dropped; an empty file is a CONFIG error. */
iscep_status iscep_secret_load(iscep_secret **out, const char *path, iscep_error *err) ISCEP_CHECKED;
void iscep_secret_free(iscep_secret *secret);
/* Borrowed; followed by a NUL that is not counted. Use it, do not keep it, do not log it. */
iscep_bytes iscep_secret_reveal(const iscep_secret *secret);
/* In a time that depends on the lengths alone. */
bool iscep_secret_equals(const iscep_secret *secret, iscep_bytes value);

#endif
