/* See revoker_world.h. */
#include "tests/unit/service/revoker_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "tests/support/loop_thread.h"

enum { HOUR_MS = 3600 * 1000, LONG_MS = 10000, POLL_MS = 2 };

revoker_world world;
iscep_ca blue, red;

static fake_http http;

/* --- Intune --- */

static fake_http_answer hand_out(const fake_http_call *call)
{
    ISCEP_AUTO_JSON *json = NULL;
    int64_t left = 0;
    world.downloads++;
    if (world.is_download_broken)
        return (fake_http_answer){.status = 503, .retry_after_ms = -1, .body = "{}"};
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&call->body), NULL), ISCEP_OK);
    cr_assert(iscep_json_int(iscep_json_member(json, "downloadParameters"), "maxRequests", &left));
    iscep_buf_clear(&world.reply);
    iscep_buf_append_text(&world.reply, "{\"value\":[");
    for (size_t i = 0, given = 0; i < world.asked_count && left > 0; i++) {
        asked_revocation *asked = &world.asked[i];
        if (asked->is_handed_out)
            continue;
        asked->is_handed_out = true;
        iscep_buf_printf(&world.reply, "%s%s", given++ > 0 ? "," : "", asked->json);
        left--;
    }
    iscep_buf_append_text(&world.reply, "]}");
    return (fake_http_answer){.status = 200, .retry_after_ms = -1, .body = iscep_buf_text(&world.reply)};
}

static asked_revocation *find_asked(const char *context)
{
    for (size_t i = 0; i < world.asked_count; i++)
        if (strcmp(world.asked[i].context, context) == 0)
            return &world.asked[i];
    cr_assert_fail("a result for \"%s\", which nobody has asked for", context);
    return NULL;
}

static void take_result(const iscep_json *result)
{
    asked_revocation *asked = find_asked(iscep_json_text(result, "requestContext"));
    const char *code = iscep_json_text(result, "errorCode"),
               *message = iscep_json_text(result, "errorMessage");
    cr_assert_eq(strcmp(code, "None") == 0, message == NULL);
    asked->is_contradicted |= asked->is_taken && strcmp(asked->code, code) != 0;
    asked->is_taken = true;
    asked->has_succeeded = iscep_json_is_true(result, "succeeded");
    iscep_text_copy(asked->code, sizeof asked->code, code);
    iscep_text_copy(asked->message, sizeof asked->message, message != NULL ? message : "");
}

static fake_http_answer take_results(const fake_http_call *call)
{
    ISCEP_AUTO_JSON *json = NULL;
    bool is_refused = false;
    size_t count = 0;
    world.uploads++;
    cr_assert_eq(iscep_json_parse(&json, iscep_buf_bytes(&call->body), NULL), ISCEP_OK);
    const iscep_json *first = iscep_json_first(iscep_json_member(json, "results"));
    for (const iscep_json *at = first; at != NULL; at = iscep_json_next(at), count++) {
        asked_revocation *asked = find_asked(iscep_json_text(at, "requestContext"));
        asked->results++;
        is_refused |= asked->is_refused;
    }
    world.largest_upload = count > world.largest_upload ? count : world.largest_upload;
    if (world.is_upload_broken)
        return (fake_http_answer){.status = 503, .retry_after_ms = -1, .body = "{}"};
    if (is_refused)
        return (fake_http_answer){.status = 400, .retry_after_ms = -1, .body = "{}"};
    if (world.upload_reply != NULL)
        return (fake_http_answer){.status = 200, .retry_after_ms = -1, .body = world.upload_reply};
    for (const iscep_json *at = first; at != NULL; at = iscep_json_next(at))
        take_result(at);
    if (world.is_upload_lost)
        return (fake_http_answer){.code = "cut"};
    return (fake_http_answer){.status = 200, .retry_after_ms = -1, .body = "{\"value\":true}"};
}

static fake_http_answer respond(void *user, const fake_http_call *call)
{
    (void)user;
    if (strcmp(call->url, WORLD_TOKEN_URL) == 0)
        return (fake_http_answer){.status = 200, .body = WORLD_TOKEN_REPLY("t")};
    if (strcmp(call->url, WORLD_DISCOVERY_URL) == 0)
        return (fake_http_answer){.status = 200, .body = WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI)};
    if (strstr(call->url, "/downloadRevocationRequests") != NULL)
        return hand_out(call);
    cr_assert_not_null(strstr(call->url, "/uploadRevocationResults"), "%s", call->url);
    return take_results(call);
}

