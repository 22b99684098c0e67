/*
 * The tables: see schema.h. What happens a thousand times a second only appends: rows in the order of their ids, and
 * indexes over columns that grow with the id, so that a commit writes few pages however many rows there are
 * (docs/decisions/0007-the-journal.md). Look-ups by what is random, a transaction id or a serial number, go through
 * keys.h. An index with a WHERE holds only what is open.
 */
#include "journal/schema.h"

/* SQLite's words; another database has others. */
#define ID   "INTEGER PRIMARY KEY" /* chosen by the database, growing */
#define BLOB "BLOB"

static const char version_1[] =
    "CREATE TABLE fact (tenant TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (tenant, "
    "name));"

    "CREATE TABLE enrolment (id " ID ", tenant TEXT NOT NULL, transaction_id TEXT NOT NULL, csr_sha256 " BLOB
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
    " issuer TEXT NOT NULL, subject TEXT NOT NULL, ca TEXT, der " BLOB " NOT NULL);"
    "CREATE TABLE owed_csr (id INTEGER PRIMARY KEY, der " BLOB " NOT NULL);"

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

const iscep_migration iscep_schema_migrations[] = {{.version = 1, .script = version_1}};
const size_t iscep_schema_migration_count = sizeof iscep_schema_migrations / sizeof *iscep_schema_migrations;

int64_t iscep_schema_version(void)
{
    return iscep_schema_migrations[iscep_schema_migration_count - 1].version;
}

static iscep_status migrate_one(iscep_store *store, const iscep_migration *step, iscep_error *err)
{
    iscep_status status = iscep_store_begin(store, ISCEP_STORE_DURABLE, err);
    if (status == ISCEP_OK)
        status = iscep_store_run_script(store, step->script, err);
    if (status == ISCEP_OK)
        status = iscep_store_set_version(store, step->version, err);
    if (status == ISCEP_OK)
        status = iscep_store_commit(store, err);
    if (status != ISCEP_OK)
        iscep_store_rollback(store);
    return status;
}

iscep_status iscep_schema_migrate(iscep_store *store, const iscep_migration *migrations, size_t count,
                                  iscep_error *err)
{
    int64_t version = 0, newest = migrations[count - 1].version;
    iscep_status status = iscep_store_get_version(store, &version, err);
    if (status == ISCEP_OK && (version > newest || version < 0))
        return iscep_error_set(
            err, ISCEP_STORAGE, "journal_newer",
            "the journal has schema version %lld, this program knows up to %lld: install the "
            "version that wrote it, or a newer one",
            (long long)version, (long long)newest);
    for (size_t i = 0; i < count && status == ISCEP_OK; i++)
        if (migrations[i].version > version)
            status = migrate_one(store, &migrations[i], err);
    return status;
}
