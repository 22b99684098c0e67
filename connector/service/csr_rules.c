/* See csr_rules.h. In every list of words those of the default come first. */
#include "service/csr_rules.h"

#include <stdio.h>
#include <string.h>

#include "base/challenge.h"
#include "service/refusals.h"

#define TEMPLATE_NAME_OID "1.3.6.1.4.1.311.20.2"

const iscep_rule_word iscep_key_type_words[] = {{"rsa", "RSA"},         {"ec", "EC"},
                                                {"rsa-pss", "RSA-PSS"}, {"ed25519", "ED25519"},
                                                {"ed448", "ED448"},     {NULL, NULL}};

const iscep_rule_word iscep_ec_curve_words[] = {{"P-256", "prime256v1"},
                                                {"P-384", "secp384r1"},
                                                {"P-521", "secp521r1"},
                                                {"brainpoolP256r1", "brainpoolP256r1"},
                                                {"brainpoolP384r1", "brainpoolP384r1"},
                                                {"brainpoolP512r1", "brainpoolP512r1"},
                                                {NULL, NULL}};

const iscep_rule_word iscep_digest_words[] = {
    {"sha256", "SHA256"},     {"sha384", "SHA384"},     {"sha512", "SHA512"},
    {"sha1", "SHA1"},         {"sha224", "SHA224"},     {"sha3-256", "SHA3-256"},
    {"sha3-384", "SHA3-384"}, {"sha3-512", "SHA3-512"}, {NULL, NULL}};

const iscep_rule_word iscep_san_type_words[] = {{"dns", "dns"},
                                                {"email", "email"},
                                                {"uri", "uri"},
                                                {"sid", "sid"},
                                                {"ip", "ip"},
                                                {"upn", "upn"},
                                                {"otherName", "otherName"},
                                                {"directoryName", "directoryName"},
                                                {"other", "other"},
                                                {NULL, NULL}};

const iscep_rule_word iscep_extension_words[] = {{"subjectAltName", "2.5.29.17"},
                                                 {"keyUsage", "2.5.29.15"},
                                                 {"extendedKeyUsage", "2.5.29.37"},
                                                 {"basicConstraints", "2.5.29.19"},
                                                 {"subjectKeyIdentifier", "2.5.29.14"},
                                                 {"sid", "1.3.6.1.4.1.311.25.2"},
                                                 {"smimeCapabilities", "1.2.840.113549.1.9.15"},
                                                 {"templateName", TEMPLATE_NAME_OID},
                                                 {"template", "1.3.6.1.4.1.311.21.7"},
                                                 {"applicationPolicies", "1.3.6.1.4.1.311.21.10"},
                                                 {"certificatePolicies", "2.5.29.32"},
                                                 {NULL, NULL}};

const iscep_rule_word iscep_attribute_words[] = {{"challengePassword", "1.2.840.113549.1.9.7"},
                                                 {"extensionRequest", "1.2.840.113549.1.9.14"},
                                                 {"nameValuePairs", "1.3.6.1.4.1.311.13.2.1"},
                                                 {"osVersion", "1.3.6.1.4.1.311.13.2.3"},
                                                 {"clientInfo", "1.3.6.1.4.1.311.21.20"},
                                                 {"cspProvider", "1.3.6.1.4.1.311.13.2.2"},
                                                 {"renewalCertificate", "1.3.6.1.4.1.311.13.1"},
                                                 {"friendlyName", "1.2.840.113549.1.9.20"},
                                                 {"microsoftExtensionRequest", "1.3.6.1.4.1.311.2.1.14"},
                                                 {"unstructuredName", "1.2.840.113549.1.9.2"},
                                                 {NULL, NULL}};

const iscep_rule_word iscep_pair_words[] = {
    {"ValidityPeriod", "ValidityPeriod"}, {"ValidityPeriodUnits", "ValidityPeriodUnits"}, {NULL, NULL}};

/* What a rule looks at, and where it says what is wrong. */
typedef struct question {
    const iscep_csr_rules *rules;
    const iscep_x509_facts *facts;
    iscep_bytes challenge;
    char finding[256];
} question;

#define FIND(it, ...) (snprintf((it)->finding, sizeof(it)->finding, __VA_ARGS__), false)