asked_revocation *revoker_world_ask_with(const char *members)
{
    cr_assert_lt(world.asked_count, REVOKER_MAX_ASKED);
    size_t at = world.asked_count++;
    asked_revocation *asked = &world.asked[at];
    snprintf(asked->context, sizeof asked->context, "c%zu", at);
    snprintf(asked->json, sizeof asked->json, "{\"requestContext\":\"c%zu\",%s}", at, members);
    return asked;
}

asked_revocation *revoker_world_ask(const char *serial, const char *issuer)
{
    char members[256];
    snprintf(members, sizeof members,
             "\"serialNumber\":\"%s\",\"issuerName\":\"%s\",\"caConfiguration\":\"%s\"", serial, issuer,
             issuer);
    return revoker_world_ask_with(members);
}

void revoker_world_ask_many(size_t count)
{
    char serial[16];
    for (size_t i = 1; i <= count; i++) {
        snprintf(serial, sizeof serial, "%06zX", 0x100000 + i);
        revoker_world_ask(serial, BLUE_ISSUER);
    }
}

void revoker_world_hand_out_again(bool is_all)
{
    for (size_t i = 0; i < world.asked_count; i++)
        if (is_all || !world.asked[i].is_taken)
            world.asked[i].is_handed_out = false;
}

/* --- the process --- */

static void keep_log(void *user, const char *line, size_t len)
{
    (void)user;
    iscep_buf_append(&world.log_text, line, len);
}

void revoker_world_init(void)
{
    memset(&world, 0, sizeof world);
    fake_ca_init(&blue, "blue", BLUE_ISSUER, NULL);
    fake_ca_init(&red, "red", RED_ISSUER, NULL);
    world.cas[0] = &blue;
    world.cas[1] = &red;
    world.routing = (iscep_routing){world.cas, 2};
    world.options = iscep_revoker_options_default;
    world.options.is_polling = true;
    world.options.poll_interval_ms = HOUR_MS;
    world.options.max_backoff_ms = 20;
    iscep_buf_init(&world.log_text, 16 * 1024 * 1024);
    iscep_buf_init(&world.reply, 1024 * 1024);
    world.log = (iscep_log){.min_level = ISCEP_LOG_DEBUG, .write = keep_log};
    world.env = iscep_env_system(&world.log);
    temp_dir_make(&world.dir);
    temp_dir_path(&world.dir, world.journal_path, sizeof world.journal_path, "journal.db");
    world.journal_options = (iscep_journal_options)ISCEP_JOURNAL_OPTIONS_INIT;
    world.journal_options.path = world.journal_path;
    world.tenant = (iscep_tenant)ISCEP_TENANT_INIT;
    cr_assert_eq(iscep_secret_new(&world.secret, iscep_bytes_of_text(WORLD_SECRET), NULL), ISCEP_OK);
    world.tenant.tenant_id = WORLD_TENANT_ID;
    world.tenant.client_id = WORLD_CLIENT_ID;
    world.tenant.client_secret = world.secret;
    world.tenant.breaker.failures = 100;
}

void revoker_world_start(void)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_loop_new(&world.loop, NULL), ISCEP_OK);
    fake_http_init(&http);
    fake_http_respond_with(&http, world.loop, respond, NULL);
    world.http = &http;
    cr_assert_eq(iscep_journal_open(&world.journal, &world.env, world.loop, &world.journal_options, &err),
                 ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_intune_new(&world.intune, &world.env, world.loop, &http.base, &world.tenant, &err),
                 ISCEP_OK);
    cr_assert_eq(iscep_revoker_new(&world.revoker, &world.env, world.intune, world.journal, &world.routing,
                                   REVOKER_TENANT, &world.options, &err),
                 ISCEP_OK, "%s", err.message);
}

static void let_cas_answer(void)
{
    iscep_ca *cas[] = {&blue, &red};
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < cas[c]->count; i++)
            if (cas[c]->requests[i].is_open)
                fake_ca_answer(cas[c], i, ISCEP_CA_UNAVAILABLE, "the connector is stopping");
}

static void forget_cas(void)
{
    iscep_ca *cas[] = {&blue, &red};
    for (size_t c = 0; c < 2; c++)
        for (size_t i = 0; i < cas[c]->count; i++)
            cas[c]->requests[i].is_open = false;
    blue.open_count = red.open_count = 0;
}

static void end_process(void)
{
    if (world.loop == NULL)
        return;
    iscep_revoker_free(world.revoker);
    iscep_journal_close(world.journal);
    iscep_loop_free(world.loop);
    fake_http_clear(&http);
    world.loop = NULL;
}

void revoker_world_stop(void)
{
    iscep_intune_free(world.intune);
    let_cas_answer();
    end_process();
}

/* What a CA has got stays without an answer, and what it did is not known to the journal. */
void revoker_world_kill(void)
{
    forget_cas();
    iscep_intune_free(world.intune);
    end_process();
}

