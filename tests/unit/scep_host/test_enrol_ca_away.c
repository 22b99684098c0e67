/*
 * Enrolments at a host whose CA is another host, which may not be there: nobody waits for nothing, nobody gets what was not
 * reported, and the plugin is told of what came to nothing.
 */
#include <stdio.h>
#include <string.h>

#include <criterion/criterion.h>

#include "enrolling.h"
#include "issuer_local.h"
#include "ossl_auto.h"
#include "state_file.h"

#define PATIENCE_MS (10 * 60 * 1000)

/* The CA on another host, as far as this host can tell. */
static struct remote {
    iscep_issuer issuer;
    bool is_away;
    bool is_refusing;
    X509 *instead; /* what it sends instead of what was asked for; NULL: that */
    int asked;
} remote;

static iscep_identity elsewhere;
static iscep_issuer *local;

static iscep_status be_asked(iscep_error *err)
{
    remote.asked++;
    if (remote.is_away)
        return iscep_error_set(err, ISCEP_NETWORK, "ca_away", "the CA cannot be asked");
    return remote.is_refusing ? iscep_error_set(err, ISCEP_SERVICE, "ca", "the CA refuses") : ISCEP_OK;
}

static iscep_status fetch_ca(iscep_issuer *issuer, X509 **out, iscep_error *err)
{
    (void)issuer;
    return be_asked(err) == ISCEP_OK ? local->fetch_ca(local, out, err) : err->status;
}

static iscep_status sign(iscep_issuer *issuer, X509 **out, const iscep_cert_request *request,
                         iscep_error *err)
{
    (void)issuer;
    iscep_status status = be_asked(err);
    if (status != ISCEP_OK)
        return status;
    if (remote.instead) {
        *out = X509_dup(remote.instead);
        return ISCEP_OK;
    }
    status = local->sign(local, out, request, err);
    return status == ISCEP_OK ? local->enter(local, *out, err) : status;
}

static iscep_status enter(iscep_issuer *issuer, const X509 *cert, iscep_error *err)
{
    (void)issuer;
    (void)cert;
    (void)err;
    return ISCEP_OK;
}

static iscep_status find(iscep_issuer *issuer, const char *serial, iscep_cert_state *state, iscep_error *err)
{
    (void)issuer;
    iscep_status status = be_asked(err);
    return status == ISCEP_OK ? local->find(local, serial, state, err) : status;
}

static iscep_status revoke(iscep_issuer *issuer, const char *serial, uint32_t reason,
                           iscep_cert_state *before, iscep_error *err)
{
    (void)issuer;
    iscep_status status = be_asked(err);
    return status == ISCEP_OK ? local->revoke(local, serial, reason, before, err) : status;
}

static iscep_status crl(iscep_issuer *issuer, X509_CRL **out, iscep_error *err)
{
    (void)issuer;
    iscep_status status = be_asked(err);
    return status == ISCEP_OK ? local->crl(local, out, err) : status;
}

static void free_nothing(iscep_issuer *issuer)
{
    (void)issuer;
}

static void open_elsewhere(void)
{
    const iscep_identity_plan plan = {.env = &the_world.env,
                                      .crypto = the_world.crypto,
                                      .dir = the_world.dir.path,
                                      .name = "ca",
                                      .subject = "elsewhere",
                                      .is_ca = true};
    const iscep_issuer_local_options options = {.env = &the_world.env,
                                                .crypto = the_world.crypto,
                                                .dir = the_world.dir.path,
                                                .ca = &elsewhere,
                                                .validity_days = 30};
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_identity_open(&elsewhere, &plan, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_issuer_local_open(&local, &options, &err), ISCEP_OK, "%s", err.message);
    remote = (struct remote){.issuer = {.fetch_ca = fetch_ca,
                                        .sign = sign,
                                        .enter = enter,
                                        .find = find,
                                        .revoke = revoke,
                                        .crl = crl,
                                        .free = free_nothing}};
}

static const char *node_path(const char *name)
{
    static char path[PATH_MAX];
    temp_dir_path(&the_world.dir, path, sizeof(path), name);
    return path;
}

static iscep_status open_node(iscep_error *err)
{
    const iscep_host_ca_options options = {.state_dir = node_path("node"), .remote = &remote.issuer};
    iscep_host_ca_free(the_world.ca);
    the_world.ca = NULL;
    iscep_status status = iscep_host_ca_open(&the_world.ca, &the_world.env, the_world.crypto, &options, err);
    enrol.ca = the_world.ca;
    return status;
}

