/*
 * The journal: what happened to each enrolment, and what is still owed to Intune. Nothing that was accepted for later
 * is forgotten: a write is on disk (fsync) before its callback says ISCEP_OK, and survives kill -9.
 *
 * A thread of the journal's own does the writing; whatever came while it was busy shares the next transaction and its
 * one fsync. What nobody waits for, a note or a fact without a callback, waits up to 5 ms for others, or until somebody
 * waits for something; so kill -9 may take the notes of the last milliseconds with it, and never anything else. Writes are
 * done in the order in which they were asked for, by whichever loop. Reading has another thread and does not wait for that. The operations are in the headers beside this one:
 * enrolments.h, deliveries.h, revocations.h, inspect.h. Each is one atomic step; each is called on the loop's thread,
 * copies its input, and calls back exactly once on the loop's thread, never before it returns.
 *
 * A failure has the class STORAGE and one of these codes: journal_full, journal_read_only, journal_locked,
 * journal_corrupt, journal_io, journal_closed, at the start journal_newer. Then nothing of that operation was done.
 */
#ifndef ISCEP_JOURNAL_JOURNAL_H
#define ISCEP_JOURNAL_JOURNAL_H

#include "base/bytes.h"
#include "base/env.h"
#include "net/loop.h"

typedef struct iscep_journal iscep_journal;

typedef struct iscep_journal_options {
    const char *path;       /* of the SQLite file, made with mode 0600; its directory must exist */
    int64_t retention_days; /* what ended longer ago is forgotten, unless something is still owed for it */
    int64_t max_size_mb;    /* beyond this the oldest that ended is forgotten sooner */
} iscep_journal_options;

#define ISCEP_JOURNAL_OPTIONS_INIT                                                                           \
    {                                                                                                        \
        .path = "/var/lib/intune-scep/journal.db", .retention_days = 400, .max_size_mb = 4096                \
    }

/*
 * Opens, or makes, and migrates. env, loop and options are borrowed. CONFIG: the path cannot be used; STORAGE: another
 * process has it open, it is damaged, or a newer version of this program wrote it.
 */
iscep_status iscep_journal_open(iscep_journal **out, const iscep_env *env, iscep_loop *loop,
                                const iscep_journal_options *options, iscep_error *err) ISCEP_CHECKED;
/* Carries out what was asked for; the callbacks still due come before it returns. NULL is allowed. */
void iscep_journal_close(iscep_journal *journal);

/*
 * The same journal for another loop of this process: what is asked through it calls back there. Made before that loop runs or on
 * its thread, and closed there with iscep_journal_close, which waits for what was asked through it, calls back, and ends nothing
 * else. journal may be one of these, too. The file is closed with the last of them; only the first, from iscep_journal_open,
 * writes to the log and has old history forgotten, so it should be that one.
 */
iscep_status iscep_journal_attach(iscep_journal **out, iscep_journal *journal, iscep_loop *loop,
                                  iscep_error *err) ISCEP_CHECKED;

/*
 * Did the last write work? Otherwise err says why not. While it did not, the journal itself tries again every second,
 * so that this becomes true when the disk has room again.
 */
bool iscep_journal_is_healthy(const iscep_journal *journal, iscep_error *err);

/* For operations that only succeed or fail. */
typedef void (*iscep_journal_fn)(void *user, iscep_status status, const iscep_error *err);

/* Small facts that must survive a restart, by name: the last poll, the storm guard's state. value NULL: not there. */
typedef void (*iscep_journal_text_fn)(void *user, iscep_status status, const char *value,
                                      const iscep_error *err);
void iscep_journal_get_fact(iscep_journal *journal, const char *tenant, const char *name,
                            iscep_journal_text_fn done, void *user);
void iscep_journal_set_fact(iscep_journal *journal, const char *tenant, const char *name, const char *value,
                            iscep_journal_fn done, void *user); /* done may be NULL */

#endif
