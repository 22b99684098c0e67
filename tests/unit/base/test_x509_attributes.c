/* What a request carries besides its extensions is listed as it stands there: rules judge by the list. */
#include <criterion/criterion.h>
#include <openssl/asn1.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/x509.h"
#include "base/x509_facts.h"
#include "tests/support/test_pki.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define PAIR         "1.3.6.1.4.1.311.13.2.1"
#define TWIN         "1.3.6.1.4.1.311.13.2.126"
#define OS_VERSION   "1.3.6.1.4.1.311.13.2.3"

static X509_REQ *req;
static EVP_PKEY *key;
static iscep_x509_facts facts;
static iscep_error err;

static void set_up(void)
{
    req = X509_REQ_new();
    key = test_pki_new_ec_key();
    cr_assert_eq(X509_REQ_set_pubkey(req, key), 1);
}

static void tear_down(void)
{
    iscep_x509_facts_clear(&facts);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
}

TestSuite(x509_attributes, .init = set_up, .fini = tear_down);

static void emit(iscep_buf *der)
{
    unsigned char *data = NULL;
    iscep_buf_init(der, ISCEP_CSR_MAX_LEN);
    cr_assert_gt(X509_REQ_sign(req, key, EVP_sha256()), 0);
    int len = i2d_X509_REQ(req, &data);
    iscep_buf_append(der, data, (size_t)len);
    OPENSSL_free(data);
}

/* OpenSSL adds no attribute twice: what was added under TWIN becomes a second one, which no signature vouches for. */
static void rename_twins(iscep_buf *der)
{
    static const uint8_t twin[] = {0x2B, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0D, 0x02, 0x7E};
    uint8_t *at = memmem(der->data, der->len, twin, sizeof twin);
    if (at != NULL)
        at[sizeof twin - 1] = 1;
}

static iscep_status read_facts(void)
{
    ISCEP_AUTO_BUF der;
    iscep_x509_facts_clear(&facts);
    emit(&der);
    rename_twins(&der);
    return iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), &err);
}

static void add(const char *oid, int type, const void *value, size_t len)
{
    cr_assert_eq(X509_REQ_add1_attr_by_txt(req, oid, type, value, (int)len), 1);
}

static ASN1_TYPE *new_text(int type, const char *text)
{
    ASN1_STRING *string = NULL;
    ASN1_TYPE *made = ASN1_TYPE_new();
    unsigned long mask = type == V_ASN1_BMPSTRING ? B_ASN1_BMPSTRING : B_ASN1_UTF8STRING;
    int given = ASN1_mbstring_copy(&string, (const uint8_t *)text, -1, (int)MBSTRING_UTF8, mask);
    cr_assert_gt(given, 0);
    string->type = type;
    ASN1_TYPE_set(made, type, string);
    return made;
}

/* SEQUENCE { name, value }, both strings of this type. */
static size_t emit_pair(uint8_t out[256], int type, const char *name, const char *value)
{
    STACK_OF(ASN1_TYPE) *pair = sk_ASN1_TYPE_new_null();
    uint8_t *at = out;
    sk_ASN1_TYPE_push(pair, new_text(type, name));
    sk_ASN1_TYPE_push(pair, new_text(type, value));
    int len = i2d_ASN1_SEQUENCE_ANY(pair, &at);
    cr_assert(len > 0 && len < 256);
    sk_ASN1_TYPE_pop_free(pair, ASN1_TYPE_free);
    return (size_t)len;
}

static void add_pair(const char *oid, int type, const char *name, const char *value)
{
    uint8_t der[256];
    size_t len = emit_pair(der, type, name, value);
    add(oid, V_ASN1_SEQUENCE, der, len);
}

static bool is_in(const char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(texts[i], text) == 0)
            return true;
    return false;
}

Test(x509_attributes, are_listed_with_their_repetitions)
{
    add(OS_VERSION, V_ASN1_IA5STRING, "10.0.26100.2", 12);
    add("1.2.840.113549.1.9.7", V_ASN1_PRINTABLESTRING, "challenge", 9);
    add_pair(PAIR, V_ASN1_UTF8STRING, "a", "1");
    add_pair(TWIN, V_ASN1_UTF8STRING, "b", "2");
    cr_assert_eq(read_facts(), ISCEP_OK, "%s", err.message);
    cr_assert_eq(facts.attribute_count, 4);
    cr_assert(is_in(facts.attributes, 4, OS_VERSION));
    cr_assert(is_in(facts.attributes, 4, "1.2.840.113549.1.9.7"));
    cr_assert(is_in(facts.attributes, 4, PAIR));
    cr_assert_not(is_in(facts.attributes, 4, TWIN));
    cr_assert_eq(facts.challenge_count, 1);
    cr_assert_eq(facts.pair_count, 2);
    cr_assert(is_in(facts.pair_names, 2, "a") && is_in(facts.pair_names, 2, "b"));
}

