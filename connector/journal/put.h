/*
 * Rows of the spool, put into the database: see mover.h. Within a transaction of each; what is put leaves the spool.
 *
 * The database may know the enrolment already: by a node that has met it since, by ourselves before the database went away, or by an
 * earlier attempt to put it. Then the same certificate is one delivery, and what is decided beats what is owed; another certificate
 * is one more delivery, because a device may have got it, and Intune is to hear of it.
 */
#ifndef ISCEP_JOURNAL_PUT_H
#define ISCEP_JOURNAL_PUT_H

#include "journal/aliases.h"
#include "journal/engine.h"

typedef struct iscep_put {
    iscep_db *from;
    iscep_db *to;
    iscep_aliases *aliases;
    int64_t opened_unix_ms; /* this process: somebody may know what it has recorded */
} iscep_put;

/* With its events, deliveries, certificates, and the revocations of these. */
iscep_status iscep_put_enrolment(const iscep_put *put, int64_t id, iscep_error *err) ISCEP_CHECKED;

/* The deliveries of an enrolment, one after the other (put_deliveries.c). */
typedef struct iscep_put_target {
    int64_t enrolment_id; /* in the database */
    const char *tenant;
    bool is_new; /* there is nothing of it yet */
} iscep_put_target;
iscep_status iscep_put_deliveries(const iscep_put *put, int64_t enrolment_id, const iscep_put_target *target,
                                  iscep_error *err) ISCEP_CHECKED;

/* The revocations (put_revocations.c) of a delivery, which has the number to_delivery_id there. */
iscep_status iscep_put_revocations_of(const iscep_put *put, int64_t delivery_id, int64_t to_delivery_id,
                                      iscep_error *err) ISCEP_CHECKED;
/* At most `limit` of those that are left. */
iscep_status iscep_put_revocations(const iscep_put *put, int64_t limit, iscep_error *err) ISCEP_CHECKED;
/* All facts; one that the database has stays as it is there. */
iscep_status iscep_put_facts(const iscep_put *put, iscep_error *err) ISCEP_CHECKED;

#endif
