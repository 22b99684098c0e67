/* See fleet_profile.h. */
#include "fleet_profile.h"

#include <string.h>

#include "base/json.h"
#include "fleet_keys.h"
#include "profile/profile.h"
#include "tests/support/scep_client_csr.h"

enum { MAX_VALUES = 16, DEFAULT_RETRIES = 3, DEFAULT_RETRY_DELAY_S = 10 };

/* What a CSR is made from; the texts are the profile's. */
typedef struct wanted {
    scep_client_name subject[MAX_VALUES];
    scep_client_name sans[MAX_VALUES];
    const char *ext_usages[MAX_VALUES];
    scep_client_csr csr;
} wanted;

static iscep_status refuse(iscep_error *err, const char *what)
{
    return iscep_error_set(err, ISCEP_PROTOCOL, "profile", "the profile %s", what);
}

static iscep_status add_url(fleet_order *out, const char *url, const fleet_urls *urls, iscep_error *err)
{
    for (uint32_t i = 0; url != NULL && i < urls->count; i++) {
        if (strcmp(urls->urls[i], url) == 0 && out->url_count < FLEET_MAX_URLS) {
            out->urls[out->url_count++] = i;
            return ISCEP_OK;
        }
    }
    return refuse(err, "names a URL that was not asked for");
}

static iscep_status check_key(int64_t bits, iscep_error *err)
{
    return bits == 0 || bits == FLEET_KEY_BITS
               ? ISCEP_OK
               : refuse(err, "wants a key that the fleet has not: see --help");
}

/* --- Apple's and Windows' --- */

static iscep_status copy_names(scep_client_name *out, size_t *count, const iscep_profile_name *names,
                               size_t name_count, iscep_error *err)
{
    if (name_count > MAX_VALUES)
        return refuse(err, "has too many names");
    for (size_t i = 0; i < name_count; i++)
        out[i] = (scep_client_name){.kind = names[i].kind, .value = names[i].value};
    *count = name_count;
    return ISCEP_OK;
}

static iscep_status want_payload(wanted *out, const iscep_profile_scep *scep, iscep_error *err)
{
    iscep_status status = check_key(scep->key_bits, err);
    if (status == ISCEP_OK && scep->challenge == NULL)
        status = refuse(err, "has no challenge");
    if (status == ISCEP_OK)
        status = copy_names(out->subject, &out->csr.subject_count, scep->subject, scep->subject_count, err);
    if (status == ISCEP_OK)
        status = copy_names(out->sans, &out->csr.san_count, scep->sans, scep->san_count, err);
    if (status != ISCEP_OK)
        return status;
    out->csr.subject = out->subject;
    out->csr.sans = out->sans;
    out->csr.key_usage = scep->key_usage;
    out->csr.ext_usages = scep->ext_usages;
    out->csr.ext_usage_count = scep->ext_usage_count;
    out->csr.challenge = (const char *)iscep_secret_reveal(scep->challenge).data;
    return ISCEP_OK;
}

static iscep_status apply_file(fleet_order *out, iscep_bytes file, const fleet_urls *urls, iscep_error *err)
{
    iscep_profile profile = {0};
    wanted want = {0};
    iscep_status status = iscep_profile_read(&profile, file, err);
    if (status == ISCEP_OK && profile.scep_count != 1)
        status = refuse(err, "is for more than one certificate");
    const iscep_profile_scep *scep = profile.sceps;
    for (size_t i = 0; status == ISCEP_OK && i < scep->url_count; i++)
        status = add_url(out, scep->urls[i], urls, err);
    if (status == ISCEP_OK)
        status = want_payload(&want, scep, err);
    if (status == ISCEP_OK) {
        out->retries = scep->retries >= 0 ? scep->retries : DEFAULT_RETRIES;
        out->retry_delay_ms = (scep->retry_delay_s >= 0 ? scep->retry_delay_s : DEFAULT_RETRY_DELAY_S) * 1000;
        status = scep_client_csr_emit(&out->csr, out->identity->key, &want.csr, err);
    }
    iscep_profile_clear(&profile);
    return status;
}

/* --- Android's --- */

