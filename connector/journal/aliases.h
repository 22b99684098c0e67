/*
 * Deliveries that were moved from the spool to the database while somebody knew them by the number that they had on the spool: he
 * goes on using it, and is told it. The latest some thousands are kept; they end with the process. Any thread.
 */
#ifndef ISCEP_JOURNAL_ALIASES_H
#define ISCEP_JOURNAL_ALIASES_H

#include "base/error.h"

typedef struct iscep_aliases iscep_aliases;

iscep_status iscep_aliases_new(iscep_aliases **out, iscep_error *err) ISCEP_CHECKED;
void iscep_aliases_free(iscep_aliases *aliases); /* NULL is allowed */

/*
 * Within a transaction of the database's, by whoever moves: it is known to others once that was committed, because a number that was not
 * may be given to another delivery when the database comes back from a crash.
 */
void iscep_aliases_add(iscep_aliases *aliases, int64_t spool_id, int64_t database_id);
void iscep_aliases_committed(iscep_aliases *aliases);
void iscep_aliases_rolled_back(iscep_aliases *aliases);

int64_t iscep_aliases_in_database(iscep_aliases *aliases, int64_t spool_id); /* 0: not known */
int64_t iscep_aliases_on_spool(iscep_aliases *aliases, int64_t database_id); /* 0: not known */

#endif