/* The world's CA is elsewhere now, and the host that is asked has a directory of its own. */
static void set_up(void)
{
    enrolling_set_up();
    open_elsewhere();
    cr_assert_eq(iscep_state_dir_make(node_path("node"), NULL), ISCEP_OK);
    ISCEP_AUTO_BUF key;
    iscep_buf_init(&key, 8192);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_state_file_read(&key, ISCEP_TEST_KEYS "/ra.key", &err), ISCEP_OK);
    cr_assert_eq(iscep_state_file_write(node_path("node/ra.key"), 0600, iscep_buf_bytes(&key), &err),
                 ISCEP_OK);
    cr_assert_eq(open_node(&err), ISCEP_OK, "%s", err.message);
    enrol.ca_patience_ms = PATIENCE_MS;
    remote.asked = 0;
}

static void tear_down(void)
{
    X509_free(remote.instead);
    enrolling_tear_down();
    local->free(local);
    iscep_identity_clear(&elsewhere);
}

#define CA_TEST(name) Test(enrol_ca_away, name, .init = set_up, .fini = tear_down)

static void expect_shelves(size_t unreported, size_t issued, size_t revoking, size_t withheld)
{
    cr_assert_eq(test_count_files(&the_world, "node/unreported"), unreported);
    cr_assert_eq(test_count_files(&the_world, "node/issued"), issued);
    cr_assert_eq(test_count_files(&the_world, "node/revoking"), revoking);
    cr_assert_eq(test_count_files(&the_world, "node/withheld"), withheld);
}

static size_t count_in_register(const char *state)
{
    size_t count = 0;
    char *text = test_read_file(&the_world, "index.txt");
    for (const char *at = text; (at = strstr(at, "/CN=phone\n")) != NULL; at++) {
        const char *line = at;
        while (line > text && line[-1] != '\n')
            line--;
        count += line[0] == state[0];
    }
    free(text);
    return count;
}

/* What the host does about transactions that nobody asks for; how many there were. */
static int settle_abandoned(void)
{
    iscep_passage *passage = NULL;
    ISCEP_AUTO_BUF nothing;
    iscep_buf_init(&nothing, 1);
    iscep_error err = ISCEP_ERROR_INIT;
    for (int count = 0;; count++) {
        cr_assert_eq(iscep_passage_new_abandoned(&passage, &enrol, &err), ISCEP_OK);
        if (!passage)
            return count;
        finish_passage(passage, &nothing);
        cr_assert_eq(nothing.len, 0);
    }
}

CA_TEST(waits_for_its_ca_and_asks_the_plugin_anew)
{
    PLUG({"verify", "allow"});
    remote.is_away = true;
    send_request();
    expect_pending();
    expect_shelves(0, 0, 0, 0);
    remote.is_away = false;
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_success();
    expect_shelves(0, 1, 0, 0);
    cr_assert_eq(count_in_register("V"), 1);
    expect_record("verify 19 " TEST_TRANSACTION "\nverify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION
                  "\n");
}

CA_TEST(is_refused_anew_if_the_plugin_has_changed_its_mind)
{
    PLUG({"verify", "allow"});
    remote.is_away = true;
    send_request();
    expect_pending();
    remote.is_away = false;
    PLUG({"verify", "deny"});
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_REQUEST);
    cr_assert_eq(count_in_register("V"), 0);
}

CA_TEST(ends_as_a_failure_when_the_hosts_patience_does)
{
    PLUG({"verify", "allow"});
    remote.is_away = true;
    send_request();
    expect_pending();
    the_world.clock_offset_ms += PATIENCE_MS / 2;
    send_poll(&phone, "phone");
    expect_pending();
    the_world.clock_offset_ms += PATIENCE_MS / 2;
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_REQUEST);
    expect_record("verify 19 " TEST_TRANSACTION "\nverify 19 " TEST_TRANSACTION
                  "\nverify 19 " TEST_TRANSACTION "\nfailed 80090020 " TEST_TRANSACTION "\n");
    cr_assert_eq(settle_abandoned(), 0);
    remote.is_away = false;
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_CERT_ID);
}

