/* intune-scepctl inspect: what a request or a certificate contains, seen with Intune's eyes. */
#include "base/x509_facts.h"

#include <string.h>

#include "base/challenge.h"
#include "base/env.h"
#include "base/x509_read.h"
#include "ctl/ext_key_usage.h"
#include "ctl/print.h"

/* What is known of the file: facts of both kinds, and what only one of them has. */
typedef struct subject_matter {
    iscep_x509_kind kind;
    iscep_x509_facts facts;
    bool is_possession_proved; /* requests */
    const char *challenge;     /* requests: none, intune, other, several, unread */
    iscep_cert *cert;          /* certificates */
} subject_matter;

/* The connector's own parser says what it would say to a SCEP server. */
static void judge_request(subject_matter *it, iscep_bytes der)
{
    iscep_csr *csr = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_csr_parse(&csr, der, &err);
    it->is_possession_proved = status == ISCEP_OK || strcmp(err.code, "csr_challenge_missing") == 0 ||
                               strcmp(err.code, "csr_challenge_duplicate") == 0;
    if (it->facts.challenge_count == 0)
        it->challenge = "none";
    else if (it->facts.challenge_count > 1)
        it->challenge = "several";
    else if (status != ISCEP_OK)
        it->challenge = "unread";
    else
        it->challenge = iscep_challenge_is_like_intune(iscep_csr_challenge(csr)) ? "intune" : "other";
    iscep_csr_free(csr);
}

static iscep_status examine(subject_matter *it, iscep_bytes der, iscep_error *err)
{
    if (it->kind == ISCEP_X509_REQUEST) {
        iscep_status status = iscep_x509_facts_of_request(&it->facts, der, err);
        if (status == ISCEP_OK)
            judge_request(it, der);
        return status;
    }
    iscep_status status = iscep_cert_parse(&it->cert, der, err);
    return status != ISCEP_OK ? status : iscep_x509_facts_of_cert(&it->facts, der, err);
}

/* --- as JSON --- */

static void add_texts(iscep_json *to, const char *name, const char *const *texts, size_t count)
{
    iscep_json *array = iscep_json_add_array(to, name);
    for (size_t i = 0; i < count; i++)
        iscep_json_append_text(array, texts[i]);
}

static void add_time(iscep_json *to, const char *name, int64_t unix_s)
{
    char text[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(text, unix_s * 1000);
    iscep_json_add_text(to, name, text);
}

static void add_key_usage(iscep_json *to, const iscep_x509_facts *facts)
{
    if (!facts->has_key_usage) {
        iscep_json_add_text(to, "keyUsage", NULL);
        return;
    }
    iscep_json *array = iscep_json_add_array(to, "keyUsage");
    for (unsigned bit = 0; bit < ISCEP_KEY_USAGE_BITS; bit++)
        if ((facts->key_usage & 1u << bit) != 0)
            iscep_json_append_text(array, iscep_key_usage_name(bit));
}

static void add_facts(iscep_json *to, const iscep_x509_facts *facts)
{
    iscep_json_add_text(to, "subject", facts->subject);
    iscep_json *key = iscep_json_add_object(to, "key");
    iscep_json_add_text(key, "type", facts->key_type);
    iscep_json_add_int(key, "bits", facts->key_bits);
    if (facts->curve[0] != '\0')
        iscep_json_add_text(key, "curve", facts->curve);
    iscep_json_add_text(to, "signatureAlgorithm", facts->signature);
    iscep_json_add_text(to, "signatureDigest", facts->digest[0] != '\0' ? facts->digest : NULL);
    iscep_json *sans = iscep_json_add_array(to, "subjectAltNames");
    for (size_t i = 0; i < facts->san_count; i++) {
        iscep_json *san = iscep_json_append_object(sans);
        iscep_json_add_text(san, "type", iscep_san_type_name(facts->sans[i].type));
        iscep_json_add_text(san, "value", facts->sans[i].value);
    }
    add_key_usage(to, facts);
    if (facts->has_ext_key_usage)
        add_texts(to, "extendedKeyUsage", facts->ext_key_usage, facts->ext_key_usage_count);
    else
        iscep_json_add_text(to, "extendedKeyUsage", NULL);
    iscep_json_add_bool(to, "ca", facts->is_ca);
    add_texts(to, "extensions", facts->extensions, facts->extension_count);
}

static int print_json(const subject_matter *it, int exit_code)
{
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    bool is_request = it->kind == ISCEP_X509_REQUEST;
    iscep_json_add_text(root, "kind", is_request ? "request" : "certificate");
    add_facts(root, &it->facts);
    if (is_request) {
        add_texts(root, "attributes", it->facts.attributes, it->facts.attribute_count);
        add_texts(root, "nameValuePairs", it->facts.pair_names, it->facts.pair_count);
        iscep_json_add_bool(root, "proofOfPossession", it->is_possession_proved);
        iscep_json_add_text(root, "challenge", it->challenge);
    } else {
        iscep_json_add_text(root, "issuer", it->facts.issuer);
        iscep_json_add_text(root, "serialNumber", iscep_cert_serial(it->cert));
        iscep_json_add_text(root, "thumbprint", iscep_cert_thumbprint(it->cert));
        add_time(root, "notBefore", it->facts.not_before_unix);
        add_time(root, "notAfter", it->facts.not_after_unix);
    }
    return ctl_print_json(root, exit_code);
}

/* --- for people --- */

static void print_key_usage(const iscep_x509_facts *facts)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 512);
    for (unsigned bit = 0; bit < ISCEP_KEY_USAGE_BITS; bit++)
        if ((facts->key_usage & 1u << bit) != 0)
            iscep_buf_printf(&text, "%s%s", text.len > 0 ? ", " : "", iscep_key_usage_name(bit));
    ctl_print_fact("key usage", "%s", facts->has_key_usage ? iscep_buf_text(&text) : "none");
}

