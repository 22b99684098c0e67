/* See service_world.h. */
#include "tests/unit/service/service_world.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <string.h>

#include "tests/support/loop_thread.h"
#include "tests/support/test_pki.h"

static const int64_t year_2100 = 4102444800;

void service_world_init(service_world *w)
{
    *w = (service_world){.options = {.tenant = SERVICE_WORLD_TENANT,
                                     .policy = iscep_policy_default,
                                     .reporting = iscep_reporting_options_default}};
    intune_world_init(&w->cloud);
    temp_dir_make(&w->dir);
    temp_dir_path(&w->dir, w->journal_path, sizeof w->journal_path, "journal.db");
    w->journal_options = (iscep_journal_options)ISCEP_JOURNAL_OPTIONS_INIT;
    w->journal_options.path = w->journal_path;
    w->key = test_pki_new_ec_key();
    iscep_buf_init(&w->csr, 64 * 1024);
    iscep_buf_init(&w->cert, 64 * 1024);
    iscep_buf_init(&w->cert2, 64 * 1024);
    test_pki_emit_good_csr(&w->csr, w->key);
    test_pki_emit_cert(&w->cert, &(test_cert_options){.key = w->key, .not_after_unix = year_2100});
    test_pki_emit_cert(
        &w->cert2, &(test_cert_options){.key = w->key, .serial_hex = "0A1C", .not_after_unix = year_2100});
}

void service_world_configure_ca(service_world *w)
{
    w->ca_options = (iscep_ca_options){.name = "issuing",
                                       .kind = ISCEP_CA_COMMAND,
                                       .issuer = SERVICE_WORLD_ISSUER,
                                       .timeout_ms = 1000,
                                       .max_in_flight = 1,
                                       .arguments = {"/bin/false"}};
}

static void on_withheld(void *user)
{
    service_world *w = user;
    w->withheld++;
}

void service_world_open(service_world *w)
{
    const iscep_env *env = &w->cloud.env.env;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_journal_open(&w->journal, env, w->cloud.loop, &w->journal_options, &err), ISCEP_OK,
                 "%s", err.message);
    cr_assert_eq(
        iscep_intune_new(&w->intune, env, w->cloud.loop, &w->cloud.http.base, &w->cloud.tenant, &err),
        ISCEP_OK, "%s", err.message);
    if (w->ca_options.name != NULL) {
        cr_assert_eq(iscep_ca_new(&w->ca, env, w->cloud.loop, &w->ca_options, &err), ISCEP_OK, "%s",
                     err.message);
        w->routing = (iscep_routing){.cas = &w->ca, .count = 1};
    }
    cr_assert_eq(iscep_service_new(&w->service, env, w->intune, w->journal, &w->routing, &w->options, &err),
                 ISCEP_OK, "%s", err.message);
    iscep_service_on_withheld(w->service, on_withheld, w);
}

void service_world_close(service_world *w)
{
    iscep_intune_free(w->intune);
    iscep_ca_free(w->ca);
    iscep_service_free(w->service);
    iscep_journal_close(w->journal);
    w->intune = NULL;
    w->ca = NULL;
    w->service = NULL;
    w->journal = NULL;
}

void service_world_clear(service_world *w)
{
    service_world_close(w);
    intune_world_clear(&w->cloud);
    temp_dir_remove(&w->dir);
    EVP_PKEY_free(w->key);
    iscep_buf_clear(&w->csr);
    iscep_buf_clear(&w->cert);
    iscep_buf_clear(&w->cert2);
}

/* --- asking --- */

void catch_answer(void *user, const iscep_verdict *verdict, iscep_bytes cert)
{
    caught_answer *caught = user;
    cr_assert_leq(cert.len, sizeof caught->cert);
    caught->count++;
    caught->verdict = *verdict;
    caught->cert_len = cert.len;
    if (cert.len > 0)
        memcpy(caught->cert, cert.data, cert.len);
}

iscep_service_request service_world_request(const service_world *w)
{
    return (iscep_service_request){.transaction_id = iscep_bytes_of_text(SERVICE_WORLD_TXID),
                                   .csr = iscep_buf_bytes(&w->csr),
                                   .deadline_mono_ms = w->cloud.env.mono_ms + 20000};
}

void service_world_verify(service_world *w, caught_answer *caught)
{
    const iscep_service_request request = service_world_request(w);
    iscep_error err = ISCEP_ERROR_INIT;
    *caught = (caught_answer){0};
    cr_assert_eq(iscep_service_verify(w->service, &request, catch_answer, caught, &err), ISCEP_OK, "%s",
                 err.message);
}

void service_world_report(service_world *w, const iscep_buf *cert, int64_t timeout_ms, caught_answer *caught)
{
    iscep_service_request request = service_world_request(w);
    iscep_error err = ISCEP_ERROR_INIT;
    *caught = (caught_answer){0};
    request.deadline_mono_ms = w->cloud.env.mono_ms + timeout_ms;
    cr_assert_eq(
        iscep_service_report_issued(w->service, &request, iscep_buf_bytes(cert), catch_answer, caught, &err),
        ISCEP_OK, "%s", err.message);
}

void service_world_report_failed(service_world *w, int64_t timeout_ms, caught_answer *caught)
{
    iscep_service_request request = service_world_request(w);
    iscep_error err = ISCEP_ERROR_INIT;
    *caught = (caught_answer){0};
    request.deadline_mono_ms = w->cloud.env.mono_ms + timeout_ms;
    cr_assert_eq(iscep_service_report_failed(w->service, &request, 0x80004005, "the CA is down", catch_answer,
                                             caught, &err),
                 ISCEP_OK, "%s", err.message);
}

