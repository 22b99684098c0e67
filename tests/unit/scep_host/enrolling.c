/* One phone that enrols at a host whose plugin has made up its mind. */
#include "enrolling.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

host_world the_world;
iscep_enrol enrol;
scep_device phone;
iscep_buf csr;
char record_path[PATH_MAX];
cert_rep reply;
iscep_plugin_form form;

static iscep_plugin_host *plugins[4];

void enrolling_set_up(void)
{
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
    test_device_init(&phone, "phone");
    iscep_buf_init(&csr, 65536);
    test_csr(&csr, phone.key, "phone", NULL, 0);
    temp_dir_path(&the_world.dir, record_path, sizeof(record_path), "record");
    form = getenv("ISCEP_TEST_FORM") ? ISCEP_PLUGIN_EVENT : ISCEP_PLUGIN_BLOCKING;
    enrol = (iscep_enrol){.env = &the_world.env,
                          .crypto = the_world.crypto,
                          .ca = the_world.ca,
                          .plugins = plugins,
                          .pending_retry_ms = 1000};
    const iscep_transactions_options table = ISCEP_TRANSACTIONS_OPTIONS_INIT;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_transactions_new(&enrol.transactions, &the_world.env, &table, &err), ISCEP_OK);
}

static void unplug(void)
{
    while (enrol.plugin_count > 0)
        iscep_plugin_host_free(plugins[--enrol.plugin_count]);
}

void enrolling_tear_down(void)
{
    test_cert_rep_clear(&reply);
    unplug();
    iscep_transactions_free(enrol.transactions);
    iscep_buf_clear(&csr);
    test_device_clear(&phone);
    test_world_clear(&the_world);
}

void plug_next(const scep_config_entry *settings, size_t count)
{
    const iscep_plugin_options options = {
        .config = settings, .config_count = count, .timeout_ms = 10000, .form = form, .endpoint = "/scep"};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_plugin_host_load(&plugins[enrol.plugin_count], &the_world.env,
                                                 ISCEP_FIXED_VERDICT, &options, &err);
    cr_assert_eq(status, ISCEP_OK, "%s", err.message);
    enrol.plugin_count++;
}

void plug(const scep_config_entry *settings, size_t count)
{
    scep_config_entry config[8] = {{"record", record_path}};
    memcpy(config + 1, settings, count * sizeof(*settings));
    unplug();
    plug_next(config, count + 1);
}

void expect_record(const char *expected)
{
    char *record = test_read_file(&the_world, "record");
    cr_assert_str_eq(record, expected);
    free(record);
}

message_options request(void)
{
    message_options options =
        TEST_MESSAGE(&phone, iscep_host_ca_scep(the_world.ca)->cert, iscep_buf_bytes(&csr));
    return options;
}

/* As long as the plugin's own time, by the clock that tests do not move. */
static void wait_for_plugin(int descriptor)
{
    struct pollfd readable = {.fd = descriptor, .events = POLLIN};
    cr_assert_eq(poll(&readable, 1, 10000), 1, "the plugin has nothing to say");
}

/* To its end, waiting for plugins as a host does. */
static iscep_status go_on(iscep_passage *passage, iscep_buf *answer, iscep_error *err)
{
    int descriptor;
    int64_t until_mono_ms;
    iscep_status status = iscep_passage_go_on(passage, answer, err);
    while (status == ISCEP_OK && iscep_passage_waits(passage, &descriptor, &until_mono_ms)) {
        cr_assert_eq(answer->len, 0);
        wait_for_plugin(descriptor);
        status = iscep_passage_go_on(passage, answer, err);
    }
    iscep_passage_free(passage);
    return status;
}

void finish_passage(iscep_passage *passage, iscep_buf *answer)
{
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(go_on(passage, answer, &err), ISCEP_OK, "%s", err.message);
}

iscep_status answer_message(iscep_buf *answer, const message_options *options, iscep_error *err)
{
    ISCEP_AUTO_BUF message;
    iscep_buf_init(&message, 128 * 1024);
    test_message(&message, options);
    iscep_passage *passage = NULL;
    iscep_status status = iscep_passage_new(&passage, &enrol, iscep_buf_bytes(&message), "192.0.2.7", err);
    return status == ISCEP_OK ? go_on(passage, answer, err) : status;
}

void send_message(const message_options *options)
{
    ISCEP_AUTO_BUF answer;
    iscep_buf_init(&answer, 128 * 1024);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(answer_message(&answer, options, &err), ISCEP_OK, "%s", err.message);
    test_cert_rep_clear(&reply);
    test_cert_rep_read(&reply, iscep_buf_bytes(&answer), iscep_host_ca_scep(the_world.ca)->cert,
                       options->device);
    cr_assert_str_eq(reply.transaction_id, options->transaction_id);
}

void send_request(void)
{
    message_options options = request();
    send_message(&options);
}

void send_poll(const scep_device *device, const char *subject)
{
    ISCEP_AUTO_BUF names;
    iscep_buf_init(&names, 4096);
    test_issuer_and_subject(&names, X509_get_subject_name(iscep_host_ca_cert(the_world.ca)), subject);
    message_options options = request();
    options.device = device;
    options.message_type = "20";
    options.content = iscep_buf_bytes(&names);
    send_message(&options);
}

void expect_success(void)
{
    cr_assert_str_eq(reply.pki_status, "0", "failInfo %s: %s", reply.fail_info, reply.fail_text);
    cr_assert_eq(X509_verify(reply.cert, X509_get0_pubkey(iscep_host_ca_cert(the_world.ca))), 1);
}

void expect_pending(void)
{
    cr_assert_str_eq(reply.pki_status, "3", "failInfo %s: %s", reply.fail_info, reply.fail_text);
}

void expect_failure(iscep_fail_info fail_info)
{
    char digit[] = {(char)('0' + (int)fail_info), '\0'};
    cr_assert_str_eq(reply.pki_status, "2");
    cr_assert_str_eq(reply.fail_info, digit, "%s", reply.fail_text);
}

void expect_files(size_t unreported, size_t issued, size_t withheld)
{
    cr_assert_eq(test_count_files(&the_world, "unreported"), unreported);
    cr_assert_eq(test_count_files(&the_world, "issued"), issued);
    cr_assert_eq(test_count_files(&the_world, "withheld"), withheld);
}

void expect_nothing_issued(void)
{
    expect_files(0, 0, 0);
}
