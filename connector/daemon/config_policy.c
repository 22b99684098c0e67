/* The section [policy]: service/csr_rules.h and service/issued_check.h as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config_key.h"

static _Thread_local char fault[512]; /* a reader's answer that is made up on the spot */

static const char *read_len(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 1, ISCEP_CSR_MAX_LEN);
}

static const char *read_bits(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_number32(to, text, 1, 16384);
}

static const char *read_foreign_challenge(iscep_config *config, void *to, const char *text)
{
    static const char *const choices[] = {
        [ISCEP_FOREIGN_ASK] = "ask", [ISCEP_FOREIGN_DENY] = "deny", [ISCEP_FOREIGN_DECLINE] = "decline"};
    unsigned choice = 0;
    (void)config;
    const char *wrong = iscep_config_read_word(&choice, text, choices, 3);
    *(iscep_foreign_challenge *)to = (iscep_foreign_challenge)choice;
    return wrong;
}

static const char *read_issued_check(iscep_config *config, void *to, const char *text)
{
    static const char *const choices[] = {
        [ISCEP_ISSUED_OFF] = "off", [ISCEP_ISSUED_WARN] = "warn", [ISCEP_ISSUED_WITHHOLD] = "withhold"};
    unsigned choice = 0;
    (void)config;
    const char *wrong = iscep_config_read_word(&choice, text, choices, 3);
    *(iscep_issued_mode *)to = (iscep_issued_mode)choice;
    return wrong;
}

static const char *read_ca_rights(iscep_config *config, void *to, const char *text)
{
    (void)config;
    return iscep_config_read_switch(to, text, "deny", "allow");
}

/* --- lists: words of a vocabulary, or "any" alone; "default" stands for the default's words --- */

typedef struct list {
    const iscep_rule_word *words;
    iscep_rule_set by_default;
    iscep_rule_extras *extras;          /* takes what is no word of the list; NULL: nothing else is taken */
    bool (*is_extra)(const char *word); /* what extras takes */
} list;

static const char *complain_of_word(const char *word, const iscep_rule_word *words)
{
    size_t len =
        (size_t)snprintf(fault, sizeof fault, "does not know \"%.40s\"; there are any, default", word);
    for (; words->word != NULL && len < sizeof fault; words++)
        len += (size_t)snprintf(fault + len, sizeof fault - len, ", %s", words->word);
    if (strcmp(word, "any") == 0 && len < sizeof fault)
        snprintf(fault + len, sizeof fault - len, "; any stands alone");
    return fault;
}

static bool is_oid(const char *word)
{
    size_t len = strspn(word, "0123456789.");
    return len > 2 && word[len] == '\0' && word[0] <= '2' && word[1] == '.' && word[len - 1] != '.' &&
           strstr(word, "..") == NULL;
}

/* A name-value pair's: free, but "any" stands alone. */
static bool is_pair_name(const char *word)
{
    return strcmp(word, "any") != 0;
}

static bool take_word(iscep_rule_set *set, const list *to, const char *word)
{
    if (strcmp(word, "default") == 0) {
        *set |= to->by_default;
        return true;
    }
    for (unsigned i = 0; to->words[i].word != NULL; i++) {
        if (strcmp(word, to->words[i].word) != 0)
            continue;
        *set |= UINT32_C(1) << i;
        return true;
    }
    if (to->extras == NULL || !to->is_extra(word))
        return false;
    to->extras->facts[to->extras->count++] = word;
    return true;
}

static const char *read_list(iscep_config *config, iscep_rule_set *set, const char *text, const list *to)
{
    char *at, *words = iscep_config_keep(config, text);
    if (words == NULL)
        return "does not fit into memory";
    *set = strcmp(text, "any") == 0 ? ISCEP_RULE_ANY : 0;
    if (*set == ISCEP_RULE_ANY)
        return NULL;
    unsigned count = 0;
    for (char *word = strtok_r(words, " ,\t", &at); word != NULL; word = strtok_r(NULL, " ,\t", &at), count++)
        if (to->extras != NULL && to->extras->count == ISCEP_RULES_MAX_EXTRAS)
            return "names too many of its own";
        else if (!take_word(set, to, word))
            return complain_of_word(word, to->words);
    return count == 0 ? "must name at least one" : NULL;
}

static const char *read_key_types(iscep_config *config, void *to, const char *text)
{
    return read_list(config, to, text,
                     &(list){iscep_key_type_words, iscep_policy_default.csr.key_types, NULL, NULL});
}

static const char *read_ec_curves(iscep_config *config, void *to, const char *text)
{
    return read_list(config, to, text,
                     &(list){iscep_ec_curve_words, iscep_policy_default.csr.ec_curves, NULL, NULL});
}

static const char *read_digests(iscep_config *config, void *to, const char *text)
{
    return read_list(config, to, text,
                     &(list){iscep_digest_words, iscep_policy_default.csr.digests, NULL, NULL});
}

static const char *read_san_types(iscep_config *config, void *to, const char *text)
{
    return read_list(config, to, text,
                     &(list){iscep_san_type_words, iscep_policy_default.csr.san_types, NULL, NULL});
}

static const char *read_extensions(iscep_config *config, void *to, const char *text)
{
    return read_list(config, to, text,
                     &(list){iscep_extension_words, iscep_policy_default.csr.extensions,
                             &config->policy.csr.extension_oids, is_oid});
}

static const char *read_attributes(iscep_config *config, void *to, const char *text)
{
    return read_list(config, to, text,
                     &(list){iscep_attribute_words, iscep_policy_default.csr.attributes,
                             &config->policy.csr.attribute_oids, is_oid});
}