/* --- waiting --- */

enum { LOOK_MS = 1 };

typedef struct patience {
    service_world *w;
    iscep_timer *timer;
    bool (*is_so)(void *user);
    void *user;
    bool is_done;
} patience;

static void on_look(void *user)
{
    patience *p = user;
    p->is_done = p->is_so(p->user);
    if (p->is_done)
        iscep_loop_stop(p->w->cloud.loop);
    else
        iscep_timer_arm(p->timer, LOOK_MS);
}

void service_world_await(service_world *w, bool (*is_so)(void *user), void *user)
{
    patience p = {.w = w, .is_so = is_so, .user = user};
    cr_assert_eq(iscep_timer_new(&p.timer, w->cloud.loop, on_look, &p, NULL), ISCEP_OK);
    iscep_timer_arm(p.timer, 0);
    loop_run_until(w->cloud.loop, &p.is_done);
    iscep_timer_free(p.timer);
}

typedef struct call_count {
    const service_world *w;
    size_t at_least;
} call_count;

static bool has_calls(void *user)
{
    const call_count *want = user;
    return want->w->cloud.http.count >= want->at_least;
}

void service_world_await_calls(service_world *w, size_t count)
{
    call_count want = {w, count};
    service_world_await(w, has_calls, &want);
    cr_assert_eq(w->cloud.http.count, count);
}

static bool is_there(void *user)
{
    const caught_answer *const *caught = user;
    return (*caught)->count > 0;
}

void service_world_await_answer(service_world *w, const caught_answer *caught)
{
    service_world_await(w, is_there, &caught);
    cr_assert_eq(caught->count, 1);
}

static bool is_true(void *user)
{
    return *(const bool *)user;
}

static void on_fact(void *user, iscep_status status, const iscep_error *err)
{
    (void)status;
    (void)err;
    *(bool *)user = true;
}

void service_world_await_journal(service_world *w)
{
    for (int i = 0; i < 3; i++) { /* what a callback asks for comes behind it */
        bool is_done = false;
        iscep_journal_set_fact(w->journal, SERVICE_WORLD_TENANT, "barrier", "1", on_fact, &is_done);
        service_world_await(w, is_true, &is_done);
    }
}

/* --- usual beginnings --- */

void service_world_warm(service_world *w)
{
    iscep_buf other;
    caught_answer caught = {0};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&other, 64 * 1024);
    test_pki_emit_good_csr(&other, NULL);
    iscep_service_request request = service_world_request(w);
    request.transaction_id = iscep_bytes_of_text("warm-up");
    request.csr = iscep_buf_bytes(&other);
    cr_assert_eq(iscep_service_verify(w->service, &request, catch_answer, &caught, &err), ISCEP_OK);
    intune_world_answer_setup(&w->cloud);
    fake_http_answer_call(&w->cloud.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
    iscep_buf_clear(&other);
}

void service_world_validate(service_world *w)
{
    caught_answer caught;
    service_world_verify(w, &caught);
    intune_world_answer_setup(&w->cloud);
    fake_http_answer_call(&w->cloud.http, WORLD_SETUP_CALLS, 200, WORLD_SUCCESS);
    assert_answered(&caught, ISCEP_ALLOW, "Success");
}

void assert_answered(const caught_answer *caught, iscep_decision decision, const char *code)
{
    cr_assert_eq(caught->count, 1, "%u answers", caught->count);
    cr_assert_str_eq(caught->verdict.code, code, "%s", caught->verdict.message);
    cr_assert_eq(caught->verdict.decision, decision, "%s", caught->verdict.message);
}

/* --- looking into the journal --- */

typedef struct seen {
    bool is_there;
    char text[1024];
    int64_t count;
} seen;

static void on_trace(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    seen *out = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    const iscep_json *enrolment = iscep_json_first(iscep_json_member(json, "enrolments"));
    const iscep_json *events = enrolment == NULL ? NULL : iscep_json_member(enrolment, "events");
    for (const iscep_json *at = events == NULL ? NULL : iscep_json_first(events); at != NULL;
         at = iscep_json_next(at)) {
        size_t len = strlen(out->text);
        snprintf(out->text + len, sizeof out->text - len, "%s%s", len == 0 ? "" : " ",
                 iscep_json_text(at, "event"));
    }
    out->is_there = true;
}

const char *service_world_events(service_world *w)
{
    static seen out;
    out = (seen){0};
    service_world_await_journal(w);
    iscep_journal_trace(w->journal, NULL, ISCEP_TRACE_TRANSACTION, SERVICE_WORLD_TXID, 10, on_trace, &out);
    service_world_await(w, is_true, &out.is_there);
    return out.text;
}

static void on_revocations(void *user, iscep_status status, const iscep_json *json, const iscep_error *err)
{
    seen *out = user;
    cr_assert_eq(status, ISCEP_OK, "%s", err->message);
    cr_assert(iscep_json_int(json, "waiting", &out->count));
    out->is_there = true;
}

int64_t service_world_revocations(service_world *w)
{
    seen out = {0};
    service_world_await_journal(w);
    iscep_journal_list_revocations(w->journal, NULL, false, 10, on_revocations, &out);
    service_world_await(w, is_true, &out.is_there);
    return out.count;
}
