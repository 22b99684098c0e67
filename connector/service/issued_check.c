/* See issued_check.h. */
#include "service/issued_check.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/env.h"
#include "service/csr_rules.h"
#include "service/refusals.h"

static bool is_same_name(const iscep_san *a, const iscep_san *b)
{
    bool has_case = a->type != ISCEP_SAN_DNS && a->type != ISCEP_SAN_EMAIL && a->type != ISCEP_SAN_UPN;
    return a->type == b->type && (has_case ? strcmp : strcasecmp)(a->value, b->value) == 0;
}

/* An alternative name of a that b does not have, a SID before all others; NULL: it has them all. */
static const iscep_san *find_missing(const iscep_x509_facts *a, const iscep_x509_facts *b)
{
    const iscep_san *missing = NULL;
    for (size_t i = 0; i < a->san_count; i++) {
        bool is_there = false;
        for (size_t j = 0; j < b->san_count && !is_there; j++)
            is_there = is_same_name(&a->sans[i], &b->sans[j]);
        if (!is_there && (missing == NULL || a->sans[i].type == ISCEP_SAN_SID))
            missing = &a->sans[i];
    }
    return missing;
}

static bool refuse(iscep_verdict *refusal, const char *code, const char *finding)
{
    iscep_refusal_emit(refusal, ISCEP_DENY, code, finding);
    return false;
}

static bool refuse_name(iscep_verdict *refusal, const char *code, const char *what, const iscep_san *san)
{
    char finding[256];
    snprintf(finding, sizeof finding, "%s: %s %s", what, iscep_san_type_name(san->type), san->value);
    return refuse(refusal, code, finding);
}

/* Windows logs on by the SID in the extension, whatever the names say. None is right: the names hold it too. */
static bool is_sid_granted(const iscep_x509_facts *csr, const iscep_x509_facts *cert)
{
    const char *sid = cert->sid_extension;
    return sid[0] == '\0' || iscep_has_sid_name(csr, sid) || strcmp(csr->sid_extension, sid) == 0;
}

bool iscep_issued_check_pass(const iscep_x509_facts *csr, const iscep_x509_facts *cert, int64_t now_unix,
                             iscep_verdict *refusal)
{
    if (iscep_has_ca_rights(cert))
        return refuse(refusal, "certificate_ca_rights",
                      "the certificate is a CA's, or may sign certificates or CRLs");
    if (cert->not_after_unix <= now_unix) {
        char finding[64 + ISCEP_ISO8601_SIZE], when[ISCEP_ISO8601_SIZE];
        iscep_iso8601_emit(when, cert->not_after_unix * 1000);
        snprintf(finding, sizeof finding, "the certificate was valid until %s", when);
        return refuse(refusal, "certificate_expired", finding);
    }
    if (!is_sid_granted(csr, cert))
        return refuse(refusal, "issued_sid_mismatch",
                      "the certificate's SID extension names an account that the CSR does not");
    const iscep_san *missing = find_missing(csr, cert);
    if (missing != NULL) {
        bool is_sid = missing->type == ISCEP_SAN_SID;
        return refuse_name(refusal, is_sid ? "certificate_sid_missing" : "certificate_san_missing",
                           "the certificate lacks", missing);
    }
    const iscep_san *added = find_missing(cert, csr);
    if (added != NULL)
        return refuse_name(refusal, "certificate_san_added", "the CSR does not ask for", added);
    return true;
}
