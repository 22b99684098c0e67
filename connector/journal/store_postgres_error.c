/* See store_postgres_error.h. */
#include "journal/store_postgres_error.h"

#include <ctype.h>
#include <string.h>

enum { SQLSTATE_LEN = 5, MAX_REASON = 300 };

/* By the whole SQLSTATE, or by its class: the first that fits. */
static const struct {
    const char *state;
    const char *code;
} meanings[] = {
    {"40001", "journal_conflict"}, {"40P01", "journal_conflict"}, /* a deadlock: one of two is let through */
    {"55P03", "journal_conflict"},                                /* a lock was not to be had in time */
    {"23505", "journal_conflict"},                                /* another node made the same row */
    {"57014", "journal_slow"},     {"25006", "journal_away"},     /* a standby */
    {"08", "journal_away"},        {"57", "journal_away"},        /* shutting down, starting, sent away */
    {"25P03", "journal_away"},                                    /* sent away: idle in a transaction */
    {"53100", "journal_full"},     {"53", "journal_away"},        /* out of connections or memory */
    {"28", "journal_denied"},      {"3D000", "journal_denied"},   /* password, role; no such database */
    {"3F000", "journal_denied"},   {"42501", "journal_denied"},   /* no schema to work in; no privilege */
    {"XX001", "journal_corrupt"},  {"XX002", "journal_corrupt"},
};

static const char *code_of(const char *state)
{
    for (size_t i = 0; state != NULL && i < sizeof meanings / sizeof *meanings; i++)
        if (strncmp(state, meanings[i].state, strlen(meanings[i].state)) == 0)
            return meanings[i].code;
    return "journal_io";
}

static iscep_status say(const char *code, const char *state, const char *reason, iscep_error *err)
{
    bool is_denied = strcmp(code, "journal_denied") == 0;
    return iscep_error_set(err, is_denied ? ISCEP_CONFIG : ISCEP_STORAGE, code,
                           "the journal's database: %s%s%s%s", reason, state == NULL ? "" : " (",
                           state == NULL ? "" : state, state == NULL ? "" : ")");
}

iscep_status iscep_postgres_fail_result(const PGresult *result, iscep_store_use use, iscep_error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *reason = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *code = code_of(state);
    if (use == ISCEP_STORE_WRITE && strcmp(code, "journal_slow") == 0)
        code = "journal_away";
    return say(code, state, reason == NULL ? "no reason given" : reason, err);
}

/* "FATAL:  28P01: password …": the severity's word may be in any language. */
static const char *find_state(const char *message)
{
    for (const char *at = strstr(message, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *state = at + 3;
        size_t len = 0;
        while (len < SQLSTATE_LEN &&
               (isdigit((unsigned char)state[len]) || isupper((unsigned char)state[len])))
            len++;
        if (len == SQLSTATE_LEN && state[len] == ':')
            return state;
    }
    return NULL;
}

/* One line: without where in the server's source it was said. */
static void copy_reason(char *out, size_t size, const char *message)
{
    const char *end = strstr(message, "\nLOCATION:");
    size_t len = end == NULL ? strlen(message) : (size_t)(end - message), kept = 0;
    for (size_t i = 0; i < len && kept + 1 < size; i++)
        out[kept++] = message[i] == '\n' || message[i] == '\t' ? ' ' : message[i];
    while (kept > 0 && out[kept - 1] == ' ')
        kept--;
    out[kept] = '\0';
}

iscep_status iscep_postgres_fail_connection(const PGconn *conn, iscep_error *err)
{
    const char *message = conn == NULL ? "no memory for a connection" : PQerrorMessage(conn);
    const char *state = find_state(message);
    char reason[MAX_REASON] = "";
    copy_reason(reason, sizeof reason, message);
    bool is_denied = strcmp(code_of(state), "journal_denied") == 0;
    return say(is_denied ? "journal_denied" : "journal_away", NULL,
               reason[0] == '\0' ? "the connection was lost" : reason, err);
}

iscep_status iscep_postgres_fail_away(const char *reason, iscep_error *err)
{
    return say("journal_away", NULL, reason, err);
}