static void print_facts(const iscep_x509_facts *facts)
{
    ctl_print_fact("subject", "%s", facts->subject[0] != '\0' ? facts->subject : "(empty)");
    ctl_print_fact("key", "%s, %u bits%s%s", facts->key_type, facts->key_bits,
                   facts->curve[0] != '\0' ? ", " : "", facts->curve);
    ctl_print_fact("signed with", "%s%s%s", facts->signature, facts->digest[0] != '\0' ? ", " : "",
                   facts->digest);
    for (size_t i = 0; i < facts->san_count; i++)
        ctl_print_fact("alternative name", "%s: %s", iscep_san_type_name(facts->sans[i].type),
                       facts->sans[i].value);
    if (facts->san_count == 0)
        ctl_print_fact("alternative name", "none");
    print_key_usage(facts);
    for (size_t i = 0; i < facts->ext_key_usage_count; i++)
        ctl_print_fact("extended key usage", "%s %s", facts->ext_key_usage[i],
                       ctl_ext_key_usage_name(facts->ext_key_usage[i]));
    if (facts->ext_key_usage_count == 0)
        ctl_print_fact("extended key usage", "none");
    bool may_sign = (facts->key_usage & (ISCEP_KEY_USAGE_CERT_SIGN | ISCEP_KEY_USAGE_CRL_SIGN)) != 0;
    ctl_print_fact("CA rights", "%s",
                   facts->is_ca ? "YES: it is, or asks to be, a CA"
                   : may_sign   ? "YES: it may, or asks to, sign certificates or CRLs"
                                : "no");
}

static const char *describe_challenge(const char *challenge)
{
    static const struct {
        const char *word;
        const char *sentence;
    } sentences[] = {
        {"none", "none: Intune will refuse; did the profile's challenge reach the device?"},
        {"several", "more than one: the connector will refuse"},
        {"unread", "there, but it is empty, no text, or the request cannot be trusted"},
        {"other", "there, but not Intune's: Intune's is base64 of a CMS message"},
        {"intune", "there, and it looks like Intune's (base64 of a CMS message); only Intune can open it"},
    };
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
        if (strcmp(sentences[i].word, challenge) == 0)
            return sentences[i].sentence;
    return challenge;
}

static void print_for_people(const subject_matter *it)
{
    bool is_request = it->kind == ISCEP_X509_REQUEST;
    ctl_print_fact("kind", "%s", is_request ? "PKCS#10 request" : "X.509 certificate");
    print_facts(&it->facts);
    if (is_request) {
        for (size_t i = 0; i < it->facts.attribute_count; i++)
            ctl_print_fact("attribute", "%s", it->facts.attributes[i]);
        for (size_t i = 0; i < it->facts.pair_count; i++)
            ctl_print_fact("name-value pair", "%s", it->facts.pair_names[i]);
        ctl_print_fact("proof of possession", "%s",
                       it->is_possession_proved ? "yes: signed with its own key"
                                                : "NO: the signature is not by the key in the request");
        ctl_print_fact("challenge", "%s", describe_challenge(it->challenge));
        return;
    }
    char not_before[ISCEP_ISO8601_SIZE], not_after[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(not_before, it->facts.not_before_unix * 1000);
    iscep_iso8601_emit(not_after, it->facts.not_after_unix * 1000);
    ctl_print_fact("issuer", "%s", it->facts.issuer);
    ctl_print_fact("serial number", "%s", iscep_cert_serial(it->cert));
    ctl_print_fact("thumbprint (SHA-1)", "%s", iscep_cert_thumbprint(it->cert));
    ctl_print_fact("valid", "%s to %s", not_before, not_after);
}

int ctl_inspect(const ctl_request *request)
{
    ISCEP_AUTO_BUF der;
    iscep_error err = ISCEP_ERROR_INIT;
    subject_matter it = {0};
    iscep_buf_init(&der, ISCEP_CERT_MAX_LEN);
    iscep_status status = iscep_x509_read_file(&der, &it.kind, request->operands[0], &err);
    if (status == ISCEP_OK)
        status = examine(&it, iscep_buf_bytes(&der), &err);
    int exit_code = it.kind == ISCEP_X509_REQUEST && !it.is_possession_proved ? CTL_NO : CTL_YES;
    if (status != ISCEP_OK)
        exit_code = ctl_print_error(request, strcmp(err.code, "file") == 0 ? CTL_UNKNOWN : CTL_NO, &err);
    else if (request->is_json)
        exit_code = print_json(&it, exit_code);
    else
        print_for_people(&it);
    iscep_x509_facts_clear(&it.facts);
    iscep_cert_free(it.cert);
    iscep_buf_wipe(&der); /* a request holds a challenge */
    return exit_code;
}
