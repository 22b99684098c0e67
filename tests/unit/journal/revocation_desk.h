/*
 * desk.h for revocations: asks, and waits for the answer. The desk leads, says what the storm guard says, and settles under the
 * fence that it was given last, unless a test names another.
 */
#ifndef ISCEP_TESTS_JOURNAL_REVOCATION_DESK_H
#define ISCEP_TESTS_JOURNAL_REVOCATION_DESK_H

#include "desk.h"
#include "journal/revocation_guard.h"

int64_t desk_lead(desk *d); /* the fence of our term */
/* serial NULL: no number. Stored, and not judged. */
desk_count desk_store(desk *d, int64_t fence, const char *context, const char *serial);
/* Stored and let pass. */
desk_count desk_ask(desk *d, const char *context, const char *serial);

typedef struct desk_work {
    iscep_status status;
    size_t count;
    int64_t next_due_unix_ms;
    int64_t ids[DESK_MAX];
    int64_t fences[DESK_MAX];
    uint32_t attempts[DESK_MAX];
    size_t known_count[DESK_MAX];
    bool has_serial[DESK_MAX];
    char context[DESK_MAX][DESK_TEXT];
    char ca[DESK_MAX][DESK_TEXT];
    char known_ca[DESK_MAX][DESK_TEXT];
    char known_subject[DESK_MAX][DESK_TEXT];
} desk_work;
desk_work desk_claim_revocations(desk *d, size_t limit);
/* A node that cannot serve one CA; nobody waits longer than patience_ms. */
desk_work desk_claim_without(desk *d, const char *absent_ca, int64_t patience_ms);
typedef struct desk_settled {
    iscep_status status;
    char error[64];
    bool is_taken;
} desk_settled;
desk_settled desk_settle_revocation(desk *d, int64_t id, const iscep_revocation_outcome *outcome);

typedef struct desk_results {
    iscep_status status;
    size_t count;
    int64_t ids[DESK_MAX];
    int64_t fences[DESK_MAX];
    int32_t error_code[DESK_MAX];
    char context[DESK_MAX][DESK_TEXT];
} desk_results;
desk_results desk_claim_results(desk *d, size_t limit);
desk_count desk_settle_results(desk *d, const int64_t *ids, size_t id_count, bool is_taken,
                               int64_t due_unix_ms);
desk_count desk_settle_claimed(desk *d, const iscep_claimed *claimed, bool is_taken, int64_t due_unix_ms);

iscep_revocation_counts desk_count_revocations(desk *d, int64_t since_unix_ms);
/* The storm guard holds, or lets pass, whatever word stands; its word afterwards is "held" or "". */
desk_count desk_hold(desk *d, bool is_held);
desk_count desk_step(desk *d, bool is_held, const iscep_guard_step *step);

#endif
