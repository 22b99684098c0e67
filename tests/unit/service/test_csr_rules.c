/* Each rule, broken alone, refuses with its own code; loosened, it lets the same request pass. */
#include <criterion/criterion.h>
#include <string.h>

#include "service/csr_rules.h"
#include "service/refusals.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* Base64 of a ContentInfo: SEQUENCE { OID 1.2.840.113549.1.7.3, [0] {} } */
#define LIKE_INTUNE "MA0GCSqGSIb3DQEHA6AA"
#define SID         "S-1-5-21-1004336348-1177238915-682003330-512"

/* A request and the rules it is held against. */
typedef struct trial {
    iscep_csr_rules rules;
    iscep_x509_facts facts;
    iscep_san sans[4];
    const char *extensions[6];
    const char *attributes[8];
    const char *pair_names[4];
    const char *challenge;
} trial;

/* What a Windows laptop with a profile of today asks for. */
static void right(trial *it)
{
    *it = (trial){.rules = ISCEP_CSR_RULES_DEFAULT, .challenge = LIKE_INTUNE};
    it->facts =
        (iscep_x509_facts){.subject = "CN=laptop-1",
                           .key_type = "RSA",
                           .curve = "",
                           .key_bits = 2048,
                           .digest = "SHA256",
                           .signature = "sha256WithRSAEncryption",
                           .has_key_usage = true,
                           .key_usage = ISCEP_KEY_USAGE_DIGITAL_SIGNATURE | ISCEP_KEY_USAGE_KEY_ENCIPHERMENT,
                           .has_basic_constraints = true,
                           .sid_extension = "",
                           .mask_digest = "",
                           .attribute_count = 5,
                           .pair_count = 2,
                           .challenge_count = 1,
                           .issuer = ""};
    static const char *const attributes[] = {"1.3.6.1.4.1.311.13.2.3", "1.3.6.1.4.1.311.21.20",
                                             "1.3.6.1.4.1.311.13.2.1", "1.2.840.113549.1.9.14",
                                             "1.2.840.113549.1.9.7"};
    memcpy(it->attributes, attributes, sizeof attributes);
    it->facts.attributes = it->attributes;
    it->pair_names[0] = "ValidityPeriod";
    it->pair_names[1] = "ValidityPeriodUnits";
    it->facts.pair_names = it->pair_names;
    it->sans[0] = (iscep_san){ISCEP_SAN_UPN, "user@contoso.example"};
    it->sans[1] = (iscep_san){ISCEP_SAN_SID, ISCEP_SID_URI_PREFIX SID};
    it->extensions[0] = "2.5.29.17";
    it->extensions[1] = "2.5.29.15";
    it->extensions[2] = "2.5.29.37";
    it->facts.sans = it->sans;
    it->facts.san_count = 2;
    it->facts.extensions = it->extensions;
    it->facts.extension_count = 3;
}

static bool passes(const trial *it, iscep_verdict *refusal)
{
    *refusal = (iscep_verdict){.decision = ISCEP_ALLOW};
    return iscep_csr_rules_pass(&it->rules, &it->facts, iscep_bytes_of_text(it->challenge), refusal);
}

static void set_key(trial *it, const char *type, const char *curve, uint32_t bits)
{
    it->facts.key_type = type;
    it->facts.curve = curve;
    it->facts.key_bits = bits;
}

static void add_san(trial *it, iscep_san_type type, const char *value)
{
    it->sans[it->facts.san_count++] = (iscep_san){type, value};
}

static void add_extension(trial *it, const char *oid)
{
    it->extensions[it->facts.extension_count++] = oid;
}

static void add_attribute(trial *it, const char *oid)
{
    it->attributes[it->facts.attribute_count++] = oid;
}

static void add_pair(trial *it, const char *name)
{
    it->pair_names[it->facts.pair_count++] = name;
}

static void set_mask(trial *it, const char *digest)
{
    it->facts.signature = "rsassaPss";
    it->facts.has_mask = true;
    it->facts.mask_digest = digest;
}

/* --- what breaks a rule, and what loosens it --- */

#define CHANGE(name, ...)                                                                                    \
    static void name(trial *it)                                                                              \
    {                                                                                                        \
        __VA_ARGS__;                                                                                         \
    }

