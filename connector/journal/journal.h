/*
 * The journal: what happened to each enrolment, and what is still owed to Intune. Nothing that was accepted for later
 * is forgotten: a write is on disk (fsync) before its callback says ISCEP_OK, and survives kill -9.
 *
 * It is a SQLite file, or a PostgreSQL database that several nodes share, with a SQLite file of each node's own, the spool, for when
 * the database is away: then reports are recorded and told to Intune from there, and are moved to the database when it is back.
 * What only makes sense where all nodes see it (revocations, facts, what people look at) fails meanwhile, with journal_away.
 *
 * Threads of the journal's own do the writing; whatever came while one was busy shares the next transaction and its
 * one fsync. What nobody waits for, a note or a fact without a callback, waits up to 5 ms for others, or until somebody
 * waits for something; so kill -9 may take the notes of the last milliseconds with it, and never anything else. Writes about one
 * enrolment are done in the order in which they were asked for, by whichever loop. Reading has another thread and does not wait for
 * that. The operations are in the headers beside this one: enrolments.h, deliveries.h, revocations.h, inspect.h. Each is one atomic
 * step; each is called on the loop's thread, copies its input, and calls back exactly once on the loop's thread, never before it
 * returns.
 *
 * A failure has the class STORAGE and one of these codes: journal_full, journal_read_only, journal_locked,
 * journal_corrupt, journal_io, journal_closed, at the start journal_newer; with a database also journal_away, journal_conflict,
 * journal_slow, and of the class CONFIG journal_denied. Then nothing of that operation was done; only after journal_away of
 * something that cannot be done on the spool it may have been done all the same.
 */
#ifndef ISCEP_JOURNAL_JOURNAL_H
#define ISCEP_JOURNAL_JOURNAL_H

#include "base/bytes.h"
#include "base/env.h"
#include "net/loop.h"

typedef struct iscep_journal iscep_journal;

typedef struct iscep_journal_options {
    const char *
        path; /* of the SQLite file, made with mode 0600; its directory must exist. With a database: the spool */
    const struct iscep_postgres_options *database; /* store_postgres.h; NULL: the file alone */
    uint32_t connections;                          /* to the database, that write; 0: 4 */
    const char *node;       /* this node's name among those that share the database; NULL: "local" */
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

/* Whom the others know: the node's name, and a random text made when the journal was opened. */
const char *iscep_journal_node(const iscep_journal *journal);
const char *iscep_journal_instance(const iscep_journal *journal);

/* Where what is asked is done. */
typedef enum iscep_journal_whereabouts {
    ISCEP_JOURNAL_HERE = 1,  /* in the database; or in the file, which is all there is */
    ISCEP_JOURNAL_AWAY,      /* on the spool: the database cannot be reached */
    ISCEP_JOURNAL_RETURNING, /* in the database, while the spool is moved there */
} iscep_journal_whereabouts;

typedef struct iscep_journal_standing_facts {
    bool is_shared; /* there is a database */
    iscep_journal_whereabouts state;
    int64_t since_unix_ms;
    iscep_error
        why; /* AWAY: code and message. RETURNING: why some of it cannot be moved; no code: nothing is known of that */
    int64_t spooled; /* enrolments on the spool, as far as they have been counted */
} iscep_journal_standing_facts;
/* Any thread; at once. */
void iscep_journal_standing(const iscep_journal *journal, iscep_journal_standing_facts *out);

/*
 * Did the last write work? With a database: can either of the two be written? Otherwise err says why not. While it did not, the journal itself tries again every second,
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
