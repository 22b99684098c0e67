/* One phone that enrols at a host whose plugin has made up its mind. */
#include "enrolling.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

host_world the_world;
iscep_enrol enrol;
scep_device phone;
iscep_buf csr;
char record_path[PATH_MAX];
cert_rep reply;

void enrolling_set_up(void)
{
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
    test_device_init(&phone, "phone");
    iscep_buf_init(&csr, 65536);
    test_csr(&csr, phone.key, "phone", NULL, 0);
    temp_dir_path(&the_world.dir, record_path, sizeof(record_path), "record");
    enrol = (iscep_enrol){
        .env = &the_world.env, .crypto = the_world.crypto, .ca = the_world.ca, .pending_retry_ms = 1000};
    const iscep_transactions_options table = ISCEP_TRANSACTIONS_OPTIONS_INIT;
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_transactions_new(&enrol.transactions, &the_world.env, &table, &err), ISCEP_OK);
}

void enrolling_tear_down(void)
{
    test_cert_rep_clear(&reply);
    iscep_plugin_host_free(enrol.plugin);
    iscep_transactions_free(enrol.transactions);
    iscep_buf_clear(&csr);
    test_device_clear(&phone);
    test_world_clear(&the_world);
}

void plug(const scep_config_entry *settings, size_t count)
{
    scep_config_entry config[8] = {{"record", record_path}};
    memcpy(config + 1, settings, count * sizeof(*settings));
    const iscep_plugin_options options = {.config = config, .config_count = count + 1};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_plugin_host_free(enrol.plugin);
    iscep_status status =
        iscep_plugin_host_load(&enrol.plugin, &the_world.log, ISCEP_FIXED_VERDICT, &options, &err);
    cr_assert_eq(status, ISCEP_OK, "%s", err.message);
}

void expect_record(const char *expected)
{
    char *record = test_read_file(&the_world, "record");
    cr_assert_str_eq(record, expected);
    free(record);
}

message_options request(void)
{
    message_options options = TEST_MESSAGE(&phone, iscep_host_ca_cert(the_world.ca), iscep_buf_bytes(&csr));
    return options;
}

/* Sends the message; what came back is in reply. */
void send_message(const message_options *options)
{
    ISCEP_AUTO_BUF message;
    ISCEP_AUTO_BUF answer;
    iscep_buf_init(&message, 128 * 1024);
    iscep_buf_init(&answer, 128 * 1024);
    test_message(&message, options);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_enrol_answer(&enrol, iscep_buf_bytes(&message), &answer, &err), ISCEP_OK, "%s",
                 err.message);
    test_cert_rep_clear(&reply);
    test_cert_rep_read(&reply, iscep_buf_bytes(&answer), iscep_host_ca_cert(the_world.ca), options->device);
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
    cr_assert_eq(X509_verify(reply.cert, iscep_host_ca_key(the_world.ca)), 1);
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