CHANGE(spoil_challenge_short, it->rules.min_challenge_len = 21)
CHANGE(loosen_challenge_short, it->rules.min_challenge_len = 20)
CHANGE(spoil_challenge_long, it->rules.max_challenge_len = 19)
CHANGE(loosen_challenge_long, it->rules.max_challenge_len = 20)
CHANGE(spoil_foreign, it->rules.foreign_challenge = ISCEP_FOREIGN_DENY, it->challenge = "password")
CHANGE(loosen_foreign, it->rules.foreign_challenge = ISCEP_FOREIGN_ASK)
CHANGE(spoil_key_type, set_key(it, "ED25519", "", 256))
CHANGE(spoil_key_type_unknown, set_key(it, "unknown", "", 0))
CHANGE(loosen_key_type, it->rules.key_types = ISCEP_RULE_ANY)
CHANGE(spoil_key_short, it->facts.key_bits = 2047)
CHANGE(loosen_key_short, it->rules.min_rsa_bits = 1)
CHANGE(spoil_key_long, it->facts.key_bits = 8193)
CHANGE(loosen_key_long, it->rules.max_rsa_bits = 16384)
CHANGE(spoil_pss_key, it->rules.key_types = ISCEP_RULE_ANY, set_key(it, "RSA-PSS", "", 1024))
CHANGE(spoil_curve, set_key(it, "EC", "secp256k1", 256))
CHANGE(spoil_curve_unnamed, set_key(it, "EC", "", 256))
CHANGE(loosen_curve, it->rules.ec_curves = ISCEP_RULE_ANY)
CHANGE(spoil_digest, it->facts.digest = "SHA1", it->facts.signature = "sha1WithRSAEncryption")
CHANGE(spoil_digest_md5, it->facts.digest = "MD5", it->facts.signature = "md5WithRSAEncryption")
CHANGE(spoil_digest_unknown, it->facts.digest = "", it->facts.signature = "1.2.3.4")
CHANGE(loosen_digest, it->rules.digests = ISCEP_RULE_ANY)
CHANGE(spoil_ca, it->facts.is_ca = true)
CHANGE(spoil_cert_sign, it->facts.key_usage |= ISCEP_KEY_USAGE_CERT_SIGN)
CHANGE(spoil_crl_sign, it->facts.key_usage |= ISCEP_KEY_USAGE_CRL_SIGN)
CHANGE(loosen_ca, it->rules.may_have_ca_rights = true)
CHANGE(spoil_name_constraints, add_extension(it, "2.5.29.30"))
CHANGE(spoil_policies, add_extension(it, "1.3.6.1.4.1.311.21.10"))
CHANGE(spoil_prefix, add_extension(it, "2.5.29.1"))
CHANGE(loosen_extension, it->rules.extensions = ISCEP_RULE_ANY)
CHANGE(loosen_by_oid,
       it->rules.extension_oids = (iscep_rule_extras){.facts = {"1.2.3", "2.5.29.30"}, .count = 2})
CHANGE(spoil_template_name, add_extension(it, "1.3.6.1.4.1.311.20.2"))
CHANGE(loosen_template_name, it->rules.extensions |= 1u << 7)
CHANGE(spoil_template, add_extension(it, "1.3.6.1.4.1.311.21.7"))
CHANGE(loosen_template, it->rules.extensions |= 1u << 8)
CHANGE(spoil_template_beside_empty_name, add_extension(it, "1.3.6.1.4.1.311.21.7"),
       add_extension(it, "1.3.6.1.4.1.311.20.2"), it->facts.is_template_name_empty = true)
CHANGE(spoil_mask, set_mask(it, "SHA1"))
CHANGE(spoil_mask_unknown, set_mask(it, ""))
CHANGE(spoil_below_mask, set_mask(it, "SHA256"), it->facts.digest = "SHA1")
CHANGE(spoil_ms_ext_req, add_attribute(it, "1.3.6.1.4.1.311.2.1.14"))
CHANGE(spoil_unstructured_name, add_attribute(it, "1.2.840.113549.1.9.2"))
CHANGE(spoil_attribute, add_attribute(it, "1.2.3.4"))
CHANGE(spoil_attribute_prefix, add_attribute(it, "1.3.6.1.4.1.311.13.2"))
CHANGE(loosen_attributes, it->rules.attributes = ISCEP_RULE_ANY)
CHANGE(loosen_ms_ext_req, it->rules.attributes |= 1u << 8)
CHANGE(loosen_attribute_by_oid,
       it->rules.attribute_oids = (iscep_rule_extras){.facts = {"1.2.3.4"}, .count = 1})
