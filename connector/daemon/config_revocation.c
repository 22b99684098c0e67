/* The section [revocation]: service/revoker.h as text. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/dn.h"
#include "daemon/config_key.h"

enum { HOUR_MS = 3600 * 1000, MAX_HOURS = 24 * 366 };

static const char *read_poll(iscep_config *config, void *to, const char *text)
{
    (void)to;
    config->is_poll_given = true;
    return iscep_config_read_switch(&config->revoker.is_polling, text, "no", "yes");
}

static const char *read_interval(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number(to, text, " of milliseconds", 1, 24 * HOUR_MS);
}

static const char *read_hours(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_hours(to, text, MAX_HOURS);
}

static const char *read_batch(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 1, 500);
}

static const char *read_bound(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number(to, text, "", 0, 1000000);
}

static const char *read_percent(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number(to, text, "", 0, 100);
}

static const char *read_foreign(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "leave", "answer");
}

static const char *read_serial_format(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "hex", "decimal");
}

static const char *read_error_code(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "name", "number");
}

#define REVOKER(member) offsetof(iscep_config, revoker.member)

const struct key iscep_revocation_keys[] = {
    {"poll", 0, read_poll, NO_DEFAULT("`no`, or `yes` if there is a `[ca/NAME]`"),
     "`yes` or `no`. Exactly one connector of a tenant should; nodes that share a database count as one, and "
     "all say the same"},
    {"poll_interval_ms", REVOKER(poll_interval_ms), read_interval, DEFAULT("900000"),
     "between two downloads"},
    {"batch", REVOKER(batch), read_batch, DEFAULT("100"),
     "how many are asked for at once, 1 to 500; Microsoft recommends at most 100"},
    {"issuer_filter", REVOKER(issuer_filter), iscep_config_read_text, NO_DEFAULT("none"),
     "ask for those of this issuer only. Seen to return nothing where it should not; requests are routed "
     "here anyway"},
    {"foreign", REVOKER(is_foreign_answered), read_foreign, DEFAULT("leave"),
     "what becomes of a request of a CA that is not ours: `leave` it to other connectors, or `answer` "
     "NotSupportedError"},
    {"serial_format", REVOKER(is_serial_decimal), read_serial_format, DEFAULT("hex"),
     "`hex` or `decimal`: how Intune writes serial numbers, that is, how they were reported"},
    {"error_code", REVOKER(is_code_number), read_error_code, DEFAULT("name"),
     "`name` or `number`: how results name their error"},
    {"retry_for_hours", REVOKER(retry_for_ms), read_hours, DEFAULT("24"),
     "how long a CA that cannot be had is tried before Intune is told so"},
    {"max_backoff_ms", REVOKER(max_backoff_ms), read_interval, DEFAULT("600000"),
     "the longest pause between two attempts, of a CA, of a download, of an upload"},
    {"storm_limit", REVOKER(storm_limit), read_bound, DEFAULT("500"),
     "more revocations than this within `storm_period_hours` are held; `0`: no such bound"},
    {"storm_percent", REVOKER(storm_percent), read_percent, DEFAULT("20"),
     "more than this share of the active certificates are held; `0`: no such bound"},
    {"storm_floor", REVOKER(storm_floor), read_bound, DEFAULT("50"),
     "the share counts only if there are more active certificates than this"},
    {"storm_period_hours", REVOKER(storm_period_ms), read_hours, DEFAULT("24"),
     "the time in which revocations are counted for the two bounds"},
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

bool iscep_config_derive_revocation(const iscep_config *config, const void *base, const char *key,
                                    const char **text)
{
    (void)base;
    *text = config->ca_count > 0 ? "yes" : "no";
    return strcmp(key, "poll") == 0;
}

iscep_status iscep_config_settle_revocation(iscep_config *config, iscep_error *err)
{
    if (!config->is_poll_given)
        config->revoker.is_polling = config->ca_count > 0;
    for (size_t i = 0; i < config->tenant_count && config->ca_count > 0; i++) {
        const char *issuer_name = config->tenants[i].tenant.issuer_name;
        if (issuer_name == NULL || is_routable(config, issuer_name))
            continue;
        char title[256];
        snprintf(title, sizeof title, "tenant/%s", config->tenants[i].name);
        iscep_error_set(err, ISCEP_CONFIG, "issuer_name",
                        "issuer_name is \"%s\", but no [ca/NAME] has it as issuer or ca_configuration: "
                        "Intune's revocations would find no CA",
                        issuer_name);
        return iscep_config_place(config, title, "issuer_name", err);
    }
    return ISCEP_OK;
}
