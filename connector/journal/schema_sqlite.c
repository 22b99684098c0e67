/*
 * The tables in SQLite: see schema.h. What happens a thousand times a second only appends: rows in the order of their ids, and
 * indexes over columns that grow with the id, so that a commit writes few pages however many rows there are
 * (docs/decisions/0007-the-journal.md). Look-ups by what is random, a transaction id or a serial number, go through
 * keys.h. An index with a WHERE holds only what is open.
 */
#include "journal/schema_scripts.h"

#define ID "INTEGER PRIMARY KEY" /* chosen by the database, growing */

const char iscep_schema_sqlite_1[] =
    "CREATE TABLE fact (tenant TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (tenant, "
    "name));"

    "CREATE TABLE enrolment (id " ID ", tenant TEXT NOT NULL, transaction_id TEXT NOT NULL, csr_sha256 BLOB"
    " NOT NULL, subject TEXT, is_validated INTEGER NOT NULL, first_unix_ms BIGINT NOT NULL);"

    "CREATE TABLE event (id " ID
    ", enrolment_id BIGINT NOT NULL, kind TEXT NOT NULL, first_unix_ms BIGINT NOT NULL,"
    " last_unix_ms BIGINT NOT NULL, times BIGINT NOT NULL, code TEXT, message TEXT, request_id TEXT);"
    "CREATE INDEX event_of_enrolment ON event (enrolment_id, id);"

    /* What changes is here, what is large and does not is in certificate and owed_csr, under the same id. */
    "CREATE TABLE delivery (id " ID
    ", enrolment_id BIGINT NOT NULL, tenant TEXT NOT NULL, kind INTEGER NOT NULL,"
    " state INTEGER NOT NULL, is_deferred INTEGER NOT NULL, error_code BIGINT NOT NULL, description TEXT,"
    " attempts INTEGER NOT NULL, recorded_unix_ms BIGINT NOT NULL, due_unix_ms BIGINT NOT NULL,"
    " leased_until_ms BIGINT NOT NULL, code TEXT, message TEXT, request_id TEXT, not_after_unix BIGINT NOT "
    "NULL,"
    " is_active INTEGER NOT NULL, is_revoked INTEGER NOT NULL, is_revocation_asked INTEGER NOT NULL);"
    "CREATE INDEX delivery_of_enrolment ON delivery (enrolment_id, id);"
    "CREATE INDEX delivery_due ON delivery (tenant, due_unix_ms) WHERE state = 1 AND leased_until_ms = 0;"
    "CREATE INDEX delivery_leased ON delivery (leased_until_ms) WHERE leased_until_ms > 0;"
    "CREATE INDEX delivery_dead ON delivery (id) WHERE state = 4;"
    "CREATE INDEX delivery_active ON delivery (tenant, not_after_unix) WHERE is_active = 1;"

    "CREATE TABLE certificate (id INTEGER PRIMARY KEY, serial TEXT NOT NULL, thumbprint TEXT NOT NULL,"
    " issuer TEXT NOT NULL, subject TEXT NOT NULL, ca TEXT, der BLOB NOT NULL);"
    "CREATE TABLE owed_csr (id INTEGER PRIMARY KEY, der BLOB NOT NULL);"

    /* context NULL: our own, for the certificate of delivery_id. error_code NULL: nothing to answer. */
    "CREATE TABLE revocation (id " ID
    ", tenant TEXT NOT NULL, context TEXT, serial_text TEXT NOT NULL, serial TEXT,"
    " issuer TEXT NOT NULL, configuration TEXT NOT NULL, ca TEXT, state INTEGER NOT NULL, attempts INTEGER "
    "NOT NULL,"
    " stored_unix_ms BIGINT NOT NULL, due_unix_ms BIGINT NOT NULL, leased_until_ms BIGINT NOT NULL,"
    " ended_unix_ms BIGINT NOT NULL, error_code BIGINT, message TEXT, delivery_id BIGINT);"
    "CREATE UNIQUE INDEX revocation_context ON revocation (tenant, context) WHERE context IS NOT NULL;"
    "CREATE INDEX revocation_stored ON revocation (tenant, stored_unix_ms);"
    "CREATE INDEX revocation_due ON revocation (tenant, state, due_unix_ms) WHERE state <> 4 AND "
    "leased_until_ms = 0;"
    "CREATE INDEX revocation_open ON revocation (tenant, state) WHERE state <> 4;"
    "CREATE INDEX revocation_of_delivery ON revocation (delivery_id) WHERE state <> 4;"
    "CREATE INDEX revocation_leased ON revocation (leased_until_ms) WHERE leased_until_ms > 0;"

    "CREATE TABLE recent_key (id INTEGER PRIMARY KEY, hash BIGINT NOT NULL, row_id BIGINT NOT NULL);"
    "CREATE TABLE old_key (hash BIGINT NOT NULL, row_id BIGINT NOT NULL, PRIMARY KEY (hash, row_id)) WITHOUT "
    "ROWID;";

/* What several nodes need (docs/decisions/0011-the-shared-journal.md), so that the same SQL does for both databases. */
const char iscep_schema_sqlite_2[] =
    "ALTER TABLE delivery ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;"
    "ALTER TABLE revocation ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;"
    /* What an older program left unjudged is judged at the start. */
    "UPDATE revocation SET state = 5 WHERE state = 1 AND context IS NOT NULL;"
    /* A delivery that is moved takes along those that have ended, too. */
    "DROP INDEX revocation_of_delivery;"
    "CREATE INDEX revocation_of_delivery ON revocation (delivery_id) WHERE delivery_id IS NOT NULL;"

    "CREATE TABLE leader (tenant TEXT NOT NULL, task TEXT NOT NULL, node TEXT NOT NULL, fence BIGINT NOT "
    "NULL,"
    " until_ms BIGINT NOT NULL, PRIMARY KEY (tenant, task));"
    "CREATE TABLE node (name TEXT PRIMARY KEY, instance TEXT NOT NULL, version TEXT NOT NULL,"
    " config_digest TEXT NOT NULL, health TEXT NOT NULL, state TEXT NOT NULL, spooled BIGINT NOT NULL,"
    " started_unix_ms BIGINT NOT NULL, seen_ms BIGINT NOT NULL, clock_offset_ms BIGINT NOT NULL,"
    " schema_version BIGINT NOT NULL);";
