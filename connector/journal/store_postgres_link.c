/* See store_postgres_link.h. */
#include "journal/store_postgres_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/secret.h"
#include "journal/store_postgres_error.h"
#include "journal/store_postgres_hosts.h"

#define MAX_CLOCK_MS INT64_C(100000000000000) /* the year 5138 */

enum { OLDEST_SERVER = 120000, SETUP_SIZE = 1024, PASSWORD = 11 /* of the parameters */ };

int64_t iscep_postgres_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void iscep_postgres_link_close(iscep_postgres_link *link)
{
    PQfinish(link->conn);
    link->conn = NULL;
}

iscep_status iscep_postgres_link_set_clock(iscep_postgres_link *link, int64_t sent_mono_ms, int64_t clock_ms,
                                           iscep_error *err)
{
    const int64_t now_ms = iscep_postgres_now_ms();
    if (clock_ms <= 0 || clock_ms > MAX_CLOCK_MS)
        return iscep_postgres_fail_away("its clock makes no sense", err);
    link->measured_mono_ms = now_ms;
    link->clock_offset_ms = clock_ms - (sent_mono_ms + (now_ms - sent_mono_ms) / 2);
    return ISCEP_OK;
}

/* --- waiting --- */

static iscep_status wait_for(const iscep_postgres_link *link, short events, int64_t deadline_mono_ms,
                             iscep_error *err)
{
    struct pollfd fd = {.fd = PQsocket(link->conn), .events = events};
    int ready = 0;
    do {
        const int64_t left_ms = deadline_mono_ms - iscep_postgres_now_ms();
        ready = poll(&fd, 1, left_ms > 0 ? (int)left_ms : 0);
    } while (ready < 0 && errno == EINTR);
    return ready > 0 ? ISCEP_OK : iscep_postgres_fail_away("it did not answer in time", err);
}

iscep_status iscep_postgres_link_take(PGresult **out, iscep_postgres_link *link, int64_t deadline_mono_ms,
                                      iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    int unsent = PQflush(link->conn);
    while (status == ISCEP_OK && unsent >= 0 && PQisBusy(link->conn)) {
        status = wait_for(link, (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)), deadline_mono_ms, err);
        if (status == ISCEP_OK && !PQconsumeInput(link->conn))
            unsent = -1;
        else if (status == ISCEP_OK)
            unsent = PQflush(link->conn);
    }
    if (status == ISCEP_OK && unsent < 0)
        status = iscep_postgres_fail_connection(link->conn, err);
    if (status == ISCEP_OK)
        *out = PQgetResult(link->conn);
    return status;
}

static iscep_status take_all(PGresult **out, iscep_postgres_link *link, int64_t deadline_mono_ms,
                             iscep_error *err)
{
    iscep_status status = ISCEP_OK;
    PGresult *result = NULL;
    do {
        iscep_status taken = iscep_postgres_link_take(&result, link, deadline_mono_ms, err);
        if (taken != ISCEP_OK)
            return taken;
        ExecStatusType kind = PQresultStatus(result);
        bool is_good = result == NULL || kind == PGRES_COMMAND_OK || kind == PGRES_TUPLES_OK;
        if (!is_good && status == ISCEP_OK)
            status = PQstatus(link->conn) == CONNECTION_OK
                         ? iscep_postgres_fail_result(result, link->use, err)
                         : iscep_postgres_fail_connection(link->conn, err);
        if (result != NULL) {
            PQclear(*out);
            *out = result;
        }
    } while (result != NULL);
    return status;
}

iscep_status iscep_postgres_link_run_script(PGresult **out, iscep_postgres_link *link, const char *sql,
                                            int64_t deadline_mono_ms, iscep_error *err)
{
    PGresult *last = NULL;
    bool is_pipeline = PQpipelineStatus(link->conn) != PQ_PIPELINE_OFF;
    if ((is_pipeline && !PQexitPipelineMode(link->conn)) || !PQsendQuery(link->conn, sql))
        return iscep_postgres_fail_connection(link->conn, err);
    iscep_status status = take_all(&last, link, deadline_mono_ms, err);
    if (status == ISCEP_OK && out != NULL)
        *out = last;
    else
        PQclear(last);
    bool is_alive = PQstatus(link->conn) == CONNECTION_OK && !PQisBusy(link->conn);
    if (is_alive && is_pipeline && !PQenterPipelineMode(link->conn) && status == ISCEP_OK)
        status = iscep_postgres_fail_connection(link->conn, err);
    return status;
}

/* --- connecting --- */

static void ignore_notice(void *user, const char *message)
{
    (void)user;
    (void)message;
}

/* What comes before dbname is what we would have if the operator does not say otherwise there; what comes behind it holds. */
static iscep_status start(iscep_postgres_link *link, const iscep_postgres_host *host, iscep_error *err)
{
    const iscep_postgres_options *options = link->options;
    const char *name = options->application_name == NULL ? "intune-scepd" : options->application_name;
    iscep_secret *password = NULL;
    char timeout[32];
    snprintf(timeout, sizeof timeout, "%lld", (long long)options->timeout_ms);
    iscep_error why = ISCEP_ERROR_INIT;
    if (options->password_file != NULL &&
        iscep_secret_load(&password, options->password_file, &why) != ISCEP_OK)
        return iscep_error_set(err, ISCEP_CONFIG, "journal_denied",
                               "the journal's database: its password: %s", why.message);
    const char *keys[] = {"tcp_user_timeout",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "gssencmode", /* the words are of TLS */
                          "dbname",
                          "application_name",
                          "client_encoding",
                          "host",
                          "hostaddr",
                          "port",
                          "password",
                          NULL};
    const char *values[] = {timeout,           "10", "3",    "3",        "disable",
                            options->conninfo, name, "UTF8", host->host, host->hostaddr,
                            host->port,        NULL, NULL}; /* "": as the string says */
    if (password != NULL)
        values[PASSWORD] = (const char *)iscep_secret_reveal(password).data;
    else
        keys[PASSWORD] = NULL;
    link->conn = PQconnectStartParams(keys, values, 1);
    iscep_secret_free(password);
    if (link->conn == NULL || PQstatus(link->conn) == CONNECTION_BAD)
        return iscep_postgres_fail_connection(link->conn, err);
    PQsetErrorVerbosity(link->conn, PQERRORS_VERBOSE);
    PQsetNoticeProcessor(link->conn, ignore_notice, NULL);
    return ISCEP_OK;
}

