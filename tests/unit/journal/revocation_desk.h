/* desk.h for revocations: asks, and waits for the answer. */
#ifndef ISCEP_TESTS_JOURNAL_REVOCATION_DESK_H
#define ISCEP_TESTS_JOURNAL_REVOCATION_DESK_H

#include "desk.h"

/* serial NULL: no number. */
desk_count desk_ask(desk *d, const char *context, const char *serial);

typedef struct desk_work {
    iscep_status status;
    size_t count;
    int64_t next_due_unix_ms;
    int64_t ids[DESK_MAX];
    uint32_t attempts[DESK_MAX];
    size_t known_count[DESK_MAX];
    bool has_serial[DESK_MAX];
    char context[DESK_MAX][DESK_TEXT];
    char ca[DESK_MAX][DESK_TEXT];
    char known_ca[DESK_MAX][DESK_TEXT];
    char known_subject[DESK_MAX][DESK_TEXT];
} desk_work;
desk_work desk_claim_revocations(desk *d, size_t limit);
desk_count desk_settle_revocation(desk *d, int64_t id, const iscep_revocation_outcome *outcome);

typedef struct desk_results {
    iscep_status status;
    size_t count;
    int64_t ids[DESK_MAX];
    int32_t error_code[DESK_MAX];
    char context[DESK_MAX][DESK_TEXT];
} desk_results;
desk_results desk_claim_results(desk *d, size_t limit);
desk_count desk_settle_results(desk *d, const int64_t *ids, size_t id_count, bool is_taken,
                               int64_t due_unix_ms);

iscep_revocation_counts desk_count_revocations(desk *d, int64_t since_unix_ms);
desk_count desk_hold(desk *d, bool is_held);

#endif
