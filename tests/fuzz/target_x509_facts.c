/*
 * base/x509_facts: what a request asks for and what a certificate says, before anybody has checked a signature. Rules
 * judge by these facts, so: whatever is read is within its bounds, one readable line, and told once.
 */
#include <string.h>

#include "base/x509_facts.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/oracle_der.h"
#include "tests/fuzz/oracle_text.h"

static bool is_oid(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && strspn(text, "0123456789.") == len && text[0] != '.' && text[len - 1] != '.';
}

static void check_extensions(const iscep_x509_facts *facts)
{
    for (size_t i = 0; i < facts->extension_count; i++) {
        FUZZ_CHECK(is_oid(facts->extensions[i]));
        for (size_t j = 0; j < i; j++)
            FUZZ_CHECK(strcmp(facts->extensions[i], facts->extensions[j]) != 0);
    }
    for (size_t i = 0; i < facts->ext_key_usage_count; i++)
        FUZZ_CHECK(is_oid(facts->ext_key_usage[i]));
}

static void check_attributes(const iscep_x509_facts *facts)
{
    for (size_t i = 0; i < facts->attribute_count; i++)
        FUZZ_CHECK(is_oid(facts->attributes[i]));
    for (size_t i = 0; i < facts->pair_count; i++)
        FUZZ_CHECK(facts->pair_names[i] != NULL && oracle_is_line(facts->pair_names[i]));
    FUZZ_CHECK(facts->attribute_count > 0 || (facts->pair_count == 0 && facts->challenge_count == 0));
}

static void check_sans(const iscep_x509_facts *facts)
{
    for (size_t i = 0; i < facts->san_count; i++) {
        const iscep_san *san = &facts->sans[i];
        FUZZ_CHECK(san->type <= ISCEP_SAN_OTHER && oracle_is_line(san->value));
        bool has_prefix = strncmp(san->value, ISCEP_SID_URI_PREFIX, strlen(ISCEP_SID_URI_PREFIX)) == 0;
        FUZZ_CHECK(san->type != ISCEP_SAN_SID || has_prefix);
        FUZZ_CHECK(san->type != ISCEP_SAN_URI || !has_prefix);
    }
}

static void check_facts(const iscep_x509_facts *facts)
{
    const char *const texts[] = {facts->subject,   facts->issuer, facts->key_type,      facts->curve,
                                 facts->signature, facts->digest, facts->sid_extension, facts->mask_digest};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        FUZZ_CHECK(texts[i] != NULL && oracle_is_line(texts[i]));
    FUZZ_CHECK(!facts->is_ca || facts->has_basic_constraints);
    FUZZ_CHECK(facts->key_usage == 0 || facts->has_key_usage);
    FUZZ_CHECK(facts->ext_key_usage_count == 0 || facts->has_ext_key_usage);
    check_extensions(facts);
    FUZZ_CHECK(facts->mask_digest[0] == '\0' || facts->has_mask);
    check_attributes(facts);
    check_sans(facts);
}

typedef iscep_status (*read_fn)(iscep_x509_facts *out, iscep_bytes der, iscep_error *err);

static void run(iscep_bytes der, read_fn read, bool is_request)
{
    iscep_x509_facts facts;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_bytes challenge;
    iscep_status status = read(&facts, der, &err);
    if (status != ISCEP_OK) {
        FUZZ_CHECK(status == ISCEP_USAGE && err.code[0] != '\0');
        return;
    }
    FUZZ_CHECK(is_request ? facts.issuer[0] == '\0' : facts.attribute_count == 0);
    FUZZ_CHECK(!is_request || !oracle_der_challenge(der, &challenge) || facts.challenge_count == 1);
    check_facts(&facts);
    iscep_x509_facts_clear(&facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run(iscep_bytes_of(data, size), iscep_x509_facts_of_request, true);
    run(iscep_bytes_of(data, size), iscep_x509_facts_of_cert, false);
    return 0;
}