void revoker_world_clear(void)
{
    if (world.loop != NULL)
        revoker_world_stop();
    iscep_secret_free(world.secret);
    iscep_buf_clear(&world.log_text);
    iscep_buf_clear(&world.reply);
    temp_dir_remove(&world.dir);
}

/* --- waiting --- */

typedef struct await {
    bool (*is_so)(void);
    iscep_timer *timer;
    bool is_done;
} await;

static void look(void *user)
{
    await *waiting = user;
    waiting->is_done = waiting->is_so();
    if (waiting->is_done)
        iscep_loop_stop(world.loop);
    else
        iscep_timer_arm(waiting->timer, POLL_MS);
}

void revoker_world_await(bool (*is_so)(void))
{
    await waiting = {.is_so = is_so};
    cr_assert_eq(iscep_timer_new(&waiting.timer, world.loop, look, &waiting, NULL), ISCEP_OK);
    iscep_timer_arm(waiting.timer, 0);
    loop_run_until(world.loop, &waiting.is_done);
    iscep_timer_free(waiting.timer);
}

bool all_are_answered(void)
{
    for (size_t i = 0; i < world.asked_count; i++)
        if (!world.asked[i].is_taken)
            return false;
    return true;
}

/* Something that the journal was asked, and whether it has answered. */
static struct {
    bool is_done;
    iscep_revocation_counts counts;
} asked_journal;

static void on_counts(void *user, iscep_status status, const iscep_revocation_counts *counts,
                      const iscep_error *err)
{
    (void)user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    asked_journal.counts = *counts;
    asked_journal.is_done = true;
    iscep_loop_stop(world.loop);
}

static void on_fact(void *user, iscep_status status, const iscep_error *err)
{
    (void)user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    asked_journal.is_done = true;
    iscep_loop_stop(world.loop);
}

iscep_revocation_counts revoker_world_counts(void)
{
    asked_journal.is_done = false;
    iscep_journal_count_revocations(world.journal, REVOKER_TENANT, 0, on_counts, NULL);
    loop_run_until(world.loop, &asked_journal.is_done);
    return asked_journal.counts;
}

/* Each turn is a write, a read, and a turn of the loop, behind all that were asked for before. */
void revoker_world_settle(void)
{
    for (int i = 0; i < 8; i++) {
        asked_journal.is_done = false;
        iscep_journal_set_fact(world.journal, REVOKER_TENANT, "settle", "x", on_fact, NULL);
        loop_run_until(world.loop, &asked_journal.is_done);
        revoker_world_counts();
    }
}

bool revoker_world_has_logged(const char *text)
{
    return strstr(iscep_buf_text(&world.log_text), text) != NULL;
}

static unsigned downloads_before;

static bool has_downloaded(void)
{
    return world.downloads > downloads_before;
}

void revoker_world_poll(void)
{
    downloads_before = world.downloads;
    iscep_revoker_poll_now(world.revoker);
    revoker_world_await(has_downloaded);
}

/* --- certificates --- */

static size_t to_settle;

static void on_settled(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    (void)user;
    (void)report;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    if (--to_settle == 0)
        iscep_loop_stop(world.loop);
}

static void on_recorded(void *user, iscep_status status, const iscep_report *report, const iscep_error *err)
{
    const iscep_delivery_outcome accepted = {.end = ISCEP_DELIVERY_ACCEPTED, .fence = report->fence};
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    iscep_journal_settle_delivery(world.journal, report->delivery_id, &accepted, on_settled, user);
}

static bool is_all_settled(void)
{
    return to_settle == 0;
}

void revoker_world_issue(size_t count, const char *ca)
{
    char serial[16], transaction_id[16];
    to_settle = count;
    for (size_t i = 1; i <= count; i++) {
        snprintf(serial, sizeof serial, "%06zX", 0x100000 + i);
        snprintf(transaction_id, sizeof transaction_id, "t%zu", i);
        const iscep_issued_record record = {
            .key = {.tenant = REVOKER_TENANT, .transaction_id = transaction_id, .csr_sha256 = {(uint8_t)i}},
            .csr = iscep_bytes_of("csr", 3),
            .cert = {.der = iscep_bytes_of("der", 3),
                     .serial = serial,
                     .thumbprint = serial,
                     .issuer = BLUE_ISSUER,
                     .subject = "CN=x",
                     .not_after_unix = 4102444800},
            .ca = ca,
            .is_deferred = true,
            .lease_ms = LONG_MS};
        iscep_journal_record_issued(world.journal, &record, on_recorded, NULL);
    }
    revoker_world_await(is_all_settled);
}
