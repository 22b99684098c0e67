/*
 * doctor's steps with Entra ID, Graph and Intune: see doctor.h. They use the daemon's own client, so that they fail
 * where it would.
 */
#include "ctl/doctor.h"

#include <stdio.h>
#include <string.h>

#include "base/x509_make.h"
#include "intune/discovery.h"
#include "intune/token.h"

enum { VALIDATE_TIMEOUT_MS = 30000, MAX_CSR_LEN = 16 * 1024 };

/* --- one text from the client: a token or an address --- */

typedef struct fetch {
    doctor_chart *chart;
    iscep_wait wait;
    void (*use)(doctor_chart *chart, const char *value); /* the value is gone afterwards */
    iscep_error err;
} fetch;

static void on_value(void *user, iscep_status status, const char *value, uint64_t generation,
                     const iscep_error *err)
{
    fetch *fetched = user;
    (void)generation;
    if (status == ISCEP_OK)
        fetched->use(fetched->chart, value);
    else
        fetched->err = *err;
    ctl_await_done(&fetched->chart->await);
}

static bool report(doctor_finding *finding, const fetch *fetched)
{
    if (fetched->err.status == ISCEP_OK)
        return true;
    doctor_find_error(finding, &fetched->err);
    return false;
}

static bool get_token(doctor_chart *chart, doctor_finding *finding, iscep_scope scope,
                      void (*use)(doctor_chart *, const char *))
{
    fetch fetched = {.chart = chart, .use = use, .err = ISCEP_ERROR_INIT};
    iscep_token_get(iscep_intune_tokens(chart->intune), scope, &fetched.wait, on_value, &fetched);
    ctl_await_answer(&chart->await);
    return report(finding, &fetched);
}

/* --- the steps --- */

static void read_graph_roles(doctor_chart *chart, const char *token)
{
    chart->is_graph_token_readable = ctl_token_roles_read(&chart->graph_roles, token, NULL) == ISCEP_OK;
}

static void read_intune_roles(doctor_chart *chart, const char *token)
{
    chart->is_intune_token_readable = ctl_token_roles_read(&chart->intune_roles, token, NULL) == ISCEP_OK;
}

void doctor_graph_token(doctor_chart *chart, doctor_finding *finding)
{
    if (get_token(chart, finding, ISCEP_SCOPE_GRAPH, read_graph_roles))
        doctor_find(finding, DOCTOR_OK, NULL, "for %s", chart->tenant->tenant.graph_resource);
}

void doctor_intune_token(doctor_chart *chart, doctor_finding *finding)
{
    if (get_token(chart, finding, ISCEP_SCOPE_INTUNE, read_intune_roles))
        doctor_find(finding, DOCTOR_OK, NULL, "for %s", chart->tenant->tenant.intune_resource);
}

/* wanted: any one of these is enough; the first is the one to ask for. */
static void judge_roles(doctor_finding *finding, bool is_readable, const ctl_token_roles *roles,
                        const char *const *wanted, size_t wanted_count)
{
    if (!is_readable) {
        doctor_find(finding, DOCTOR_WARNING, "token_opaque", "the token does not show its roles");
        return;
    }
    for (size_t i = 0; i < wanted_count; i++) {
        if (ctl_token_roles_contain(roles, wanted[i])) {
            doctor_find(finding, DOCTOR_OK, NULL, "%s", wanted[i]);
            return;
        }
    }
    doctor_find(finding, DOCTOR_FAILED, "role_missing", "%s is not among the %zu roles in the token",
                wanted[0], roles->count);
    for (size_t i = 0; i < roles->count; i++)
        doctor_find(finding, DOCTOR_FAILED, NULL, "it has %s", roles->roles[i]);
}

void doctor_graph_roles(doctor_chart *chart, doctor_finding *finding)
{
    /* Microsoft's page on servicePrincipal endpoints: the least of these, and those that include it. */
    static const char *const wanted[] = {"Application.Read.All", "Application.ReadWrite.All",
                                         "Directory.Read.All", "Directory.ReadWrite.All"};
    judge_roles(finding, chart->is_graph_token_readable, &chart->graph_roles, wanted,
                sizeof wanted / sizeof *wanted);
}

void doctor_intune_roles(doctor_chart *chart, doctor_finding *finding)
{
    static const char *const wanted[] = {"scep_challenge_provider"};
    judge_roles(finding, chart->is_intune_token_readable, &chart->intune_roles, wanted, 1);
}

static void keep_uri(doctor_chart *chart, const char *uri)
{
    iscep_text_copy(chart->uri, sizeof chart->uri, uri);
}

