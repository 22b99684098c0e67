/* Questions to plugins, in both forms: what is taken for a yes, and what becomes of answers that are wrong, late or none. */
#include "question.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "world.h"

static host_world the_world;
static iscep_plugin_host *host;
static iscep_error err;
static iscep_question question;
static const iscep_plugin_form FORMS[] = {ISCEP_PLUGIN_EVENT, ISCEP_PLUGIN_BLOCKING};
static const iscep_enrolment ENROLMENT = {.transaction_id = TEST_TRANSACTION,
                                          .message_type = SCEP_MESSAGE_PKCS_REQ,
                                          .csr = {.data = (const uint8_t *)"csr", .len = 3},
                                          .signer_cert = {.data = (const uint8_t *)"signer", .len = 6}};

static void set_up(void)
{
    test_world_init(&the_world, false);
}

static void tear_down(void)
{
    iscep_question_clear(&question);
    iscep_plugin_host_free(host);
    test_world_clear(&the_world);
}

static void unload(void)
{
    iscep_question_clear(&question);
    iscep_plugin_host_free(host);
    host = NULL;
}

static void load(iscep_plugin_form form, const scep_config_entry *config, size_t count)
{
    const iscep_plugin_options options = {
        .config = config, .config_count = count, .timeout_ms = 1234, .form = form, .endpoint = "/scep"};
    iscep_status status = iscep_plugin_host_load(&host, &the_world.env, ISCEP_FIXED_VERDICT, &options, &err);
    cr_assert_eq(status, ISCEP_OK, "%s", err.message);
}

static const iscep_plugin_answer *await_answer(void)
{
    while (iscep_question_is_under_way(&question)) {
        struct pollfd readable = {.fd = question.descriptor, .events = POLLIN};
        cr_assert_eq(poll(&readable, 1, 10000), 1);
        cr_assert_eq(iscep_question_is_answered(&question), !iscep_question_is_under_way(&question));
    }
    return iscep_question_answer(&question);
}

static iscep_plugin_answer verify(void)
{
    iscep_question_verify(&question, host, &ENROLMENT, "192.0.2.7");
    return *await_answer();
}

static iscep_plugin_answer issued(void)
{
    iscep_question_issued(&question, host, &ENROLMENT, iscep_bytes_of_text("cert"));
    return *await_answer();
}

static iscep_plugin_answer failed(void)
{
    iscep_question_failed(&question, host, &ENROLMENT, 1, "reason");
    return *await_answer();
}

static bool has_logged(const char *text)
{
    return strstr(iscep_buf_text(&the_world.logged), text) != NULL;
}

/* All three questions, for they are answered alike. */
static iscep_plugin_answer ask_fixed(iscep_plugin_form form, const char *verdict)
{
    const scep_config_entry config[] = {
        {"verify", verdict},        {"issued", verdict},      {"failed", verdict}, {"code", "TheCode"},
        {"message", "the message"}, {"retry_after_ms", "77"}, {"pending", "2"}};
    load(form, config, 7);
    iscep_plugin_answer answer = verify();
    cr_assert_eq(issued().decision, answer.decision);
    cr_assert_eq(failed().decision, answer.decision);
    unload();
    return answer;
}

Test(question, takes_one_verdict_for_a_yes_and_no_other, .init = set_up, .fini = tear_down)
{
    static const struct {
        const char *verdict;
        iscep_plugin_decision decision;
        const char *code;
    } table[] = {
        {"allow", ISCEP_PLUGIN_ALLOWED, "TheCode"},        {"deny", ISCEP_PLUGIN_REFUSED, "TheCode"},
        {"retry", ISCEP_PLUGIN_RETRY, "TheCode"},          {"decline", ISCEP_PLUGIN_DECLINED, "TheCode"},
        {"true", ISCEP_PLUGIN_RETRY, "TheCode"}, /* 1 is RETRY, and not an ALLOW */
        {"garbage", ISCEP_PLUGIN_REFUSED, "plugin_error"}, {"error", ISCEP_PLUGIN_REFUSED, "plugin_error"},
        {"unwritten", ISCEP_PLUGIN_REFUSED, ""},
    };
    for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
        iscep_plugin_answer answer = ask_fixed(FORMS[i % 2], table[i / 2].verdict);
        cr_assert_eq(answer.decision, table[i / 2].decision, "%s", table[i / 2].verdict);
        cr_assert_str_eq(answer.code, table[i / 2].code, "%s", table[i / 2].verdict);
    }
}

