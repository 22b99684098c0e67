/* SCEP over HTTP, through a real socket. */
#include "http_front.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "ossl_auto.h"
#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "world.h"

static host_world the_world;
static iscep_endpoint endpoints[2];
static loop_thread server;
static iscep_workers *workers;
static iscep_http_front *front;
static scep_device phone;
static iscep_buf message; /* a PKCSReq of the phone */
static temp_dir fifo_dir;
static char fifo[PATH_MAX];

static void make_message(void)
{
    ISCEP_AUTO_BUF csr;
    iscep_buf_init(&csr, 65536);
    iscep_buf_init(&message, 65536);
    test_csr(&csr, phone.key, "phone", NULL, 0);
    message_options options =
        TEST_MESSAGE(&phone, iscep_host_ca_scep(the_world.ca)->cert, iscep_buf_bytes(&csr));
    test_message(&message, &options);
}

static iscep_endpoint_plan plan_at(const char *path)
{
    return (iscep_endpoint_plan){
        .path = path,
        .plugins = {{.path = ISCEP_FIXED_VERDICT, .timeout_ms = 10000, .form = ISCEP_PLUGIN_BLOCKING}},
        .plugin_count = 1};
}

static void set(iscep_endpoint_plan *plan, const char *key, const char *value)
{
    plan->plugins[0].config[plan->plugins[0].config_count++] = (scep_config_entry){key, value};
}

static void open_endpoint(iscep_endpoint *endpoint, const iscep_endpoint_plan *plan)
{
    const iscep_endpoint_host shared = {
        .env = &the_world.env, .crypto = the_world.crypto, .ca = the_world.ca, .workers = 1};
    iscep_error err = ISCEP_ERROR_INIT;
    cr_assert_eq(iscep_endpoint_open(endpoint, &shared, plan, &err), ISCEP_OK, "%s", err.message);
}

/* Two endpoints with a thread each: that of the plan, and one whose plugin allows everything. */
static void start_server(const iscep_endpoint_plan *plan)
{
    iscep_endpoint_plan other = plan_at("/other");
    set(&other, "verify", "allow");
    test_device_init(&phone, "phone");
    make_message();
    open_endpoint(&endpoints[0], plan);
    open_endpoint(&endpoints[1], &other);
    iscep_error err = ISCEP_ERROR_INIT;
    loop_thread_make(&server);
    cr_assert_eq(iscep_workers_new(&workers, 1, 8, &err), ISCEP_OK);
    const iscep_http_front_options options = {.env = &the_world.env,
                                              .loop = server.loop,
                                              .crypto = the_world.crypto,
                                              .ca = the_world.ca,
                                              .endpoints = endpoints,
                                              .endpoint_count = 2,
                                              .workers = workers,
                                              .host = "127.0.0.1"};
    cr_assert_eq(iscep_http_front_new(&front, &options, &err), ISCEP_OK, "%s", err.message);
    loop_thread_start(&server);
}

static void set_up(void)
{
    iscep_endpoint_plan plan = plan_at("/scep");
    set(&plan, "verify", "allow");
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
    start_server(&plan);
}

static void tear_down(void)
{
    loop_thread_stop(&server);
    iscep_http_front_free(front);
    cr_assert(iscep_endpoint_settle(&endpoints[0]));
    cr_assert(iscep_endpoint_settle(&endpoints[1]));
    iscep_workers_free(workers);
    iscep_loop_free(server.loop);
    cr_assert(iscep_endpoint_close(&endpoints[0]));
    cr_assert(iscep_endpoint_close(&endpoints[1]));
    iscep_buf_clear(&message);
    test_device_clear(&phone);
    test_world_clear(&the_world);
}

static int send_request(const char *method, const char *target, iscep_bytes body)
{
    ISCEP_AUTO_BUF request;
    iscep_buf_init(&request, 1024 * 1024);
    iscep_buf_printf(&request, "%s %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", method, target,
                     body.len);
    iscep_buf_append(&request, body.data, body.len);
    int client = peer_connect_tcp(iscep_http_front_port(front));
    peer_send_bytes(client, iscep_buf_bytes(&request));
    return client;
}

