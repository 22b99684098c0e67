/* The migrations of this program, and nothing else: a test builds the program of tomorrow with another list. See schema.h. */
#include "journal/schema.h"
#include "journal/schema_scripts.h"

const iscep_migration iscep_schema_migrations[] = {
    {.version = 1, .sqlite = iscep_schema_sqlite_1},
    {.version = 2, .oldest = 2, .sqlite = iscep_schema_sqlite_2, .postgres = iscep_schema_postgres_2},
};
const size_t iscep_schema_migration_count = sizeof iscep_schema_migrations / sizeof *iscep_schema_migrations;