void doctor_discovery(doctor_chart *chart, doctor_finding *finding)
{
    fetch fetched = {.chart = chart, .use = keep_uri, .err = ISCEP_ERROR_INIT};
    iscep_discovery_get(iscep_intune_discovery(chart->intune), ISCEP_SITE_SCEP, &fetched.wait, on_value,
                        &fetched);
    ctl_await_answer(&chart->await);
    if (report(finding, &fetched))
        doctor_find(finding, DOCTOR_OK, NULL, "%s", chart->uri);
}

static void ignore_uri(doctor_chart *chart, const char *uri)
{
    (void)chart;
    (void)uri;
}

/* Without them certificates can be issued all the same: a warning. */
void doctor_revocation(doctor_chart *chart, doctor_finding *finding)
{
    fetch fetched = {.chart = chart, .use = ignore_uri, .err = ISCEP_ERROR_INIT};
    if (!chart->config->revoker.is_polling) {
        doctor_find(finding, DOCTOR_OK, NULL, "Intune is not asked for revocations");
        return;
    }
    iscep_discovery_get(iscep_intune_discovery(chart->intune), ISCEP_SITE_PKI, &fetched.wait, on_value,
                        &fetched);
    ctl_await_answer(&chart->await);
    if (fetched.err.status == ISCEP_OK)
        doctor_find(finding, DOCTOR_OK, NULL, "Intune can be asked for revocations");
    else
        doctor_find(finding, DOCTOR_WARNING, fetched.err.code, "%s", fetched.err.message);
}

/* --- a request that must be refused --- */

typedef struct question {
    doctor_chart *chart;
    iscep_verdict verdict;
} question;

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    question *asked = user;
    asked->verdict = *verdict;
    ctl_await_done(&asked->chart->await);
}

/* Base64, as Intune's own are, but of a sentence. */
static iscep_status make_request(iscep_buf *csr, iscep_error *err)
{
    ISCEP_AUTO_BUF challenge;
    iscep_buf_init(&challenge, 256);
    iscep_base64_encode(&challenge,
                        iscep_bytes_of_text("intune-scepctl doctor: no challenge, to be refused"));
    return iscep_csr_make(csr, "intune-scepctl doctor", iscep_buf_text(&challenge), err);
}

/* Only who has looked at the challenge says one of these. */
static bool is_about_challenge(const char *code)
{
    static const char *const codes[] = {
        "ChallengeDeserializationError", "ChallengeDecryptionError", "ChallengeDecodingError",
        "ChallengeInvalidTimestamp",     "ChallengeExpired",         "SignatureValidationFailed"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(codes[i], code) == 0)
            return true;
    return false;
}

static void judge_verdict(doctor_finding *finding, const iscep_verdict *verdict)
{
    switch (verdict->decision) {
    case ISCEP_DENY:
        if (is_about_challenge(verdict->code))
            doctor_find(finding, DOCTOR_OK, NULL, "Intune refused a forged challenge, as it must: %s",
                        verdict->code);
        else
            doctor_find(finding, DOCTOR_WARNING, "unexpected_refusal", "%s: %s", verdict->code,
                        verdict->message);
        return;
    case ISCEP_ALLOW:
        doctor_find(finding, DOCTOR_FAILED, "allowed", "a forged challenge was answered with Success");
        return;
    case ISCEP_RETRY:
    case ISCEP_DECLINE:
    case ISCEP_DELIVER:
        break;
    }
    doctor_find(finding, DOCTOR_FAILED, verdict->code, "%s", verdict->message);
    if (verdict->request_id[0] != '\0')
        doctor_find(finding, DOCTOR_FAILED, NULL, "client-request-id %s", verdict->request_id);
}

void doctor_validation(doctor_chart *chart, doctor_finding *finding)
{
    ISCEP_AUTO_BUF csr;
    char transaction_id[ISCEP_GUID_SIZE];
    iscep_error err = ISCEP_ERROR_INIT;
    question asked = {.chart = chart};
    iscep_buf_init(&csr, MAX_CSR_LEN);
    if (make_request(&csr, &err) != ISCEP_OK ||
        iscep_guid_new(transaction_id, &chart->env, &err) != ISCEP_OK) {
        doctor_find_error(finding, &err);
        return;
    }
    iscep_intune_validate(chart->intune, transaction_id, iscep_buf_bytes(&csr),
                          iscep_now_mono_ms(&chart->env) + VALIDATE_TIMEOUT_MS, on_verdict, &asked);
    ctl_await_answer(&chart->await);
    judge_verdict(finding, &asked.verdict);
}
