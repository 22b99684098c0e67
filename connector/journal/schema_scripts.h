/* The scripts that make and change the tables, as they are: see schema.h for the list of them, and what each is for. */
#ifndef ISCEP_JOURNAL_SCHEMA_SCRIPTS_H
#define ISCEP_JOURNAL_SCHEMA_SCRIPTS_H

extern const char iscep_schema_sqlite_1[];   /* in an empty file */
extern const char iscep_schema_sqlite_2[];   /* from version 1 */
extern const char iscep_schema_postgres_2[]; /* in an empty database */

#endif