Test(question, hands_over_what_the_plugin_says, .init = set_up, .fini = tear_down)
{
    iscep_plugin_answer answer = ask_fixed(ISCEP_PLUGIN_EVENT, "retry");
    cr_assert_eq(answer.retry_after_ms, 77u);
    cr_assert_str_eq(answer.message, "the message");
    cr_assert_str_eq(answer.request_id, "");
}

static iscep_plugin_answer ask_to_deliver(const char *verdict, const char *content, const char *claimed_len)
{
    char path[PATH_MAX];
    temp_dir_write(&the_world.dir, path, sizeof(path), "cert", content);
    const scep_config_entry config[] = {{"verify", verdict},   {"cert", path},
                                        {"code", "TheCode"},   {"issued", "deliver"},
                                        {"failed", "deliver"}, {"cert_len", claimed_len}};
    load(ISCEP_PLUGIN_EVENT, config, claimed_len ? 6 : 5);
    return verify();
}

Test(question, is_answered_with_what_was_issued_before, .init = set_up, .fini = tear_down)
{
    iscep_plugin_answer answer = ask_to_deliver("deliver", "a certificate", NULL);
    cr_assert_eq(answer.decision, ISCEP_PLUGIN_DELIVERS);
    cr_assert_str_eq(answer.code, "TheCode");
    cr_assert(iscep_bytes_equal(iscep_question_delivery(&question), iscep_bytes_of_text("a certificate")));
}

Test(question, is_not_answered_with_nothing_or_more_than_there_is_room_for, .init = set_up, .fini = tear_down)
{
    static const char *const lengths[] = {"0", "65537", "18446744073709551615"};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        iscep_plugin_answer answer = ask_to_deliver("deliver", "a certificate", lengths[i]);
        cr_assert_eq(answer.decision, ISCEP_PLUGIN_REFUSED, "%s", lengths[i]);
        cr_assert_str_eq(answer.code, "plugin_error");
        cr_assert_eq(iscep_question_delivery(&question).len, 0);
        unload();
    }
}

Test(question, has_a_certificate_with_no_other_verdict, .init = set_up, .fini = tear_down)
{
    static const char *const verdicts[] = {"allow", "deny", "retry", "garbage", "error", "unwritten"};
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        cr_assert_neq(ask_to_deliver(verdicts[i], "a certificate", NULL).decision, ISCEP_PLUGIN_DELIVERS);
        cr_assert_eq(iscep_question_delivery(&question).len, 0, "%s", verdicts[i]);
        unload();
    }
}

Test(question, about_a_report_is_not_answered_by_deliver, .init = set_up, .fini = tear_down)
{
    ask_to_deliver("allow", "a certificate", NULL);
    iscep_plugin_answer answer = issued();
    cr_assert_eq(answer.decision, ISCEP_PLUGIN_REFUSED);
    cr_assert_str_eq(answer.code, "plugin_error");
    cr_assert_eq(failed().decision, ISCEP_PLUGIN_REFUSED);
}

static char revoked_serial[64];
static uint32_t revoked_reason;

static int32_t revoke_here(void *user, const char *serial, uint32_t reason, char *text, size_t text_size)
{
    cr_assert_eq(user, &revoked_reason);
    snprintf(revoked_serial, sizeof(revoked_serial), "%s", serial);
    revoked_reason = reason;
    snprintf(text, text_size, "said");
    return SCEP_REVOKE_ALREADY;
}

Test(question, may_make_the_plugin_revoke, .init = set_up, .fini = tear_down)
{
    char record[PATH_MAX];
    temp_dir_path(&the_world.dir, record, sizeof(record), "record");
    const scep_config_entry config[] = {{"revoke", "0A1B"}, {"record", record}};
    const iscep_plugin_options options = {.config = config,
                                          .config_count = 2,
                                          .endpoint = "/scep",
                                          .revoke = revoke_here,
                                          .revoke_user = &revoked_reason};
    cr_assert_eq(iscep_plugin_host_load(&host, &the_world.env, ISCEP_FIXED_VERDICT, &options, &err),
                 ISCEP_OK);
    verify();
    cr_assert_str_eq(revoked_serial, "0A1B");
    cr_assert_eq(revoked_reason, 4u);
    char *recorded = test_read_file(&the_world, "record");
    cr_assert_str_eq(recorded, "verify 19 " TEST_TRANSACTION "\nrevoke 1 0A1B\n");
    free(recorded);
}

/* A plugin that is part of this program, and does what a test wants with the room for its answer. */

static scep_request seen;
static scep_answer seen_answer;
static void (*behave)(scep_answer *answer); /* before it allows */
static scep_answer *begun_answer;
static int call_descriptor;
static int cancelled, finished; /* how often */
static int32_t failure;         /* what a call of it returns that gives no answer */
static char an_object;