CA_TEST(is_reported_as_failed_once_if_nobody_asks_any_more)
{
    PLUG({"verify", "allow"});
    remote.is_away = true;
    send_request();
    expect_pending();
    the_world.clock_offset_ms += PATIENCE_MS / 2;
    cr_assert_eq(settle_abandoned(), 0);
    the_world.clock_offset_ms += PATIENCE_MS / 2;
    cr_assert_eq(settle_abandoned(), 1);
    cr_assert_eq(settle_abandoned(), 0);
    expect_record("verify 19 " TEST_TRANSACTION "\nfailed 80090020 " TEST_TRANSACTION "\n");
}

CA_TEST(is_not_forgotten_before_it_is_reported_as_failed)
{
    PLUG({"verify", "allow"});
    remote.is_away = true;
    send_request();
    the_world.clock_offset_ms += ISCEP_PENDING_LIFETIME_MS + 1;
    message_options another = request();
    another.transaction_id = "another";
    send_message(&another);
    cr_assert_eq(settle_abandoned(), 1);
    expect_record("verify 19 " TEST_TRANSACTION "\nverify 19 another\nfailed 80090020 " TEST_TRANSACTION
                  "\n");
}

CA_TEST(that_the_ca_refuses_fails_at_once)
{
    PLUG({"verify", "allow"});
    remote.is_refusing = true;
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    expect_record("verify 19 " TEST_TRANSACTION "\nfailed 80090020 " TEST_TRANSACTION "\n");
}

CA_TEST(believes_no_certificate_that_is_not_of_its_ca)
{
    PLUG({"verify", "allow"});
    remote.instead = X509_dup(phone.cert);
    send_request();
    expect_failure(ISCEP_BAD_REQUEST);
    expect_shelves(0, 0, 0, 0);
    expect_record("verify 19 " TEST_TRANSACTION "\nfailed 80090020 " TEST_TRANSACTION "\n");
}

CA_TEST(does_not_deliver_late_what_the_ca_cannot_vouch_for_now)
{
    PLUG({"verify", "allow"}, {"issued_retries", "1"});
    send_request();
    expect_pending();
    remote.is_away = true;
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_pending();
    expect_shelves(1, 0, 0, 0);
    remote.is_away = false;
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_success();
    expect_shelves(0, 1, 0, 0);
    cr_assert_eq(count_in_register("R"), 0);
}

CA_TEST(says_pending_to_who_wants_his_certificate_again_while_the_ca_is_away)
{
    PLUG({"verify", "allow"});
    send_request();
    expect_success();
    remote.is_away = true;
    send_request();
    expect_pending();
    remote.is_away = false;
    send_request();
    expect_success();
    cr_assert_eq(count_in_register("V"), 1);
}

CA_TEST(keeps_what_must_be_revoked_until_the_ca_is_back)
{
    PLUG({"verify", "allow"}, {"issued", "deny"}, {"issued_retries", "1"});
    send_request();
    expect_pending();
    remote.is_away = true;
    the_world.clock_offset_ms += 1001;
    send_poll(&phone, "phone");
    expect_failure(ISCEP_BAD_REQUEST);
    expect_shelves(0, 0, 1, 0);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_host_ca_revoke_withheld(the_world.ca, &err), ISCEP_NETWORK);
    expect_shelves(0, 0, 1, 0);
    remote.is_away = false;
    cr_assert_eq(iscep_host_ca_revoke_withheld(the_world.ca, &err), ISCEP_OK, "%s", err.message);
    expect_shelves(0, 0, 0, 1);
    cr_assert_eq(count_in_register("R"), 1);
}

CA_TEST(is_not_renewed_nor_refused_while_the_ca_is_away)
{
    PLUG({"verify", "allow"});
    send_request();
    test_device_adopt(&phone, reply.cert);
    remote.is_away = true;
    message_options renewal = request();
    renewal.message_type = "17";
    renewal.transaction_id = "renewal";
    ISCEP_AUTO_BUF answer;
    iscep_buf_init(&answer, 128 * 1024);
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(answer_message(&answer, &renewal, &err), ISCEP_NETWORK);
    cr_assert_str_eq(err.code, "ca_away");
    expect_record("verify 19 " TEST_TRANSACTION "\nissued " TEST_TRANSACTION "\n");
    remote.is_away = false;
    send_message(&renewal);
    expect_success();
}

CA_TEST(host_starts_again_without_its_ca_and_not_for_the_first_time)
{
    iscep_error err = ISCEP_ERROR_INIT;
    remote.is_away = true;
    cr_assert_eq(open_node(&err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(remote.asked, 0);
    cr_assert_eq(remove(node_path("node/ca.pem")), 0);
    cr_assert_eq(open_node(&err), ISCEP_NETWORK);
}
