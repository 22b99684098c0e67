/* The host's side of the ABI: what is taken for a plugin, and what for a yes. */
#include "plugin_host.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "world.h"

static host_world the_world;
static iscep_plugin_host *host;
static iscep_error err;
static iscep_buf cert; /* what verify was told to deliver */
static const iscep_enrolment ENROLMENT = {.transaction_id = TEST_TRANSACTION,
                                          .message_type = SCEP_MESSAGE_PKCS_REQ,
                                          .csr = {.data = (const uint8_t *)"csr", .len = 3},
                                          .signer_cert = {.data = (const uint8_t *)"signer", .len = 6}};

static void set_up(void)
{
    test_world_init(&the_world, false);
    iscep_buf_init(&cert, 65536);
}

static void tear_down(void)
{
    iscep_buf_clear(&cert);
    iscep_plugin_host_free(host);
    test_world_clear(&the_world);
}

static iscep_status load(const char *path, const scep_config_entry *config, size_t count)
{
    const iscep_plugin_options options = {
        .config = config, .config_count = count, .timeout_ms = 1234, .endpoint = "/scep"};
    return iscep_plugin_host_load(&host, &the_world.log, path, &options, &err);
}

static iscep_plugin_answer ask_fixed(const char *verdict)
{
    const scep_config_entry config[] = {{"verify", verdict},        {"issued", verdict},
                                        {"failed", verdict},        {"code", "TheCode"},
                                        {"message", "the message"}, {"retry_after_ms", "77"}};
    cr_assert_eq(load(ISCEP_FIXED_VERDICT, config, 6), ISCEP_OK, "%s", err.message);
    iscep_plugin_answer answer;
    iscep_plugin_host_verify(host, &ENROLMENT, &answer, &cert);
    iscep_plugin_answer issued;
    iscep_plugin_host_issued(host, &ENROLMENT, iscep_bytes_of_text("cert"), &issued);
    cr_assert_eq(issued.decision, answer.decision);
    iscep_plugin_answer failed;
    iscep_plugin_host_failed(host, &ENROLMENT, 1, "reason", &failed);
    cr_assert_eq(failed.decision, answer.decision);
    iscep_plugin_host_free(host);
    host = NULL;
    return answer;
}

Test(plugin_host, takes_one_verdict_for_a_yes_and_no_other, .init = set_up, .fini = tear_down)
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
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        iscep_plugin_answer answer = ask_fixed(table[i].verdict);
        cr_assert_eq(answer.decision, table[i].decision, "%s", table[i].verdict);
        cr_assert_str_eq(answer.code, table[i].code, "%s", table[i].verdict);
    }
}

static iscep_plugin_answer ask_to_deliver(const char *verdict, const char *content, const char *claimed_len)
{
    char path[PATH_MAX];
    temp_dir_write(&the_world.dir, path, sizeof(path), "cert", content);
    const scep_config_entry config[] = {{"verify", verdict},   {"cert", path},
                                        {"code", "TheCode"},   {"issued", "deliver"},
                                        {"failed", "deliver"}, {"cert_len", claimed_len}};
    cr_assert_eq(load(ISCEP_FIXED_VERDICT, config, claimed_len ? 6 : 5), ISCEP_OK, "%s", err.message);
    iscep_plugin_answer answer;
    iscep_plugin_host_verify(host, &ENROLMENT, &answer, &cert);
    return answer;
}

Test(plugin_host, is_told_to_deliver_what_was_issued_before, .init = set_up, .fini = tear_down)
{
    iscep_plugin_answer answer = ask_to_deliver("deliver", "a certificate", NULL);
    cr_assert_eq(answer.decision, ISCEP_PLUGIN_DELIVERS);
    cr_assert_str_eq(answer.code, "TheCode");
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&cert), iscep_bytes_of_text("a certificate")));
}

