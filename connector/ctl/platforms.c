/* See platforms.h. */
#include "ctl/platforms.h"

#include <string.h>

#define HANDED_ONE                                                                                           \
    "is handed one of the URLs, at random. If that one does not answer, the device has no certificate "      \
    "until "                                                                                                 \
    "its next policy cycle"

static const ctl_platform platforms[] = {
    {.name = "ios", .title = "iOS", .sentence = HANDED_ONE, .is_apple = true},
    {.name = "ipados", .title = "iPadOS", .sentence = HANDED_ONE, .is_apple = true},
    {.name = "macos",
     .title = "macOS",
     .sentence = "asks at each URL by itself: every URL gives a certificate of its own",
     .has_certificate_a_url = true,
     .is_apple = true},
    {.name = "android",
     .title = "Android",
     .sentence = "shuffles the URLs, takes the first that answers, and stays with it for the whole exchange; "
                 "https only",
     .needs_https = true},
    {.name = "windows",
     .title = "Windows",
     .sentence = "shuffles the URLs, and tries them in that order until one answers"},
};

const ctl_platform *ctl_platform_at(size_t index)
{
    return index < sizeof platforms / sizeof *platforms ? &platforms[index] : NULL;
}

bool ctl_platform_is_meant(const ctl_platform *platform, const iscep_profile *profile, const char *wanted)
{
    if (wanted != NULL)
        return strcmp(platform->name, wanted) == 0;
    if (profile->format == ISCEP_PROFILE_WINDOWS)
        return strcmp(platform->name, "windows") == 0;
    return platform->is_apple;
}
