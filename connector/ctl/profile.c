/* intune-scepctl profile: what a device is told by its management, and what it will make of it. */
#include "profile/profile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/challenge.h"
#include "base/env.h"
#include "base/file.h"
#include "base/x509_facts.h"
#include "ctl/ext_key_usage.h"
#include "ctl/platforms.h"
#include "ctl/print.h"
#include "ctl/profile_warnings.h"

/* --- as JSON: one document, which is also what people are shown --- */

static void add_names(iscep_json *to, const char *member, const iscep_profile_name *names, size_t count)
{
    iscep_json *array = iscep_json_add_array(to, member);
    for (size_t i = 0; i < count; i++) {
        iscep_json *name = iscep_json_append_object(array);
        iscep_json_add_text(name, "type", names[i].kind);
        iscep_json_add_text(name, "value", names[i].value);
    }
}

static void add_usages(iscep_json *to, const iscep_profile_scep *scep)
{
    iscep_json *usages = iscep_json_add_array(to, "keyUsage");
    for (unsigned bit = 0; bit < ISCEP_KEY_USAGE_BITS; bit++)
        if ((scep->key_usage & 1u << bit) != 0)
            iscep_json_append_text(usages, iscep_key_usage_name(bit));
    iscep_json *extended = iscep_json_add_array(to, "extendedKeyUsage");
    for (size_t i = 0; i < scep->ext_usage_count; i++) {
        iscep_json *usage = iscep_json_append_object(extended);
        iscep_json_add_text(usage, "oid", scep->ext_usages[i]);
        iscep_json_add_text(usage, "name", ctl_ext_key_usage_name(scep->ext_usages[i]));
    }
}

static const char *describe_challenge(const iscep_secret *challenge)
{
    if (challenge == NULL)
        return "none";
    return iscep_challenge_is_like_intune(iscep_secret_reveal(challenge)) ? "intune" : "other";
}

/* 0, or what is below: not said. */
static void add_number(iscep_json *to, const char *name, int64_t number, int64_t least)
{
    if (number >= least)
        iscep_json_add_int(to, name, number);
    else
        iscep_json_add_text(to, name, NULL);
}

static void add_payload(iscep_json *payloads, const iscep_profile_scep *scep)
{
    iscep_json *to = iscep_json_append_object(payloads);
    iscep_json_add_text(to, "identifier", scep->identifier);
    iscep_json_add_text(to, "caName", scep->ca_name);
    iscep_json *urls = iscep_json_add_array(to, "urls");
    for (size_t i = 0; i < scep->url_count; i++)
        iscep_json_append_text(urls, scep->urls[i]);
    add_names(to, "subject", scep->subject, scep->subject_count);
    add_names(to, "subjectAltNames", scep->sans, scep->san_count);
    iscep_json *key = iscep_json_add_object(to, "key");
    iscep_json_add_text(key, "type", scep->key_type);
    add_number(key, "bits", scep->key_bits, 1);
    add_usages(to, scep);
    iscep_json_add_text(to, "hash", scep->hash);
    add_number(to, "validity", scep->validity_count, 1);
    iscep_json_add_text(to, "validityUnit", scep->validity_unit);
    add_number(to, "retries", scep->retries, 0);
    add_number(to, "retryDelaySeconds", scep->retry_delay_s, 0);
    iscep_json_add_text(to, "caFingerprint", scep->ca_fingerprint);
    iscep_json_add_text(to, "challenge", describe_challenge(scep->challenge));
}

static void add_platforms(iscep_json *to, const ctl_profile_view *view)
{
    const ctl_platform *platform;
    iscep_json *platforms = iscep_json_add_array(to, "platforms");
    for (size_t i = 0; (platform = ctl_platform_at(i)) != NULL; i++) {
        if (!ctl_platform_is_meant(platform, view->profile, view->platform))
            continue;
        iscep_json *each = iscep_json_append_object(platforms);
        iscep_json_add_text(each, "platform", platform->name);
        iscep_json_add_text(each, "title", platform->title);
        iscep_json_add_text(each, "severalUrls", platform->sentence);
    }
}

