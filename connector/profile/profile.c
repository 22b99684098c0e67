/* See profile.h. */
#include "profile/profile.h"

#include <string.h>

#include "base/cms.h"
#include "profile/draft.h"
#include "profile/formats.h"

enum { DER_SEQUENCE = 0x30 };

const char *iscep_profile_format_name(iscep_profile_format format)
{
    switch (format) {
    case ISCEP_PROFILE_APPLE:
        return "apple";
    case ISCEP_PROFILE_APPLE_SIGNED:
        return "apple-signed";
    default:
        return "windows";
    }
}

static bool begins_with(iscep_bytes file, const char *text)
{
    size_t len = strlen(text);
    return file.len >= len && memcmp(file.data, text, len) == 0;
}

static iscep_status refuse_format(const char *why, iscep_error *err)
{
    return iscep_error_set(err, ISCEP_USAGE, "profile_format", "%s", why);
}

static bool is_syncml(const iscep_xml_element *root)
{
    static const char *const names[] = {"SyncML", "SyncBody", "Atomic", "Sequence", "Add", "Replace"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (iscep_xml_is(root, names[i]))
            return true;
    return false;
}

static iscep_status read_xml(iscep_profile *out, iscep_bytes text, iscep_error *err)
{
    ISCEP_AUTO_XML *xml = NULL;
    iscep_status status = iscep_xml_parse(&xml, text, err);
    if (status != ISCEP_OK)
        return status;
    if (iscep_xml_is(iscep_xml_root(xml), "plist")) {
        if (out->format == 0)
            out->format = ISCEP_PROFILE_APPLE;
        return iscep_profile_read_apple(out, xml, err);
    }
    if (out->format != 0 || !is_syncml(iscep_xml_root(xml)))
        return refuse_format("it is XML, but neither a property list nor SyncML", err);
    out->format = ISCEP_PROFILE_WINDOWS;
    return iscep_profile_read_windows(out, xml, err);
}

static iscep_status read_signed(iscep_profile *out, iscep_bytes der, iscep_error *err)
{
    iscep_cms_facts facts;
    out->format = ISCEP_PROFILE_APPLE_SIGNED;
    iscep_status status = iscep_cms_look(&facts, der, ISCEP_PROFILE_MAX_BYTES, err);
    if (status == ISCEP_OK)
        status = iscep_draft_text(&out->signer, out, iscep_buf_bytes(&facts.signer), err);
    if (status == ISCEP_OK) {
        out->signed_unix = facts.signed_unix;
        status = read_xml(out, iscep_buf_bytes(&facts.content), err);
    }
    iscep_cms_facts_clear(&facts);
    return status;
}

static iscep_status read_file(iscep_profile *out, iscep_bytes file, iscep_error *err)
{
    if (file.len > ISCEP_PROFILE_MAX_BYTES)
        return iscep_error_set(err, ISCEP_USAGE, "profile_too_large", "it is larger than %zu bytes",
                               ISCEP_PROFILE_MAX_BYTES);
    if (begins_with(file, "bplist"))
        return refuse_format("it is a binary property list: make XML of it, with plutil -convert xml1 or "
                             "plistutil",
                             err);
    if (file.len > 0 && file.data[0] == DER_SEQUENCE)
        return read_signed(out, file, err);
    return read_xml(out, file, err);
}

iscep_status iscep_profile_read(iscep_profile *out, iscep_bytes file, iscep_error *err)
{
    *out = (iscep_profile){0};
    iscep_status status = read_file(out, file, err);
    if (status == ISCEP_OK && out->scep_count == 0)
        return iscep_error_set(err, ISCEP_USAGE, "profile_no_scep", "it has no SCEP payload");
    return status;
}

void iscep_profile_clear(iscep_profile *profile)
{
    for (size_t i = 0; i < profile->scep_count; i++)
        iscep_secret_free(profile->sceps[i].challenge);
    iscep_draft_free_memory(profile);
    *profile = (iscep_profile){0};
}