static void read_reply(peer_reply *out, int client, int status)
{
    peer_read_reply(client, out);
    close(client);
    cr_assert_eq(out->status, status, "%d: %s", out->status, iscep_buf_text(&out->body));
}

static void ask(peer_reply *out, const char *method, const char *target, iscep_bytes body)
{
    read_reply(out, send_request(method, target, body), 200);
}

static void expect_body(peer_reply *reply, const char *content_type, iscep_bytes body)
{
    cr_assert_str_eq(peer_reply_header(reply, "Content-Type"), content_type);
    cr_assert(iscep_bytes_equal(iscep_buf_bytes(&reply->body), body));
    peer_reply_clear(reply);
}

static void expect_status(const char *method, const char *target, int status)
{
    peer_reply reply;
    read_reply(&reply, send_request(method, target, iscep_bytes_of(NULL, 0)), status);
    peer_reply_clear(&reply);
}

static void expect_certificate(peer_reply *reply)
{
    cr_assert_str_eq(peer_reply_header(reply, "Content-Type"), "application/x-pki-message");
    cert_rep answer;
    test_cert_rep_read(&answer, iscep_buf_bytes(&reply->body), iscep_host_ca_scep(the_world.ca)->cert,
                       &phone);
    cr_assert_str_eq(answer.pki_status, "0");
    test_cert_rep_clear(&answer);
    peer_reply_clear(reply);
}

Test(http_front, tells_its_capabilities, .init = set_up, .fini = tear_down, .timeout = 30)
{
    peer_reply reply;
    ask(&reply, "GET", "/scep?operation=GetCACaps&message=0", iscep_bytes_of(NULL, 0));
    expect_body(
        &reply, "text/plain",
        iscep_bytes_of_text("AES\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\nSHA-384\nSHA-512\n"));
}

Test(http_front, hands_out_the_ca_certificate, .init = set_up, .fini = tear_down, .timeout = 30)
{
    peer_reply reply;
    ask(&reply, "GET", "/scep?message=ca&operation=GetCACert", iscep_bytes_of(NULL, 0));
    expect_body(&reply, "application/x-x509-ca-cert",
                iscep_buf_bytes(&iscep_host_ca_identity(the_world.ca)->der));
}

Test(http_front, takes_a_message_by_post, .init = set_up, .fini = tear_down, .timeout = 30)
{
    peer_reply reply;
    ask(&reply, "POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    expect_certificate(&reply);
}

/* Base64 into a query, in the manner given by alphabet ("+/" as they are, "%" as escapes, "-_" as base64url). */
static void append_query(iscep_buf *out, char alphabet)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, 65536);
    iscep_base64_encode(&base64, iscep_buf_bytes(&message));
    for (size_t i = 0; i < base64.len; i++) {
        char c = (char)base64.data[i];
        if (alphabet == '%' && (c == '+' || c == '/' || c == '='))
            iscep_buf_printf(out, "%%%02X", (unsigned)c);
        else if (alphabet == '-' && c == '=')
            continue;
        else
            iscep_buf_printf(out, "%c",
                             alphabet == '-' && c == '+'   ? '-'
                             : alphabet == '-' && c == '/' ? '_'
                                                           : c);
    }
}

Test(http_front, takes_a_message_by_get_in_every_spelling, .init = set_up, .fini = tear_down, .timeout = 30)
{
    static const char alphabets[] = {'%', '+', '-'};
    for (size_t i = 0; i < sizeof(alphabets); i++) {
        ISCEP_AUTO_BUF target;
        iscep_buf_init(&target, 65536);
        iscep_buf_append_text(&target, "/scep?message=");
        append_query(&target, alphabets[i]);
        iscep_buf_append_text(&target, "&operation=PKIOperation");
        peer_reply reply;
        ask(&reply, "GET", iscep_buf_text(&target), iscep_bytes_of(NULL, 0));
        expect_certificate(&reply);
    }
}

