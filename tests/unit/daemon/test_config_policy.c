/* The section [policy]: what its words mean, and which are refused. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "config_case.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static iscep_config *config;
static iscep_error err;

static void tear_down(void)
{
    iscep_config_free(config);
    config_case_tear_down();
}

TestSuite(config_policy, .init = config_case_set_up, .fini = tear_down);

/* Loads a configuration with this [policy]. */
static iscep_status load(const char *policy)
{
    char text[4096];
    iscep_config_free(config);
    config = NULL;
    snprintf(text, sizeof text,
             "[policy]\n%s[tenant/t]\ntenant_id = t\nclient_id = c\nclient_secret_file = ~/secret\n", policy);
    return config_case_load(&config, text, &err);
}

Test(config_policy, the_defaults_are_the_documented_ones)
{
    const iscep_csr_rules *rules;
    cr_assert_eq(load("max_csr_len = 16384\n"), ISCEP_OK, "%s", err.message);
    rules = &config->policy.csr;
    cr_assert_eq(rules->max_csr_len, 16384);
    cr_assert_eq(rules->min_challenge_len, 1);
    cr_assert_eq(rules->max_challenge_len, 8192);
    cr_assert_eq(rules->foreign_challenge, ISCEP_FOREIGN_ASK);
    cr_assert_eq(rules->min_rsa_bits, 2048);
    cr_assert_eq(rules->max_rsa_bits, 8192);
    cr_assert_not(rules->may_have_ca_rights);
    cr_assert_eq(config->policy.issued_check, ISCEP_ISSUED_WITHHOLD);
    const iscep_rule_set key_types = rules->key_types, curves = rules->ec_curves, digests = rules->digests;
    const iscep_rule_set extensions = rules->extensions, san_types = rules->san_types;
    const iscep_rule_set attributes = rules->attributes, pairs = rules->pairs;
    cr_assert_eq(
        load(
            "key_types = rsa ec\nec_curves = P-256 P-384 P-521\ndigests = sha256 sha384 sha512\n"
            "extensions = subjectAltName keyUsage extendedKeyUsage basicConstraints subjectKeyIdentifier sid "
            "smimeCapabilities\nsan_types = dns email uri sid ip upn\n"
            "csr_attributes = challengePassword extensionRequest nameValuePairs osVersion clientInfo "
            "cspProvider "
            "renewalCertificate friendlyName\nname_value_pairs = ValidityPeriod ValidityPeriodUnits\n"),
        ISCEP_OK, "%s", err.message);
    rules = &config->policy.csr;
    cr_assert_eq(rules->key_types, key_types);
    cr_assert_eq(rules->ec_curves, curves);
    cr_assert_eq(rules->digests, digests);
    cr_assert_eq(rules->extensions, extensions);
    cr_assert_eq(rules->san_types, san_types);
    cr_assert_eq(rules->attributes, attributes);
    cr_assert_eq(rules->pairs, pairs);
    cr_assert_eq(rules->extension_oids.count + rules->attribute_oids.count + rules->pair_names.count, 0);
}

Test(config_policy, every_key_is_read)
{
    cr_assert_eq(
        load("max_csr_len = 65536\nmin_challenge_len = 20\nmax_challenge_len = 4000\n"
             "foreign_challenge = decline\nkey_types = ec\nmin_rsa_bits = 3072\nmax_rsa_bits = 4096\n"
             "ec_curves = P-384\ndigests = default, sha1\nca_rights = allow\n"
             "extensions = subjectAltName 1.2.3.4 keyUsage 2.5.29.54\nsan_types = any\nissued_check = warn\n"
             "csr_attributes = default microsoftExtensionRequest 1.2.3\nname_value_pairs = default "
             "CertificateTemplate\n"),
        ISCEP_OK, "%s", err.message);
    const iscep_csr_rules *rules = &config->policy.csr;
    cr_assert_eq(rules->max_csr_len, 65536);
    cr_assert_eq(rules->min_challenge_len, 20);
    cr_assert_eq(rules->max_challenge_len, 4000);
    cr_assert_eq(rules->foreign_challenge, ISCEP_FOREIGN_DECLINE);
    cr_assert_eq(rules->key_types, 1u << 1);
    cr_assert_eq(rules->min_rsa_bits, 3072);
    cr_assert_eq(rules->max_rsa_bits, 4096);
    cr_assert_eq(rules->ec_curves, 1u << 1);
    cr_assert_eq(rules->digests, iscep_policy_default.csr.digests | 1u << 3);
    cr_assert(rules->may_have_ca_rights);
    cr_assert_eq(rules->extensions, 1u << 0 | 1u << 1);
    cr_assert_eq(rules->extension_oids.count, 2);
    cr_assert_str_eq(rules->extension_oids.facts[0], "1.2.3.4");
    cr_assert_str_eq(rules->extension_oids.facts[1], "2.5.29.54");
    cr_assert_eq(rules->attributes, iscep_policy_default.csr.attributes | 1u << 8);
    cr_assert_eq(rules->attribute_oids.count, 1);
    cr_assert_str_eq(rules->attribute_oids.facts[0], "1.2.3");
    cr_assert_eq(rules->pairs, iscep_policy_default.csr.pairs);
    cr_assert_eq(rules->pair_names.count, 1);
    cr_assert_str_eq(rules->pair_names.facts[0], "CertificateTemplate");
    cr_assert_eq(rules->san_types, ISCEP_RULE_ANY);
    cr_assert_eq(config->policy.issued_check, ISCEP_ISSUED_WARN);
}