static bool is_in(iscep_rule_set set, const iscep_rule_word *words, const char *fact)
{
    if (set == ISCEP_RULE_ANY)
        return true;
    for (unsigned i = 0; words[i].word != NULL; i++)
        if (strcmp(words[i].fact, fact) == 0)
            return (set & (UINT32_C(1) << i)) != 0;
    return false;
}

static bool is_extra(const iscep_rule_extras *extras, const char *fact)
{
    for (uint32_t i = 0; i < extras->count; i++)
        if (strcmp(extras->facts[i], fact) == 0)
            return true;
    return false;
}

bool iscep_has_ca_rights(const iscep_x509_facts *facts)
{
    return facts->is_ca || (facts->key_usage & (ISCEP_KEY_USAGE_CERT_SIGN | ISCEP_KEY_USAGE_CRL_SIGN)) != 0;
}

bool iscep_has_san_type(const iscep_x509_facts *facts, iscep_san_type type)
{
    for (size_t i = 0; i < facts->san_count; i++)
        if (facts->sans[i].type == type)
            return true;
    return false;
}

bool iscep_has_sid_name(const iscep_x509_facts *facts, const char *sid)
{
    for (size_t i = 0; i < facts->san_count; i++)
        if (facts->sans[i].type == ISCEP_SAN_SID &&
            strcmp(facts->sans[i].value + sizeof ISCEP_SID_URI_PREFIX - 1, sid) == 0)
            return true;
    return false;
}

/* --- the rules: true if the request keeps it, otherwise the finding is there --- */

static bool is_challenge_ours(question *it)
{
    return it->rules->foreign_challenge == ISCEP_FOREIGN_ASK ||
           iscep_challenge_is_like_intune(it->challenge) ||
           FIND(it, "the challenge does not look like one of Intune's");
}

static bool is_challenge_len_right(question *it)
{
    const iscep_csr_rules *rules = it->rules;
    return (it->challenge.len >= rules->min_challenge_len && it->challenge.len <= rules->max_challenge_len) ||
           FIND(it, "the challenge has %zu characters, %u to %u are accepted", it->challenge.len,
                rules->min_challenge_len, rules->max_challenge_len);
}

static bool is_key_type_right(question *it)
{
    return is_in(it->rules->key_types, iscep_key_type_words, it->facts->key_type) ||
           FIND(it, "the CSR's key is of the kind %s", it->facts->key_type);
}

static bool is_key_size_right(question *it)
{
    uint32_t bits = it->facts->key_bits;
    bool is_rsa = strcmp(it->facts->key_type, "RSA") == 0 || strcmp(it->facts->key_type, "RSA-PSS") == 0;
    return !is_rsa || (bits >= it->rules->min_rsa_bits && bits <= it->rules->max_rsa_bits) ||
           FIND(it, "the CSR's RSA key has %u bits, %u to %u are accepted", bits, it->rules->min_rsa_bits,
                it->rules->max_rsa_bits);
}

static bool is_curve_right(question *it)
{
    const char *curve = it->facts->curve;
    return strcmp(it->facts->key_type, "EC") != 0 ||
           is_in(it->rules->ec_curves, iscep_ec_curve_words, curve) ||
           FIND(it, "the CSR's key is on the curve %s", curve[0] != '\0' ? curve : "of its own parameters");
}

/* EdDSA has no digest of its own to choose; RSASSA-PSS has two. */
static bool is_digest_right(question *it)
{
    const iscep_x509_facts *facts = it->facts;
    iscep_rule_set digests = it->rules->digests;
    bool is_eddsa = strcmp(facts->key_type, "ED25519") == 0 || strcmp(facts->key_type, "ED448") == 0;
    if (!is_eddsa && !is_in(digests, iscep_digest_words, facts->digest))
        return FIND(it, "the CSR is signed with %s", facts->signature);
    return !facts->has_mask || is_in(digests, iscep_digest_words, facts->mask_digest) ||
           FIND(it, "the CSR is signed with %s and the mask's digest %s", facts->signature,
                facts->mask_digest[0] != '\0' ? facts->mask_digest : "is unknown");
}

static bool is_without_ca_rights(question *it)
{
    return it->rules->may_have_ca_rights || !iscep_has_ca_rights(it->facts) ||
           FIND(it, "the CSR asks %s",
                it->facts->is_ca ? "to be a CA (basicConstraints)"
                                 : "to sign certificates or CRLs (keyUsage)");
}