Test(http_front, refuses_what_it_does_not_know, .init = set_up, .fini = tear_down, .timeout = 30)
{
    expect_status("GET", "/", 404);
    expect_status("GET", "/scep/more?operation=GetCACaps", 404);
    expect_status("GET", "/scep", 400);
    expect_status("GET", "/scep?operation=GetNextCACert", 404);
    expect_status("GET", "/scep?operation=GetCACaps&operation=GetCACert", 400);
    expect_status("GET", "/scep?operation=getcacaps", 400);
    expect_status("GET", "/scep?operation=PKIOperation", 400);
    expect_status("GET", "/scep?operation=PKIOperation&message=!!!!", 400);
    expect_status("GET", "/scep?operation=PKIOperation&message=AAAA", 400);
    expect_status("POST", "/scep?operation=PKIOperation", 400);
    expect_status("POST", "/scep?operation=GetCACert", 405);
    expect_status("DELETE", "/scep?operation=PKIOperation", 405);
}

Test(http_front, hands_out_the_crl, .init = set_up, .fini = tear_down, .timeout = 30)
{
    peer_reply reply;
    ask(&reply, "GET", "/crl", iscep_bytes_of(NULL, 0));
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "application/pkix-crl");
    const uint8_t *at = reply.body.data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)reply.body.len);
    cr_assert_not_null(crl);
    cr_assert_eq(at, reply.body.data + reply.body.len);
    cr_assert_eq(X509_CRL_verify(crl, iscep_host_ca_identity(the_world.ca)->key.pkey), 1);
    X509_CRL_free(crl);
    peer_reply_clear(&reply);
    expect_status("POST", "/crl", 405);
    expect_status("GET", "/crl/", 404);
}

/* The plugin waits at a FIFO, as the test decides. */
static void set_up_gate(iscep_plugin_form form, uint32_t timeout_ms)
{
    iscep_endpoint_plan plan = plan_at("/scep");
    temp_dir_make(&fifo_dir);
    temp_dir_path(&fifo_dir, fifo, sizeof(fifo), "fifo");
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    set(&plan, "verify", "allow");
    set(&plan, "hold", fifo);
    plan.plugins[0].form = form;
    plan.plugins[0].timeout_ms = timeout_ms;
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
    start_server(&plan);
}

static void set_up_with_gate(void)
{
    set_up_gate(ISCEP_PLUGIN_BLOCKING, 10000);
}

static void set_up_with_event_gate(void)
{
    set_up_gate(ISCEP_PLUGIN_EVENT, 10000);
}

static void set_up_without_patience(void)
{
    set_up_gate(ISCEP_PLUGIN_BLOCKING, 1);
    endpoints[0].patience_ms = 100;
}

static void tear_down_with_gate(void)
{
    tear_down();
    temp_dir_remove(&fifo_dir);
}

/* The one thread is taken, and its queue holds all but one of these: which, the loop decides. */
enum { TOO_MANY = 65 };

static size_t await_first(const int *clients)
{
    struct pollfd readable[TOO_MANY];
    size_t at = 0;
    for (size_t i = 0; i < TOO_MANY; i++)
        readable[i] = (struct pollfd){.fd = clients[i], .events = POLLIN};
    cr_assert_eq(poll(readable, TOO_MANY, 10000), 1);
    while (readable[at].revents == 0)
        at++;
    return at;
}