Test(plugin_host, is_not_told_to_deliver_nothing_or_more_than_it_has_room_for, .init = set_up,
     .fini = tear_down)
{
    static const char *const lengths[] = {"0", "65537", "18446744073709551615"};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        iscep_plugin_answer answer = ask_to_deliver("deliver", "a certificate", lengths[i]);
        cr_assert_eq(answer.decision, ISCEP_PLUGIN_REFUSED, "%s", lengths[i]);
        cr_assert_str_eq(answer.code, "plugin_error");
        cr_assert_eq(cert.len, 0);
        iscep_plugin_host_free(host);
        host = NULL;
    }
}

Test(plugin_host, takes_a_certificate_with_no_other_verdict, .init = set_up, .fini = tear_down)
{
    static const char *const verdicts[] = {"allow", "deny", "retry", "garbage", "error", "unwritten"};
    for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
        cr_assert_neq(ask_to_deliver(verdicts[i], "a certificate", NULL).decision, ISCEP_PLUGIN_DELIVERS);
        cr_assert_eq(cert.len, 0, "%s", verdicts[i]);
        iscep_plugin_host_free(host);
        host = NULL;
    }
}

Test(plugin_host, takes_deliver_for_no_answer_to_a_report, .init = set_up, .fini = tear_down)
{
    ask_to_deliver("allow", "a certificate", NULL);
    iscep_plugin_answer answer;
    iscep_plugin_host_issued(host, &ENROLMENT, iscep_bytes_of_text("cert"), &answer);
    cr_assert_eq(answer.decision, ISCEP_PLUGIN_REFUSED);
    cr_assert_str_eq(answer.code, "plugin_error");
    iscep_plugin_host_failed(host, &ENROLMENT, 1, "reason", &answer);
    cr_assert_eq(answer.decision, ISCEP_PLUGIN_REFUSED);
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

Test(plugin_host, revokes_for_the_plugin, .init = set_up, .fini = tear_down)
{
    char record[PATH_MAX];
    temp_dir_path(&the_world.dir, record, sizeof(record), "record");
    const scep_config_entry config[] = {{"revoke", "0A1B"}, {"record", record}};
    const iscep_plugin_options options = {.config = config,
                                          .config_count = 2,
                                          .endpoint = "/scep",
                                          .revoke = revoke_here,
                                          .revoke_user = &revoked_reason};
    cr_assert_eq(iscep_plugin_host_load(&host, &the_world.log, ISCEP_FIXED_VERDICT, &options, &err),
                 ISCEP_OK);
    iscep_plugin_answer answer;
    iscep_plugin_host_verify(host, &ENROLMENT, &answer, &cert);
    cr_assert_str_eq(revoked_serial, "0A1B");
    cr_assert_eq(revoked_reason, 4u);
    char *recorded = test_read_file(&the_world, "record");
    cr_assert_str_eq(recorded, "verify 19 " TEST_TRANSACTION "\nrevoke 1 0A1B\n");
    free(recorded);
}

Test(plugin_host, hands_over_what_the_plugin_says, .init = set_up, .fini = tear_down)
{
    iscep_plugin_answer answer = ask_fixed("retry");
    cr_assert_eq(answer.retry_after_ms, 77u);
    cr_assert_str_eq(answer.message, "the message");
    cr_assert_str_eq(answer.request_id, "");
    cr_assert_not_null(strstr(iscep_buf_text(&the_world.logged), "my mind is made up"));
}

Test(plugin_host, refuses_what_is_no_plugin, .init = set_up, .fini = tear_down)
{
    cr_assert_eq(load("/nowhere/plugin.so", NULL, 0), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_load");
    cr_assert_eq(load("libm.so.6", NULL, 0), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_load");
    cr_assert_not_null(strstr(err.message, "scep_plugin_entry"), "%s", err.message);
}

Test(plugin_host, shows_why_a_plugin_does_not_open, .init = set_up, .fini = tear_down)
{
    const scep_config_entry config[] = {{"no_such_key", "1"}};
    cr_assert_eq(load(ISCEP_FIXED_VERDICT, config, 1), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_open");
    cr_assert_not_null(strstr(err.message, "no_such_key"), "%s", err.message);
    cr_assert_null(host);
}

/* Plugins that are part of this program, each wrong in its own way. */
static char an_object;
static int closed;

static int32_t open_well(const scep_host *a_host, const scep_config_entry *config, size_t count,
                         scep_instance **instance, scep_text *text)
{
    (void)a_host, (void)config, (void)count, (void)text;
    *instance = (scep_instance *)&an_object;
    return SCEP_OK;
}

static int32_t open_without_instance(const scep_host *a_host, const scep_config_entry *config, size_t count,
                                     scep_instance **instance, scep_text *text)
{
    (void)a_host, (void)config, (void)count, (void)instance;
    memset(text->text, 'x', sizeof(text->text)); /* without its NUL */
    return SCEP_OK;
}

static int32_t open_badly(const scep_host *a_host, const scep_config_entry *config, size_t count,
                          scep_instance **instance, scep_text *text)
{
    (void)a_host, (void)config, (void)count, (void)text;
    *instance = (scep_instance *)&an_object;
    return SCEP_ERR_NOMEM;
}

static scep_request seen;
static scep_answer seen_answer;

static int32_t verify_with_endless_texts(scep_instance *instance, const scep_request *request,
                                         scep_answer *answer)
{
    cr_assert_eq((void *)instance, (void *)&an_object);
    seen = *request;
    seen_answer = *answer;
    memset(answer->code, 'c', sizeof(answer->code));
    memset(answer->message, '\n', sizeof(answer->message));
    memset(answer->request_id, 'r', sizeof(answer->request_id));
    answer->verdict = SCEP_VERDICT_DENY;
    return SCEP_OK;
}

static int32_t notify_nothing(scep_instance *instance, const scep_issued *issued, scep_answer *answer)
{
    (void)instance, (void)issued, (void)answer;
    return SCEP_OK;
}

static int32_t notify_nothing_failed(scep_instance *instance, const scep_failed *failed, scep_answer *answer)
{
    (void)instance, (void)failed, (void)answer;
    return SCEP_OK;
}

static void count_close(scep_instance *instance)
{
    (void)instance;
    closed++;
}

static scep_plugin a_plugin;
static int32_t entry_result;

static int32_t entry(uint32_t major, uint32_t minor, const scep_plugin **plugin)
{
    cr_assert_eq(major, SCEP_PLUGIN_ABI_MAJOR);
    cr_assert_eq(minor, SCEP_PLUGIN_ABI_MINOR);
    *plugin = &a_plugin;
    return entry_result;
}

static int32_t entry_without_plugin(uint32_t major, uint32_t minor, const scep_plugin **plugin)
{
    (void)major, (void)minor, (void)plugin;
    return SCEP_OK;
}

static void set_up_own(void)
{
    set_up();
    entry_result = SCEP_OK;
    a_plugin = (scep_plugin){.size = sizeof(scep_plugin),
                             .abi_major = SCEP_PLUGIN_ABI_MAJOR,
                             .abi_minor = SCEP_PLUGIN_ABI_MINOR,
                             .name = "own",
                             .version = "1",
                             .open = open_well,
                             .verify_request = verify_with_endless_texts,
                             .notify_issued = notify_nothing,
                             .notify_failed = notify_nothing_failed,
                             .close = count_close};
}

static iscep_status adopt(scep_plugin_entry_fn an_entry)
{
    const iscep_plugin_options options = {.timeout_ms = 1234, .endpoint = "/scep"};
    return iscep_plugin_host_adopt(&host, &the_world.log, an_entry, &options, &err);
}

static void expect_refused(const char *code)
{
    cr_assert_eq(adopt(entry), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, code);
    cr_assert_null(host);
}

Test(plugin_host, takes_a_plugin_of_a_later_minor_version, .init = set_up_own, .fini = tear_down)
{
    a_plugin.size += 64;
    a_plugin.abi_minor++;
    cr_assert_eq(adopt(entry), ISCEP_OK);
    cr_assert_str_eq(iscep_plugin_host_name(host), "own");
    cr_assert_str_eq(iscep_plugin_host_version(host), "1");
}

Test(plugin_host, refuses_a_plugin_of_another_major_version, .init = set_up_own, .fini = tear_down)
{
    a_plugin.abi_major++;
    expect_refused("plugin_version");
    a_plugin.abi_major--;
    entry_result = SCEP_ERR_VERSION;
    expect_refused("plugin_version");
}

Test(plugin_host, refuses_a_table_that_is_not_whole, .init = set_up_own, .fini = tear_down)
{
    const scep_plugin whole = a_plugin;
    a_plugin.size--;
    expect_refused("plugin_malformed");
    a_plugin = whole;
    a_plugin.name = NULL;
    expect_refused("plugin_malformed");
    a_plugin = whole;
    a_plugin.open = NULL;
    expect_refused("plugin_malformed");
    a_plugin = whole;
    a_plugin.verify_request = NULL;
    expect_refused("plugin_malformed");
    a_plugin = whole;
    a_plugin.notify_issued = NULL;
    expect_refused("plugin_malformed");
    a_plugin = whole;
    a_plugin.notify_failed = NULL;
    expect_refused("plugin_malformed");
    a_plugin = whole;
    a_plugin.close = NULL;
    expect_refused("plugin_malformed");
    cr_assert_eq(adopt(entry_without_plugin), ISCEP_CONFIG);
    cr_assert_str_eq(err.code, "plugin_malformed");
}

Test(plugin_host, closes_what_it_opened_and_nothing_else, .init = set_up_own, .fini = tear_down)
{
    a_plugin.open = open_without_instance;
    expect_refused("plugin_open");
    a_plugin.open = open_badly;
    expect_refused("plugin_open");
    cr_assert_eq(closed, 0);
    a_plugin.open = open_well;
    cr_assert_eq(adopt(entry), ISCEP_OK);
    iscep_plugin_host_free(host);
    host = NULL;
    cr_assert_eq(closed, 1);
}

Test(plugin_host, ends_texts_that_the_plugin_did_not, .init = set_up_own, .fini = tear_down)
{
    cr_assert_eq(adopt(entry), ISCEP_OK);
    iscep_plugin_answer answer;
    iscep_plugin_host_verify(host, &ENROLMENT, &answer, &cert);
    cr_assert_eq(strlen(answer.code), 63);
    cr_assert_eq(strlen(answer.message), 511);
    cr_assert_eq(strlen(answer.request_id), 63);
    cr_assert_eq(answer.message[0], ' ', "a control character");
}

static void expect_bytes(scep_bytes actual, const char *expected)
{
    cr_assert(iscep_bytes_equal(iscep_bytes_of(actual.data, actual.len), iscep_bytes_of_text(expected)));
}

Test(plugin_host, tells_the_plugin_all_it_knows_of_a_request, .init = set_up_own, .fini = tear_down)
{
    cr_assert_eq(adopt(entry), ISCEP_OK);
    iscep_plugin_answer answer;
    iscep_plugin_host_verify(host, &ENROLMENT, &answer, &cert);
    cr_assert_eq(seen.size, sizeof(scep_request));
    cr_assert_eq(seen.message_type, SCEP_MESSAGE_PKCS_REQ);
    cr_assert_eq(seen.timeout_ms, 1234u);
    expect_bytes(seen.transaction_id, TEST_TRANSACTION);
    expect_bytes(seen.csr_der, "csr");
    expect_bytes(seen.signer_cert_der, "signer");
    expect_bytes(seen.endpoint, "/scep");
    cr_assert_null(seen.peer.data);
    cr_assert_not_null(seen_answer.cert_der);
    cr_assert_eq(seen_answer.cert_capacity, 65536);
    cr_assert_eq(seen_answer.cert_len, 0);
}
