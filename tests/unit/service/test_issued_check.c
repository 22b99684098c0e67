/* Only a certificate with exactly the names that were approved, still valid and without a CA's rights, is let pass. */
#include <criterion/criterion.h>
#include <string.h>

#include "service/issued_check.h"
#include "service/refusals.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

enum { NOW_UNIX = 1795000000 };

static const iscep_san dns = {ISCEP_SAN_DNS, "laptop-1.contoso.example"};
static const iscep_san upn = {ISCEP_SAN_UPN, "user@contoso.example"};
static const iscep_san sid = {ISCEP_SAN_SID, ISCEP_SID_URI_PREFIX "S-1-5-21-1-2-3-500"};
static const iscep_san uri = {ISCEP_SAN_URI, "urn:device:1"};
static const iscep_san end = {ISCEP_SAN_OTHER, NULL};

static iscep_x509_facts facts_of(const iscep_san *sans)
{
    size_t count = 0;
    while (sans[count].value != NULL)
        count++;
    return (iscep_x509_facts){
        .sans = sans, .san_count = count, .not_after_unix = NOW_UNIX + 1, .sid_extension = "", .subject = ""};
}

/* NULL: it passes; otherwise the code. */
static const char *check(const iscep_x509_facts *csr, const iscep_x509_facts *cert)
{
    static iscep_verdict refusal;
    refusal = (iscep_verdict){.decision = ISCEP_ALLOW};
    if (iscep_issued_check_pass(csr, cert, NOW_UNIX, &refusal))
        return NULL;
    cr_assert_eq(refusal.decision, ISCEP_DENY);
    cr_assert_not_null(strstr(refusal.message, iscep_refusal_find(refusal.code)->advice), "%s",
                       refusal.message);
    return refusal.code;
}

Test(issued_check, the_approved_names_as_a_set_pass)
{
    const struct {
        iscep_san asked[5], given[5];
    } cases[] = {
        {{end}, {end}},
        {{dns, upn, sid, end}, {dns, upn, sid, end}},
        {{dns, upn, sid, end}, {sid, dns, upn, end}},
        {{dns, dns, end}, {dns, end}},
        {{dns, end}, {dns, dns, end}},
        {{dns, end}, {{ISCEP_SAN_DNS, "LAPTOP-1.Contoso.Example"}, end}},
        {{upn, end}, {{ISCEP_SAN_UPN, "User@Contoso.example"}, end}},
        {{{ISCEP_SAN_EMAIL, "user@contoso.example"}, end}, {{ISCEP_SAN_EMAIL, "user@CONTOSO.example"}, end}},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_x509_facts csr = facts_of(cases[i].asked), cert = facts_of(cases[i].given);
        cr_assert_null(check(&csr, &cert), "%zu", i);
    }
}

