/*
 * What a request must be like before Intune is asked about it. Intune compares subject, alternative names, key usage,
 * extended key usage and key length with the SCEP profile, and vouches for nothing else that a CSR may ask for; these
 * rules look at the rest. Each can be loosened or switched off: section [policy], docs/CONFIGURATION.md.
 */
#ifndef ISCEP_SERVICE_CSR_RULES_H
#define ISCEP_SERVICE_CSR_RULES_H

#include "base/x509_facts.h"
#include "iscep/client.h"

/* A word of the configuration and how base/x509_facts.h spells the same. Lists end with {NULL, NULL}. */
typedef struct iscep_rule_word {
    const char *word;
    const char *fact;
} iscep_rule_word;

extern const iscep_rule_word iscep_key_type_words[];
extern const iscep_rule_word iscep_ec_curve_words[];
extern const iscep_rule_word iscep_digest_words[];
extern const iscep_rule_word iscep_san_type_words[];
extern const iscep_rule_word iscep_extension_words[]; /* the fact is the dotted OID */
extern const iscep_rule_word iscep_attribute_words[]; /* the fact is the dotted OID */
extern const iscep_rule_word iscep_pair_words[];      /* names of name-value pairs */

/* Bit n stands for word n of a list. */
typedef uint32_t iscep_rule_set;
#define ISCEP_RULE_ANY UINT32_MAX /* the rule is off: also what is in no list passes */

typedef enum iscep_foreign_challenge {
    ISCEP_FOREIGN_ASK,    /* Intune decides */
    ISCEP_FOREIGN_DENY,   /* refused here */
    ISCEP_FOREIGN_DECLINE /* the SCEP server's own rule applies */
} iscep_foreign_challenge;

enum { ISCEP_RULES_MAX_EXTRAS = 32 };

/* What a list names beyond its words: OIDs or names as they are. Borrowed. */
typedef struct iscep_rule_extras {
    const char *facts[ISCEP_RULES_MAX_EXTRAS];
    uint32_t count;
} iscep_rule_extras;

typedef struct iscep_csr_rules {
    uint32_t max_csr_len; /* bytes; ISCEP_CSR_MAX_LEN counts anyway */
    uint32_t min_challenge_len;
    uint32_t max_challenge_len;
    iscep_foreign_challenge foreign_challenge;
    iscep_rule_set key_types;
    uint32_t min_rsa_bits;
    uint32_t max_rsa_bits;
    iscep_rule_set ec_curves;
    iscep_rule_set digests;
    bool may_have_ca_rights;
    iscep_rule_set extensions;
    iscep_rule_extras extension_oids;
    iscep_rule_set attributes;
    iscep_rule_extras attribute_oids;
    iscep_rule_set pairs; /* names in the attribute nameValuePairs */
    iscep_rule_extras pair_names;
    iscep_rule_set san_types;
} iscep_csr_rules;

/* What holds when nothing was configured; docs/CONFIGURATION.md says why. Sets are the first words of their lists. */
#define ISCEP_RULE_FIRST(count) ((UINT32_C(1) << (count)) - 1)
#define ISCEP_CSR_RULES_DEFAULT                                                                              \
    {                                                                                                        \
        .max_csr_len = 16384, .min_challenge_len = 1, .max_challenge_len = 8192,                             \
        .key_types = ISCEP_RULE_FIRST(2), .min_rsa_bits = 2048, .max_rsa_bits = 8192,                        \
        .ec_curves = ISCEP_RULE_FIRST(3), .digests = ISCEP_RULE_FIRST(3), .extensions = ISCEP_RULE_FIRST(7), \
        .attributes = ISCEP_RULE_FIRST(8), .pairs = ISCEP_RULE_FIRST(2), .san_types = ISCEP_RULE_FIRST(6)    \
    }

/* USAGE "csr_too_large". Asked before the request is parsed. */
iscep_status iscep_csr_rules_check_len(const iscep_csr_rules *rules, size_t csr_len,
                                       iscep_error *err) ISCEP_CHECKED;

/*
 * True: Intune may be asked. Otherwise refusal is filled: DENY, or DECLINE for a challenge that is not Intune's, with a
 * code of service/refusals.h.
 */
bool iscep_csr_rules_pass(const iscep_csr_rules *rules, const iscep_x509_facts *facts, iscep_bytes challenge,
                          iscep_verdict *refusal) ISCEP_CHECKED;

/* Do the facts give or ask for a CA's rights? */
bool iscep_has_ca_rights(const iscep_x509_facts *facts);
bool iscep_has_san_type(const iscep_x509_facts *facts, iscep_san_type type);
/* Is this security identifier among the alternative names (KB5014754)? */
bool iscep_has_sid_name(const iscep_x509_facts *facts, const char *sid);

#endif