CHANGE(spoil_no_pairs, it->rules.attributes &= ~(1u << 2))
CHANGE(spoil_pair_template, add_pair(it, "CertificateTemplate"))
CHANGE(spoil_pair_san, add_pair(it, "SAN"))
CHANGE(spoil_pair_prefix, add_pair(it, "Validity"))
CHANGE(spoil_pair_unread, add_pair(it, ""))
CHANGE(loosen_pairs, it->rules.pairs = ISCEP_RULE_ANY)
CHANGE(loosen_pair_san, it->rules.pair_names = (iscep_rule_extras){.facts = {"SAN"}, .count = 1})
CHANGE(spoil_directory, add_san(it, ISCEP_SAN_DIRECTORY, "CN=ceo"))
CHANGE(spoil_other_name, add_san(it, ISCEP_SAN_OTHER_NAME, "1.2.3=0500"))
CHANGE(spoil_other, add_san(it, ISCEP_SAN_OTHER, "8803"))
CHANGE(loosen_san, it->rules.san_types = ISCEP_RULE_ANY)

static void spoil_sid(trial *it)
{
    add_extension(it, "1.3.6.1.4.1.311.25.2");
    it->facts.sid_extension = "S-1-5-21-1004336348-1177238915-682003330-500";
}

/* One is the beginning of the other. */
static void spoil_sid_prefix(trial *it)
{
    add_extension(it, "1.3.6.1.4.1.311.25.2");
    it->facts.sid_extension = "S-1-5-21-1004336348-1177238915-682003330-51";
}

static void spoil_sid_alone(trial *it)
{
    spoil_sid(it);
    it->facts.san_count = 1;
}

Test(csr_rules, each_broken_alone_refuses_with_its_code_and_can_be_loosened)
{
    static const struct {
        const char *code;
        void (*spoil)(trial *it);
        void (*loosen)(trial *it);
    } cases[] = {
        {"csr_challenge_length", spoil_challenge_short, loosen_challenge_short},
        {"csr_challenge_length", spoil_challenge_long, loosen_challenge_long},
        {"csr_challenge_foreign", spoil_foreign, loosen_foreign},
        {"csr_key_type", spoil_key_type, loosen_key_type},
        {"csr_key_type", spoil_key_type_unknown, loosen_key_type},
        {"csr_key_size", spoil_key_short, loosen_key_short},
        {"csr_key_size", spoil_key_long, loosen_key_long},
        {"csr_key_size", spoil_pss_key, loosen_key_short},
        {"csr_curve", spoil_curve, loosen_curve},
        {"csr_curve", spoil_curve_unnamed, loosen_curve},
        {"csr_digest", spoil_digest, loosen_digest},
        {"csr_digest", spoil_digest_md5, loosen_digest},
        {"csr_digest", spoil_digest_unknown, loosen_digest},
        {"csr_ca_rights", spoil_ca, loosen_ca},
        {"csr_ca_rights", spoil_cert_sign, loosen_ca},
        {"csr_ca_rights", spoil_crl_sign, loosen_ca},
        {"csr_extension", spoil_name_constraints, loosen_extension},
        {"csr_extension", spoil_name_constraints, loosen_by_oid},
        {"csr_extension", spoil_policies, loosen_extension},
        {"csr_extension", spoil_prefix, loosen_extension},
        {"csr_extension", spoil_template_name, loosen_template_name},
        {"csr_extension", spoil_template, loosen_template},
        {"csr_extension", spoil_template_beside_empty_name, loosen_template},
        {"csr_digest", spoil_mask, loosen_digest},
        {"csr_digest", spoil_mask_unknown, loosen_digest},
        {"csr_digest", spoil_below_mask, loosen_digest},
        {"csr_attribute", spoil_ms_ext_req, loosen_ms_ext_req},
        {"csr_attribute", spoil_unstructured_name, loosen_attributes},
        {"csr_attribute", spoil_attribute, loosen_attribute_by_oid},
        {"csr_attribute", spoil_attribute_prefix, loosen_attributes},
        {"csr_attribute", spoil_no_pairs, loosen_attributes},
        {"csr_attribute", spoil_pair_template, loosen_pairs},
        {"csr_attribute", spoil_pair_san, loosen_pair_san},
        {"csr_attribute", spoil_pair_prefix, loosen_pairs},
        {"csr_attribute", spoil_pair_unread, loosen_pairs},
        {"csr_san_type", spoil_directory, loosen_san},
        {"csr_san_type", spoil_other_name, loosen_san},
        {"csr_san_type", spoil_other, loosen_san},
        {"csr_sid_unapproved", spoil_sid, loosen_extension},
        {"csr_sid_unapproved", spoil_sid_prefix, loosen_extension},
        {"csr_sid_unapproved", spoil_sid_alone, loosen_extension},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        trial it;
        iscep_verdict refusal;
        right(&it);
        cr_assert(passes(&it, &refusal), "%zu", i);
        cases[i].spoil(&it);
        cr_assert_not(passes(&it, &refusal), "%zu: %s", i, cases[i].code);
        cr_assert_eq(refusal.decision, ISCEP_DENY);
        cr_assert_str_eq(refusal.code, cases[i].code, "%zu", i);
        const iscep_code *known = iscep_refusal_find(cases[i].code);
        cr_assert_not_null(known, "%s", cases[i].code);
        cr_assert_not_null(strstr(refusal.message, known->advice), "%s", refusal.message);
        cases[i].loosen(&it);
        cr_assert(passes(&it, &refusal), "%zu: %s", i, refusal.code);
    }
}