static int32_t open_well(const scep_host *a_host, const scep_config_entry *config, size_t count,
                         scep_instance **instance, scep_text *text)
{
    (void)a_host, (void)config, (void)count, (void)text;
    *instance = (scep_instance *)&an_object;
    return SCEP_OK;
}

static int32_t answer_verify(scep_instance *instance, const scep_request *request, scep_answer *answer)
{
    cr_assert_eq((void *)instance, (void *)&an_object);
    seen = *request;
    seen_answer = *answer;
    if (behave)
        behave(answer);
    answer->verdict = SCEP_VERDICT_ALLOW;
    return SCEP_OK;
}

static int32_t answer_issued(scep_instance *instance, const scep_issued *request, scep_answer *answer)
{
    (void)instance, (void)request;
    if (behave)
        behave(answer);
    answer->verdict = SCEP_VERDICT_ALLOW;
    return SCEP_OK;
}

static int32_t answer_failed(scep_instance *instance, const scep_failed *request, scep_answer *answer)
{
    (void)instance, (void)request;
    answer->verdict = SCEP_VERDICT_ALLOW;
    return failure;
}

static int32_t begin_verify(scep_instance *instance, const scep_request *request, scep_answer *answer,
                            scep_call **call)
{
    (void)instance, (void)request;
    begun_answer = answer;
    *call = (scep_call *)&an_object;
    return SCEP_OK;
}

static int32_t begin_without_call(scep_instance *instance, const scep_issued *request, scep_answer *answer,
                                  scep_call **call)
{
    (void)instance, (void)request, (void)call;
    answer->verdict = SCEP_VERDICT_ALLOW;
    return SCEP_OK;
}

static int32_t begin_badly(scep_instance *instance, const scep_failed *request, scep_answer *answer,
                           scep_call **call)
{
    (void)instance, (void)request;
    answer->verdict = SCEP_VERDICT_ALLOW;
    *call = (scep_call *)&an_object; /* which there is not */
    return failure;
}

static int32_t tell_descriptor(scep_call *call)
{
    (void)call;
    return call_descriptor;
}

static int32_t never_finish(scep_call *call)
{
    (void)call;
    finished++;
    begun_answer->verdict = SCEP_VERDICT_ALLOW; /* which one that is pending cannot say */
    if (behave)
        behave(begun_answer);
    return SCEP_PENDING;
}

static void count_cancel(scep_call *call)
{
    cr_assert_eq((void *)call, (void *)&an_object);
    cancelled++;
}

static void close_nothing(scep_instance *instance)
{
    (void)instance;
}

static int32_t tell_no_health(scep_instance *instance, uint32_t timeout_ms, scep_health *health)
{
    (void)instance, (void)timeout_ms, (void)health;
    return SCEP_OK;
}

static int32_t entry(uint32_t major, uint32_t minor, const scep_plugin **plugin)
{
    static const scep_plugin own = {.size = sizeof(scep_plugin),
                                    .abi_major = SCEP_PLUGIN_ABI_MAJOR,
                                    .abi_minor = SCEP_PLUGIN_ABI_MINOR,
                                    .name = "own",
                                    .version = "1",
                                    .open = open_well,
                                    .verify_request = answer_verify,
                                    .notify_issued = answer_issued,
                                    .notify_failed = answer_failed,
                                    .close = close_nothing,
                                    .health = tell_no_health,
                                    .begin_verify_request = begin_verify,
                                    .begin_notify_issued = begin_without_call,
                                    .begin_notify_failed = begin_badly,
                                    .descriptor = tell_descriptor,
                                    .finish = never_finish,
                                    .cancel = count_cancel};
    (void)major, (void)minor;
    *plugin = &own;
    return SCEP_OK;
}

static void adopt(iscep_plugin_form form)
{
    const iscep_plugin_options options = {.timeout_ms = 1234, .form = form, .endpoint = "/scep"};
    cr_assert_eq(iscep_plugin_host_adopt(&host, &the_world.env, entry, &options, &err), ISCEP_OK);
}

static void expect_bytes(scep_bytes actual, const char *expected)
{
    cr_assert(iscep_bytes_equal(iscep_bytes_of(actual.data, actual.len), iscep_bytes_of_text(expected)));
}