Test(http_front, is_busy_when_too_many_requests_wait, .init = set_up_with_gate, .fini = tear_down_with_gate,
     .timeout = 30)
{
    int clients[TOO_MANY];
    peer_reply reply;
    int first = send_request("POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    int held = open(fifo, O_WRONLY); /* returns when the worker has come to the other end */
    for (size_t i = 0; i < TOO_MANY; i++)
        clients[i] = send_request("POST", "/scep?operation=PKIOperation", iscep_bytes_of_text("queued"));
    size_t turned_away = await_first(clients);
    read_reply(&reply, clients[turned_away], 503);
    peer_reply_clear(&reply);
    expect_status("POST", "/other?operation=PKIOperation", 400); /* where there is room */
    cr_assert_eq(write(held, "", 1), 1);
    close(held);
    read_reply(&reply, first, 200);
    expect_certificate(&reply);
    for (size_t i = 0; i < TOO_MANY; i++) {
        if (i == turned_away)
            continue;
        read_reply(&reply, clients[i], 400);
        peer_reply_clear(&reply);
    }
}

Test(http_front, answers_others_while_the_plugin_takes_its_time, .init = set_up_with_gate,
     .fini = tear_down_with_gate, .timeout = 30)
{
    int first = send_request("POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    int held = open(fifo, O_WRONLY);
    expect_status("GET", "/scep?operation=GetCACaps", 200);
    cr_assert_eq(write(held, "", 1), 1);
    close(held);
    peer_reply reply;
    read_reply(&reply, first, 200);
    expect_certificate(&reply);
}

/* While the plugin is asked the endpoint's only thread is free. */
Test(http_front, holds_no_thread_for_a_plugin_that_does_not_block, .init = set_up_with_event_gate,
     .fini = tear_down_with_gate, .timeout = 30)
{
    int first = send_request("POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    int held = open(fifo, O_WRONLY);
    expect_status("POST", "/scep?operation=PKIOperation", 400);
    cr_assert_eq(write(held, "", 1), 1);
    peer_reply reply;
    read_reply(&reply, first, 200);
    expect_certificate(&reply);
    close(held);
}

Test(http_front, answers_in_time_when_the_plugin_does_not_come_back, .init = set_up_without_patience,
     .fini = tear_down_with_gate, .timeout = 30)
{
    int first = send_request("POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    int held = open(fifo, O_WRONLY);
    int second = send_request("POST", "/scep?operation=PKIOperation", iscep_bytes_of_text("queued"));
    peer_reply reply;
    read_reply(&reply, first, 503);
    peer_reply_clear(&reply);
    read_reply(&reply, second, 503); /* nor does the queue move */
    peer_reply_clear(&reply);
    ask(&reply, "POST", "/other?operation=PKIOperation", iscep_buf_bytes(&message));
    expect_certificate(&reply);
    cr_assert_eq(write(held, "", 1), 1);
    close(held);
}

Test(http_front, goes_without_those_that_wait_for_a_plugin, .init = set_up_with_event_gate,
     .fini = tear_down_with_gate, .timeout = 30)
{
    int first = send_request("POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    int held = open(fifo, O_WRONLY);
    expect_status("POST", "/scep?operation=PKIOperation",
                  400); /* the thread is free: the loop has the other one */
    close(first);
    close(held);
}

Test(http_front, asks_no_more_of_a_plugin_that_has_damaged_it, .init = set_up, .fini = tear_down,
     .timeout = 30)
{
    atomic_store(&endpoints[0].plugins[0]->is_out_of_service, true);
    expect_status("POST", "/scep?operation=PKIOperation", 503);
    expect_status("GET", "/scep?operation=GetCACaps", 200);
    peer_reply reply;
    ask(&reply, "POST", "/other?operation=PKIOperation", iscep_buf_bytes(&message));
    expect_certificate(&reply);
}

/* An RA and a CA that will be next. */
static void set_up_with_all_certificates(void)
{
    iscep_endpoint_plan plan = plan_at("/scep");
    set(&plan, "verify", "allow");
    test_world_init(&the_world, false);
    test_world_open_whole_ca(&the_world);
    start_server(&plan);
}

static CMS_ContentInfo *read_cms(const peer_reply *reply)
{
    const uint8_t *at = reply->body.data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)reply->body.len);
    cr_assert_not_null(cms);
    return cms;
}

static bool has_cert(STACK_OF(X509) * certs, const X509 *wanted)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        if (X509_cmp(sk_X509_value(certs, i), wanted) == 0)
            return true;
    }
    return false;
}

/* These certificates, in any order, and no signer. */
static void expect_certs(CMS_ContentInfo *cms, X509 *const *expected, int count)
{
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    cr_assert_eq(sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)), 0);
    cr_assert_eq(sk_X509_num(certs), count);
    for (int i = 0; i < count; i++)
        cr_assert(has_cert(certs, expected[i]));
    sk_X509_pop_free(certs, X509_free);
}

