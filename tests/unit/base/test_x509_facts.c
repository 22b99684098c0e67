/* What a request asks for and what a certificate says is read as it stands there, or not at all. */
#include <criterion/criterion.h>
#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/x509_facts.h"
#include "tests/support/test_pki.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define SID          "tag:microsoft.com,2022-09-14:sid:S-1-5-21-1004336348-1177238915-682003330-512"

typedef struct extension {
    const char *name; /* OpenSSL's word, or "DER" with a dotted OID before the value */
    const char *value;
} extension;

/* Every kind of alternative name, for "@names": what has a comma in it cannot be said in one line. */
static const char names_section[] =
    "[names]\n"
    "DNS.1 = a.example\n"
    "email.1 = a@example.com\n"
    "URI.1 = https://a.example/x\n"
    "URI.2 = " SID "\n"
    "IP.1 = 192.0.2.1\n"
    "IP.2 = 2001:db8::1\n"
    "otherName.1 = 1.3.6.1.4.1.311.20.2.3;FORMAT:UTF8,UTF8:j\xC3\xB6rg@example.com\n"
    "otherName.2 = 1.2.3.4;UTF8:x\n"
    "RID.1 = 1.2.3\n"
    "DNS.2 = a.example\n"
    "dirName.1 = directory\n"
    "[directory]\n"
    "CN = somebody\n";

static X509_EXTENSION *new_extension(const extension *from)
{
    X509V3_CTX ctx;
    CONF *conf = NCONF_new(NULL);
    BIO *text = BIO_new_mem_buf(names_section, -1);
    cr_assert_eq(NCONF_load_bio(conf, text, NULL), 1);
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_nconf(&ctx, conf);
    X509_EXTENSION *made = X509V3_EXT_nconf(conf, &ctx, from->name, from->value);
    cr_assert_not_null(made, "%s = %s", from->name, from->value);
    BIO_free(text);
    NCONF_free(conf);
    return made;
}

static STACK_OF(X509_EXTENSION) * new_extensions(const extension *from, size_t count)
{
    STACK_OF(X509_EXTENSION) *made = sk_X509_EXTENSION_new_null();
    for (size_t i = 0; i < count; i++)
        cr_assert_gt(sk_X509_EXTENSION_push(made, new_extension(&from[i])), 0);
    return made;
}

/* How a request is signed, and how often it asks for its extensions. */
typedef struct request_options {
    EVP_PKEY *key; /* NULL: a new EC key */
    const EVP_MD *digest;
    bool is_pss;
    bool asks_twice;
} request_options;

static void sign_request(X509_REQ *req, EVP_PKEY *key, const request_options *options)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    cr_assert_eq(EVP_DigestSignInit(md, &ctx, options->digest, NULL, key), 1);
    if (options->is_pss)
        cr_assert_gt(EVP_PKEY_CTX_set_rsa_padding(ctx, 6 /* RSA_PKCS1_PSS_PADDING */), 0);
    cr_assert_gt(X509_REQ_sign_ctx(req, md), 0);
    EVP_MD_CTX_free(md);
}

static void emit_request(iscep_buf *out, const request_options *options, const extension *extensions,
                         size_t count)
{
    EVP_PKEY *own_key = options->key == NULL ? test_pki_new_ec_key() : NULL;
    EVP_PKEY *key = own_key != NULL ? own_key : options->key;
    X509_REQ *req = X509_REQ_new();
    unsigned char *der = NULL;
    STACK_OF(X509_EXTENSION) *asked = new_extensions(extensions, count);
    iscep_buf_init(out, ISCEP_CSR_MAX_LEN);
    cr_assert_eq(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "CN", MBSTRING_UTF8,
                                            (const unsigned char *)"device-1", -1, -1, 0),
                 1);
    cr_assert_eq(X509_REQ_set_pubkey(req, key), 1);
    if (count > 0)
        cr_assert_eq(X509_REQ_add_extensions(req, asked), 1);
    if (options->asks_twice)
        cr_assert_eq(X509_REQ_add_extensions_nid(req, asked, NID_ms_ext_req), 1);
    sign_request(req, key, options);
    int len = i2d_X509_REQ(req, &der);
    cr_assert_gt(len, 0);
    iscep_buf_append(out, der, (size_t)len);
    OPENSSL_free(der);
    sk_X509_EXTENSION_pop_free(asked, X509_EXTENSION_free);
    X509_REQ_free(req);
    EVP_PKEY_free(own_key);
}

