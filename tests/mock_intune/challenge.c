/* See challenge.h. */
#include "challenge.h"

#include <string.h>

#include <openssl/cms.h>
#include <openssl/evp.h>

#include "codes.h"
#include "strict_json.h"

#define PADDING_SLACK 32 /* ECDSA signatures differ in length by a few bytes */

static const mock_json_rule payload_rules[] = {
    {"id", MOCK_JSON_TEXT, true},        {"tenantId", MOCK_JSON_TEXT, true},
    {"deviceId", MOCK_JSON_TEXT, true},  {"userId", MOCK_JSON_TEXT, true},
    {"issuedUnix", MOCK_JSON_INT, true}, {"expiresUnix", MOCK_JSON_INT, true},
    {"padding", MOCK_JSON_TEXT, true},   MOCK_PROFILE_RULES,
};

static iscep_status emit_payload(iscep_buf *out, const mock_facts *facts, const iscep_json *profile,
                                 size_t pad_len, iscep_error *err)
{
    const struct {
        const char *name;
        const char *value;
    } texts[] = {{"id", facts->id},
                 {"tenantId", facts->tenant_id},
                 {"deviceId", facts->device_id},
                 {"userId", facts->user_id}};
    iscep_buf_append_text(out, "{");
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        iscep_buf_printf(out, "\"%s\":", texts[i].name);
        iscep_json_append_quoted(out, texts[i].value);
        iscep_buf_append_text(out, ",");
    }
    iscep_buf_printf(out, "\"issuedUnix\":%lld,\"expiresUnix\":%lld,\"padding\":\"",
                     (long long)facts->issued_unix, (long long)facts->expires_unix);
    uint8_t *padding = iscep_buf_reserve(out, pad_len);
    if (padding != NULL) {
        memset(padding, '.', pad_len);
        out->len += pad_len;
    }
    iscep_buf_append_text(out, "\"");
    iscep_status status = mock_profile_copy_json(out, profile, err);
    iscep_buf_append_text(out, "}");
    return status == ISCEP_OK ? iscep_buf_status(out, err) : status;
}

static STACK_OF(X509) * stack_of(X509 *cert)
{
    STACK_OF(X509) *stack = sk_X509_new_null();
    if (stack != NULL && sk_X509_push(stack, cert) > 0)
        return stack;
    sk_X509_free(stack);
    return NULL;
}

static bool append_der(iscep_buf *out, CMS_ContentInfo *cms)
{
    uint8_t *der = NULL;
    int len = cms == NULL ? -1 : i2d_CMS_ContentInfo(cms, &der);
    if (len > 0)
        iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    return len > 0 && !out->is_overflown;
}

static bool sign(iscep_buf *out, const mock_pki *pki, iscep_bytes content)
{
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    CMS_ContentInfo *cms = in == NULL ? NULL
                                      : CMS_sign(pki->sign_cert, pki->sign_key, NULL, in,
                                                 CMS_BINARY | CMS_NOSMIMECAP | CMS_NOCERTS);
    bool is_done = append_der(out, cms);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    return is_done;
}

static bool encrypt(iscep_buf *out, const mock_pki *pki, iscep_bytes content)
{
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    STACK_OF(X509) *recipients = stack_of(pki->encrypt_cert);
    CMS_ContentInfo *cms =
        in == NULL || recipients == NULL ? NULL : CMS_encrypt(recipients, in, EVP_aes_128_cbc(), CMS_BINARY);
    bool is_done = append_der(out, cms);
    CMS_ContentInfo_free(cms);
    sk_X509_free(recipients);
    BIO_free(in);
    return is_done;
}

static iscep_status mint_padded(iscep_buf *out, const mock_pki *pki, const mock_facts *facts,
                                const iscep_json *profile, size_t pad_len, iscep_error *err)
{
    ISCEP_AUTO_BUF payload, signed_der, enveloped_der;
    iscep_buf_init(&payload, MOCK_CHALLENGE_MAX_LEN);
    iscep_buf_init(&signed_der, MOCK_CHALLENGE_MAX_LEN);
    iscep_buf_init(&enveloped_der, MOCK_CHALLENGE_MAX_LEN);
    iscep_status status = emit_payload(&payload, facts, profile, pad_len, err);
    if (status != ISCEP_OK)
        return status;
    if (!sign(&signed_der, pki, iscep_buf_bytes(&payload)) ||
        !encrypt(&enveloped_der, pki, iscep_buf_bytes(&signed_der)))
        return iscep_error_set(err, ISCEP_NOMEM, "challenge",
                               "the challenge could not be signed or encrypted");
    iscep_base64_encode(out, iscep_buf_bytes(&enveloped_der));
    return iscep_buf_status(out, err);
}

