/*
 * May this certificate be issued? The local rules come first, then the journal, which knows whether that has happened
 * already, and only then Intune.
 */
#include "service/refusals.h"
#include "service/use_case.h"

enum { PENDING_RETRY_AFTER_MS = 5000 }; /* until a certificate that is owed is asked for again */

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    iscep_use_case_answer(user, verdict, (iscep_bytes){0});
}

/* The answer may have come, and the use case be gone, when this returns. */
static void ask_intune(iscep_use_case *it)
{
    iscep_csr *csr = it->csr;
    it->csr = NULL;
    iscep_timer_free(it->timer); /* the call keeps the deadline */
    it->timer = NULL;
    iscep_sharing_validate(it->service->sharing, it->transaction_id, iscep_csr_der(csr),
                           &(iscep_asker){.deadline_mono_ms = it->deadline_mono_ms,
                                          .is_wanted = iscep_use_case_is_wanted,
                                          .done = on_verdict,
                                          .user = it});
    iscep_csr_free(csr);
}

/* Issued, but Intune has not taken note yet: neither that one nor another may be delivered. */
static void answer_owed(iscep_use_case *it)
{
    iscep_error err;
    iscep_error_set(&err, ISCEP_SERVICE, "report_pending",
                    "a certificate was issued for this request, and Intune has not taken note of it yet");
    err.retry_after_ms = PENDING_RETRY_AFTER_MS;
    iscep_use_case_answer_error(it, &err);
}

/*
 * Intune may have taken note of the certificate that was withheld, its answer having been lost: one more for the same
 * request would be a second that it is told of. A device that enrols anew comes with a new challenge, so with another CSR.
 */
static void answer_withheld(iscep_use_case *it)
{
    iscep_verdict refusal;
    iscep_refusal_emit(&refusal, ISCEP_DENY, "certificate_withheld",
                       "the certificate that was issued for this very request was withheld");
    iscep_use_case_answer(it, &refusal, (iscep_bytes){0});
}

static void deliver(iscep_use_case *it, iscep_bytes cert)
{
    iscep_use_case_answer_deliver(
        it, "already_issued",
        "a certificate was issued and reported for this very request before: deliver that one", cert);
}

static void answer_standing(iscep_use_case *it, iscep_cert_standing standing, const iscep_journal_cert *cert)
{
    switch (standing) {
    case ISCEP_CERT_NONE:
        ask_intune(it);
        return;
    case ISCEP_CERT_OWED:
        answer_owed(it);
        return;
    case ISCEP_CERT_WITHHELD:
        answer_withheld(it);
        return;
    case ISCEP_CERT_DELIVERABLE:
        break;
    }
    if (it->is_replay_unwanted)
        ask_intune(it);
    else
        deliver(it, cert->der);
}

static void on_found(void *user, iscep_status status, iscep_cert_standing standing,
                     const iscep_journal_cert *cert, const iscep_error *err)
{
    iscep_use_case *it = user;
    if (!iscep_use_case_leave_journal(it))
        return;
    if (it->is_answered)
        iscep_use_case_free(it);
    else if (status != ISCEP_OK)
        iscep_use_case_answer_error(it, err);
    else
        answer_standing(it, standing, cert);
}

/* Otherwise SCEP server and CSR do not speak of the same request, and the answer is given. */
static bool is_challenge_as_read(iscep_use_case *it, iscep_bytes as_read)
{
    iscep_verdict refusal;
    if (as_read.len == 0 || iscep_bytes_equal(as_read, iscep_csr_challenge(it->csr)))
        return true;
    iscep_refusal_emit(&refusal, ISCEP_DENY, "csr_challenge_differs",
                       "the SCEP server read another challenge than the CSR holds");
    iscep_use_case_answer(it, &refusal, (iscep_bytes){0});
    return false;
}

static void ask_journal(iscep_use_case *it)
{
    if (!iscep_use_case_watch_deadline(it))
        return;
    it->in_journal++;
    iscep_journal_find_cert(it->service->journal, &it->key, on_found, it);
}

iscep_status iscep_service_verify(iscep_service *service, const iscep_service_request *request,
                                  iscep_service_fn done, void *user, iscep_error *err)
{
    iscep_use_case *it = NULL;
    iscep_x509_facts facts = {0};
    iscep_verdict refusal;
    iscep_status status = iscep_use_case_begin(&it, service, ISCEP_USE_VERIFY, request, done, user, err);
    if (status != ISCEP_OK)
        return status;
    status = iscep_use_case_read_facts(it, &facts, err);
    if (status != ISCEP_OK)
        iscep_use_case_reject(it, err);
    else if (!iscep_csr_rules_pass(&service->options->policy.csr, &facts, iscep_csr_challenge(it->csr),
                                   &refusal))
        iscep_use_case_answer(it, &refusal, (iscep_bytes){0});
    else if (!is_challenge_as_read(it, request->challenge) || !iscep_use_case_has_journal(it))
        ; /* refused; or what is issued now could not be recorded */
    else if (iscep_journal_is_new(service->journal, &it->key))
        ask_intune(it);
    else
        ask_journal(it);
    iscep_x509_facts_clear(&facts);
    return status;
}
