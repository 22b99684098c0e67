/*
 * Who may come in through which listener. The exchange is the test's own, because nobody here is another user; real ones come in
 * tests/e2e/service.sh.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/audit.h"
#include "daemon/door.h"
#include "tests/support/fake_env.h"
#include "tests/support/temp_dir.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define TOKEN        "0123456789abcdef0123456789abcdef"
#define TOKEN2       "fedcba9876543210fedcba9876543210"
#define NAME         "scep.example"

enum { DOOR = 7, OTHER_UID = 54321 };

struct iscep_exchange {
    iscep_peer peer;
    const char *certificate_name;
    const char *authorization;
    const char *host;
    int status; /* of the reply; 0: none yet */
    char code[64];
};

iscep_peer iscep_exchange_peer(const iscep_exchange *exchange)
{
    return exchange->peer;
}

bool iscep_exchange_peer_uid(const iscep_exchange *exchange, uint32_t *uid)
{
    *uid = exchange->peer.uid;
    return exchange->peer.has_uid;
}

bool iscep_exchange_peer_has_name(const iscep_exchange *exchange, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], exchange->certificate_name) == 0)
            return true;
    return false;
}

const char *iscep_exchange_header(const iscep_exchange *exchange, const char *name)
{
    return strcasecmp(name, "Authorization") == 0 ? exchange->authorization
           : strcasecmp(name, "Host") == 0        ? exchange->host
                                                  : NULL;
}

const char *iscep_exchange_path(const iscep_exchange *exchange)
{
    (void)exchange;
    return "/path";
}

void iscep_exchange_reply(iscep_exchange *exchange, const iscep_reply *reply)
{
    cr_assert_eq(exchange->status, 0, "it was answered twice");
    cr_assert_eq(reply->header_count, 1);
    cr_assert_str_eq(reply->headers[0].name, "WWW-Authenticate");
    exchange->status = reply->status;
    strcpy(exchange->code, "token_wrong");
}

void iscep_exchange_reply_error(iscep_exchange *exchange, int32_t status, const char *code,
                                const char *message)
{
    (void)message;
    cr_assert_eq(exchange->status, 0, "it was answered twice");
    exchange->status = status;
    iscep_text_copy(exchange->code, sizeof exchange->code, code);
}

static fake_env fake;
static temp_dir dir;
static char token_file[128], token2_file[128];
static iscep_config config;
static iscep_doors *doors;

static void set_up(void)
{
    fake_env_init(&fake);
    temp_dir_make(&dir);
    temp_dir_write(&dir, token_file, sizeof token_file, "token", TOKEN "\n");
    temp_dir_write(&dir, token2_file, sizeof token2_file, "token2", TOKEN2 "\n");
}

static void tear_down(void)
{
    iscep_doors_free(doors);
    fake_env_clear(&fake);
    temp_dir_remove(&dir);
}

TestSuite(door, .init = set_up, .fini = tear_down);

/* --- what a listener demands --- */

typedef enum demand {
    NOTHING,
    USERS,
    CERTIFICATE,
    ANY_CERTIFICATE,
    TOKENS,
    EITHER,
    BOTH,
    TOKENS_OR_ANONYMOUS,
} demand;

static void make_door(demand wants)
{
    iscep_listener_options *at = &config.listeners[0];
    const bool is_tls = wants == CERTIFICATE || wants == ANY_CERTIFICATE || wants == EITHER || wants == BOTH;
    const bool has_tokens =
        wants == TOKENS || wants == EITHER || wants == BOTH || wants == TOKENS_OR_ANONYMOUS;
    config = (iscep_config){.listener_count = 1};
    *at = (iscep_listener_options){.name = "l", .serves = UINT32_MAX};
    if (wants == USERS)
        at->peer_uids = (iscep_config_uids){.ids = {OTHER_UID}, .count = 1};
    if (is_tls) {
        at->client_ca_file = "ca.pem";
        at->client_names =
            (iscep_config_words){.words = {wants == ANY_CERTIFICATE ? "any" : NAME}, .count = 1};
        at->is_client_certificate_required = wants != EITHER;
    }
    if (has_tokens)
        at->token_files = (iscep_config_words){.words = {token_file, token2_file}, .count = 2};
    at->is_open = wants == TOKENS_OR_ANONYMOUS;
    iscep_doors_free(doors);
    doors = NULL;
    cr_assert_eq(iscep_doors_new(&doors, &config, NULL), ISCEP_OK);
    iscep_doors_number(doors, 0, DOOR);
}