Test(config_policy, the_other_choices_are_known_too)
{
    cr_assert_eq(load("foreign_challenge = deny\nissued_check = off\nca_rights = deny\n"), ISCEP_OK);
    cr_assert_eq(config->policy.csr.foreign_challenge, ISCEP_FOREIGN_DENY);
    cr_assert_eq(config->policy.issued_check, ISCEP_ISSUED_OFF);
    cr_assert_not(config->policy.csr.may_have_ca_rights);
}

/* A rule with a typing error must not become a rule that lets everything pass. */
Test(config_policy, mistakes_are_refused_with_their_line)
{
    static const struct {
        const char *line;
        const char *code;
        const char *says;
    } cases[] = {
        {"max_csr_len = 0", "config_value", ":2: max_csr_len: must be a number from 1 to 65536"},
        {"max_csr_len = 65537", "config_value", "must be a number from 1 to 65536"},
        {"max_csr_len = 4294967297", "config_value", "must be a number"},
        {"max_csr_len = 99999999999999999999", "config_value", "must be a number"},
        {"min_rsa_bits = -2048", "config_value", "must be a number from 1 to 16384"},
        {"min_rsa_bits = 2048 bits", "config_value", "must be a number"},
        {"foreign_challenge = allow", "config_value", "must be ask, deny or decline"},
        {"foreign_challenge = Deny", "config_value", "must be ask, deny or decline"},
        {"issued_check = yes", "config_value", "must be off, warn or withhold"},
        {"ca_rights = any", "config_value", "must be deny or allow"},
        {"key_types = rsa dsa", "config_value",
         "does not know \"dsa\"; there are any, default, rsa, ec, rsa-pss"},
        {"key_types = RSA", "config_value", "does not know \"RSA\""},
        {"key_types = any rsa", "config_value", "does not know \"any\""},
        {"key_types = any rsa", "config_value", "; any stands alone"},
        {"digests = sha-256", "config_value", "does not know \"sha-256\""},
        {"ec_curves = prime256v1", "config_value", "does not know \"prime256v1\""},
        {"san_types = dns,", NULL, NULL},
        {"san_types = ,", "config_value", "must name at least one"},
        {"san_types = 1.2.3", "config_value", "does not know \"1.2.3\""},
        {"extensions = subjectaltname", "config_value", "does not know \"subjectaltname\""},
        {"extensions = 1.2.3.", "config_value", "does not know \"1.2.3.\""},
        {"extensions = 1..2", "config_value", "does not know \"1..2\""},
        {"extensions = 3.2.1", "config_value", "does not know \"3.2.1\""},
        {"extensions = 12", "config_value", "does not know \"12\""},
        {"csr_attributes = nameValuePair", "config_value", "does not know \"nameValuePair\"; there are any"},
        {"csr_attributes = default any", "config_value", "; any stands alone"},
        {"csr_attributes = ,", "config_value", "must name at least one"},
        {"name_value_pairs = SAN any", "config_value", "; any stands alone"},
        {"ca_rights = allow", "ca_rights", "ca_rights = allow contradicts issued_check = withhold"},
        {"ca_rights = allow\nissued_check = withhold", "ca_rights", "or issued_check = warn"},
        {"ca_rights = allow\nissued_check = warn", NULL, NULL},
        {"ca_rights = allow\nissued_check = off", NULL, NULL},
        {"max_csr_length = 1", "config_key", "unknown key \"max_csr_length\""},
        {"min_rsa_bits = 4096\nmax_rsa_bits = 2048", "min_rsa_bits",
         "min_rsa_bits is more than max_rsa_bits"},
        {"min_challenge_len = 2\nmax_challenge_len = 1", "min_challenge_len", "more than max_challenge_len"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char policy[256];
        snprintf(policy, sizeof policy, "%s\n", cases[i].line);
        iscep_status status = load(policy);
        cr_assert_eq(status, cases[i].code == NULL ? ISCEP_OK : ISCEP_CONFIG, "%s: %s", cases[i].line,
                     err.message);
        if (cases[i].code == NULL)
            continue;
        cr_assert_str_eq(err.code, cases[i].code, "%s", cases[i].line);
        cr_assert_not_null(strstr(err.message, cases[i].says), "%s: %s", cases[i].line, err.message);
        cr_assert_not_null(strstr(err.message, config_case_path("connector.conf")), "%s", err.message);
    }
}

Test(config_policy, more_oids_than_fit_are_refused)
{
    char policy[1024] = "extensions =";
    for (int i = 0; i < ISCEP_RULES_MAX_EXTRAS; i++)
        snprintf(policy + strlen(policy), sizeof policy - strlen(policy), " 1.2.%d", i);
    strcat(policy, "\n");
    cr_assert_eq(load(policy), ISCEP_OK, "%s", err.message);
    cr_assert_eq(config->policy.csr.extension_oids.count, ISCEP_RULES_MAX_EXTRAS);
    policy[strlen(policy) - 1] = '\0';
    strcat(policy, " 1.3\n");
    cr_assert_eq(load(policy), ISCEP_CONFIG);
    cr_assert_not_null(strstr(err.message, "extensions"), "%s", err.message);
}
