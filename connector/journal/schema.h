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

/* One step: from the version before to this one. */
typedef struct iscep_migration {
    int64_t version;
    const char *script;
} iscep_migration;

/* Those of this program, in order; the last one's version is what it writes. */
extern const iscep_migration iscep_schema_migrations[];
extern const size_t iscep_schema_migration_count;
int64_t iscep_schema_version(void);

/* Each step is one transaction. STORAGE, journal_newer: a newer version of this program wrote the file. */
iscep_status iscep_schema_migrate(iscep_store *store, const iscep_migration *migrations, size_t count,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