Test(x509_attributes, of_a_request_without_any_are_none)
{
    cr_assert_eq(read_facts(), ISCEP_OK);
    cr_assert_eq(facts.attribute_count + facts.pair_count, 0);
}

Test(x509_attributes, more_than_any_request_has_are_refused)
{
    for (int i = 0; i < 64; i++) {
        char oid[16];
        snprintf(oid, sizeof oid, "1.2.3.%d", i);
        add(oid, V_ASN1_UTF8STRING, "x", 1);
    }
    cr_assert_eq(read_facts(), ISCEP_OK);
    cr_assert_eq(facts.attribute_count, 64);
    add("1.2.4", V_ASN1_UTF8STRING, "x", 1);
    cr_assert_eq(read_facts(), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "csr_malformed");
    cr_assert_null(facts.store);
}

Test(x509_attributes, name_value_pairs_are_found_in_every_value)
{
    uint8_t second[256];
    add_pair(PAIR, V_ASN1_BMPSTRING, "ValidityPeriod", "Years");
    size_t len = emit_pair(second, V_ASN1_UTF8STRING, "SAN", "dns=dc.example&upn=j\xC3\xB6rg@example");
    X509_ATTRIBUTE *attribute = X509_REQ_get_attr(req, 0);
    cr_assert_eq(X509_ATTRIBUTE_set1_data(attribute, V_ASN1_SEQUENCE, second, (int)len), 1);
    add_pair(TWIN, V_ASN1_PRINTABLESTRING, "ValidityPeriodUnits", "");
    cr_assert_eq(read_facts(), ISCEP_OK, "%s", err.message);
    cr_assert_eq(facts.pair_count, 3);
    cr_assert(is_in(facts.pair_names, 3, "ValidityPeriod"));
    cr_assert(is_in(facts.pair_names, 3, "SAN"));
    cr_assert(is_in(facts.pair_names, 3, "ValidityPeriodUnits"));
}

/* Hostile siblings: whatever another reader may make of them, they are no pair with a name that could be allowed. */
Test(x509_attributes, a_pair_that_cannot_be_read_has_no_name)
{
    static const struct {
        int type;
        size_t len;
        const char *der;
    } values[] = {
        {V_ASN1_UTF8STRING, 3, "SAN"},
        {V_ASN1_SEQUENCE, 2, "\x30\x00"},
        {V_ASN1_SEQUENCE, 5, "\x30\x03\x0C\x01\x61"},                          /* one member */
        {V_ASN1_SEQUENCE, 11, "\x30\x09\x0C\x01\x61\x0C\x01\x62\x0C\x01\x63"}, /* three */
        {V_ASN1_SEQUENCE, 8, "\x30\x06\x02\x01\x61\x0C\x01\x62"},              /* an INTEGER as its name */
        {V_ASN1_SEQUENCE, 8, "\x30\x06\x0C\x01\x61\x02\x01\x62"},              /* … as its value */
        {V_ASN1_SEQUENCE, 9, "\x30\x07\x0C\x02\x61\x00\x0C\x01\x62"},          /* a NUL in the name */
        {V_ASN1_SEQUENCE, 7, "\x30\x05\x0C\x00\x0C\x01\x62"},                  /* an empty name */
        {V_ASN1_SEQUENCE, 9, "\x30\x07\x0C\x01\x61\x0C\x02\x62\x0A"},          /* a line end in the value */
        {V_ASN1_SEQUENCE, 8, "\x30\x06\x0C\x01\xFF\x0C\x01\x62"},              /* no UTF-8 */
        {V_ASN1_SEQUENCE, 9, "\x30\x81\x06\x0C\x01\x61\x0C\x01\x62"}, /* a length that is not minimal */
        {V_ASN1_SEQUENCE, 8, "\x30\x06\x14\x01\x61\x0C\x01\x62"},     /* T61String: whose alphabet? */
    };
    for (size_t i = 0; i < COUNT(values); i++) {
        X509_ATTRIBUTE_free(X509_REQ_delete_attr(req, 0));
        add(PAIR, values[i].type, values[i].der, values[i].len);
        cr_assert_eq(read_facts(), ISCEP_OK, "%zu: %s", i, err.message);
        cr_assert_eq(facts.pair_count, 1, "%zu", i);
        cr_assert_str_empty(facts.pair_names[0], "%zu: %s", i, facts.pair_names[0]);
    }
}

/* --- what else the rules ask about a request --- */

static void request_extension(const char *oid, const char *der, size_t len)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    STACK_OF(X509_EXTENSION) *asked = sk_X509_EXTENSION_new_null();
    X509_ATTRIBUTE_free(X509_REQ_delete_attr(req, 0));
    cr_assert_eq(ASN1_OCTET_STRING_set(value, (const uint8_t *)der, (int)len), 1);
    sk_X509_EXTENSION_push(asked, X509_EXTENSION_create_by_OBJ(NULL, object, 0, value));
    cr_assert_eq(X509_REQ_add_extensions(req, asked), 1);
    sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(object);
}