/* --- who comes --- */

#define UNIX(who)                                                                                            \
    {                                                                                                        \
        .peer = {.door = DOOR, .is_unix = true, .has_uid = true, .uid = (who) }                              \
    }
#define TCP   .peer = {.door = DOOR, .is_encrypted = true, .address = "192.0.2.7"}
#define PLAIN .peer = {.door = DOOR, .address = "127.0.0.1"}
#define PLAIN .peer = {.door = DOOR, .address = "127.0.0.1"}
#define CERTIFIED(name)                                                                                      \
    .peer = {.door = DOOR, .is_encrypted = true, .has_certificate = true, .address = "192.0.2.7"},           \
    .certificate_name = (name)

typedef struct visit {
    const char *what;
    demand wants;
    iscep_exchange who;
    iscep_serves what_for; /* 0: api */
    const char *code;      /* of the refusal; NULL: he comes in */
} visit;

static const visit visits[] = {
    {"Unix: whoever may open it", NOTHING, UNIX(OTHER_UID), 0, NULL},
    {"Unix: a user of the list", USERS, UNIX(OTHER_UID), 0, NULL},
    {"Unix: root", USERS, UNIX(0), 0, NULL},
    {"Unix: another user", USERS, UNIX(OTHER_UID + 1), 0, "peer_not_allowed"},
    {"Unix: another user, for metrics", USERS, UNIX(OTHER_UID + 1), ISCEP_SERVES_METRICS, "peer_not_allowed"},
    {"Unix: nobody knows who", USERS, {.peer = {.door = DOOR, .is_unix = true}}, 0, "peer_not_allowed"},

    {"certificate: the right name", CERTIFICATE, {CERTIFIED(NAME)}, 0, NULL},
    {"certificate: another name", CERTIFICATE, {CERTIFIED("x.example")}, 0, "client_certificate_not_allowed"},
    {"certificate: no name", CERTIFICATE, {CERTIFIED("")}, 0, "client_certificate_not_allowed"},
    {"certificate: none", CERTIFICATE, {TCP}, 0, "client_certificate_not_allowed"},
    {"certificate: none, a name all the same",
     CERTIFICATE,
     {TCP, .certificate_name = NAME},
     0,
     "client_certificate_not_allowed"},
    {"certificate: none, for step-ca",
     CERTIFICATE,
     {TCP},
     ISCEP_SERVES_STEP_CA,
     "client_certificate_not_allowed"},
    {"any certificate: another name", ANY_CERTIFICATE, {CERTIFIED("x.example")}, 0, NULL},
    {"any certificate: none", ANY_CERTIFICATE, {TCP}, 0, "client_certificate_not_allowed"},

    {"token: the first", TOKENS, {TCP, .authorization = "Bearer " TOKEN}, 0, NULL},
    {"token: the second", TOKENS, {TCP, .authorization = "bearer " TOKEN2}, 0, NULL},
    {"token: none", TOKENS, {TCP}, 0, "token_wrong"},
    {"token: empty", TOKENS, {TCP, .authorization = "Bearer "}, 0, "token_wrong"},
    {"token: one byte short",
     TOKENS,
     {TCP, .authorization = "Bearer 0123456789abcdef0123456789abcde"},
     0,
     "token_wrong"},
    {"token: one byte more", TOKENS, {TCP, .authorization = "Bearer " TOKEN "0"}, 0, "token_wrong"},
    {"token: both", TOKENS, {TCP, .authorization = "Bearer " TOKEN " " TOKEN2}, 0, "token_wrong"},
    {"token: another scheme", TOKENS, {TCP, .authorization = "Basic " TOKEN}, 0, "token_wrong"},
    {"token: no scheme", TOKENS, {TCP, .authorization = TOKEN}, 0, "token_wrong"},
    {"token: none, for metrics", TOKENS, {TCP}, ISCEP_SERVES_METRICS, "token_wrong"},
    {"token: none, for step-ca, which has its own", TOKENS, {TCP}, ISCEP_SERVES_STEP_CA, NULL},

    {"either: the certificate", EITHER, {CERTIFIED(NAME)}, 0, NULL},
    {"either: the token", EITHER, {TCP, .authorization = "Bearer " TOKEN}, 0, NULL},
    {"either: a wrong name and the token",
     EITHER,
     {CERTIFIED("x"), .authorization = "Bearer " TOKEN},
     0,
     NULL},
    {"either: a wrong name", EITHER, {CERTIFIED("x.example")}, 0, "token_wrong"},
    {"either: neither", EITHER, {TCP}, 0, "token_wrong"},
    {"either: neither, for step-ca", EITHER, {TCP}, ISCEP_SERVES_STEP_CA, "client_certificate_not_allowed"},
    {"either: the certificate, for step-ca", EITHER, {CERTIFIED(NAME)}, ISCEP_SERVES_STEP_CA, NULL},

    {"both: both", BOTH, {CERTIFIED(NAME), .authorization = "Bearer " TOKEN}, 0, NULL},
    {"both: the certificate alone", BOTH, {CERTIFIED(NAME)}, 0, "token_wrong"},
    {"both: the token alone",
     BOTH,
     {TCP, .authorization = "Bearer " TOKEN},
     0,
     "client_certificate_not_allowed"},
    {"both: a wrong name and the token",
     BOTH,
     {CERTIFIED("x"), .authorization = "Bearer " TOKEN},
     0,
     "client_certificate_not_allowed"},
    {"both: the certificate alone, for step-ca", BOTH, {CERTIFIED(NAME)}, ISCEP_SERVES_STEP_CA, NULL},

    {"anonymous: metrics", TOKENS_OR_ANONYMOUS, {TCP}, ISCEP_SERVES_METRICS, NULL},
    {"anonymous: status", TOKENS_OR_ANONYMOUS, {TCP}, ISCEP_SERVES_STATUS, NULL},
    {"anonymous: api", TOKENS_OR_ANONYMOUS, {TCP}, ISCEP_SERVES_API, "token_wrong"},
    {"anonymous: admin", TOKENS_OR_ANONYMOUS, {TCP}, ISCEP_SERVES_ADMIN, "token_wrong"},

    {"plain: no Host", NOTHING, {PLAIN}, ISCEP_SERVES_METRICS, NULL},
    {"plain: localhost", NOTHING, {PLAIN, .host = "LocalHost:9101"}, ISCEP_SERVES_METRICS, NULL},
    {"plain: an address", NOTHING, {PLAIN, .host = "127.0.0.1:9101"}, ISCEP_SERVES_METRICS, NULL},
    {"plain: an IPv6 address", NOTHING, {PLAIN, .host = "[::1]:9101"}, ISCEP_SERVES_METRICS, NULL},
    {"plain: another's name",
     NOTHING,
     {PLAIN, .host = "rebound.example"},
     ISCEP_SERVES_METRICS,
     "host_foreign"},
    {"plain: it begins like localhost",
     NOTHING,
     {PLAIN, .host = "localhost.example"},
     ISCEP_SERVES_STATUS,
     "host_foreign"},
    {"plain: it begins like an address",
     NOTHING,
     {PLAIN, .host = "127.0.0.1.example:80"},
     ISCEP_SERVES_STATUS,
     "host_foreign"},
    {"plain: another's name, but signed",
     NOTHING,
     {PLAIN, .host = "rebound.example"},
     ISCEP_SERVES_STEP_CA,
     NULL},
    {"TLS: another's name", NOTHING, {TCP, .host = "scep.example"}, ISCEP_SERVES_METRICS, NULL},
};

