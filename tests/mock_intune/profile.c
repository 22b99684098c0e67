/* See profile.h. */
#include "profile.h"

#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509v3.h>

#include "san.h"
#include "subject.h"

#define MIN_KEY_LENGTH 256
#define MAX_KEY_LENGTH 16384

static const mock_json_rule profile_rules[] = {MOCK_PROFILE_RULES};
#define RULE_COUNT (sizeof(profile_rules) / sizeof(profile_rules[0]))

static iscep_status read_sans(mock_textset *out, const iscep_json *array, iscep_error *err)
{
    static const mock_json_rule rules[] = {{"type", MOCK_JSON_TEXT, true}, {"value", MOCK_JSON_TEXT, true}};
    for (const iscep_json *san = iscep_json_first(array); san != NULL; san = iscep_json_next(san)) {
        iscep_status status = mock_json_check(san, rules, 2, err);
        if (status == ISCEP_OK)
            status = mock_san_add_text(out, iscep_json_text(san, "type"), iscep_json_text(san, "value"), err);
        if (status != ISCEP_OK)
            return status;
    }
    return ISCEP_OK;
}

static uint32_t usage_bit(const char *name)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } usages[] = {
        {"digitalSignature", KU_DIGITAL_SIGNATURE},
        {"nonRepudiation", KU_NON_REPUDIATION},
        {"keyEncipherment", KU_KEY_ENCIPHERMENT},
        {"dataEncipherment", KU_DATA_ENCIPHERMENT},
        {"keyAgreement", KU_KEY_AGREEMENT},
        {"keyCertSign", KU_KEY_CERT_SIGN},
        {"cRLSign", KU_CRL_SIGN},
        {"encipherOnly", KU_ENCIPHER_ONLY},
        {"decipherOnly", KU_DECIPHER_ONLY},
    };
    for (size_t i = 0; name != NULL && i < sizeof(usages) / sizeof(usages[0]); i++)
        if (strcmp(usages[i].name, name) == 0)
            return usages[i].bit;
    return 0;
}

static iscep_status read_key_usage(uint32_t *out, const iscep_json *array, iscep_error *err)
{
    for (const iscep_json *e = iscep_json_first(array); e != NULL; e = iscep_json_next(e)) {
        uint32_t bit = usage_bit(iscep_json_as_text(e));
        if (bit == 0)
            return iscep_error_set(err, ISCEP_USAGE, "key_usage",
                                   "keyUsage has a word that RFC 5280 does not know");
        *out |= bit;
    }
    return ISCEP_OK;
}

static iscep_status add_oid(mock_textset *out, const char *text, iscep_error *err)
{
    char canonical[128];
    ASN1_OBJECT *object = text == NULL ? NULL : OBJ_txt2obj(text, 1);
    int len = object == NULL ? 0 : OBJ_obj2txt(canonical, sizeof(canonical), object, 1);
    ASN1_OBJECT_free(object);
    if (len <= 0 || (size_t)len >= sizeof(canonical))
        return iscep_error_set(err, ISCEP_USAGE, "ext_key_usage",
                               "extendedKeyUsage has a member that is no dotted OID");
    return mock_textset_add(out, canonical, err);
}

static iscep_status read_ext_key_usage(mock_textset *out, const iscep_json *array, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    for (const iscep_json *e = iscep_json_first(array); e != NULL && status == ISCEP_OK;
         e = iscep_json_next(e))
        status = add_oid(out, iscep_json_as_text(e), err);
    return status;
}

static iscep_status read_key_length(int64_t *out, const iscep_json *json, iscep_error *err)
{
    if (iscep_json_member(json, "keyLength") == NULL)
        return ISCEP_OK;
    if (iscep_json_int(json, "keyLength", out) && *out >= MIN_KEY_LENGTH && *out <= MAX_KEY_LENGTH)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "key_length", "keyLength must be %d to %d bits", MIN_KEY_LENGTH,
                           MAX_KEY_LENGTH);
}

iscep_status mock_profile_parse(mock_profile *out, const iscep_json *json, iscep_error *err)
{
    const iscep_json *key_usage = iscep_json_member(json, "keyUsage");
    const iscep_json *ext_key_usage = iscep_json_member(json, "extendedKeyUsage");
    *out = (mock_profile){.demands_key_usage = key_usage != NULL,
                          .demands_ext_key_usage = ext_key_usage != NULL};
    iscep_status status = mock_subject_parse(&out->subject, iscep_json_text(json, "subject"), err);
    if (status == ISCEP_OK)
        status = read_sans(&out->sans, iscep_json_member(json, "subjectAltNames"), err);
    if (status == ISCEP_OK)
        status = read_key_usage(&out->key_usage, key_usage, err);
    if (status == ISCEP_OK)
        status = read_ext_key_usage(&out->ext_key_usage, ext_key_usage, err);
    if (status == ISCEP_OK)
        status = read_key_length(&out->key_length, json, err);
    return status;
}

void mock_profile_clear(mock_profile *profile)
{
    X509_NAME_free(profile->subject);
    profile->subject = NULL;
    mock_textset_clear(&profile->sans);
    mock_textset_clear(&profile->ext_key_usage);
}

iscep_status mock_profile_copy_json(iscep_buf *out, const iscep_json *json, iscep_error *err)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        const iscep_json *member = iscep_json_member(json, profile_rules[i].name);
        if (member == NULL)
            continue;
        iscep_buf_printf(out, ",\"%s\":", profile_rules[i].name);
        iscep_status status = iscep_json_emit(out, member, err);
        if (status != ISCEP_OK)
            return status;
    }
    return iscep_buf_status(out, err);
}
