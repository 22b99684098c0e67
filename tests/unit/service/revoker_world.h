/*
 * A revoker with everything around it: a real journal in a directory of the test's own, fake CAs, and an Intune that asks
 * for what the test wants and takes results as the test wants. Time is real; the waiting is for conditions.
 */
#ifndef ISCEP_TESTS_REVOKER_WORLD_H
#define ISCEP_TESTS_REVOKER_WORLD_H

#include "journal/revocation_guard.h"
#include "service/revoker.h"
#include "tests/support/intune_fixture.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/service/fake_ca.h"

#define REVOKER_TENANT "contoso"
#define BLUE_ISSUER    "CN=Blue CA,O=Contoso"
#define RED_ISSUER     "CN=Red CA,O=Contoso"

enum { REVOKER_MAX_ASKED = 1200 };

/* One that Intune wants, and what it was told. */
typedef struct asked_revocation {
    char context[32];
    char json[256];     /* the entry, as it is handed out */
    bool is_handed_out; /* not again until revoker_world_hand_out_again */
    bool is_refused;    /* an upload with its result is answered 400 */
    unsigned results;   /* how many came, taken or not */
    bool is_taken;
    bool is_contradicted; /* a later result differed from the first */
    bool has_succeeded;
    char code[40];
    char message[300];
} asked_revocation;

typedef struct revoker_world {
    /* Set before revoker_world_start, or changed while it runs. */
    iscep_revoker_options options;
    bool is_download_broken;
    bool is_upload_broken;    /* 503 */
    bool is_upload_lost;      /* it is taken, but the answer is cut off */
    const char *upload_reply; /* NULL: {"value":true} */
    /* What the world is made of. */
    temp_dir dir;
    char journal_path[128];
    iscep_journal_options journal_options;
    iscep_env env;
    iscep_log log;
    iscep_buf log_text;
    iscep_loop *loop;
    fake_http *http;
    iscep_secret *secret;
    iscep_tenant tenant;
    iscep_intune *intune;
    iscep_journal *journal;
    iscep_ca *cas[2];
    iscep_routing routing;
    iscep_revoker *revoker;
    asked_revocation asked[REVOKER_MAX_ASKED];
    size_t asked_count;
    unsigned downloads;
    unsigned uploads;
    size_t largest_upload;
    iscep_buf reply;
} revoker_world;

extern revoker_world world;
extern iscep_ca blue, red;

/* A world whose revoker is not started yet; it polls, but only when it is told to after the first time. */
void revoker_world_init(void);
void revoker_world_clear(void);
/* As the process starts; stop as it is stopped, kill as it dies: no CA says another word. */
void revoker_world_start(void);
void revoker_world_stop(void);
void revoker_world_kill(void);

/* Intune wants another one revoked: context "c0", "c1"…, serial number and issuer as given. */
asked_revocation *revoker_world_ask(const char *serial, const char *issuer);
/* The same with an entry that the test has written: {"requestContext":"c…",MEMBERS} */
asked_revocation *revoker_world_ask_with(const char *members);
/* count of them, of BLUE_ISSUER, with serial numbers 0x100001 and up. */
void revoker_world_ask_many(size_t count);
/* The quiet time is over: what was not answered, and with is_all what was, is handed out again. */
void revoker_world_hand_out_again(bool is_all);

/* Puts count reported certificates of BLUE_ISSUER and CA into the journal, with serial numbers 0x100001 and up. */
void revoker_world_issue(size_t count, const char *ca);

/* Runs the loop until it is so; fails after ten seconds. */
void revoker_world_await(bool (*is_so)(void));
bool all_are_answered(void);
/* Runs the loop until what was begun before is through: for what must not happen. */
void revoker_world_settle(void);

iscep_revocation_counts revoker_world_counts(void);
bool revoker_world_has_logged(const char *text);
void revoker_world_poll(void); /* now, whatever the interval says */

#endif