static iscep_json *describe(const ctl_profile_view *view)
{
    const iscep_profile *profile = view->profile;
    iscep_json *root = iscep_json_new_object();
    iscep_json_add_text(root, "format", iscep_profile_format_name(profile->format));
    iscep_json_add_text(root, "name", profile->name);
    iscep_json_add_text(root, "organization", profile->organization);
    iscep_json_add_text(root, "signer", profile->signer);
    iscep_json_add_time(root, "signedAt", profile->signed_unix * 1000);
    iscep_json *payloads = iscep_json_add_array(root, "payloads");
    for (size_t i = 0; i < profile->scep_count; i++)
        add_payload(payloads, &profile->sceps[i]);
    add_platforms(root, view);
    ctl_profile_warn(iscep_json_add_array(root, "warnings"), view);
    return root;
}

/* --- for people --- */

static void print_text(const iscep_json *from, const char *member, const char *label)
{
    const char *text = iscep_json_text(from, member);
    if (text != NULL)
        ctl_print_fact(label, "%s", text);
}

static void print_names(const iscep_json *from, const char *member, const char *label)
{
    const iscep_json *name = iscep_json_first(iscep_json_member(from, member));
    if (name == NULL)
        ctl_print_fact(label, "none");
    for (; name != NULL; name = iscep_json_next(name))
        ctl_print_fact(label, "%s%s%s", iscep_json_text_or_empty(name, "type"),
                       iscep_json_text_or_empty(name, "type")[0] != '\0' ? "=" : "",
                       iscep_json_text_or_empty(name, "value"));
}

static void print_usages(const iscep_json *payload)
{
    ISCEP_AUTO_BUF usages;
    iscep_buf_init(&usages, 512);
    for (const iscep_json *usage = iscep_json_first(iscep_json_member(payload, "keyUsage")); usage != NULL;
         usage = iscep_json_next(usage))
        iscep_buf_printf(&usages, "%s%s", usages.len > 0 ? ", " : "", iscep_json_as_text(usage));
    ctl_print_fact("key usage", "%s", usages.len > 0 ? iscep_buf_text(&usages) : "not said");
    for (const iscep_json *usage = iscep_json_first(iscep_json_member(payload, "extendedKeyUsage"));
         usage != NULL; usage = iscep_json_next(usage))
        ctl_print_fact("extended key usage", "%s %s", iscep_json_text_or_empty(usage, "oid"),
                       iscep_json_text_or_empty(usage, "name"));
}

static void print_rest(const iscep_json *payload)
{
    int64_t number = 0;
    if (iscep_json_int(payload, "validity", &number))
        ctl_print_fact("validity", "%" PRId64 " %s", number,
                       iscep_json_text_or_empty(payload, "validityUnit"));
    if (iscep_json_int(payload, "retries", &number))
        ctl_print_fact("retries", "%" PRId64 ", %" PRId64 " s apart", number,
                       iscep_json_int_or_0(payload, "retryDelaySeconds"));
    print_text(payload, "hash", "hash");
    print_text(payload, "caFingerprint", "CA fingerprint");
    ctl_print_fact(
        "challenge", "%s",
        iscep_json_has_text(payload, "challenge", "none") ? "none"
        : iscep_json_has_text(payload, "challenge", "intune")
            ? "there, and it looks like Intune's (base64 of a CMS message); only Intune can open it"
            : "there, but not Intune's: Intune's is base64 of a CMS message");
}

