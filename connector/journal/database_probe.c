/* See database_probe.h. PostgreSQL's own words. */
#include "journal/database_probe.h"

#include <string.h>

/* One row of what facts are made of; $1: our tables, whose rows are written. Only their owner writes iscep_schema. */
static const char question[] =
    "SELECT current_setting('server_version')::text, current_user::text,"
    " COALESCE((SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND ssl), '')::text,"
    " (inet_server_addr() IS NULL)::int::bigint, (current_setting('is_superuser') = 'on')::int::bigint,"
    " (pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on')::int::bigint,"
    " COALESCE((SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('iscep_schema')),"
    " has_schema_privilege(current_schema(), 'CREATE'), false)::int::bigint,"
    " COALESCE((SELECT string_agg(word || ' on ' || name, ', ') FROM unnest(string_to_array($1, ' ')) name,"
    " unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) word WHERE to_regclass(name) IS NOT NULL"
    " AND NOT has_table_privilege(to_regclass(name), word)), '')::text,"
    " (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint";

static const char tables[] = "fact enrolment event delivery certificate owed_csr revocation leader node";

static void copy_text(char *out, size_t size, iscep_rows *rows, int column)
{
    const char *text = iscep_rows_text(rows, column);
    iscep_text_copy(out, size, text != NULL ? text : "");
}

static void read_facts(iscep_database_facts *out, iscep_rows *rows)
{
    copy_text(out->server, sizeof out->server, rows, 0);
    copy_text(out->role, sizeof out->role, rows, 1);
    copy_text(out->tls, sizeof out->tls, rows, 2);
    out->is_local = iscep_rows_number(rows, 3) != 0;
    out->is_superuser = iscep_rows_number(rows, 4) != 0;
    out->is_read_only = iscep_rows_number(rows, 5) != 0;
    out->may_make = iscep_rows_number(rows, 6) != 0;
    copy_text(out->lacks, sizeof out->lacks, rows, 7);
}

/* The second time nothing has to be prepared: that is what a question costs. */
static iscep_status ask(iscep_database_facts *out, const iscep_env *env, iscep_store *store, iscep_error *err)
{
    ISCEP_AUTO_ROWS *rows = NULL;
    const int64_t began_mono_us = iscep_now_mono_us(env);
    iscep_status status = iscep_store_query(&rows, store, err, question, iscep_text(tables));
    if (!iscep_rows_step(rows, &status, err))
        return status;
    out->round_trip_us = iscep_now_mono_us(env) - began_mono_us;
    out->clock_ahead_ms = iscep_now_unix_ms(env) - iscep_rows_number(rows, 8);
    read_facts(out, rows);
    return ISCEP_OK;
}

static iscep_status probe(iscep_database_facts *out, const iscep_env *env, iscep_store *store,
                          iscep_error *err)
{
    iscep_status status = iscep_store_begin(store, ISCEP_STORE_LAZY, err);
    if (status == ISCEP_OK)
        status = ask(out, env, store, err);
    if (status == ISCEP_OK)
        status = ask(out, env, store, err);
    if (status == ISCEP_OK)
        status = iscep_store_get_version(store, &out->schema, err);
    iscep_store_rollback(store);
    return status;
}

iscep_status iscep_database_probe(iscep_database_facts *out, const iscep_env *env,
                                  const iscep_postgres_options *options, iscep_error *err)
{
    iscep_store *store = NULL;
    *out = (iscep_database_facts){.server = ""};
    iscep_status status = iscep_store_open_postgres(&store, options, ISCEP_STORE_WRITE, err);
    if (status == ISCEP_OK)
        status = probe(out, env, store, err);
    iscep_store_close(store);
    return status;
}
