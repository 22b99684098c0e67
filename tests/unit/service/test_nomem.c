/* Memory that runs out at any place of a use case: it is answered, once, and a report is told or on disk, or it is not said to be. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/scarce_memory.h"
#include "tests/unit/service/service_world.h"

static service_world w;
static caught_answer caught;

static void set_up(void)
{
    service_world_init(&w);
    intune_world_answer_all(&w.cloud);
    scarce_memory_spare(&w.cloud.http.base);
    service_world_open(&w);
    service_world_warm(&w);
}

static void tear_down(void)
{
    service_world_clear(&w);
}

TestSuite(nomem, .init = set_up, .fini = tear_down);

typedef iscep_status (*use_case)(const iscep_service_request *request, iscep_error *err);

static iscep_status verify(const iscep_service_request *request, iscep_error *err)
{
    return iscep_service_verify(w.service, request, catch_answer, &caught, err);
}

static iscep_status report_issued(const iscep_service_request *request, iscep_error *err)
{
    return iscep_service_report_issued(w.service, request, iscep_buf_bytes(&w.cert), catch_answer, &caught,
                                       err);
}

static iscep_status report_failed(const iscep_service_request *request, iscep_error *err)
{
    return iscep_service_report_failed(w.service, request, 0x80004005, "the CA is down", catch_answer,
                                       &caught, err);
}

/* While the call itself runs, one allocation fails; what comes later from the loop has memory. true: that one was there. */
static bool run_with_failing(long at, use_case ask)
{
    const iscep_service_request request = service_world_request(&w);
    iscep_error err = ISCEP_ERROR_INIT;
    caught = (caught_answer){0};
    scarce_memory_begin(at);
    const iscep_status status = ask(&request, &err);
    const bool was_met = scarce_memory_end();
    if (status == ISCEP_OK && caught.count == 0)
        service_world_await_answer(&w, &caught);
    service_world_await_journal(&w);
    cr_assert_eq(caught.count, status == ISCEP_OK, "allocation %ld: %u answers to status %d", at,
                 caught.count, status);
    if (status != ISCEP_OK)
        cr_assert_eq(status, ISCEP_NOMEM, "allocation %ld: %s", at, err.code);
    return was_met;
}

/* A report that Intune has taken note of is ALLOW; one that is on disk, or was told before, is DELIVER. */
static bool is_yes(const iscep_verdict *verdict)
{
    return verdict->decision == ISCEP_ALLOW || verdict->decision == ISCEP_DELIVER;
}

/* Until there is memory enough; what is in the journal then happened once. */
static void try_each(use_case ask, const char *events)
{
    long at = 1;
    for (; run_with_failing(at, ask); at++)
        if (caught.count == 1)
            cr_assert(caught.verdict.decision == ISCEP_RETRY || is_yes(&caught.verdict), "allocation %ld: %s",
                      at, caught.verdict.code);
    cr_assert_gt(at, 3, "%ld allocations", at);
    cr_assert(is_yes(&caught.verdict), "with memory enough: %s", caught.verdict.code);
    cr_assert_str_eq(service_world_events(&w), events);
}

Test(nomem, is_no_refusal_to_a_request)
{
    try_each(verify, "unanswered validated");
}

Test(nomem, loses_no_report_of_an_issued_certificate)
{
    try_each(report_issued, "issued never_validated reported");
}

Test(nomem, loses_no_report_of_a_failure)
{
    try_each(report_failed, "failed failure_reported");
}