Test(csr_rules, what_real_clients_ask_for_passes)
{
    static const struct {
        const char *type, *curve, *digest;
        uint32_t bits;
    } keys[] = {{"RSA", "", "SHA256", 2048},        {"RSA", "", "SHA256", 4096},
                {"RSA", "", "SHA512", 8192},        {"EC", "prime256v1", "SHA256", 256},
                {"EC", "secp384r1", "SHA384", 384}, {"EC", "secp521r1", "SHA512", 521}};
    static const char *const extensions[] = {"2.5.29.19", "2.5.29.14", "1.2.840.113549.1.9.15"};
    static const char *const attributes[] = {"1.3.6.1.4.1.311.13.2.2", /* Windows: the key's provider */
                                             "1.3.6.1.4.1.311.13.1",   /* a renewal */
                                             "1.2.840.113549.1.9.20"}; /* certmonger */
    static const iscep_san_type types[] = {ISCEP_SAN_DNS, ISCEP_SAN_EMAIL, ISCEP_SAN_URI, ISCEP_SAN_IP};
    trial it;
    iscep_verdict refusal;
    for (size_t i = 0; i < COUNT(keys); i++) {
        right(&it);
        set_key(&it, keys[i].type, keys[i].curve, keys[i].bits);
        it.facts.digest = keys[i].digest;
        cr_assert(passes(&it, &refusal), "key %zu: %s", i, refusal.code);
    }
    for (size_t i = 0; i < COUNT(extensions); i++) {
        right(&it);
        add_extension(&it, extensions[i]);
        cr_assert(passes(&it, &refusal), "%s: %s", extensions[i], refusal.code);
    }
    for (size_t i = 0; i < COUNT(attributes); i++) {
        right(&it);
        add_attribute(&it, attributes[i]);
        cr_assert(passes(&it, &refusal), "%s: %s", attributes[i], refusal.code);
    }
    for (size_t i = 0; i < COUNT(types); i++) {
        right(&it);
        add_san(&it, types[i], "value");
        cr_assert(passes(&it, &refusal), "%s: %s", iscep_san_type_name(types[i]), refusal.code);
    }
}

/* Intune hands Windows a template name of no characters. */
Test(csr_rules, a_template_name_that_names_nothing_passes)
{
    trial it;
    iscep_verdict refusal;
    right(&it);
    add_extension(&it, "1.3.6.1.4.1.311.20.2");
    it.facts.is_template_name_empty = true;
    cr_assert(passes(&it, &refusal), "%s", refusal.code);
    it.facts.is_template_name_empty = false;
    cr_assert_not(passes(&it, &refusal));
    cr_assert_str_eq(refusal.code, "csr_extension");
}

/* An OID of one list is none of the other's. */
Test(csr_rules, the_lists_of_extensions_and_attributes_are_two)
{
    trial it;
    iscep_verdict refusal;
    right(&it);
    add_attribute(&it, "2.5.29.30");
    loosen_by_oid(&it);
    cr_assert_not(passes(&it, &refusal));
    cr_assert_str_eq(refusal.code, "csr_attribute");
}

Test(csr_rules, a_refusal_names_the_pair)
{
    trial it;
    iscep_verdict refusal;
    right(&it);
    add_pair(&it, "CertificateTemplate");
    cr_assert_not(passes(&it, &refusal));
    cr_assert_not_null(strstr(refusal.message, "the name-value pair CertificateTemplate;"), "%s",
                       refusal.message);
}