static void read_request(iscep_x509_facts *out, const extension *extensions, size_t count)
{
    ISCEP_AUTO_BUF der;
    iscep_error err = ISCEP_ERROR_INIT;
    emit_request(&der, &(request_options){.digest = EVP_sha256()}, extensions, count);
    cr_assert_eq(iscep_x509_facts_of_request(out, iscep_buf_bytes(&der), &err), ISCEP_OK, "%s", err.message);
}

static void assert_refused(const extension *extensions, size_t count)
{
    ISCEP_AUTO_BUF der;
    iscep_x509_facts facts;
    iscep_error err = ISCEP_ERROR_INIT;
    emit_request(&der, &(request_options){.digest = EVP_sha256()}, extensions, count);
    cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), &err), ISCEP_USAGE, "%s = %s",
                 extensions[0].name, extensions[0].value);
    cr_assert_str_eq(err.code, "csr_extensions_malformed");
    cr_assert_null(facts.store);
}

Test(x509_facts, of_a_request_without_extensions)
{
    iscep_x509_facts facts;
    read_request(&facts, NULL, 0);
    cr_assert_str_eq(facts.subject, "CN=device-1");
    cr_assert_str_eq(facts.key_type, "EC");
    cr_assert_str_eq(facts.curve, "prime256v1");
    cr_assert_eq(facts.key_bits, 256);
    cr_assert_str_eq(facts.digest, "SHA256");
    cr_assert_str_eq(facts.signature, "ecdsa-with-SHA256");
    cr_assert_eq(facts.san_count + facts.extension_count + facts.ext_key_usage_count + facts.challenge_count,
                 0);
    cr_assert(!facts.has_key_usage && !facts.has_ext_key_usage && !facts.has_basic_constraints &&
              !facts.is_ca);
    cr_assert_str_empty(facts.issuer);
    iscep_x509_facts_clear(&facts);
}

Test(x509_facts, name_key_and_digest_of_each_kind)
{
    EVP_PKEY *rsa = test_pki_new_rsa_key(), *ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    const struct {
        request_options options;
        const char *type, *digest, *signature;
        uint32_t bits;
    } rows[] = {
        {{.key = rsa, .digest = EVP_sha256()}, "RSA", "SHA256", "sha256WithRSAEncryption", 2048},
        {{.key = rsa, .digest = EVP_sha1()}, "RSA", "SHA1", "sha1WithRSAEncryption", 2048},
        {{.key = rsa, .digest = EVP_sha384(), .is_pss = true}, "RSA", "SHA384", "rsassaPss", 2048},
        {{.key = ed25519}, "ED25519", "", "ED25519", 256},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        ISCEP_AUTO_BUF der;
        iscep_x509_facts facts;
        emit_request(&der, &rows[i].options, NULL, 0);
        cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), NULL), ISCEP_OK);
        cr_assert_str_eq(facts.key_type, rows[i].type);
        cr_assert_str_empty(facts.curve);
        cr_assert_eq(facts.key_bits, rows[i].bits, "row %zu: %u", i, facts.key_bits);
        cr_assert_str_eq(facts.digest, rows[i].digest);
        cr_assert_str_eq(facts.signature, rows[i].signature);
        iscep_x509_facts_clear(&facts);
    }
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(ed25519);
}

/* OpenSSL gives them the name of the curve that they equal. */
Test(x509_facts, a_curve_in_parameters_of_its_own_has_no_name)
{
    EVP_PKEY *key = test_pki_new_ec_key();
    ISCEP_AUTO_BUF der;
    iscep_x509_facts facts;
    cr_assert_eq(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
    emit_request(&der, &(request_options){.key = key, .digest = EVP_sha256()}, NULL, 0);
    cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), NULL), ISCEP_OK);
    cr_assert_str_eq(facts.key_type, "EC");
    cr_assert_str_empty(facts.curve);
    iscep_x509_facts_clear(&facts);
    EVP_PKEY_free(key);
}

