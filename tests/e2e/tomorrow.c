/*
 * The migrations of a connector that does not exist yet, in the place of journal/schema_list.c: with them intune-scepd-tomorrow is
 * built, so that an upgrade of one node after the other can be tried. What it adds does not disturb programs of version 2.
 */
#include "journal/schema.h"
#include "journal/schema_scripts.h"

static const char version_3[] = "ALTER TABLE enrolment ADD COLUMN tomorrow TEXT;"
                                "CREATE TABLE tomorrow (id BIGINT PRIMARY KEY);";

const iscep_migration iscep_schema_migrations[] = {
    {.version = 1, .sqlite = iscep_schema_sqlite_1},
    {.version = 2, .oldest = 2, .sqlite = iscep_schema_sqlite_2, .postgres = iscep_schema_postgres_2},
    {.version = 3, .oldest = 2, .sqlite = version_3, .postgres = version_3},
};
const size_t iscep_schema_migration_count = sizeof iscep_schema_migrations / sizeof *iscep_schema_migrations;
