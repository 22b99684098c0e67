/*
 * The use cases: verify a request, report an issued certificate, report a failure. Daemon and direct plugin
 * are two doors to this room; a rule lives here once. On one loop's thread.
 */
#ifndef ISCEP_SERVICE_SERVICE_H
#define ISCEP_SERVICE_SERVICE_H

#include "intune/intune.h"
#include "service/csr_rules.h"
#include "service/issued_check.h"

typedef struct iscep_service iscep_service;

/* What is asked of requests and certificates beyond Intune's word: section [policy]. */
typedef struct iscep_policy {
    iscep_csr_rules csr;
    iscep_issued_mode issued_check;
} iscep_policy;

extern const iscep_policy iscep_policy_default;

/* Everything given is borrowed and must outlive it. */
iscep_status iscep_service_new(iscep_service **out, const iscep_env *env, iscep_intune *intune,
                               const iscep_policy *policy, iscep_error *err) ISCEP_CHECKED;
/* Every verdict must have been given: free the iscep_intune first. */
void iscep_service_free(iscep_service *service);

/* Who asks, and until when an answer is of use to him. All inputs of the calls below are copied. */
typedef struct iscep_service_request {
    iscep_bytes transaction_id;
    iscep_bytes csr;
    int64_t deadline_mono_ms;
    bool (*is_wanted)(
        void *user); /* with the user of done; false ends the retries; NULL: until the deadline */
} iscep_service_request;

/*
 * Each either fails with USAGE (the input is wrong, err->code says how; done is not called), or calls done
 * once, perhaps before it returns.
 */
/* A request that breaks a rule of the policy is answered with DENY or DECLINE, and Intune is not asked. */
iscep_status iscep_service_verify(iscep_service *service, const iscep_service_request *request,
                                  iscep_verdict_fn done, void *user, iscep_error *err) ISCEP_CHECKED;
/*
 * The certificate must carry the CSR's key ("certificate_key_mismatch"). One that is not what was granted is answered
 * with DENY and not reported, or only logged, as issued_check says.
 */
iscep_status iscep_service_report_issued(iscep_service *service, const iscep_service_request *request,
                                         iscep_bytes cert, iscep_verdict_fn done, void *user,
                                         iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_service_report_failed(iscep_service *service, const iscep_service_request *request,
                                         uint32_t error_code, const char *description, iscep_verdict_fn done,
                                         void *user, iscep_error *err) ISCEP_CHECKED;

#endif