static const struct {
    const char *json;
    const char *csr;
} san_kinds[] = {{"dns", "dns"}, {"email", "rfc822"}, {"upn", "upn"}, {"uri", "uri"}};

static const char *const usages[] = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                     "dataEncipherment", "keyAgreement"};

/* One attribute, as the fleet asks for it. */
static bool want_subject(wanted *out, const char *subject)
{
    if (subject == NULL || strncmp(subject, "CN=", 3) != 0 || strpbrk(subject, ",+\\") != NULL)
        return false;
    out->subject[0] = (scep_client_name){.kind = "CN", .value = subject + 3};
    out->csr.subject = out->subject;
    out->csr.subject_count = 1;
    return true;
}

static bool want_san(wanted *out, const iscep_json *san)
{
    const char *type = iscep_json_text(san, "type"), *value = iscep_json_text(san, "value");
    for (size_t i = 0; type != NULL && value != NULL && i < sizeof san_kinds / sizeof *san_kinds; i++) {
        if (strcmp(san_kinds[i].json, type) == 0 && out->csr.san_count < MAX_VALUES) {
            out->sans[out->csr.san_count++] = (scep_client_name){.kind = san_kinds[i].csr, .value = value};
            return true;
        }
    }
    return false;
}

static bool want_usage(wanted *out, const char *word)
{
    for (size_t i = 0; word != NULL && i < sizeof usages / sizeof *usages; i++) {
        if (strcmp(usages[i], word) == 0) {
            out->csr.key_usage |= 1u << i;
            return true;
        }
    }
    return false;
}

static bool want_ext_usage(wanted *out, const char *oid)
{
    if (oid == NULL || out->csr.ext_usage_count == MAX_VALUES)
        return false;
    out->ext_usages[out->csr.ext_usage_count++] = oid;
    return true;
}

static bool want_json(wanted *out, const iscep_json *json)
{
    const iscep_json *e;
    bool is_known = want_subject(out, iscep_json_text(json, "subject"));
    for (e = iscep_json_first(iscep_json_member(json, "subjectAltNames")); e && is_known;
         e = iscep_json_next(e))
        is_known = want_san(out, e);
    for (e = iscep_json_first(iscep_json_member(json, "keyUsage")); e && is_known; e = iscep_json_next(e))
        is_known = want_usage(out, iscep_json_as_text(e));
    for (e = iscep_json_first(iscep_json_member(json, "extendedKeyUsage")); e && is_known;
         e = iscep_json_next(e))
        is_known = want_ext_usage(out, iscep_json_as_text(e));
    out->csr.sans = out->sans;
    out->csr.ext_usages = out->ext_usages;
    out->csr.challenge = iscep_json_text(json, "challenge");
    return is_known && out->csr.challenge != NULL;
}

static iscep_status apply_json(fleet_order *out, iscep_bytes text, const fleet_urls *urls, iscep_error *err)
{
    ISCEP_AUTO_JSON *json = NULL;
    wanted want = {0};
    iscep_status status = iscep_json_parse(&json, text, err);
    if (status != ISCEP_OK)
        return status;
    const iscep_json *url = iscep_json_first(iscep_json_member(json, "urls"));
    for (; url != NULL && status == ISCEP_OK; url = iscep_json_next(url))
        status = add_url(out, iscep_json_as_text(url), urls, err);
    if (status == ISCEP_OK)
        status = check_key(iscep_json_int_or_0(json, "keyLength"), err);
    if (status == ISCEP_OK && !want_json(&want, json))
        status = refuse(err, "is not of the form that the fleet knows");
    out->retries = DEFAULT_RETRIES;
    out->retry_delay_ms = DEFAULT_RETRY_DELAY_S * 1000;
    return status == ISCEP_OK ? scep_client_csr_emit(&out->csr, out->identity->key, &want.csr, err) : status;
}

iscep_status fleet_profile_apply(fleet_order *out, fleet_platform platform, iscep_bytes file,
                                 const fleet_urls *urls, iscep_error *err)
{
    iscep_status status = (platform == FLEET_ANDROID ? apply_json : apply_file)(out, file, urls, err);
    if (status == ISCEP_OK && out->url_count == 0)
        status = refuse(err, "names no URL");
    return status;
}
