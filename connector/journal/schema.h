/* The tables, and how an older file comes to have them. */
#ifndef ISCEP_JOURNAL_SCHEMA_H
#define ISCEP_JOURNAL_SCHEMA_H

#include "journal/store.h"

/* How a delivery stands; iscep_report_state is what others see of it. Stored: numbers must not change. */
typedef enum iscep_delivery_state {
    ISCEP_DELIVERY_IS_OWED = 1,
    ISCEP_DELIVERY_IS_DONE = 2,
    ISCEP_DELIVERY_IS_WITHHELD = 3,
    ISCEP_DELIVERY_IS_DEAD = 4,
    ISCEP_DELIVERY_IS_PURGED = 5,
} iscep_delivery_state;

/* One step: from the version before to this one. A script that is NULL: that database was not there yet, and begins with a later one. */
typedef struct iscep_migration {
    int64_t version;
    int64_t oldest; /* the oldest version whose programs can still work with what this leaves; 0: this one */
    const char *sqlite;
    const char *postgres;
} iscep_migration;

/* Those of this program, in order (schema_list.c); the last one's version is what it writes. */
extern const iscep_migration iscep_schema_migrations[];
extern const size_t iscep_schema_migration_count;
int64_t iscep_schema_version(void);

/*
 * Each step is one transaction; several nodes may begin at once. STORAGE, journal_newer: a newer version of this program wrote the
 * journal, and this one cannot work with that. CONFIG, journal_denied: the database's role may not make tables.
 */
iscep_status iscep_schema_migrate(iscep_store *store, const iscep_migration *migrations, size_t count,
                                  iscep_error *err) ISCEP_CHECKED;

/* The statements that make or change PostgreSQL's tables from the version `from` on (0: none), as a person's tool takes them. */
iscep_status iscep_schema_sql(iscep_buf *out, int64_t from, iscep_error *err) ISCEP_CHECKED;

#endif