Test(issued_check, another_set_of_names_is_refused)
{
    const struct {
        iscep_san asked[5], given[5];
        const char *code;
    } cases[] = {
        {{dns, upn, sid, end}, {dns, upn, end}, "certificate_sid_missing"},
        {{dns, upn, sid, end}, {end}, "certificate_sid_missing"},
        {{dns, upn, sid, end}, {upn, sid, end}, "certificate_san_missing"},
        {{dns, end}, {end}, "certificate_san_missing"},
        {{dns, end}, {{ISCEP_SAN_DNS, "laptop-1.contoso.exampl"}, end}, "certificate_san_missing"},
        {{dns, end}, {{ISCEP_SAN_EMAIL, "laptop-1.contoso.example"}, end}, "certificate_san_missing"},
        {{uri, end}, {{ISCEP_SAN_URI, "URN:device:1"}, end}, "certificate_san_missing"},
        {{sid, end},
         {{ISCEP_SAN_SID, ISCEP_SID_URI_PREFIX "S-1-5-21-1-2-3-501"}, end},
         "certificate_sid_missing"},
        {{sid, end},
         {{ISCEP_SAN_SID, ISCEP_SID_URI_PREFIX "s-1-5-21-1-2-3-500"}, end},
         "certificate_sid_missing"},
        {{end}, {dns, end}, "certificate_san_added"},
        {{dns, end}, {dns, upn, end}, "certificate_san_added"},
        {{dns, end}, {dns, sid, end}, "certificate_san_added"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_x509_facts csr = facts_of(cases[i].asked), cert = facts_of(cases[i].given);
        const char *code = check(&csr, &cert);
        cr_assert_not_null(code, "%zu", i);
        cr_assert_str_eq(code, cases[i].code, "%zu", i);
    }
}

/* Windows logs on by the extension; a CA that leaves it out is right, because the names hold the SID. */
Test(issued_check, the_sid_extension_is_the_one_that_was_asked_for)
{
    const iscep_san names[] = {dns, sid, end};
    iscep_x509_facts csr = facts_of(names), cert = facts_of(names);
    cert.sid_extension = "S-1-5-21-1-2-3-500";
    cr_assert_null(check(&csr, &cert), "of the CSR's names");
    csr.sid_extension = "S-1-5-21-1-2-3-500";
    cr_assert_null(check(&csr, &cert), "of both");
    cert.sid_extension = "";
    cr_assert_null(check(&csr, &cert), "left out");
    const iscep_san without[] = {dns, end};
    csr = facts_of(without), cert = facts_of(without);
    csr.sid_extension = cert.sid_extension = "S-1-5-21-1-2-3-500";
    cr_assert_null(check(&csr, &cert), "of the CSR's extension");
}

Test(issued_check, another_sid_extension_is_refused)
{
    static const char *const others[] = {"S-1-5-21-1-2-3-50", "S-1-5-21-1-2-3-5000", "S-1-5-21-1-2-3-512",
                                         "s-1-5-21-1-2-3-500"};
    const iscep_san names[] = {dns, sid, end}, without[] = {dns, end};
    for (size_t i = 0; i < COUNT(others); i++) {
        iscep_x509_facts csr = facts_of(names), cert = facts_of(names);
        cert.sid_extension = others[i];
        cr_assert_str_eq(check(&csr, &cert), "issued_sid_mismatch", "%s", others[i]);
        csr.sid_extension = "S-1-5-21-1-2-3-500";
        cr_assert_str_eq(check(&csr, &cert), "issued_sid_mismatch", "%s", others[i]);
    }
    iscep_x509_facts csr = facts_of(without), cert = facts_of(without);
    cert.sid_extension = "S-1-5-21-1-2-3-500";
    cr_assert_str_eq(check(&csr, &cert), "issued_sid_mismatch", "nobody asked for one");
}

Test(issued_check, a_certificate_that_is_over_is_refused_from_its_last_second_on)
{
    const iscep_san names[] = {dns, end};
    iscep_x509_facts csr = facts_of(names), cert = facts_of(names);
    cr_assert_null(check(&csr, &cert));
    cert.not_after_unix = NOW_UNIX;
    cr_assert_str_eq(check(&csr, &cert), "certificate_expired");
    cert.not_after_unix = 0;
    cr_assert_str_eq(check(&csr, &cert), "certificate_expired");
}

Test(issued_check, a_certificate_with_a_cas_rights_is_refused_even_if_they_were_asked_for)
{
    const iscep_san names[] = {dns, end};
    const uint32_t rights[] = {ISCEP_KEY_USAGE_CERT_SIGN, ISCEP_KEY_USAGE_CRL_SIGN};
    iscep_x509_facts csr = facts_of(names), cert = facts_of(names);
    csr.is_ca = cert.is_ca = true;
    cr_assert_str_eq(check(&csr, &cert), "certificate_ca_rights");
    for (size_t i = 0; i < COUNT(rights); i++) {
        cert = facts_of(names);
        cert.key_usage = rights[i];
        cr_assert_str_eq(check(&csr, &cert), "certificate_ca_rights");
    }
}
