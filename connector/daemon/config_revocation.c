/* The section [revocation]: service/revoker.h as text. */
#include <stdlib.h>
#include <string.h>

#include "base/dn.h"
#include "daemon/config_key.h"

enum { HOUR_MS = 3600 * 1000, MAX_HOURS = 24 * 366 };

static bool parse_number(int64_t *out, const char *text, long long max)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    bool is_right = text[0] >= '0' && text[0] <= '9' && *end == '\0' && strlen(text) < 12 && number <= max;
    if (is_right)
        *out = number;
    return is_right;
}

static const char *read_poll(iscep_config *config, void *to, const char *text)
{
    (void)to;
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
        return "must be yes or no";
    config->is_poll_given = true;
    config->revoker.is_polling = text[0] == 'y';
    return NULL;
}

static const char *read_interval(iscep_config *config, void *to, const char *text)
{
    (void)config;
    bool is_right = parse_number(to, text, 24 * HOUR_MS) && *(int64_t *)to > 0;
    return is_right ? NULL : "must be a number of milliseconds from 1 to 86400000";
}

static const char *read_hours(iscep_config *config, void *to, const char *text)
{
    int64_t hours = 0;
    (void)config;
    if (!parse_number(&hours, text, MAX_HOURS) || hours == 0)
        return "must be a number of hours from 1 to 8784";
    *(int64_t *)to = hours * HOUR_MS;
    return NULL;
}

static const char *read_batch(iscep_config *config, void *to, const char *text)
{
    int64_t number = 0;
    (void)config;
    if (!parse_number(&number, text, 500) || number == 0)
        return "must be a number from 1 to 500";
    *(uint32_t *)to = (uint32_t)number;
    return NULL;
}

static const char *read_bound(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return parse_number(to, text, 1000000) ? NULL : "must be a number from 0 to 1000000; 0: not this bound";
}

static const char *read_percent(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return parse_number(to, text, 100) ? NULL : "must be a number from 0 to 100; 0: not this bound";
}

/* One of two words; the second means true. */
static bool read_choice(void *to, const char *text, const char *no, const char *yes)
{
    bool is_yes = strcmp(text, yes) == 0;
    if (is_yes || strcmp(text, no) == 0)
        *(bool *)to = is_yes;
    return is_yes || strcmp(text, no) == 0;
}

static const char *read_foreign(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_choice(to, text, "leave", "answer") ? NULL : "must be leave or answer";
}

static const char *read_serial_format(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_choice(to, text, "hex", "decimal") ? NULL : "must be hex or decimal";
}

static const char *read_error_code(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return read_choice(to, text, "name", "number") ? NULL : "must be name or number";
}

#define REVOKER(member) offsetof(iscep_config, revoker.member)

const struct key iscep_revocation_keys[] = {
    {"poll", 0, read_poll},
    {"poll_interval_ms", REVOKER(poll_interval_ms), read_interval},
    {"batch", REVOKER(batch), read_batch},
    {"issuer_filter", REVOKER(issuer_filter), iscep_config_read_text},
    {"foreign", REVOKER(is_foreign_answered), read_foreign},
    {"serial_format", REVOKER(is_serial_decimal), read_serial_format},
    {"error_code", REVOKER(is_code_number), read_error_code},
    {"retry_for_hours", REVOKER(retry_for_ms), read_hours},
    {"max_backoff_ms", REVOKER(max_backoff_ms), read_interval},
    {"storm_limit", REVOKER(storm_limit), read_bound},
    {"storm_percent", REVOKER(storm_percent), read_percent},
    {"storm_floor", REVOKER(storm_floor), read_bound},
    {"storm_period_hours", REVOKER(storm_period_ms), read_hours},
    {0},
};

/* Intune asks for revocations under the name that notifications gave it. */
static bool is_routable(const iscep_config *config, const char *issuer_name)
{
    for (size_t i = 0; i < config->ca_count; i++) {
        const iscep_ca_options *ca = &config->cas[i];
        bool is_everybodys = config->ca_count == 1 && ca->issuer == NULL && ca->ca_configuration == NULL;
        bool is_named = (ca->issuer != NULL && iscep_dn_equal(ca->issuer, issuer_name)) ||
                        (ca->ca_configuration != NULL && strcmp(ca->ca_configuration, issuer_name) == 0);
        if (is_everybodys || is_named)
            return true;
    }
    return false;
}

iscep_status iscep_config_settle_revocation(iscep_config *config, iscep_error *err)
{
    const char *issuer_name = config->tenant.issuer_name;
    if (!config->is_poll_given)
        config->revoker.is_polling = config->ca_count > 0;
    if (config->ca_count > 0 && issuer_name != NULL && !is_routable(config, issuer_name))
        return iscep_error_set(err, ISCEP_CONFIG, "issuer_name",
                               "[tenant/%s] issuer_name is \"%s\", but no [ca/NAME] has it as issuer or "
                               "ca_configuration: Intune's revocations would find no CA",
                               config->tenant_name, issuer_name);
    return ISCEP_OK;
}
