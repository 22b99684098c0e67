/* See device_file.h: Apple's property lists. ExtendedKeyUsage is ours to say: Apple's page of the SCEP payload has no key for it. */
#include "device_file.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/x509v3.h>

static void add_tag(iscep_buf *out, const char *tag, const char *text)
{
    iscep_buf_printf(out, "<%s>", tag);
    mock_xml_append(out, text);
    iscep_buf_printf(out, "</%s>\n", tag);
}

static void add_text(iscep_buf *out, const char *key, const char *text)
{
    add_tag(out, "key", key);
    add_tag(out, "string", text);
}

static void add_number(iscep_buf *out, const char *key, int64_t number)
{
    add_tag(out, "key", key);
    iscep_buf_printf(out, "<integer>%lld</integer>\n", (long long)number);
}

/* Every RDN an array of pairs; those of one RDN stand in one array. */
static void add_subject(iscep_buf *out, const X509_NAME *subject)
{
    char type[MOCK_DEVICE_TYPE_SIZE];
    ISCEP_AUTO_BUF value;
    int rdn = -1;
    iscep_buf_init(&value, MOCK_DEVICE_FILE_MAX);
    if (X509_NAME_entry_count(subject) == 0)
        return;
    iscep_buf_append_text(out, "<key>Subject</key>\n<array>");
    for (int i = 0; mock_device_subject_at(type, &value, subject, i); i++) {
        int of_rdn = X509_NAME_ENTRY_set(X509_NAME_get_entry(subject, i));
        if (of_rdn != rdn)
            iscep_buf_append_text(out, rdn < 0 ? "<array>" : "</array>\n<array>");
        rdn = of_rdn;
        iscep_buf_append_text(out, "<array>");
        add_tag(out, "string", type);
        add_tag(out, "string", iscep_buf_text(&value));
        iscep_buf_append_text(out, "</array>");
    }
    iscep_buf_append_text(out, "</array></array>\n");
}

/* All names of one type; false: there are none. */
static bool add_sans_of(iscep_buf *out, const iscep_json *sans, const char *type, const char *key)
{
    size_t count = 0;
    for (const iscep_json *san = iscep_json_first(sans); san != NULL; san = iscep_json_next(san)) {
        if (!iscep_json_has_text(san, "type", type))
            continue;
        if (count++ == 0) {
            add_tag(out, "key", key);
            iscep_buf_append_text(out, "<array>");
        }
        add_tag(out, "string", iscep_json_text(san, "value"));
    }
    if (count > 0)
        iscep_buf_append_text(out, "</array>\n");
    return count > 0;
}

static iscep_status add_sans(iscep_buf *out, const iscep_json *sans, iscep_error *err)
{
    static const char *const keys[][2] = {{"dns", "dNSName"},
                                          {"email", "rfc822Name"},
                                          {"upn", "ntPrincipalName"},
                                          {"uri", "uniformResourceIdentifier"}};
    if (sans == NULL || iscep_json_first(sans) == NULL)
        return ISCEP_OK;
    iscep_buf_append_text(out, "<key>SubjectAltName</key>\n<dict>");
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        add_sans_of(out, sans, keys[i][0], keys[i][1]);
    iscep_buf_append_text(out, "</dict>\n");
    for (const iscep_json *san = iscep_json_first(sans); san != NULL; san = iscep_json_next(san))
        if (iscep_json_has_text(san, "type", "ip"))
            return iscep_error_set(err, ISCEP_USAGE, "san", "an Apple profile has no names of type ip");
    return ISCEP_OK;
}

/* Bit n of X.509's BIT STRING, whose first octet OpenSSL has in its low byte, is bit n here. */
static int64_t usage_number(uint32_t key_usage)
{
    int64_t number = (key_usage & KU_DECIPHER_ONLY) != 0 ? 1 << 8 : 0;
    for (unsigned bit = 0; bit < 8; bit++)
        if ((key_usage & 0x80u >> bit) != 0)
            number |= 1 << bit;
    return number;
}

