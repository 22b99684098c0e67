/*
 * A journal in a directory of its own, or in a database (ISCEP_TEST_POSTGRES: the same tests run a second time), and
 * somebody who asks it and waits for the answer. The clocks stand still until a test moves them.
 */
#ifndef ISCEP_TESTS_JOURNAL_DESK_H
#define ISCEP_TESTS_JOURNAL_DESK_H

#include "journal/deliveries.h"
#include "journal/engine.h"
#include "journal/inspect.h"
#include "journal/revocations.h"
#include "tests/support/fake_env.h"
#include "tests/support/temp_dir.h"
#include "tests/support/test_postgres.h"

#define DESK_TENANT "contoso"

enum { DESK_LEASE_MS = 30000, DESK_BACKOFF_MS = 3600000, DESK_MAX = 64, DESK_TEXT = 256 };

typedef struct desk {
    fake_env world;
    temp_dir dir;
    char path[128];
    iscep_loop *loop;
    iscep_journal *journal;
    iscep_journal_options options;
    iscep_journal_tuning tuning;
    test_postgres database;  /* if there is one */
    const char *only_tenant; /* what a person looks at, and changes; NULL: everybody's */
} desk;

void desk_init(desk *d);  /* everything but the journal: options and tuning may be changed */
void desk_start(desk *d); /* opens the journal */
void desk_open(desk *d);  /* both */
/* The journal and the loop, which a fork does not survive: ended, and begun again. */
void desk_leave(desk *d);
void desk_come_back(desk *d);
void desk_close(desk *d);
void desk_reopen(desk *d); /* closes and opens the journal */
/* The same, and what had been claimed is free: in a file at once, in a database when the leases have ended. */
void desk_die(desk *d);
/* How exactly the lease clock is known: a database's only as well as its connections are quick. */
int64_t desk_blur_ms(const desk *d);
void desk_outlive_leases(desk *d); /* the time goes by */

/*
 * The fence of the claim that was given out last for a delivery: what a test settles, it settles for whoever has it now, unless
 * it says otherwise.
 */
int64_t desk_fence(int64_t delivery_id);

/* What came back; texts are copies. */
typedef struct desk_report {
    iscep_status status;
    char error[64];
    iscep_report report; /* texts: as below */
    char code[DESK_TEXT];
    char message[DESK_TEXT];
    char request_id[DESK_TEXT];
} desk_report;

void desk_assert_report(desk_report actual, iscep_report_state state, bool is_first);

/* An enrolment: the CSR is its name, the digest is made of it. */
iscep_enrolment_key desk_key(const char *transaction_id, const char *csr);
void desk_note(desk *d, const char *transaction_id, const char *csr, iscep_journal_kind kind,
               const char *code);

/* A certificate whose DER is "cert:" and its serial number; valid for a year. */
iscep_issued_record desk_cert(const char *transaction_id, const char *csr, const char *serial);
desk_report desk_issue(desk *d, const iscep_issued_record *record);
desk_report desk_issue_strict(desk *d, const char *transaction_id, const char *csr, const char *serial);
desk_report desk_fail(desk *d, const char *transaction_id, const char *csr, uint32_t code,
                      const char *description);

desk_report desk_settle(desk *d, int64_t id, iscep_delivery_end end, const char *code);
/* As one says it who had the claim with that fence. */
desk_report desk_settle_as(desk *d, int64_t id, int64_t fence, iscep_delivery_end end, const char *code);
desk_report desk_postpone(desk *d, int64_t id, int64_t due_unix_ms);
desk_report desk_withhold(desk *d, int64_t id, bool is_revoked_too);
desk_report desk_withhold_as(desk *d, int64_t id, int64_t fence, bool is_revoked_too);
desk_report desk_standing_as(desk *d, int64_t id, int64_t fence);

typedef struct desk_claim {
    iscep_status status;
    char error[64];
    size_t count;
    int64_t next_due_unix_ms;
    int64_t ids[DESK_MAX];
    uint32_t attempts[DESK_MAX];
    char csr[DESK_MAX][DESK_TEXT];
    char serial[DESK_MAX][DESK_TEXT];
    iscep_delivery_kind kinds[DESK_MAX];
} desk_claim;
desk_claim desk_claim_deliveries(desk *d, size_t limit);

typedef struct desk_found {
    iscep_status status;
    char error[64];
    bool has_cert;
    iscep_cert_standing standing;
    bool is_owed;
    char serial[DESK_TEXT];
    char der[DESK_TEXT];
} desk_found;
desk_found desk_find(desk *d, const char *transaction_id, const char *csr);

typedef struct desk_count {
    iscep_status status;
    char error[64];
    int64_t count;
} desk_count;
desk_count desk_retry(desk *d, const int64_t *ids, size_t id_count);
desk_count desk_purge(desk *d, const int64_t *ids, size_t id_count);

/* Facts; the value is copied, "" with has_value false. */
typedef struct desk_fact {
    iscep_status status;
    char error[64];
    bool has_value;
    char value[DESK_TEXT];
} desk_fact;
desk_fact desk_set_fact(desk *d, const char *name, const char *value);
desk_fact desk_get_fact(desk *d, const char *name);

/* The answer as a document of its own; free it with iscep_json_free. */
iscep_json *desk_trace(desk *d, iscep_trace_by by, const char *what, size_t limit);
iscep_json *desk_list_deliveries(desk *d, int64_t id, bool is_dead_only, size_t limit);
iscep_json *desk_list_revocations(desk *d, bool is_open_only, size_t limit);
iscep_json *desk_stats(desk *d);
iscep_json *desk_totals(desk *d, const char *tenant);
/* "issued, reported": the events of the only enrolment with that transaction id, with "*N" behind one that came N times. */
const char *desk_events(desk *d, const char *transaction_id);

/* Runs the loop until *is_done; whoever sets it stops the loop. */
void desk_wait(desk *d, const bool *is_done);
/* Runs the loop until everything asked of the writer so far has been done. */
void desk_flush(desk *d);

#endif