Test(http_front, hands_out_the_certificates_of_ca_and_ra, .init = set_up_with_all_certificates,
     .fini = tear_down, .timeout = 30)
{
    X509 *expected[] = {iscep_host_ca_cert(the_world.ca), iscep_host_ca_ra(the_world.ca)->cert};
    peer_reply reply;
    ask(&reply, "GET", "/scep?operation=GetCACert", iscep_bytes_of(NULL, 0));
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "application/x-x509-ca-ra-cert");
    OSSL_AUTO(CMS_ContentInfo) *cms = read_cms(&reply);
    expect_certs(cms, expected, 2);
    peer_reply_clear(&reply);
    ask(&reply, "POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    expect_certificate(&reply); /* which was enciphered for the RA, and is signed by it */
}

Test(http_front, hands_out_the_certificate_of_the_next_ca, .init = set_up_with_all_certificates,
     .fini = tear_down, .timeout = 30)
{
    X509 *next = iscep_host_ca_next(the_world.ca)->cert;
    peer_reply reply;
    ask(&reply, "GET", "/scep?operation=GetCACaps", iscep_bytes_of(NULL, 0));
    expect_body(&reply, "text/plain",
                iscep_bytes_of_text("AES\nGetNextCACert\nPOSTPKIOperation\nRenewal\nSCEPStandard\nSHA-256\n"
                                    "SHA-384\nSHA-512\n"));
    ask(&reply, "GET", "/scep?operation=GetNextCACert", iscep_bytes_of(NULL, 0));
    cr_assert_str_eq(peer_reply_header(&reply, "Content-Type"), "application/x-x509-next-ca-cert");
    OSSL_AUTO(CMS_ContentInfo) *cms = read_cms(&reply);
    OSSL_AUTO(X509_STACK) *signers = sk_X509_new_null();
    OSSL_AUTO(BIO) *content = BIO_new(BIO_s_mem());
    sk_X509_push(signers, iscep_host_ca_cert(the_world.ca));
    const unsigned flags = CMS_NO_SIGNER_CERT_VERIFY | CMS_NOINTERN | CMS_BINARY;
    cr_assert_eq(CMS_verify(cms, signers, NULL, NULL, content, flags), 1, "it is not signed by the CA");
    OSSL_AUTO(CMS_ContentInfo) *inner = d2i_CMS_bio(content, NULL);
    expect_certs(inner, &next, 1);
    cr_assert_eq(X509_check_ca(next), 1);
    peer_reply_clear(&reply);
}

static void stop_loop(void *user)
{
    (void)user;
    iscep_loop_stop(server.loop);
}

static void drain(void *user)
{
    (void)user;
    iscep_http_front_drain(front, stop_loop, NULL);
}

Test(http_front, finishes_what_is_under_way_before_it_stops, .init = set_up_with_gate,
     .fini = tear_down_with_gate, .timeout = 30)
{
    iscep_error err = ISCEP_ERROR_INIT;
    int first = send_request("POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    int held = open(fifo, O_WRONLY);
    cr_assert_eq(iscep_loop_post(server.loop, drain, NULL, &err), ISCEP_OK);
    cr_assert_eq(write(held, "", 1), 1);
    close(held);
    peer_reply reply;
    read_reply(&reply, first, 200);
    expect_certificate(&reply);
}