iscep_status mock_challenge_mint(iscep_buf *out, const mock_pki *pki, const mock_facts *facts,
                                 const iscep_json *profile, size_t pad_to, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, MOCK_CHALLENGE_MAX_LEN);
    iscep_status status = mint_padded(&text, pki, facts, profile, 0, err);
    if (status == ISCEP_OK && text.len < pad_to) {
        size_t pad_len = (pad_to - text.len) / 4 * 3 + PADDING_SLACK;
        iscep_buf_clear(&text);
        status = mint_padded(&text, pki, facts, profile, pad_len, err);
    }
    if (status != ISCEP_OK)
        return status;
    iscep_buf_append(out, text.data, text.len);
    return iscep_buf_status(out, err);
}

static CMS_ContentInfo *parse_cms(iscep_bytes der, int type_nid)
{
    const uint8_t *at = der.data;
    CMS_ContentInfo *cms = der.len == 0 ? NULL : d2i_CMS_ContentInfo(NULL, &at, (long)der.len);
    if (cms != NULL && at == der.data + der.len && OBJ_obj2nid(CMS_get0_type(cms)) == type_nid)
        return cms;
    CMS_ContentInfo_free(cms);
    return NULL;
}

static void append_bio(iscep_buf *out, BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    iscep_buf_append(out, data, len > 0 ? (size_t)len : 0);
}

static const char *decrypt(iscep_buf *out, const mock_pki *pki, iscep_bytes der)
{
    CMS_ContentInfo *cms = parse_cms(der, NID_pkcs7_enveloped);
    if (cms == NULL)
        return MOCK_CHALLENGE_DESERIALIZE;
    BIO *plain = BIO_new(BIO_s_mem());
    bool is_done =
        plain != NULL && CMS_decrypt(cms, pki->encrypt_key, pki->encrypt_cert, NULL, plain, CMS_BINARY) == 1;
    if (is_done)
        append_bio(out, plain);
    BIO_free(plain);
    CMS_ContentInfo_free(cms);
    return is_done ? MOCK_SUCCESS : MOCK_CHALLENGE_DECRYPTION;
}

/* Only our own certificate can be the signer's: what the message carries itself is not looked at. */
static const char *verify(iscep_buf *out, const mock_pki *pki, iscep_bytes der)
{
    CMS_ContentInfo *cms = parse_cms(der, NID_pkcs7_signed);
    if (cms == NULL)
        return MOCK_CHALLENGE_DESERIALIZE;
    BIO *content = BIO_new(BIO_s_mem());
    STACK_OF(X509) *signers = stack_of(pki->sign_cert);
    bool is_right = content != NULL && signers != NULL &&
                    CMS_verify(cms, signers, NULL, NULL, content,
                               CMS_NO_SIGNER_CERT_VERIFY | CMS_NOINTERN | CMS_BINARY) == 1;
    if (is_right)
        append_bio(out, content);
    sk_X509_free(signers);
    BIO_free(content);
    CMS_ContentInfo_free(cms);
    return is_right ? MOCK_SUCCESS : MOCK_SIGNATURE_FAILED;
}

static bool read_payload(mock_challenge *out, iscep_bytes text)
{
    ISCEP_AUTO_JSON *json = NULL;
    mock_facts *facts = &out->facts;
    if (iscep_json_parse(&json, text, NULL) != ISCEP_OK ||
        mock_json_check(json, payload_rules, sizeof(payload_rules) / sizeof(payload_rules[0]), NULL) !=
            ISCEP_OK)
        return false;
    iscep_text_copy(facts->id, sizeof(facts->id), iscep_json_text(json, "id"));
    iscep_text_copy(facts->tenant_id, sizeof(facts->tenant_id), iscep_json_text(json, "tenantId"));
    iscep_text_copy(facts->device_id, sizeof(facts->device_id), iscep_json_text(json, "deviceId"));
    iscep_text_copy(facts->user_id, sizeof(facts->user_id), iscep_json_text(json, "userId"));
    return iscep_json_int(json, "issuedUnix", &facts->issued_unix) &&
           iscep_json_int(json, "expiresUnix", &facts->expires_unix) &&
           mock_profile_parse(&out->profile, json, NULL) == ISCEP_OK;
}

const char *mock_challenge_open(mock_challenge *out, const mock_pki *pki, iscep_bytes base64)
{
    ISCEP_AUTO_BUF outer, inner, payload;
    iscep_buf_init(&outer, MOCK_CHALLENGE_MAX_LEN);
    iscep_buf_init(&inner, MOCK_CHALLENGE_MAX_LEN);
    iscep_buf_init(&payload, MOCK_CHALLENGE_MAX_LEN);
    *out = (mock_challenge){0};
    if (iscep_base64_decode(&outer, base64, NULL) != ISCEP_OK)
        return MOCK_CHALLENGE_DECODING;
    const char *code = decrypt(&inner, pki, iscep_buf_bytes(&outer));
    if (mock_code_is_success(code))
        code = verify(&payload, pki, iscep_buf_bytes(&inner));
    if (mock_code_is_success(code) && !read_payload(out, iscep_buf_bytes(&payload)))
        code = MOCK_CHALLENGE_DESERIALIZE;
    return code;
}

void mock_challenge_clear(mock_challenge *challenge)
{
    mock_profile_clear(&challenge->profile);
}