Test(door, answers_whom_its_listener_wants)
{
    for (size_t i = 0; i < COUNT(visits); i++) {
        iscep_exchange who = visits[i].who;
        const iscep_serves what_for = visits[i].what_for != 0 ? visits[i].what_for : ISCEP_SERVES_API;
        make_door(visits[i].wants);
        const bool is_in = iscep_doors_admit(doors, &fake.env, &who, what_for);
        const char *want = visits[i].code != NULL ? visits[i].code : "";
        const int want_status = visits[i].code == NULL ? 0 : strcmp(want, "token_wrong") == 0 ? 401 : 403;
        cr_expect_eq(is_in, visits[i].code == NULL, "%s", visits[i].what);
        cr_expect_str_eq(who.code, want, "%s", visits[i].what);
        cr_expect_eq(who.status, want_status, "%s: %d", visits[i].what, who.status);
    }
}

Test(door, own_user_is_always_answered)
{
    iscep_exchange who = UNIX(geteuid());
    make_door(USERS);
    cr_assert(iscep_doors_admit(doors, &fake.env, &who, ISCEP_SERVES_API));
}

/* An unconnected socket has a peer whom nobody knows. */
Test(door, stranger_has_no_place_where_no_file_keeps_him_out)
{
    int pair[2];
    const int stranger = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    make_door(USERS);
    config.listeners[0].at.unix_path = "@abstract";
    cr_assert(iscep_doors_admit_connection(doors, &fake.env, pair[0], DOOR));
    cr_assert_not(iscep_doors_admit_connection(doors, &fake.env, stranger, DOOR));
    cr_assert_not_null(strstr(fake_env_log(&fake), "listener=l code=peer_not_allowed"));
    config.listeners[0].at.unix_path = "/run/a/file";
    cr_assert(iscep_doors_admit_connection(doors, &fake.env, stranger, DOOR), "each request is looked at");
    close(pair[0]);
    close(pair[1]);
    close(stranger);
}

