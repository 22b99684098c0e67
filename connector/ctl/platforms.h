/* Which way each platform goes when its SCEP profile has several URLs: one table. */
#ifndef ISCEP_CTL_PLATFORMS_H
#define ISCEP_CTL_PLATFORMS_H

#include "profile/profile.h"

typedef struct ctl_platform {
    const char *name;     /* "ios", "ipados", "macos", "android", "windows" */
    const char *title;    /* "iOS" */
    const char *sentence; /* what it does with several URLs */
    bool needs_https;
    bool has_certificate_a_url;
    bool is_apple; /* reads Apple's profiles; Windows reads SyncML, Android neither */
} ctl_platform;

/* One after the other, from 0; NULL behind the last. */
const ctl_platform *ctl_platform_at(size_t index);

/* Is it one that this profile may be meant for? wanted: the name of the only one; NULL: whoever reads the format. */
bool ctl_platform_is_meant(const ctl_platform *platform, const iscep_profile *profile, const char *wanted);

#endif
