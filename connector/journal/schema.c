/* See schema.h. The scripts are in schema_sqlite.c and schema_postgres.c. */
#include "journal/schema.h"

#include <inttypes.h>
#include <string.h>

enum { MIGRATION_TIMEOUT_MS = 600 * 1000 /* of one statement, or of waiting for the node that migrates */ };

int64_t iscep_schema_version(void)
{
    return iscep_schema_migrations[iscep_schema_migration_count - 1].version;
}

static const char *script_of(const iscep_migration *step, iscep_dialect dialect)
{
    return dialect == ISCEP_DIALECT_SQLITE ? step->sqlite : step->postgres;
}

/* Within the transaction, and the lock: what is there already was made by another node in the meantime. */
static iscep_status apply(iscep_store *store, const iscep_migration *step, iscep_error *err)
{
    const iscep_schema_mark made = {.version = step->version, .oldest = step->oldest};
    iscep_schema_mark mark = {0};
    iscep_status status = iscep_store_get_version(store, &mark, err);
    if (status != ISCEP_OK || mark.version >= step->version)
        return status;
    status = iscep_store_run_script(store, script_of(step, iscep_store_dialect(store)), err);
    return status == ISCEP_OK ? iscep_store_set_version(store, &made, err) : status;
}

static iscep_status migrate_one(iscep_store *store, const iscep_migration *step, iscep_error *err)
{
    iscep_status status = iscep_store_begin(store, ISCEP_STORE_DURABLE, err);
    if (status == ISCEP_OK)
        status = iscep_store_allow_ms(store, MIGRATION_TIMEOUT_MS, err);
    if (status == ISCEP_OK)
        status = iscep_store_lock(store, ISCEP_LOCK_SCHEMA, 0, err);
    if (status == ISCEP_OK)
        status = apply(store, step, err);
    if (status == ISCEP_OK)
        status = iscep_store_commit(store, err);
    if (status != ISCEP_OK)
        iscep_store_rollback(store);
    if (status == ISCEP_CONFIG && err != NULL && strcmp(err->code, "journal_denied") == 0)
        iscep_error_prefix(err,
                           "the tables cannot be made (let their owner run what `intune-scepctl database "
                           "schema` prints)");
    return status;
}

/* An older program goes on beside a newer one if what that one added does not disturb it: one node is upgraded after the other. */
static iscep_status check_mark(const iscep_schema_mark *mark, int64_t newest, iscep_error *err)
{
    bool is_known = mark->version >= 0 && mark->version <= newest;
    if (is_known || (mark->version > newest && mark->oldest <= newest))
        return ISCEP_OK;
    return iscep_error_set(err, ISCEP_STORAGE, "journal_newer",
                           "the journal has schema version %" PRId64
                           ", which needs a program of version %" PRId64 "; this one knows up to %" PRId64
                           ": install the version that wrote it, or a newer one",
                           mark->version, mark->oldest, newest);
}

iscep_status iscep_schema_migrate(iscep_store *store, const iscep_migration *migrations, size_t count,
                                  iscep_error *err)
{
    iscep_schema_mark mark = {0};
    iscep_status status = iscep_store_get_version(store, &mark, err);
    if (status == ISCEP_OK)
        status = check_mark(&mark, migrations[count - 1].version, err);
    for (size_t i = 0; i < count && status == ISCEP_OK; i++)
        if (migrations[i].version > mark.version &&
            script_of(&migrations[i], iscep_store_dialect(store)) != NULL)
            status = migrate_one(store, &migrations[i], err);
    iscep_store_tidy(store);
    return status;
}

/* One statement a line. */
static void append_script(iscep_buf *out, const char *script)
{
    for (const char *at = script; *at != '\0'; at++)
        iscep_buf_append_text(out, (char[]){*at, *at == ';' ? '\n' : '\0', '\0'});
}

iscep_status iscep_schema_sql(iscep_buf *out, int64_t from, iscep_error *err)
{
    iscep_buf_append_text(out, "BEGIN;\n");
    for (size_t i = 0; i < iscep_schema_migration_count; i++) {
        const iscep_migration *step = &iscep_schema_migrations[i];
        if (step->postgres == NULL || step->version <= from)
            continue;
        append_script(out, step->postgres);
        iscep_buf_printf(
            out,
            "DELETE FROM iscep_schema;\nINSERT INTO iscep_schema (version, oldest) VALUES (%" PRId64
            ", %" PRId64 ");\n",
            step->version, step->oldest);
    }
    iscep_buf_append_text(out, "COMMIT;\n");
    return iscep_buf_status(out, err);
}
