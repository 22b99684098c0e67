/* See fleet_platform.h. */
#include "fleet_platform.h"

#include <string.h>

static const fleet_rules rules[FLEET_PLATFORMS] = {
    [FLEET_ANDROID] = {.name = "android", .tries_again = true},
    [FLEET_WINDOWS] = {.name = "windows", .moves_on = true, .tries_again = true, .renews_with_old = true},
    [FLEET_IOS] = {.name = "ios"},
    [FLEET_IPADOS] = {.name = "ipados"},
    [FLEET_MACOS] = {.name = "macos", .wants_each = true},
};

const fleet_rules *fleet_rules_of(fleet_platform platform)
{
    return &rules[platform];
}

static iscep_status malformed(iscep_error *err)
{
    return iscep_error_set(err, ISCEP_USAGE, "option",
                           "--mix: PLATFORM=PERCENT separated by commas is wanted, 100 in all, of "
                           "android, windows, ios, ipados, macos");
}

/* "name=40" up to end; false if it is not that. */
static bool parse_share(fleet_mix *out, const char *text, const char *end)
{
    for (size_t i = 0; i < FLEET_PLATFORMS; i++) {
        size_t len = strlen(rules[i].name);
        const char *digit = text + len + 1;
        if ((size_t)(end - text) <= len + 1 || memcmp(text, rules[i].name, len) != 0 || text[len] != '=')
            continue;
        if (out->percent[i] != 0 || end - digit > 3)
            return false;
        for (; digit < end && *digit >= '0' && *digit <= '9'; digit++)
            out->percent[i] = out->percent[i] * 10 + (uint32_t)(*digit - '0');
        return digit == end;
    }
    return false;
}

iscep_status fleet_mix_parse(fleet_mix *out, const char *text, iscep_error *err)
{
    uint32_t total = 0;
    *out = (fleet_mix){0};
    for (;;) {
        const char *end = text + strcspn(text, ",");
        if (!parse_share(out, text, end))
            return malformed(err);
        if (*end == '\0')
            break;
        text = end + 1;
    }
    for (size_t i = 0; i < FLEET_PLATFORMS; i++)
        total += out->percent[i];
    return total == 100 ? ISCEP_OK : malformed(err);
}

void fleet_mix_divide(uint32_t out[FLEET_PLATFORMS], const fleet_mix *mix, uint32_t devices)
{
    uint32_t given = 0, remainders[FLEET_PLATFORMS];
    for (size_t i = 0; i < FLEET_PLATFORMS; i++) {
        uint64_t hundredths = (uint64_t)devices * mix->percent[i];
        out[i] = (uint32_t)(hundredths / 100);
        remainders[i] = (uint32_t)(hundredths % 100);
        given += out[i];
    }
    for (; given < devices; given++) {
        size_t largest = 0;
        for (size_t i = 1; i < FLEET_PLATFORMS; i++)
            if (remainders[i] > remainders[largest])
                largest = i;
        out[largest]++;
        remainders[largest] = 0;
    }
}