Test(question, tells_the_plugin_all_that_is_known_of_a_request, .init = set_up, .fini = tear_down)
{
    adopt(ISCEP_PLUGIN_BLOCKING);
    cr_assert_eq(verify().decision, ISCEP_PLUGIN_ALLOWED);
    cr_assert_eq(seen.size, sizeof(scep_request));
    cr_assert_eq(seen.message_type, SCEP_MESSAGE_PKCS_REQ);
    cr_assert_eq(seen.timeout_ms, 1234u);
    expect_bytes(seen.transaction_id, TEST_TRANSACTION);
    expect_bytes(seen.csr_der, "csr");
    expect_bytes(seen.signer_cert_der, "signer");
    expect_bytes(seen.endpoint, "/scep");
    expect_bytes(seen.peer, "192.0.2.7");
    cr_assert_eq(seen_answer.verdict, SCEP_VERDICT_DENY);
    cr_assert_not_null(seen_answer.cert_der);
    cr_assert_eq(seen_answer.cert_capacity, 65536);
    cr_assert_eq(seen_answer.cert_len, 0);
    iscep_question_verify(&question, host, &ENROLMENT, NULL);
    cr_assert_null(seen.peer.data);
}

static void write_endless_texts(scep_answer *answer)
{
    memset(answer->code, 'c', sizeof(answer->code));
    memset(answer->message, '\n', sizeof(answer->message));
    memset(answer->request_id, 'r', sizeof(answer->request_id));
}

Test(question, ends_texts_that_the_plugin_did_not, .init = set_up, .fini = tear_down)
{
    behave = write_endless_texts;
    adopt(ISCEP_PLUGIN_BLOCKING);
    iscep_plugin_answer answer = verify();
    cr_assert_eq(strlen(answer.code), 63);
    cr_assert_eq(strlen(answer.message), 511);
    cr_assert_eq(strlen(answer.request_id), 63);
    cr_assert_eq(answer.message[0], ' ', "a control character");
}

static void write_behind_answer(scep_answer *answer)
{
    ((volatile char *)answer)[sizeof(*answer)] = 'x';
}

static void write_far_behind_answer(scep_answer *answer)
{
    ((volatile char *)answer)[sizeof(*answer) + ISCEP_GUARD_LEN - 1] = 'x';
}

static void write_behind_cert(scep_answer *answer)
{
    if (answer->cert_der)
        ((volatile uint8_t *)answer->cert_der)[answer->cert_capacity] = 0;
}

Test(question, that_is_answered_beyond_its_room_is_the_last, .init = set_up, .fini = tear_down)
{
    static void (*const ways[])(scep_answer *) = {write_behind_answer, write_far_behind_answer,
                                                  write_behind_cert};
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        adopt(ISCEP_PLUGIN_BLOCKING);
        behave = ways[i];
        iscep_plugin_answer answer = verify();
        cr_assert_eq(answer.decision, ISCEP_PLUGIN_REFUSED, "%zu", i);
        cr_assert_str_eq(answer.code, "plugin_overrun");
        cr_assert(has_logged("wrote beyond the end"));
        cr_assert(atomic_load(&host->is_out_of_service));
        behave = NULL;
        seen = (scep_request){0};
        answer = verify();
        cr_assert_eq(answer.decision, ISCEP_PLUGIN_REFUSED);
        cr_assert_str_eq(answer.code, "plugin_out_of_service");
        cr_assert_eq(issued().decision, ISCEP_PLUGIN_REFUSED);
        cr_assert_eq(seen.size, 0, "it was asked again");
        unload();
    }
}

static void take_too_long(scep_answer *answer)
{
    (void)answer;
    the_world.clock_offset_ms += 1234 + ISCEP_QUESTION_MARGIN_MS;
}

static void take_long_enough(scep_answer *answer)
{
    (void)answer;
    the_world.clock_offset_ms += 1234;
}

Test(question, that_is_answered_too_late_is_to_be_asked_again, .init = set_up, .fini = tear_down)
{
    adopt(ISCEP_PLUGIN_BLOCKING);
    behave = take_long_enough;
    cr_assert_eq(verify().decision, ISCEP_PLUGIN_ALLOWED);
    behave = take_too_long;
    iscep_plugin_answer answer = verify();
    cr_assert_eq(answer.decision, ISCEP_PLUGIN_RETRY);
    cr_assert_str_eq(answer.code, "plugin_late");
    cr_assert_eq(issued().decision, ISCEP_PLUGIN_RETRY);
    cr_assert(has_logged("came too late"));
}

