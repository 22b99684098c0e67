/*
 * Where a journal with a database stands (journal.h): on it, on the spool, or returning. Said by the threads of its engines, asked by
 * anybody.
 */
#ifndef ISCEP_JOURNAL_STANDING_H
#define ISCEP_JOURNAL_STANDING_H

#include "journal/journal.h"
#include "net/bell.h"

typedef struct iscep_standing iscep_standing;

/* env is borrowed. Until something else is said: the database is there, and nobody has looked at the spool. */
iscep_status iscep_standing_new(iscep_standing **out, const iscep_env *env, iscep_error *err) ISCEP_CHECKED;
void iscep_standing_free(iscep_standing *standing); /* NULL is allowed */

/* err: why the database cannot be reached; NULL: it can. */
void iscep_standing_set_reached(iscep_standing *standing, const iscep_error *err);
/* Nothing is on the spool. */
void iscep_standing_set_empty(iscep_standing *standing);
/* Something has come on it; how much, the next count says. */
void iscep_standing_add_spooled(iscep_standing *standing);
/* Counted enrolments; 0 does not mean that it is empty, because the rest is to be moved, too. */
void iscep_standing_set_count(iscep_standing *standing, int64_t count);
/* Some enrolments were moved. */
void iscep_standing_add_moved(iscep_standing *standing, int64_t count);
/* err: why something of the spool cannot be moved, although the database is there; NULL: it can again. */
void iscep_standing_set_stuck(iscep_standing *standing, const iscep_error *err);

iscep_journal_whereabouts iscep_standing_state(iscep_standing *standing);
void iscep_standing_get(iscep_standing *standing, iscep_journal_standing_facts *out);

/* Who is told that it has changed; borrowed. NULL: nobody any more. */
void iscep_standing_watch(iscep_standing *standing, iscep_bell *changed);
/* By him, on his loop's thread: says in the log what has changed since the last call. */
void iscep_standing_tell(iscep_standing *standing);

#endif