static void add_key(iscep_buf *out, const mock_profile *profile)
{
    add_text(out, "Key Type", "RSA");
    add_number(out, "Keysize", profile->key_length > 0 ? profile->key_length : MOCK_DEVICE_KEY_LENGTH);
    if (profile->demands_key_usage)
        add_number(out, "Key Usage", usage_number(profile->key_usage));
    if (profile->ext_key_usage.count == 0)
        return;
    iscep_buf_append_text(out, "<key>ExtendedKeyUsage</key>\n<array>");
    for (size_t i = 0; i < profile->ext_key_usage.count; i++)
        add_tag(out, "string", profile->ext_key_usage.items[i]);
    iscep_buf_append_text(out, "</array>\n");
}

static iscep_status add_payload(iscep_buf *out, const mock_device_file *file, size_t index, iscep_error *err)
{
    iscep_buf_append_text(out, "<dict>");
    add_text(out, "PayloadType", "com.apple.security.scep");
    add_tag(out, "key", "PayloadIdentifier");
    iscep_buf_printf(out, "<string>scep.%s</string>\n", file->payload_ids[index]);
    add_text(out, "PayloadUUID", file->payload_ids[index]);
    add_number(out, "PayloadVersion", 1);
    iscep_buf_append_text(out, "<key>PayloadContent</key>\n<dict>");
    add_text(out, "URL", file->urls[index]);
    add_text(out, "Name", "scep");
    add_tag(out, "key", "Challenge");
    iscep_buf_printf(out, "<string>%.*s</string>\n", (int)file->challenges[index].len,
                     (const char *)file->challenges[index].data);
    add_subject(out, file->profile.subject);
    iscep_status status = add_sans(out, file->sans, err);
    add_key(out, &file->profile);
    add_number(out, "Retries", MOCK_DEVICE_RETRIES);
    add_number(out, "RetryDelay", MOCK_DEVICE_RETRY_DELAY);
    iscep_buf_append_text(out, "</dict></dict>\n");
    return status;
}

iscep_status mock_device_emit_apple(iscep_buf *out, const mock_device_file *file, iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    iscep_buf_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                               "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                               "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                               "<plist version=\"1.0\">\n<dict>");
    add_text(out, "PayloadType", "Configuration");
    add_text(out, "PayloadDisplayName", "SCEP certificate");
    add_text(out, "PayloadOrganization", "intune-mock");
    add_text(out, "PayloadIdentifier", file->id);
    add_text(out, "PayloadUUID", file->id);
    add_number(out, "PayloadVersion", 1);
    iscep_buf_append_text(out, "<key>PayloadContent</key>\n<array>");
    for (size_t i = 0; i < file->url_count && status == ISCEP_OK; i++)
        status = add_payload(out, file, i, err);
    iscep_buf_append_text(out, "</array></dict>\n</plist>\n");
    return status == ISCEP_OK ? mock_xml_check(out, err) : status;
}

static bool set_time(CMS_SignerInfo *signer, int64_t unix_s)
{
    ASN1_TIME *time = ASN1_TIME_set(NULL, (time_t)unix_s);
    bool is_set =
        time != NULL && CMS_signed_add1_attr_by_NID(signer, NID_pkcs9_signingTime, time->type, time, -1) == 1;
    ASN1_TIME_free(time);
    return is_set;
}

iscep_status mock_device_sign(iscep_buf *out, const mock_pki *pki, iscep_bytes content, int64_t unix_s,
                              iscep_error *err)
{
    enum { FLAGS = CMS_BINARY | CMS_NOSMIMECAP | CMS_PARTIAL };
    uint8_t *der = NULL;
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, in, FLAGS);
    CMS_SignerInfo *signer =
        cms != NULL ? CMS_add1_signer(cms, pki->sign_cert, pki->sign_key, NULL, FLAGS) : NULL;
    int len = signer != NULL && set_time(signer, unix_s) && CMS_final(cms, in, NULL, FLAGS) == 1
                  ? i2d_CMS_ContentInfo(cms, &der)
                  : -1;
    iscep_buf_append(out, der, len > 0 ? (size_t)len : 0);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    return len > 0 ? iscep_buf_status(out, err)
                   : iscep_error_set(err, ISCEP_STORAGE, "sign", "the profile could not be signed");
}
