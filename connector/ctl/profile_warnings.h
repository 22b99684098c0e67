/* What of a device's profile will not work, or not as its author thinks: warnings with codes, for intune-scepctl profile. */
#ifndef ISCEP_CTL_PROFILE_WARNINGS_H
#define ISCEP_CTL_PROFILE_WARNINGS_H

#include "base/json.h"
#include "profile/profile.h"

/* A challenge lives so long in the field: docs/DEVICE-PROFILES.md. */
#define CTL_CHALLENGE_LIFETIME_S 3600

typedef struct ctl_profile_view {
    const iscep_profile *profile;
    const char *platform; /* the only one that is asked about; NULL: whoever reads the format */
    int64_t written_unix; /* it, and the challenge in it, are at least as old as this; 0: not known */
    int64_t now_unix;
} ctl_profile_view;

/*
 * Appends {"code","payload","text"} for each; payload is null where it is about the profile as a whole. Codes: url_missing,
 * url_without_host, url_http, url_duplicate, several_certificates, challenge_missing, challenge_foreign, challenge_expired, key_short,
 * key_usage_insufficient, subject_missing, subject_variable.
 */
void ctl_profile_warn(iscep_json *warnings, const ctl_profile_view *view);

#endif
