/*
 * One question to Intune for all who ask it at the same time. A device that grows impatient sends its request again
 * while the first is still on its way: same transaction, same CSR, so the answer is the same. Another CSR under the same
 * transaction is another question. On one loop's thread.
 */
#ifndef ISCEP_SERVICE_SHARING_H
#define ISCEP_SERVICE_SHARING_H

#include "intune/intune.h"

typedef struct iscep_sharing iscep_sharing;

/* What is given is borrowed. */
iscep_status iscep_sharing_new(iscep_sharing **out, const iscep_env *env, iscep_intune *intune,
                               iscep_error *err) ISCEP_CHECKED;
/* Nobody may be waiting: free the iscep_intune first. */
void iscep_sharing_free(iscep_sharing *sharing);

/* Who asks. Each has his own deadline; the call to Intune has the latest of them. */
typedef struct iscep_asker {
    int64_t deadline_mono_ms;
    bool (*is_wanted)(void *user); /* false: he is gone, and nothing is retried for him alone */
    iscep_verdict_fn done;         /* exactly once, perhaps before the call returns */
    void *user;
} iscep_asker;

/* Everything is copied. */
void iscep_sharing_validate(iscep_sharing *sharing, const char *transaction_id, iscep_bytes csr,
                            const iscep_asker *asker);

#endif