Test(csr_rules, both_digests_of_rsassa_pss_may_be_different)
{
    trial it;
    iscep_verdict refusal;
    right(&it);
    set_mask(&it, "SHA512");
    cr_assert(passes(&it, &refusal), "%s", refusal.code);
}

Test(csr_rules, a_sid_extension_passes_when_intune_sees_the_same_sid)
{
    trial it;
    iscep_verdict refusal;
    right(&it);
    add_extension(&it, "1.3.6.1.4.1.311.25.2");
    it.facts.sid_extension = SID;
    cr_assert(passes(&it, &refusal), "%s", refusal.code);
    it.sans[1].type = ISCEP_SAN_URI; /* some other URI that happens to end the same way */
    cr_assert_not(passes(&it, &refusal));
    cr_assert_str_eq(refusal.code, "csr_sid_unapproved");
}

Test(csr_rules, eddsa_needs_no_digest_once_the_key_is_allowed)
{
    trial it;
    iscep_verdict refusal;
    right(&it);
    set_key(&it, "ED25519", "", 256);
    it.facts.digest = "";
    it.rules.key_types = 1u << 3; /* ed25519 */
    cr_assert(passes(&it, &refusal), "%s", refusal.code);
    set_key(&it, "RSA", "", 2048);
    cr_assert_not(passes(&it, &refusal));
    cr_assert_str_eq(refusal.code, "csr_key_type");
}

Test(csr_rules, a_foreign_challenge_is_declined_whatever_else_the_request_asks_for)
{
    static const char *const foreign[] = {"password", "MA0GCSqGSIb3DQEHA6A",  "MA0GCSqGSIb3DQEHA6AAAAAA",
                                          "AAAA",     "MA0GCSqGSIb3DQEIA6AA", "MA0GCSqGSIb3DQEHA6AA\n",
                                          "MAAAAAAA"};
    for (size_t i = 0; i < COUNT(foreign); i++) {
        trial it;
        iscep_verdict refusal;
        right(&it);
        it.rules.foreign_challenge = ISCEP_FOREIGN_DECLINE;
        cr_assert(passes(&it, &refusal));
        it.challenge = foreign[i];
        it.facts.is_ca = true;
        it.rules.min_challenge_len = 1000;
        cr_assert_not(passes(&it, &refusal), "%s", foreign[i]);
        cr_assert_eq(refusal.decision, ISCEP_DECLINE, "%s", foreign[i]);
        cr_assert_str_eq(refusal.code, "csr_challenge_foreign");
    }
}

/* With DECLINE switched on, every other rule still refuses an Intune challenge with DENY. */
Test(csr_rules, an_intune_challenge_is_never_declined)
{
    trial it;
    iscep_verdict refusal;
    right(&it);
    it.rules.foreign_challenge = ISCEP_FOREIGN_DECLINE;
    it.facts.is_ca = true;
    cr_assert_not(passes(&it, &refusal));
    cr_assert_eq(refusal.decision, ISCEP_DENY);
    cr_assert_str_eq(refusal.code, "csr_ca_rights");
}

Test(csr_rules, a_refusal_does_not_hold_the_challenge)
{
    trial it;
    iscep_verdict refusal;
    right(&it);
    it.challenge = "challenge-canary-7f3a";
    it.rules.foreign_challenge = ISCEP_FOREIGN_DENY;
    cr_assert_not(passes(&it, &refusal));
    cr_assert_null(strstr(refusal.message, it.challenge));
    it.rules.foreign_challenge = ISCEP_FOREIGN_ASK;
    it.rules.max_challenge_len = 3;
    cr_assert_not(passes(&it, &refusal));
    cr_assert_null(strstr(refusal.message, it.challenge));
}

Test(csr_rules, the_length_is_checked_to_the_byte)
{
    iscep_csr_rules rules = ISCEP_CSR_RULES_DEFAULT;
    iscep_error err = ISCEP_ERROR_INIT;
    rules.max_csr_len = 1000;
    cr_assert_eq(iscep_csr_rules_check_len(&rules, 1000, &err), ISCEP_OK);
    cr_assert_eq(iscep_csr_rules_check_len(&rules, 1001, &err), ISCEP_USAGE);
    cr_assert_str_eq(err.code, "csr_too_large");
}