static void print_payload(const iscep_json *payload)
{
    int64_t bits = 0;
    const iscep_json *key = iscep_json_member(payload, "key");
    puts("");
    ctl_print_fact("SCEP payload", "%s", iscep_json_text_or_empty(payload, "identifier"));
    for (const iscep_json *url = iscep_json_first(iscep_json_member(payload, "urls")); url != NULL;
         url = iscep_json_next(url))
        ctl_print_fact("URL", "%s", iscep_json_as_text(url));
    print_text(payload, "caName", "CA name");
    print_names(payload, "subject", "subject");
    print_names(payload, "subjectAltNames", "alternative name");
    if (iscep_json_int(key, "bits", &bits))
        ctl_print_fact("key", "%s, %" PRId64 " bits", iscep_json_text_or_empty(key, "type"), bits);
    else
        ctl_print_fact("key", "%s, length not said", iscep_json_text_or_empty(key, "type"));
    print_usages(payload);
    print_rest(payload);
}

static void print_sentence(const char *label, const char *text)
{
    enum { INDENT = 4 };
    ctl_print_text(label);
    printf("\n%*s", INDENT, "");
    ctl_print_words(text, INDENT);
}

static void print_for_people(const iscep_json *root)
{
    print_text(root, "name", "profile");
    print_text(root, "organization", "organization");
    ctl_print_fact("format", "%s", iscep_json_text_or_empty(root, "format"));
    print_text(root, "signer", "signed (unverified)");
    print_text(root, "signedAt", "signed at");
    for (const iscep_json *payload = iscep_json_first(iscep_json_member(root, "payloads")); payload != NULL;
         payload = iscep_json_next(payload))
        print_payload(payload);
    puts("\nWith several URLs:");
    for (const iscep_json *each = iscep_json_first(iscep_json_member(root, "platforms")); each != NULL;
         each = iscep_json_next(each))
        print_sentence(iscep_json_text_or_empty(each, "title"),
                       iscep_json_text_or_empty(each, "severalUrls"));
    const iscep_json *warning = iscep_json_first(iscep_json_member(root, "warnings"));
    puts(warning != NULL ? "\nWarnings:" : "\nNo warnings.");
    for (; warning != NULL; warning = iscep_json_next(warning))
        print_sentence(iscep_json_text_or_empty(warning, "code"), iscep_json_text_or_empty(warning, "text"));
}

/* --- the command --- */

static iscep_status read_profile(iscep_profile *out, struct stat *stamp, const char *path, iscep_error *err)
{
    iscep_buf file;
    iscep_buf_init(&file, ISCEP_PROFILE_MAX_BYTES);
    iscep_status status = iscep_file_read(&file, stamp, path, err);
    if (status == ISCEP_OK)
        status = iscep_profile_read(out, iscep_buf_bytes(&file), err);
    iscep_buf_wipe(&file); /* it holds a challenge */
    return status;
}

int ctl_profile(const ctl_request *request)
{
    struct stat stamp = {0};
    const iscep_env env = iscep_env_system(NULL);
    iscep_profile profile = {0};
    iscep_error err = ISCEP_ERROR_INIT;
    int exit_code = CTL_YES;
    if (read_profile(&profile, &stamp, request->operands[0], &err) != ISCEP_OK) {
        exit_code = ctl_print_error(request, CTL_USAGE, &err);
    } else {
        /* Who signed it says when; otherwise it was written when the file was, or before that. */
        const ctl_profile_view view = {.profile = &profile,
                                       .platform = request->platform,
                                       .written_unix =
                                           profile.signed_unix > 0 ? profile.signed_unix : stamp.st_mtime,
                                       .now_unix = iscep_now_unix_ms(&env) / 1000};
        ISCEP_AUTO_JSON *root = describe(&view);
        if ((request->given & TAKES_STRICT) != 0 &&
            iscep_json_first(iscep_json_member(root, "warnings")) != NULL)
            exit_code = CTL_NO;
        if (request->is_json)
            exit_code = ctl_print_json(root, exit_code);
        else
            print_for_people(root);
    }
    iscep_profile_clear(&profile);
    return exit_code;
}
