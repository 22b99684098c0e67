/* A profile while it is being read: what is found is copied into memory that the profile owns, within its limits. */
#ifndef ISCEP_PROFILE_DRAFT_H
#define ISCEP_PROFILE_DRAFT_H

#include "profile/profile.h"

/* USAGE "profile_value": "line N: NAME WHAT"; without a line if it is 0. */
iscep_status iscep_draft_refuse(int32_t line, const char *name, const char *what,
                                iscep_error *err) ISCEP_CHECKED;

/* A new payload, of which nothing is known. USAGE "profile_too_many". */
iscep_status iscep_draft_add_scep(iscep_profile_scep **out, iscep_profile *profile,
                                  iscep_error *err) ISCEP_CHECKED;

/* A copy; no bytes are NULL, because an empty value says nothing. */
iscep_status iscep_draft_text(const char **out, iscep_profile *profile, iscep_bytes text,
                              iscep_error *err) ISCEP_CHECKED;
/* Appends a copy to a list of ISCEP_PROFILE_MAX_VALUES at most: USAGE "profile_too_many". */
iscep_status iscep_draft_add_text(const char ***list, size_t *count, iscep_profile *profile, iscep_bytes text,
                                  iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_draft_add_name(iscep_profile_name **list, size_t *count, iscep_profile *profile,
                                  const char *kind, iscep_bytes value, iscep_error *err) ISCEP_CHECKED;

/* Without the spaces and line ends around it. */
iscep_bytes iscep_draft_trim(iscep_bytes text);
/* The whole of text as a number of 0 or more, with 18 digits at most. */
bool iscep_draft_number(int64_t *out, iscep_bytes text) ISCEP_CHECKED;

void iscep_draft_free_memory(iscep_profile *profile);

#endif