Test(x509_facts, know_every_kind_of_alternative_name)
{
    static const extension asked[] = {{"subjectAltName", "@names"}};
    static const iscep_san expected[] = {
        {ISCEP_SAN_DNS, "a.example"},
        {ISCEP_SAN_EMAIL, "a@example.com"},
        {ISCEP_SAN_URI, "https://a.example/x"},
        {ISCEP_SAN_SID, SID},
        {ISCEP_SAN_IP, "192.0.2.1"},
        {ISCEP_SAN_IP, "2001:db8::1"},
        {ISCEP_SAN_UPN, "j\xC3\xB6rg@example.com"},
        {ISCEP_SAN_OTHER_NAME, "1.2.3.4=0C0178"},
        {ISCEP_SAN_OTHER, "88022A03"},
        {ISCEP_SAN_DNS, "a.example"},
        {ISCEP_SAN_DIRECTORY, "CN=somebody"},
    };
    iscep_x509_facts facts;
    read_request(&facts, asked, COUNT(asked));
    cr_assert_eq(facts.san_count, COUNT(expected));
    for (size_t i = 0; i < COUNT(expected); i++) {
        cr_assert_eq(facts.sans[i].type, expected[i].type, "%s", expected[i].value);
        cr_assert_str_eq(facts.sans[i].value, expected[i].value);
    }
    iscep_x509_facts_clear(&facts);
}

/* Hostile siblings: what would read differently elsewhere is not read at all. */
Test(x509_facts, refuse_names_that_cannot_be_read_without_guessing)
{
    static const extension asked[] = {
        {"2.5.29.17", "DER:300B8209612E6500782E636F6D"},                 /* dNSName with a NUL */
        {"2.5.29.17", "DER:300B8209612E650A782E636F6D"},                 /* … with a line end */
        {"2.5.29.17", "DER:30058203C3A974"},                             /* … that is not ASCII */
        {"2.5.29.17", "DER:30028200"},                                   /* … that is empty */
        {"2.5.29.17", "DER:300587030A0001"},                             /* an address of three bytes */
        {"2.5.29.17", "DER:300B8209612E6578616D706C6500"},               /* a byte behind it */
        {"2.5.29.17", "DER:3080820161000000"},                           /* an indefinite length */
        {"2.5.29.17", "DER:30820000"},                                   /* a length that is not minimal */
        {"2.5.29.17", "DER:3013A011060A2B060104018237140203A0030C01FF"}, /* UPN that is not UTF-8 */
        {"2.5.29.15", "DER:0401FF"},                                     /* key usage that is no BIT STRING */
        {"2.5.29.15", "DER:03020304"},                                   /* keyCertSign among unused bits */
        {"2.5.29.15", "DER:030107"},                                     /* more unused bits than there are */
        {"1.3.6.1.4.1.311.25.2", "DER:"
                                 "3026A024060A2B060104018237190201A01624140412532D312D352D32312D312D322D332D3"
                                 "53030"}, /* SID in pieces */
        {"2.5.29.37", "DER:0500"},         /* extended key usage that is no SEQUENCE */
        {"2.5.29.19", "DER:0101FF"},       /* basic constraints that are no SEQUENCE */
    };
    for (size_t i = 0; i < COUNT(asked); i++)
        assert_refused(&asked[i], 1);
}

Test(x509_facts, refuse_an_extension_that_stands_there_twice)
{
    static const extension known[] = {{"subjectAltName", "DNS:a.example"},
                                      {"subjectAltName", "DNS:b.example"}};
    static const extension unknown[] = {{"1.2.3.4", "DER:0500"}, {"1.2.3.4", "DER:0500"}};
    assert_refused(known, COUNT(known));
    assert_refused(unknown, COUNT(unknown));
}

/* OpenSSL reads the first and no other: another reader may take the other. */
Test(x509_facts, refuse_extensions_that_are_requested_twice)
{
    static const extension asked[] = {{"subjectAltName", "DNS:a.example"}};
    ISCEP_AUTO_BUF der;
    iscep_x509_facts facts;
    iscep_error err = ISCEP_ERROR_INIT;
    emit_request(&der, &(request_options){.digest = EVP_sha256(), .asks_twice = true}, asked, 1);
    cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "csr_extensions_malformed");
}

