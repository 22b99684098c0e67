/*
 * What holders of claims owe each other: several workers of a process, and the configurations before and after a reload, share
 * one journal, and what one of them has claimed the others cannot have.
 */
#ifndef ISCEP_JOURNAL_CLAIMS_H
#define ISCEP_JOURNAL_CLAIMS_H

#include "journal/revocations.h"

/*
 * The caller has claimed it, has not begun, and will not: it is claimable again, due as it was, and as if nothing had been.
 * fence: of his claim; if another has it by now nothing changes. Nobody is called back.
 */
void iscep_journal_release_delivery(iscep_journal *journal, int64_t id, int64_t fence);
void iscep_journal_release_revocation(iscep_journal *journal, const iscep_claimed *claimed);

/*
 * How a delivery stands, whoever tries it: for those who wait for somebody else's attempt. is_being_tried: somebody has the
 * claim; otherwise, while the report is OWED, the next attempt is due at due_unix_ms. fence: any of the delivery's. USAGE
 * "delivery_unknown".
 */
typedef void (*iscep_standing_fn)(void *user, iscep_status status, const iscep_report *report,
                                  bool is_being_tried, int64_t due_unix_ms, const iscep_error *err);
void iscep_journal_find_standing(iscep_journal *journal, int64_t delivery_id, int64_t fence,
                                 iscep_standing_fn done, void *user);

#endif
