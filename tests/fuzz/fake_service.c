/* See fake_service.h. */
#include "tests/fuzz/fake_service.h"

#include <stdlib.h>

#include "base/transaction_id.h"
#include "base/x509.h"
#include "tests/fuzz/check.h"

struct iscep_service {
    iscep_loop *loop;
};

iscep_service *fake_service_new(iscep_loop *loop)
{
    iscep_service *service = malloc(sizeof *service);
    FUZZ_CHECK(service != NULL);
    *service = (iscep_service){.loop = loop};
    return service;
}

void fake_service_free(iscep_service *service)
{
    free(service);
}

void iscep_service_wake(iscep_service *service)
{
    (void)service;
}

typedef struct pending {
    iscep_service_fn done;
    void *user;
} pending;

static void refuse(void *user)
{
    pending *waiting = user;
    const iscep_verdict verdict = {.decision = ISCEP_DENY, .retry_after_ms = -1, .code = "ChallengeExpired"};
    waiting->done(waiting->user, &verdict, (iscep_bytes){0});
    free(waiting);
}

static iscep_status answer(const iscep_service *service, const iscep_service_request *request,
                           iscep_service_fn done, void *user, iscep_error *err)
{
    char transaction_id[ISCEP_TRANSACTION_ID_SIZE];
    iscep_csr *csr = NULL;
    iscep_status status = iscep_transaction_id_parse(transaction_id, request->transaction_id, err);
    if (status == ISCEP_OK)
        status = iscep_csr_parse(&csr, request->csr, err);
    iscep_csr_free(csr);
    if (status != ISCEP_OK)
        return status;
    pending *waiting = malloc(sizeof *waiting);
    FUZZ_CHECK(waiting != NULL);
    *waiting = (pending){done, user};
    return iscep_loop_post(service->loop, refuse, waiting, err);
}

iscep_status iscep_service_verify(iscep_service *service, const iscep_service_request *request,
                                  iscep_service_fn done, void *user, iscep_error *err)
{
    return answer(service, request, done, user, err);
}

iscep_status iscep_service_report_issued(iscep_service *service, const iscep_service_request *request,
                                         iscep_bytes cert, iscep_service_fn done, void *user,
                                         iscep_error *err)
{
    iscep_cert *parsed = NULL;
    iscep_status status = iscep_cert_parse(&parsed, cert, err);
    iscep_cert_free(parsed);
    return status == ISCEP_OK ? answer(service, request, done, user, err) : status;
}

iscep_status iscep_service_report_failed(iscep_service *service, const iscep_service_request *request,
                                         uint32_t error_code, const char *description, iscep_service_fn done,
                                         void *user, iscep_error *err)
{
    (void)error_code;
    FUZZ_CHECK(description != NULL);
    return answer(service, request, done, user, err);
}