Test(x509_facts, show_usages_and_rights)
{
    static const extension asked[] = {{"keyUsage", "digitalSignature,keyEncipherment,decipherOnly"},
                                      {"extendedKeyUsage", "clientAuth,1.2.3.4"},
                                      {"basicConstraints", "critical,CA:TRUE"},
                                      {"1.3.6.1.4.1.311.21.10", "DER:0500"}};
    static const char *const extensions[] = {"2.5.29.15", "2.5.29.37", "2.5.29.19", "1.3.6.1.4.1.311.21.10"};
    iscep_x509_facts facts;
    read_request(&facts, asked, COUNT(asked));
    cr_assert(facts.has_key_usage);
    cr_assert_eq(facts.key_usage, ISCEP_KEY_USAGE_DIGITAL_SIGNATURE | ISCEP_KEY_USAGE_KEY_ENCIPHERMENT |
                                      ISCEP_KEY_USAGE_DECIPHER_ONLY);
    cr_assert(facts.has_ext_key_usage);
    cr_assert_eq(facts.ext_key_usage_count, 2);
    cr_assert_str_eq(facts.ext_key_usage[0], "1.3.6.1.5.5.7.3.2");
    cr_assert_str_eq(facts.ext_key_usage[1], "1.2.3.4");
    cr_assert(facts.has_basic_constraints && facts.is_ca);
    cr_assert_eq(facts.extension_count, COUNT(extensions));
    for (size_t i = 0; i < COUNT(extensions); i++)
        cr_assert_str_eq(facts.extensions[i], extensions[i]);
    iscep_x509_facts_clear(&facts);
}

Test(x509_facts, a_right_that_is_denied_is_no_right)
{
    static const extension asked[] = {{"basicConstraints", "CA:FALSE"}};
    iscep_x509_facts facts;
    read_request(&facts, asked, 1);
    cr_assert(facts.has_basic_constraints && !facts.is_ca);
    iscep_x509_facts_clear(&facts);
}

Test(x509_facts, count_challenges)
{
    const struct {
        test_csr_options options;
        size_t count;
    } rows[] = {{{.challenges = {NULL}}, 0},
                {{.challenges = {"one"}}, 1},
                {{.challenges = {"one", "two"}}, 2},
                {{.challenges = {"one", "two"}, .is_one_attribute = true}, 2}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        ISCEP_AUTO_BUF der;
        iscep_x509_facts facts;
        iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
        test_pki_emit_csr(&der, &rows[i].options);
        cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), NULL), ISCEP_OK);
        cr_assert_eq(facts.challenge_count, rows[i].count, "row %zu", i);
        iscep_x509_facts_clear(&facts);
    }
}

Test(x509_facts, of_a_certificate)
{
    ISCEP_AUTO_BUF der;
    iscep_x509_facts facts;
    EVP_PKEY *key = test_pki_new_ec_key();
    iscep_buf_init(&der, ISCEP_CERT_MAX_LEN);
    test_pki_emit_cert(
        &der, &(test_cert_options){.key = key, .dns_name = "a.example", .not_after_unix = 1900000000});
    cr_assert_eq(iscep_x509_facts_of_cert(&facts, iscep_buf_bytes(&der), NULL), ISCEP_OK);
    cr_assert_str_eq(facts.subject, "CN=device-1,O=Contoso");
    cr_assert_str_eq(facts.issuer, "CN=Test CA,O=Contoso");
    cr_assert_eq(facts.not_before_unix, 1700000000);
    cr_assert_eq(facts.not_after_unix, 1900000000);
    cr_assert_eq(facts.san_count, 2);
    cr_assert_str_eq(facts.sans[0].value, "a.example");
    cr_assert_eq(facts.challenge_count, 0);
    iscep_x509_facts_clear(&facts);
    EVP_PKEY_free(key);
}

Test(x509_facts, what_is_neither_is_refused)
{
    ISCEP_AUTO_BUF der;
    iscep_x509_facts facts;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&der, ISCEP_CSR_MAX_LEN);
    test_pki_emit_good_csr(&der, NULL);
    for (size_t len = 0; len < der.len; len++)
        cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_bytes_of(der.data, len), NULL), ISCEP_USAGE);
    cr_assert_eq(iscep_x509_facts_of_cert(&facts, iscep_buf_bytes(&der), &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "certificate_malformed");
    iscep_buf_append(&der, "", 1);
    cr_assert_eq(iscep_x509_facts_of_request(&facts, iscep_buf_bytes(&der), &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "csr_malformed");
    iscep_x509_facts_clear(&facts);
}