Test(x509_attributes, only_a_template_name_of_no_characters_is_empty)
{
    static const struct {
        const char *oid;
        const char *der;
        size_t len;
        bool is_empty;
    } cases[] = {
        {"1.3.6.1.4.1.311.20.2", "\x1E\x00", 2, true},
        {"1.3.6.1.4.1.311.20.2", "\x0C\x00", 2, true},
        {"1.3.6.1.4.1.311.20.2", "\x1E\x02\x00\x55", 4, false}, /* "U" */
        {"1.3.6.1.4.1.311.20.2", "\x1E\x00\x00\x55", 4, false},
        {"1.3.6.1.4.1.311.20.2", "\x30\x00", 2, false},
        {"1.3.6.1.4.1.311.20.2", "", 0, false},
        {"1.3.6.1.4.1.311.21.7", "\x1E\x00", 2, false}, /* the other template extension */
        {"1.3.6.1.4.1.311.20.2.1", "\x1E\x00", 2, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        request_extension(cases[i].oid, cases[i].der, cases[i].len);
        cr_assert_eq(read_facts(), ISCEP_OK, "%zu: %s", i, err.message);
        cr_assert_eq(facts.is_template_name_empty, cases[i].is_empty, "%zu", i);
    }
}

/* RFC 2986, 4.1 */
Test(x509_attributes, only_version_0_is_a_request)
{
    for (long version = 0; version <= 2; version++) {
        ISCEP_AUTO_BUF der;
        iscep_csr *csr = NULL;
        cr_assert_eq(X509_REQ_set_version(req, version), 1);
        X509_ATTRIBUTE_free(X509_REQ_delete_attr(req, 0));
        add("1.2.840.113549.1.9.7", V_ASN1_PRINTABLESTRING, "challenge", 9);
        emit(&der);
        iscep_status want = version == 0 ? ISCEP_OK : ISCEP_USAGE;
        cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), &err), want);
        cr_assert(version == 0 || strcmp(err.code, "csr_malformed") == 0);
        cr_assert_eq(iscep_csr_parse(&csr, iscep_buf_bytes(&der), &err), want);
        cr_assert(version == 0 || strcmp(err.code, "csr_malformed") == 0);
        iscep_x509_facts_clear(&facts);
        iscep_csr_free(csr);
    }
}

static void sign_with_mask(iscep_buf *der, const EVP_MD *mask)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    unsigned char *data = NULL;
    cr_assert_eq(X509_REQ_set_pubkey(req, key), 1);
    cr_assert_eq(EVP_DigestSignInit(md, &ctx, EVP_sha256(), NULL, key), 1);
    cr_assert_gt(EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING), 0);
    cr_assert_gt(EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, mask), 0);
    cr_assert_gt(X509_REQ_sign_ctx(req, md), 0);
    int len = i2d_X509_REQ(req, &data);
    iscep_buf_init(der, ISCEP_CSR_MAX_LEN);
    iscep_buf_append(der, data, (size_t)len);
    OPENSSL_free(data);
    EVP_MD_CTX_free(md);
}

Test(x509_attributes, rsassa_pss_has_two_digests)
{
    EVP_PKEY_free(key);
    key = test_pki_new_rsa_key();
    const struct {
        const EVP_MD *mask;
        const char *name;
    } cases[] = {{EVP_sha256(), "SHA256"}, {EVP_sha512(), "SHA512"}, {EVP_sha1(), "SHA1"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        ISCEP_AUTO_BUF der;
        sign_with_mask(&der, cases[i].mask);
        cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), &err), ISCEP_OK);
        cr_assert(facts.has_mask);
        cr_assert_str_eq(facts.digest, "SHA256");
        cr_assert_str_eq(facts.mask_digest, cases[i].name);
        iscep_x509_facts_clear(&facts);
    }
    cr_assert_eq(read_facts(), ISCEP_OK);
    cr_assert_not(facts.has_mask);
    cr_assert_str_empty(facts.mask_digest);
}

/* A mask that is made by something else than MGF1 is no SHA-256, whatever stands behind its name. */
Test(x509_attributes, a_mask_of_another_kind_has_no_digest)
{
    static const uint8_t mgf1[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08};
    ISCEP_AUTO_BUF der;
    EVP_PKEY_free(key);
    key = test_pki_new_rsa_key();
    sign_with_mask(&der, EVP_sha256());
    uint8_t *at = memmem(der.data, der.len, mgf1, sizeof mgf1);
    cr_assert_not_null(at);
    at[sizeof mgf1 - 1] = 0x7F;
    cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), &err), ISCEP_OK);
    cr_assert(facts.has_mask);
    cr_assert_str_eq(facts.digest, "SHA256");
    cr_assert_str_empty(facts.mask_digest);
}