/* --- what is not there --- */

Test(door, what_it_does_not_serve_does_not_exist)
{
    iscep_exchange who = UNIX(0), stranger = {TCP};
    make_door(NOTHING);
    config.listeners[0].serves = ISCEP_SERVES_API | ISCEP_SERVES_METRICS;
    cr_assert_not(iscep_doors_admit(doors, &fake.env, &who, ISCEP_SERVES_ADMIN));
    cr_assert_eq(who.status, 404);
    cr_assert_str_eq(who.code, "path_not_found");
    make_door(TOKENS);
    config.listeners[0].serves = ISCEP_SERVES_API;
    cr_assert_not(iscep_doors_admit(doors, &fake.env, &stranger, ISCEP_SERVES_ADMIN));
    cr_assert_eq(stranger.status, 401, "who is not let in learns nothing of what there is");
}

Test(door, listener_that_is_gone_lets_nobody_in)
{
    iscep_exchange root = UNIX(0), before = UNIX(0);
    make_door(NOTHING);
    root.peer.door = DOOR + 1;
    cr_assert_null(iscep_doors_find(doors, DOOR + 1));
    cr_assert_not(iscep_doors_admit(doors, &fake.env, &root, ISCEP_SERVES_API));
    cr_assert_eq(root.status, 403);
    cr_assert_str_eq(root.code, "listener_closed");
    iscep_doors_free(doors);
    cr_assert_eq(iscep_doors_new(&doors, &config, NULL), ISCEP_OK); /* and has no number yet */
    before.peer.door = 0;
    cr_assert_not(iscep_doors_admit(doors, &fake.env, &before, ISCEP_SERVES_API));
    before = (iscep_exchange){.peer = {.door = UINT32_MAX, .is_unix = true, .has_uid = true}};
    cr_assert_not(iscep_doors_admit(doors, &fake.env, &before, ISCEP_SERVES_API));
}

Test(door, token_file_that_cannot_be_read_is_an_error)
{
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_doors *none = NULL;
    make_door(TOKENS);
    cr_assert_eq(unlink(token2_file), 0);
    cr_assert_eq(iscep_doors_new(&none, &config, &err), ISCEP_CONFIG);
    cr_assert_null(none);
    cr_assert_not_null(strstr(err.message, token2_file), "%s", err.message);
}

/* --- what is logged --- */

static size_t count_lines(const char *with)
{
    size_t count = 0;
    for (const char *at = fake_env_log(&fake); (at = strstr(at, with)) != NULL; at++)
        count++;
    return count;
}

static void refuse_once(void)
{
    iscep_exchange who = {TCP, .authorization = "Bearer wrong-token-canary"};
    cr_assert_not(iscep_doors_admit(doors, &fake.env, &who, ISCEP_SERVES_API));
}

Test(door, refusals_are_logged_once_a_second_and_without_the_token)
{
    make_door(TOKENS);
    for (unsigned i = 0; i < 100; i++)
        refuse_once();
    cr_assert_eq(count_lines("door_refused"), 1, "%s", fake_env_log(&fake));
    fake_env_advance(&fake, 1000);
    refuse_once();
    cr_assert_eq(count_lines("door_refused"), 2);
    cr_assert_eq(count_lines("listener=l code=token_wrong path=/path address=192.0.2.7"), 2, "%s",
                 fake_env_log(&fake));
    cr_assert_eq(count_lines("unlogged=99"), 1, "%s", fake_env_log(&fake));
    cr_assert_eq(count_lines("canary"), 0);
    cr_assert_eq(count_lines("0123456789abcdef"), 0);
}