Test(question, that_is_not_answered_ends_when_its_time_is_over, .init = set_up, .fini = tear_down)
{
    call_descriptor = eventfd(0, EFD_CLOEXEC);
    adopt(ISCEP_PLUGIN_EVENT);
    iscep_question_verify(&question, host, &ENROLMENT, NULL);
    cr_assert_eq(question.descriptor, call_descriptor);
    cr_assert_not(iscep_question_is_answered(&question));
    the_world.clock_offset_ms += 1234;
    cr_assert_not(iscep_question_is_answered(&question));
    cr_assert_eq(cancelled, 0);
    cr_assert_eq(finished, 0, "it is not asked before it says that it has an answer");
    the_world.clock_offset_ms += ISCEP_QUESTION_MARGIN_MS;
    cr_assert(iscep_question_is_answered(&question));
    cr_assert_eq(cancelled, 1);
    cr_assert_eq(iscep_question_answer(&question)->decision, ISCEP_PLUGIN_RETRY);
    cr_assert_str_eq(iscep_question_answer(&question)->code, "plugin_late");
    cr_assert(has_logged("has not answered in its time"));
    cr_assert(iscep_question_is_answered(&question));
    close(call_descriptor);
}

Test(question, that_is_always_just_about_to_be_answered_ends, .init = set_up, .fini = tear_down)
{
    call_descriptor = eventfd(1, EFD_CLOEXEC);
    adopt(ISCEP_PLUGIN_EVENT);
    iscep_question_verify(&question, host, &ENROLMENT, NULL);
    int fruitless = 0;
    while (!iscep_question_is_answered(&question))
        cr_assert_lt(++fruitless, 1000);
    cr_assert_eq(fruitless, 999);
    cr_assert_eq(finished, 1000);
    cr_assert_eq(cancelled, 1);
    cr_assert_eq(iscep_question_answer(&question)->decision, ISCEP_PLUGIN_RETRY);
    cr_assert(has_logged("has nothing to say"));
    close(call_descriptor);
}

Test(question, whose_pending_answer_is_beyond_its_room_is_the_last, .init = set_up, .fini = tear_down)
{
    call_descriptor = eventfd(1, EFD_CLOEXEC);
    adopt(ISCEP_PLUGIN_EVENT);
    iscep_question_verify(&question, host, &ENROLMENT, NULL);
    behave = write_behind_answer;
    cr_assert_not(iscep_question_is_answered(&question));
    the_world.clock_offset_ms += 1234 + ISCEP_QUESTION_MARGIN_MS;
    cr_assert(iscep_question_is_answered(&question));
    cr_assert_eq(iscep_question_answer(&question)->decision, ISCEP_PLUGIN_REFUSED);
    cr_assert(atomic_load(&host->is_out_of_service));
    close(call_descriptor);
}

Test(question, that_is_begun_without_a_call_is_refused, .init = set_up, .fini = tear_down)
{
    adopt(ISCEP_PLUGIN_EVENT);
    cr_assert_eq(issued().decision, ISCEP_PLUGIN_REFUSED);
    cr_assert_eq(cancelled, 0);
}

/* A descriptor that cannot be had at the moment is no refusal, and nothing to revoke a certificate for. */
Test(question, that_could_not_be_asked_is_to_be_asked_again, .init = set_up, .fini = tear_down)
{
    static const struct {
        int32_t failure;
        iscep_plugin_decision decision;
        const char *code;
    } table[] = {{SCEP_ERR_NOMEM, ISCEP_PLUGIN_RETRY, "plugin_unavailable"},
                 {SCEP_ERR_UNAVAILABLE, ISCEP_PLUGIN_RETRY, "plugin_unavailable"},
                 {SCEP_ERR_USAGE, ISCEP_PLUGIN_REFUSED, "plugin_error"},
                 {SCEP_ERR_CONFIG, ISCEP_PLUGIN_REFUSED, "plugin_error"},
                 {4711, ISCEP_PLUGIN_REFUSED, "plugin_error"},
                 {-1, ISCEP_PLUGIN_REFUSED, "plugin_error"}};
    for (size_t i = 0; i < 2 * sizeof(table) / sizeof(table[0]); i++) {
        failure = table[i / 2].failure;
        adopt(FORMS[i % 2]);
        iscep_plugin_answer answer = failed();
        cr_assert_eq(answer.decision, table[i / 2].decision, "%d", failure);
        cr_assert_str_eq(answer.code, table[i / 2].code, "%d", failure);
        unload();
    }
    cr_assert_eq(cancelled, 0);
}

Test(question, that_nobody_wants_any_more_is_cancelled, .init = set_up, .fini = tear_down)
{
    adopt(ISCEP_PLUGIN_EVENT);
    iscep_question_verify(&question, host, &ENROLMENT, NULL);
    iscep_question_clear(&question);
    iscep_question_clear(&question);
    cr_assert_eq(cancelled, 1);
}
