/* See spool_desk.h. */
#include "spool_desk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "journal/claims.h"
#include "tests/support/loop_thread.h"

enum { PATIENCE_MS = 500, PROBE_MS = 20 };

/* "host=DIR port=PORT dbname=journal user=iscep options='…'", by way of the wire. */
static void take_wire(spool_desk *s)
{
    char dir[96], port[16];
    const char *conninfo = s->desk->database.conninfo;
    const char *rest = strstr(conninfo, " dbname=");
    cr_assert_not_null(rest);
    cr_assert_eq(sscanf(conninfo, "host=%95s port=%15s", dir, port), 2);
    snprintf(s->socket_path, sizeof s->socket_path, "%s/.s.PGSQL.%s", dir, port);
    s->wire = wire_open(s->socket_path);
    snprintf(s->conninfo, sizeof s->conninfo, "host=127.0.0.1 port=%u sslmode=disable gssencmode=disable%s",
             wire_port(s->wire), rest);
    s->options = s->desk->database.options;
    s->options.conninfo = s->conninfo;
    s->options.timeout_ms = PATIENCE_MS;
    const char *schema = strstr(conninfo, "search_path=");
    cr_assert(schema != NULL && sscanf(schema, "search_path=%63[^']", s->name) == 1);
    s->options.application_name = s->name;
    s->desk->options.database = &s->options;
}

void spool_desk_open(spool_desk *s, desk *d)
{
    cr_assert(test_postgres_is_there(), "by with_postgres.sh");
    *s = (spool_desk){.desk = d};
    desk_init(d);
    d->tuning.probe_ms = PROBE_MS;
    take_wire(s);
    desk_start(d);
    spool_desk_await(s, ISCEP_JOURNAL_HERE);
}

void spool_desk_close(spool_desk *s)
{
    desk_close(s->desk);
    wire_close(s->wire);
}

void spool_desk_leave(spool_desk *s)
{
    wire_close(s->wire);
    s->wire = NULL;
}

void spool_desk_come_back(spool_desk *s)
{
    take_wire(s);
}

/* --- waiting --- */

typedef struct watch {
    const spool_desk *of;
    iscep_journal_whereabouts state; /* 0: any */
    int64_t spooled;                 /* negative: any number */
    const char *said;                /* in the log; NULL: anything */
    iscep_timer *timer;
    bool is_done;
} watch;

static void look(void *user)
{
    watch *w = user;
    iscep_journal_standing_facts facts;
    iscep_journal_standing(w->of->desk->journal, &facts);
    w->is_done = (w->state == 0 || facts.state == w->state) &&
                 (w->spooled < 0 || facts.spooled == w->spooled) &&
                 (w->said == NULL || strstr(fake_env_log(&w->of->desk->world), w->said) != NULL);
    if (w->is_done)
        iscep_loop_stop(w->of->desk->loop);
    else
        iscep_timer_arm(w->timer, 2);
}

static void await(watch *w)
{
    desk *d = w->of->desk;
    cr_assert_eq(iscep_timer_new(&w->timer, d->loop, look, w, NULL), ISCEP_OK);
    iscep_timer_arm(w->timer, 0);
    desk_wait(d, &w->is_done);
    iscep_timer_free(w->timer);
}

void spool_desk_await(spool_desk *s, iscep_journal_whereabouts state)
{
    await(&(watch){.of = s, .state = state, .spooled = -1});
}

void spool_desk_await_spooled(spool_desk *s, int64_t count)
{
    await(&(watch){.of = s, .spooled = count});
}

void spool_desk_await_log(spool_desk *s, const char *text)
{
    await(&(watch){.of = s, .spooled = -1, .said = text});
}

iscep_journal_whereabouts spool_desk_state(spool_desk *s)
{
    iscep_journal_standing_facts facts;
    iscep_journal_standing(s->desk->journal, &facts);
    return facts.state;
}

/* --- asking --- */

int64_t spool_desk_count(spool_desk *s, const char *sql, const char *text)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_rows *rows = NULL;
    bool has_row = false;
    iscep_store *store = test_postgres_open(&s->desk->database, ISCEP_STORE_READ);
    cr_assert_eq(iscep_store_query_params(&rows, store, sql, ISCEP_PARAMS(iscep_text(text)), &err), ISCEP_OK,
                 "%s", err.message);
    cr_assert_eq(iscep_rows_next(rows, &has_row, &err), ISCEP_OK, "%s", err.message);
    int64_t count = iscep_rows_number(rows, 0);
    iscep_rows_close(rows);
    iscep_store_close(store);
    return count;
}

int64_t spool_desk_count_deliveries(spool_desk *s, const char *transaction_id)
{
    return spool_desk_count(s,
                            "SELECT COUNT(*) FROM delivery d JOIN enrolment e ON e.id = d.enrolment_id"
                            " WHERE e.transaction_id = $1",
                            transaction_id);
}

void spool_desk_assert_known_once(spool_desk *s, const char *transaction_id, const char *events)
{
    cr_assert_eq(
        spool_desk_count(s, "SELECT COUNT(*) FROM enrolment WHERE transaction_id = $1", transaction_id), 1,
        "%s", transaction_id);
    cr_assert_str_eq(desk_events(s->desk, transaction_id), events, "%s", transaction_id);
}

size_t spool_desk_count_in_log(spool_desk *s, const char *text)
{
    size_t count = 0;
    for (const char *at = fake_env_log(&s->desk->world); (at = strstr(at, text)) != NULL; at++)
        count++;
    return count;
}

typedef struct count_watch {
    spool_desk *of;
    const char *sql;
    const char *text;
    int64_t count;
    iscep_timer *timer;
    bool is_done;
} count_watch;

static void count_again(void *user)
{
    count_watch *w = user;
    w->is_done = spool_desk_count(w->of, w->sql, w->text) == w->count;
    if (w->is_done)
        iscep_loop_stop(w->of->desk->loop);
    else
        iscep_timer_arm(w->timer, 5);
}

void spool_desk_await_count(spool_desk *s, const char *sql, const char *text, int64_t count)
{
    count_watch w = {.of = s, .sql = sql, .text = text, .count = count};
    cr_assert_eq(iscep_timer_new(&w.timer, s->desk->loop, count_again, &w, NULL), ISCEP_OK);
    iscep_timer_arm(w.timer, 0);
    desk_wait(s->desk, &w.is_done);
    iscep_timer_free(w.timer);
}

size_t spool_desk_claim_count(spool_desk *s)
{
    desk_claim claim = desk_claim_deliveries(s->desk, DESK_MAX);
    cr_assert_eq(claim.status, ISCEP_OK, "%s", claim.error);
    return claim.count;
}

typedef struct asked_standing {
    desk *d;
    iscep_report report;
    bool is_done;
} asked_standing;

static void on_standing(void *user, iscep_status status, const iscep_report *report, bool is_being_tried,
                        int64_t due_unix_ms, const iscep_error *err)
{
    (void)is_being_tried;
    (void)due_unix_ms;
    asked_standing *asked = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    asked->report = *report;
    asked->is_done = true;
    iscep_loop_stop(asked->d->loop);
}

iscep_report spool_desk_standing_of(spool_desk *s, int64_t delivery_id)
{
    asked_standing asked = {.d = s->desk};
    iscep_journal_find_standing(s->desk->journal, delivery_id, desk_fence(delivery_id), on_standing, &asked);
    desk_wait(s->desk, &asked.is_done);
    return asked.report;
}
