/* See profile_warnings.h. */
#include "ctl/profile_warnings.h"

#include <string.h>
#include <strings.h>

#include "base/challenge.h"
#include "base/x509_facts.h"
#include "ctl/platforms.h"

enum { LEAST_KEY_BITS = 2048 };

static void warn(iscep_json *warnings, const char *code, const iscep_profile_scep *scep, const char *text)
{
    iscep_json *warning = iscep_json_append_object(warnings);
    iscep_json_add_text(warning, "code", code);
    iscep_json_add_text(warning, "payload", scep != NULL ? scep->identifier : NULL);
    iscep_json_add_text(warning, "text", text);
}

static void warn_of(iscep_json *warnings, const char *code, const iscep_profile_scep *scep, const char *what,
                    const char *text)
{
    ISCEP_AUTO_BUF both;
    iscep_buf_init(&both, 4096);
    iscep_buf_printf(&both, "%.1024s %s", what, text);
    warn(warnings, code, scep, iscep_buf_text(&both));
}

static const ctl_platform *find_meant(const ctl_profile_view *view,
                                      bool (*is_it)(const ctl_platform *platform))
{
    const ctl_platform *platform;
    for (size_t i = 0; (platform = ctl_platform_at(i)) != NULL; i++)
        if (ctl_platform_is_meant(platform, view->profile, view->platform) && is_it(platform))
            return platform;
    return NULL;
}

/* --- URLs --- */

static bool begins_with(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static bool has_host(const char *url)
{
    const char *host = begins_with(url, "https://") ? url + 8 : begins_with(url, "http://") ? url + 7 : "";
    return host[0] != '\0' && strchr("/?#:@", host[0]) == NULL;
}

static bool needs_https(const ctl_platform *platform)
{
    return platform->needs_https;
}

static void look_at_urls(iscep_json *warnings, const ctl_profile_view *view, const iscep_profile_scep *scep)
{
    if (scep->url_count == 0)
        warn(warnings, "url_missing", scep, "there is no URL: the device asks nowhere");
    for (size_t i = 0; i < scep->url_count; i++) {
        const char *url = scep->urls[i];
        if (!has_host(url))
            warn_of(warnings, "url_without_host", scep, url, "is no http or https URL with a host");
        else if (begins_with(url, "http://"))
            warn_of(warnings, "url_http", scep, url,
                    find_meant(view, needs_https) != NULL ? "is plain http: Android refuses it"
                                                          : "is plain http: Android would refuse it");
        for (size_t j = 0; j < i; j++)
            if (strcmp(scep->urls[j], url) == 0) {
                warn_of(warnings, "url_duplicate", scep, url, "stands there more than once");
                break;
            }
    }
}

/* --- one certificate a URL --- */

static bool has_certificate_a_url(const ctl_platform *platform)
{
    return platform->has_certificate_a_url;
}

static bool is_same_subject(const iscep_profile_scep *a, const iscep_profile_scep *b)
{
    if (a->subject_count != b->subject_count)
        return false;
    for (size_t i = 0; i < a->subject_count; i++)
        if (strcmp(a->subject[i].kind, b->subject[i].kind) != 0 ||
            strcmp(a->subject[i].value, b->subject[i].value) != 0)
            return false;
    return true;
}

/* URLs of this payload, and of those behind it that ask for the same name. */
static size_t count_urls(const iscep_profile *profile, size_t first)
{
    size_t count = 0;
    for (size_t i = first; i < profile->scep_count; i++)
        if (is_same_subject(&profile->sceps[first], &profile->sceps[i]))
            count += profile->sceps[i].url_count;
    return count;
}

static void look_at_certificates(iscep_json *warnings, const ctl_profile_view *view)
{
    size_t most = 0;
    if (find_meant(view, has_certificate_a_url) == NULL)
        return;
    for (size_t i = 0; i < view->profile->scep_count; i++) {
        size_t count = count_urls(view->profile, i);
        most = count > most ? count : most;
    }
    if (most < 2)
        return;
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 256);
    iscep_buf_printf(&text, "macOS gets %zu certificates of the same name: one for each URL", most);
    warn(warnings, "several_certificates", NULL, iscep_buf_text(&text));
}

/* --- the challenge --- */

static void look_at_challenge(iscep_json *warnings, const ctl_profile_view *view,
                              const iscep_profile_scep *scep)
{
    if (scep->challenge == NULL) {
        warn(warnings, "challenge_missing", scep, "there is no challenge: Intune will refuse the request");
        return;
    }
    if (!iscep_challenge_is_like_intune(iscep_secret_reveal(scep->challenge)))
        warn(warnings, "challenge_foreign", scep,
             "the challenge does not look like Intune's, which is base64 of a CMS message");
    if (view->written_unix > 0 && view->now_unix - view->written_unix > CTL_CHALLENGE_LIFETIME_S)
        warn(warnings, "challenge_expired", scep,
             "the profile is older than 60 minutes, and so is its challenge: Intune will refuse it as "
             "expired");
}

/* --- key and subject --- */

static void look_at_key(iscep_json *warnings, const iscep_profile_scep *scep)
{
    const uint32_t needed = ISCEP_KEY_USAGE_DIGITAL_SIGNATURE | ISCEP_KEY_USAGE_KEY_ENCIPHERMENT;
    if (scep->key_bits > 0 && scep->key_bits < LEAST_KEY_BITS)
        warn(warnings, "key_short", scep, "the key is shorter than 2048 bits: many CAs refuse it");
    if (scep->key_usage != 0 && (scep->key_usage & needed) != needed)
        warn(warnings, "key_usage_insufficient", scep,
             (scep->key_usage & needed) == 0 ? "the key may neither sign nor encipher keys: SCEP needs both"
             : (scep->key_usage & ISCEP_KEY_USAGE_DIGITAL_SIGNATURE) == 0
                 ? "the key may not sign (digitalSignature): SCEP clients sign their request, and its renewal"
                 : "the key may not encipher keys (keyEncipherment): SCEP's reply is encrypted to it");
}

static bool has_variable(const iscep_profile_name *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *open = strstr(names[i].value, "{{");
        if (open != NULL && strstr(open, "}}") != NULL)
            return true;
    }
    return false;
}

static void look_at_names(iscep_json *warnings, const iscep_profile_scep *scep)
{
    if (scep->subject_count == 0 && scep->san_count == 0)
        warn(warnings, "subject_missing", scep, "there is neither a subject nor an alternative name");
    if (has_variable(scep->subject, scep->subject_count) || has_variable(scep->sans, scep->san_count))
        warn(warnings, "subject_variable", scep,
             "a variable ({{…}}) was not replaced: the device would ask for that very text");
}

void ctl_profile_warn(iscep_json *warnings, const ctl_profile_view *view)
{
    for (size_t i = 0; i < view->profile->scep_count; i++) {
        const iscep_profile_scep *scep = &view->profile->sceps[i];
        look_at_urls(warnings, view, scep);
        look_at_challenge(warnings, view, scep);
        look_at_key(warnings, scep);
        look_at_names(warnings, scep);
    }
    look_at_certificates(warnings, view);
}