static const char *read_pairs(iscep_config *config, void *to, const char *text)
{
    return read_list(config, to, text,
                     &(list){iscep_pair_words, iscep_policy_default.csr.pairs, &config->policy.csr.pair_names,
                             is_pair_name});
}

#define CSR(member) offsetof(iscep_config, policy.csr.member)

const struct key iscep_policy_keys[] = {
    {"max_csr_len", CSR(max_csr_len), read_len, DEFAULT("16384"),
     "bytes; refused before it is parsed. A CSR with an RSA key of 8192 bits and a challenge of 4,000 "
     "characters has about 7,000"},
    {"min_challenge_len", CSR(min_challenge_len), read_len, DEFAULT("1"),
     "characters. Intune refuses what is none of its challenges anyway, and documents no length"},
    {"max_challenge_len", CSR(max_challenge_len), read_len, DEFAULT("8192"),
     "characters; about 3,000 have been seen"},
    {"foreign_challenge", CSR(foreign_challenge), read_foreign_challenge, DEFAULT("ask"),
     "what becomes of a challenge that does not look like Intune's, that is base64 of a CMS structure: `ask` "
     "Intune all the same, `deny` it here, or `decline` it, so that the SCEP server's own rule applies. Not "
     "the default, because the look is documented nowhere. A missing challenge is always refused"},
    {"key_types", CSR(key_types), read_key_types, DEFAULT("rsa ec"), "also `rsa-pss`, `ed25519`, `ed448`"},
    {"min_rsa_bits", CSR(min_rsa_bits), read_bits, DEFAULT("2048"),
     "below is too weak for a certificate of today (NIST SP 800-131A)"},
    {"max_rsa_bits", CSR(max_rsa_bits), read_bits, DEFAULT("8192"),
     "SCEP profiles go up to 4096; more costs everyone time and nobody needs it"},
    {"ec_curves", CSR(ec_curves), read_ec_curves, DEFAULT("P-256 P-384 P-521"),
     "also `brainpoolP256r1`, `brainpoolP384r1`, `brainpoolP512r1`; a curve with parameters of its own is "
     "none of them"},
    {"digests", CSR(digests), read_digests, DEFAULT("sha256 sha384 sha512"),
     "of the CSR's signature, with RSASSA-PSS also of its mask; also `sha1`, `sha224`, `sha3-256`, "
     "`sha3-384`, `sha3-512`. Intune profiles offer SHA-2; strongSwan, certmonger and micromdm's client sign "
     "with SHA-256"},
    {"ca_rights", CSR(may_have_ca_rights), read_ca_rights, DEFAULT("deny"),
     "a CSR that asks to be a CA (`basicConstraints`), or for `keyCertSign` or `cRLSign`; or `allow`, which "
     "is refused together with `issued_check = withhold`: every such certificate would be withheld"},
    {"extensions", CSR(extensions), read_extensions,
     DEFAULT("subjectAltName keyUsage extendedKeyUsage basicConstraints subjectKeyIdentifier sid "
             "smimeCapabilities"),
     "what a CSR may ask for: words of the table of extensions, or dotted OIDs"},
    {"csr_attributes", CSR(attributes), read_attributes,
     DEFAULT("challengePassword extensionRequest nameValuePairs osVersion clientInfo cspProvider "
             "renewalCertificate friendlyName"),
     "what a CSR may carry besides: words of the table of attributes, or dotted OIDs"},
    {"name_value_pairs", CSR(pairs), read_pairs, DEFAULT("ValidityPeriod ValidityPeriodUnits"),
     "names of the pairs that the attribute `nameValuePairs` may hold: these words, or names as they are. "
     "Windows and Android send these two, with the profile's validity (on Android swapped), which Intune "
     "does not look at: have the CA set a maximum. Others can reach past Intune: AD CS takes a template from "
     "`CertificateTemplate`, and may take names from `SAN`"},
    {"san_types", CSR(san_types), read_san_types, DEFAULT("dns email uri sid ip upn"),
     "kinds of alternative names; also `otherName`, `directoryName`, `other`. `sid` is the URI of KB5014754, "
     "`upn` Microsoft's principal name; whether a request has them is logged (`has_sid`, `has_upn`)"},
    {"issued_check", offsetof(iscep_config, policy.issued_check), read_issued_check, DEFAULT("withhold"),
     "a certificate with other alternative names than the CSR, with a SID extension that is not the CSR's "
     "SID, with a CA's rights, or out of date: `withhold` answers `deny` and does not report it, `warn` logs "
     "it and reports it, `off` does not look. That it carries the CSR's key is always demanded"},
    {0},
};

iscep_status iscep_policy_check(const iscep_policy *policy, iscep_error *err)
{
    if (policy->csr.min_rsa_bits > policy->csr.max_rsa_bits)
        return iscep_error_set(err, ISCEP_CONFIG, "min_rsa_bits",
                               "[policy] min_rsa_bits is more than max_rsa_bits");
    if (policy->csr.min_challenge_len > policy->csr.max_challenge_len)
        return iscep_error_set(err, ISCEP_CONFIG, "min_challenge_len",
                               "[policy] min_challenge_len is more than max_challenge_len");
    if (policy->csr.may_have_ca_rights && policy->issued_check == ISCEP_ISSUED_WITHHOLD)
        return iscep_error_set(
            err, ISCEP_CONFIG, "ca_rights",
            "[policy] ca_rights = allow contradicts issued_check = withhold, which withholds every "
            "certificate with a CA's rights: choose ca_rights = deny, or issued_check = warn");
    return ISCEP_OK;
}
