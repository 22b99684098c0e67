/*
 * Moves what is on the spool to the database, in slices between the groups of the spool's writer, on that one's thread: enrolments
 * whose deliveries nobody has claimed, with all that belongs to them; at last the revocations and facts of an installation that had
 * no database until today.
 *
 * The database commits first, then the spool. Whatever happens in between, the slice is put again, and putting (put.h) makes of what
 * is there already one and the same: so nothing is lost and nothing is there twice, and this needs no mark that says how far it came.
 */
#ifndef ISCEP_JOURNAL_MOVER_H
#define ISCEP_JOURNAL_MOVER_H

#include "journal/aliases.h"
#include "journal/engine.h"
#include "journal/standing.h"

typedef struct iscep_mover iscep_mover;

/* Borrowed. */
typedef struct iscep_mover_parts {
    const iscep_env *env;
    iscep_engine *home; /* the database's */
    iscep_standing *standing;
    iscep_aliases *aliases;
    const iscep_journal_tuning *tuning; /* copied */
} iscep_mover_parts;

iscep_status iscep_mover_new(iscep_mover **out, const iscep_mover_parts *parts,
                             iscep_error *err) ISCEP_CHECKED;
void iscep_mover_free(iscep_mover *mover); /* after the spool's threads have ended; NULL is allowed */

/* Something was written to the spool. */
void iscep_mover_has_more(iscep_mover *mover);
/* This enrolment goes first: somebody waits for it to be moved. */
void iscep_mover_put_first(iscep_mover *mover, int64_t id);
/* One slice, if the database is there. In how many ms the next is due; negative: when the database is back, or more has come. */
int64_t iscep_mover_slice(iscep_mover *mover, iscep_db *spool, bool is_idle);

#endif
