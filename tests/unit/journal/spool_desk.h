/* A desk whose journal's database is behind a wire, and what a test asks about the two. */
#ifndef ISCEP_TESTS_JOURNAL_SPOOL_DESK_H
#define ISCEP_TESTS_JOURNAL_SPOOL_DESK_H

#include "desk.h"
#include "tests/support/wire.h"

typedef struct spool_desk {
    desk *desk;
    wire *wire;
    char socket_path[128];
    char conninfo[512];
    char name[64]; /* by which the database's own lists show its connections */
    iscep_postgres_options options;
} spool_desk;

void spool_desk_open(spool_desk *s, desk *d);
void spool_desk_close(spool_desk *s);
/* The wire, whose thread a fork does not survive; afterwards it has another port, and the desk's options say so. */
void spool_desk_leave(spool_desk *s);
void spool_desk_come_back(spool_desk *s);

iscep_journal_whereabouts spool_desk_state(spool_desk *s);
void spool_desk_await(spool_desk *s, iscep_journal_whereabouts state);
void spool_desk_await_spooled(spool_desk *s, int64_t count);
void spool_desk_await_log(spool_desk *s, const char *text);
/* In the database itself; the one parameter is a text. */
int64_t spool_desk_count(spool_desk *s, const char *sql, const char *text);
void spool_desk_await_count(spool_desk *s, const char *sql, const char *text, int64_t count);
int64_t spool_desk_count_deliveries(spool_desk *s, const char *transaction_id);
/* One enrolment in the database, with these events (desk_events). */
void spool_desk_assert_known_once(spool_desk *s, const char *transaction_id, const char *events);
size_t spool_desk_count_in_log(spool_desk *s, const char *text);
/* How many deliveries can be claimed now. */
size_t spool_desk_claim_count(spool_desk *s);
/* Its texts are not kept. */
iscep_report spool_desk_standing_of(spool_desk *s, int64_t delivery_id);

#endif