static bool is_extension_listed(const question *it, const char *oid)
{
    if (it->facts->is_template_name_empty && strcmp(oid, TEMPLATE_NAME_OID) == 0)
        return true; /* asks for nothing */
    return is_extra(&it->rules->extension_oids, oid) ||
           is_in(it->rules->extensions, iscep_extension_words, oid);
}

static bool are_extensions_listed(question *it)
{
    for (size_t i = 0; i < it->facts->extension_count; i++)
        if (!is_extension_listed(it, it->facts->extensions[i]))
            return FIND(it, "the CSR asks for the extension %s", it->facts->extensions[i]);
    return true;
}

static bool are_attributes_listed(question *it)
{
    for (size_t i = 0; i < it->facts->attribute_count; i++) {
        const char *oid = it->facts->attributes[i];
        if (!is_extra(&it->rules->attribute_oids, oid) &&
            !is_in(it->rules->attributes, iscep_attribute_words, oid))
            return FIND(it, "the CSR carries the attribute %s", oid);
    }
    return true;
}

static bool are_pairs_listed(question *it)
{
    for (size_t i = 0; i < it->facts->pair_count; i++) {
        const char *name = it->facts->pair_names[i];
        if (is_extra(&it->rules->pair_names, name) || is_in(it->rules->pairs, iscep_pair_words, name))
            continue;
        return name[0] != '\0' ? FIND(it, "the CSR carries the name-value pair %s", name)
                               : FIND(it, "the CSR carries a name-value pair that cannot be read");
    }
    return true;
}

static bool are_san_types_listed(question *it)
{
    for (size_t i = 0; i < it->facts->san_count; i++) {
        const char *type = iscep_san_type_name(it->facts->sans[i].type);
        if (!is_in(it->rules->san_types, iscep_san_type_words, type))
            return FIND(it, "the CSR asks for an alternative name of the kind %s", type);
    }
    return true;
}

/* Intune looks at the SID in the alternative names, Windows also at the one in the extension. */
static bool is_sid_approved(question *it)
{
    const iscep_x509_facts *facts = it->facts;
    return facts->sid_extension[0] == '\0' || it->rules->extensions == ISCEP_RULE_ANY ||
           iscep_has_sid_name(facts, facts->sid_extension) ||
           FIND(it, "the CSR's SID extension names an account that its alternative names do not");
}

/* In this order: whose request it is comes first, so that a foreign one is declined whatever it asks for. */
static const struct {
    const char *code;
    bool (*keeps)(question *it);
} rules_in_order[] = {
    {"csr_challenge_foreign", is_challenge_ours},
    {"csr_challenge_length", is_challenge_len_right},
    {"csr_key_type", is_key_type_right},
    {"csr_key_size", is_key_size_right},
    {"csr_curve", is_curve_right},
    {"csr_digest", is_digest_right},
    {"csr_ca_rights", is_without_ca_rights},
    {"csr_attribute", are_attributes_listed},
    {"csr_attribute", are_pairs_listed},
    {"csr_extension", are_extensions_listed},
    {"csr_san_type", are_san_types_listed},
    {"csr_sid_unapproved", is_sid_approved},
};

iscep_status iscep_csr_rules_check_len(const iscep_csr_rules *rules, size_t csr_len, iscep_error *err)
{
    if (csr_len <= rules->max_csr_len)
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_USAGE, "csr_too_large",
                           "the CSR has %zu bytes, at most %u are accepted", csr_len, rules->max_csr_len);
}

bool iscep_csr_rules_pass(const iscep_csr_rules *rules, const iscep_x509_facts *facts, iscep_bytes challenge,
                          iscep_verdict *refusal)
{
    question it = {.rules = rules, .facts = facts, .challenge = challenge};
    for (size_t i = 0; i < sizeof rules_in_order / sizeof *rules_in_order; i++) {
        if (rules_in_order[i].keeps(&it))
            continue;
        bool is_declined =
            rules_in_order[i].keeps == is_challenge_ours && rules->foreign_challenge == ISCEP_FOREIGN_DECLINE;
        iscep_refusal_emit(refusal, is_declined ? ISCEP_DECLINE : ISCEP_DENY, rules_in_order[i].code,
                           it.finding);
        return false;
    }
    return true;
}