static iscep_status await_connection(iscep_postgres_link *link, int64_t deadline_mono_ms, iscep_error *err)
{
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (wanted == PGRES_POLLING_WRITING || wanted == PGRES_POLLING_READING) {
        short events = wanted == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
        iscep_status status = wait_for(link, events, deadline_mono_ms, err);
        if (status != ISCEP_OK)
            return status;
        wanted = PQconnectPoll(link->conn);
    }
    return wanted == PGRES_POLLING_OK ? ISCEP_OK : iscep_postgres_fail_connection(link->conn, err);
}

/*
 * The server gives a statement up before we give the connection up, and a lock before that. A node that stopped within a transaction
 * keeps others from its rows no longer than this; nor does one whose host or cable is gone, which only the server's own probes of
 * the connection can tell.
 */
static void make_setup(char *out, size_t size, int64_t timeout_ms)
{
    snprintf(
        out, size,
        "SELECT set_config('statement_timeout', '%lld', false), set_config('lock_timeout', '%lld', false),"
        " set_config('idle_in_transaction_session_timeout', '%lld', false),"
        " set_config('tcp_user_timeout', '%lld', false), set_config('tcp_keepalives_idle', '3', false),"
        " set_config('tcp_keepalives_interval', '2', false), set_config('tcp_keepalives_count', '3', false),"
        " set_config('standard_conforming_strings', 'on', false), set_config('jit', 'off', false),"
        " set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off'"
        " THEN 'on' ELSE current_setting('synchronous_commit') END, false),"
        " current_setting('transaction_read_only'), " ISCEP_POSTGRES_CLOCK_MS,
        (long long)(timeout_ms * 3 / 4), (long long)(timeout_ms / 2), (long long)timeout_ms,
        (long long)timeout_ms);
}

enum { SETUP_READ_ONLY = 10, SETUP_CLOCK, SETUP_COLUMNS };

static iscep_status set_up(iscep_postgres_link *link, int64_t deadline_mono_ms, iscep_error *err)
{
    char setup[SETUP_SIZE];
    PGresult *result = NULL;
    const int64_t sent_mono_ms = iscep_postgres_now_ms();
    make_setup(setup, sizeof setup, link->options->timeout_ms);
    iscep_status status = iscep_postgres_link_run_script(&result, link, setup, deadline_mono_ms, err);
    if (status != ISCEP_OK)
        return status;
    if (PQntuples(result) != 1 || PQnfields(result) != SETUP_COLUMNS)
        status = iscep_postgres_fail_away("its answer makes no sense", err);
    else if (strcmp(PQgetvalue(result, 0, SETUP_READ_ONLY), "off") != 0)
        status = iscep_postgres_fail_away("it only reads: it is a standby, or set so", err);
    else
        status = iscep_postgres_link_set_clock(link, sent_mono_ms,
                                               strtoll(PQgetvalue(result, 0, SETUP_CLOCK), NULL, 10), err);
    PQclear(result);
    return status;
}

static iscep_status connect_to(iscep_postgres_link *link, const iscep_postgres_host *host,
                               int64_t deadline_mono_ms, iscep_error *err)
{
    iscep_status status = start(link, host, err);
    if (status == ISCEP_OK)
        status = await_connection(link, deadline_mono_ms, err);
    if (status == ISCEP_OK && PQserverVersion(link->conn) < OLDEST_SERVER)
        return iscep_error_set(err, ISCEP_CONFIG, "journal_denied",
                               "the journal's database: PostgreSQL 12 or newer is needed");
    if (status == ISCEP_OK && PQsetnonblocking(link->conn, 1) != 0)
        return iscep_postgres_fail_connection(link->conn, err);
    if (status == ISCEP_OK)
        status = set_up(link, deadline_mono_ms, err);
    if (status == ISCEP_OK && !PQenterPipelineMode(link->conn))
        status = iscep_postgres_fail_connection(link->conn, err);
    return status;
}

/* The one that was there the last time is first; each has an equal part of the time that those before it have left. */
iscep_status iscep_postgres_link_open(iscep_postgres_link *link, iscep_error *err)
{
    iscep_postgres_host hosts[ISCEP_POSTGRES_MAX_HOSTS];
    const int64_t deadline_mono_ms = iscep_postgres_now_ms() + link->options->timeout_ms;
    size_t listed = iscep_postgres_hosts_list(hosts, link->options->conninfo),
           count = listed > 0 ? listed : 1;
    iscep_status status = ISCEP_OK;
    for (size_t tried = 0; tried < count; tried++) {
        const int64_t now_ms = iscep_postgres_now_ms();
        link->host = (link->host + (tried > 0)) % count;
        status = connect_to(link, &hosts[link->host],
                            now_ms + (deadline_mono_ms - now_ms) / (int64_t)(count - tried), err);
        if (status == ISCEP_OK)
            return ISCEP_OK;
        iscep_postgres_link_close(link);
    }
    return status;
}
