/*
 * Looking into the journal: for a person, by intune-scepctl. Answers are JSON documents as docs/LOCAL-API.md describes
 * them; they hold no CSR and no challenge. A trace and a list show what was noted before, by whichever loop, and so wait for
 * the write that may be under way; figures do not.
 *
 * Times are texts as iscep_iso8601_emit makes them ("2026-11-22T07:20:00.000Z", notAfter too); what is not known is null or
 * left out. An enrolment's state is the name of its last event (iscep_journal_kind_name); a certificate's is "owed",
 * "reported", "withheld", "dead", "purged" or "revoked"; a delivery's "owed" or "dead"; a revocation's "unjudged", "waiting",
 * "held", "answerable" or "ended". A dead delivery is among "owed", with its "state".
 *
 * tenant: only what is that one's, counts included; NULL: everybody's.
 */
#ifndef ISCEP_JOURNAL_INSPECT_H
#define ISCEP_JOURNAL_INSPECT_H

#include "base/json.h"
#include "journal/journal.h"

/* json is borrowed; NULL unless status is ISCEP_OK. */
typedef void (*iscep_journal_json_fn)(void *user, iscep_status status, const iscep_json *json,
                                      const iscep_error *err);

typedef enum iscep_trace_by {
    ISCEP_TRACE_TRANSACTION = 1,
    ISCEP_TRACE_SERIAL,
    ISCEP_TRACE_SUBJECT
} iscep_trace_by;

/*
 * The whole life of the enrolments that fit, at most limit of them, the newest first:
 * {"enrolments":[{"tenant","transactionId","csrSha256","subject","state","firstAt","lastAt",
 *   "certificates":[{"serialNumber","issuer","subject","thumbprint","notAfter","state","ca"}],
 *   "owed":[{"id","kind","state","attempts","dueAt","code","message"}],
 *   "events":[{"at","lastAt","count","event","code","message","requestId"}]}],"isMore":false}
 * A transaction id is compared exactly, a serial number as a number (upper-case hex), a subject as a part of the text,
 * without regard to the case of ASCII letters.
 */
void iscep_journal_trace(iscep_journal *journal, const char *tenant, iscep_trace_by by, const char *what,
                         size_t limit, iscep_journal_json_fn done, void *user);
/* {"deliveries":[{"id","tenant","transactionId","kind","state":"owed"|"dead","attempts","recordedAt","dueAt","serialNumber",
 *   "subject","code","message","requestId"}],"owed":N,"dead":N,"oldestOwedAt":…,"isMore":…}; id 0: all, otherwise only that */
void iscep_journal_list_deliveries(iscep_journal *journal, const char *tenant, int64_t id, bool is_dead_only,
                                   size_t limit, iscep_journal_json_fn done, void *user);
/* {"revocations":[{"id","tenant","requestContext","serialNumber","issuer","caConfiguration","state","ca","attempts","storedAt",
 *   "dueAt","errorCode","message"}],"unjudged":N,"waiting":N,"held":N,"answerable":N,"ended":N,"isMore":…}; is_open_only leaves out ended */
void iscep_journal_list_revocations(iscep_journal *journal, const char *tenant, bool is_open_only,
                                    size_t limit, iscep_journal_json_fn done, void *user);
/* {"path","sizeBytes","schemaVersion","enrolments","certificates","owed","dead","oldestOwedAt","revocationsOpen","isHealthy","reason"} */
void iscep_journal_stats(iscep_journal *journal, iscep_journal_json_fn done, void *user);
/*
 * What is open for one tenant, and the file's size, for a monitor that asks every few seconds:
 * {"owed","dead","oldestOwedAt","unjudged","waiting","held","answerable","sizeBytes"}. How much has ended does not matter to the time that
 * this takes.
 */
void iscep_journal_totals(iscep_journal *journal, const char *tenant, iscep_journal_json_fn done, void *user);

#endif
