/* See service.h. The use cases are in verify.c and report.c, what they have in common in use_case.c. */
#include "service/service.h"

#include <stdlib.h>

#include "intune/reply.h"
#include "service/reporting.h"

const iscep_policy iscep_policy_default = {.csr = ISCEP_CSR_RULES_DEFAULT,
                                           .issued_check = ISCEP_ISSUED_WITHHOLD};

const iscep_reporting_options iscep_reporting_options_default = {
    .is_withheld_revoked = true,
    .dead_after_ms = INT64_C(7) * 24 * 3600 * 1000,
    .max_backoff_ms = 10 * 60 * 1000,
    .max_in_flight = 32,
    .attempt_timeout_ms = 30000,
};

static iscep_status make_parts(iscep_service *service, iscep_error *err)
{
    const iscep_reporting_options *reporting = &service->options->reporting;
    const iscep_outbox_options outbox = {.tenant = service->options->tenant,
                                         .is_unvalidated_refused = reporting->is_unvalidated_refused,
                                         .dead_after_ms = reporting->dead_after_ms,
                                         .max_backoff_ms = reporting->max_backoff_ms,
                                         .max_in_flight = reporting->max_in_flight,
                                         .attempt_timeout_ms = reporting->attempt_timeout_ms,
                                         .on_tried = iscep_reporting_on_tried,
                                         .on_result = iscep_reporting_on_result,
                                         .user = service};
    iscep_status status = iscep_sharing_new(&service->sharing, service->env, service->intune, err);
    if (status == ISCEP_OK)
        status = iscep_outbox_new(&service->outbox, service->env, service->intune, service->journal,
                                  service->routing, &outbox, err);
    return status;
}

iscep_status iscep_service_new(iscep_service **out, const iscep_env *env, iscep_intune *intune,
                               iscep_journal *journal, const iscep_routing *routing,
                               const iscep_service_options *options, iscep_error *err)
{
    iscep_service *service = calloc(1, sizeof *service);
    if (service == NULL)
        return iscep_error_nomem(err);
    *service = (iscep_service){
        .env = env, .intune = intune, .journal = journal, .routing = routing, .options = options};
    TAILQ_INIT(&service->use_cases);
    iscep_status status = make_parts(service, err);
    if (status != ISCEP_OK) {
        iscep_service_free(service);
        return status;
    }
    *out = service;
    return ISCEP_OK;
}

void iscep_service_on_withheld(iscep_service *service, iscep_callback on_withheld, void *user)
{
    service->on_withheld = on_withheld;
    service->on_withheld_user = user;
}

void iscep_service_retire(iscep_service *service)
{
    iscep_outbox_retire(service->outbox);
}

bool iscep_service_is_idle(const iscep_service *service)
{
    return TAILQ_EMPTY(&service->use_cases) && iscep_outbox_is_idle(service->outbox);
}

void iscep_service_wake(iscep_service *service)
{
    iscep_outbox_wake(service->outbox);
}

/* What the journal will call back for lives until then, and belongs to nobody. */
static void end_use_case(iscep_use_case *it)
{
    iscep_error err;
    bool is_left = it->in_journal > 0;
    iscep_error_set(&err, ISCEP_NETWORK, "shutting_down", "the connector is shutting down");
    iscep_use_case_answer_error(it, &err);
    if (is_left) {
        iscep_reporting_stop_waiting(it);
        TAILQ_REMOVE(&it->service->use_cases, it, link);
        it->service = NULL;
    }
}

void iscep_service_free(iscep_service *service)
{
    if (service == NULL)
        return;
    while (!TAILQ_EMPTY(&service->use_cases))
        end_use_case(TAILQ_FIRST(&service->use_cases));
    iscep_outbox_free(service->outbox);
    iscep_sharing_free(service->sharing);
    free(service);
}
