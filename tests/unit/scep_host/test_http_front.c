/* SCEP over HTTP, through a real socket. */
#include "http_front.h"

#include <fcntl.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/loop_thread.h"
#include "tests/support/peer.h"
#include "world.h"

static host_world the_world;
static iscep_enrol enrol;
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
    message_options options = TEST_MESSAGE(&phone, iscep_host_ca_cert(the_world.ca), iscep_buf_bytes(&csr));
    test_message(&message, &options);
}

static void start_server(const scep_config_entry *config, size_t count, size_t max_queued)
{
    test_world_init(&the_world, false);
    test_world_open_ca(&the_world);
    test_device_init(&phone, "phone");
    make_message();
    enrol = (iscep_enrol){.env = &the_world.env, .crypto = the_world.crypto, .ca = the_world.ca};
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_plugin_options plugin = {.config = config, .config_count = count};
    const iscep_transactions_options table = ISCEP_TRANSACTIONS_OPTIONS_INIT;
    cr_assert_eq(iscep_plugin_host_load(&enrol.plugin, &the_world.log, ISCEP_FIXED_VERDICT, &plugin, &err),
                 ISCEP_OK);
    cr_assert_eq(iscep_transactions_new(&enrol.transactions, &the_world.env, &table, &err), ISCEP_OK);
    loop_thread_make(&server);
    cr_assert_eq(iscep_workers_new(&workers, 1, max_queued, &err), ISCEP_OK);
    const iscep_http_front_options options = {.env = &the_world.env,
                                              .loop = server.loop,
                                              .workers = workers,
                                              .enrol = &enrol,
                                              .host = "127.0.0.1",
                                              .path = "/scep"};
    cr_assert_eq(iscep_http_front_new(&front, &options, &err), ISCEP_OK, "%s", err.message);
    loop_thread_start(&server);
}

static void set_up(void)
{
    const scep_config_entry config[] = {{"verify", "allow"}};
    start_server(config, 1, 8);
}

static void tear_down(void)
{
    loop_thread_stop(&server);
    iscep_workers_free(workers);
    iscep_http_front_free(front);
    iscep_loop_free(server.loop);
    iscep_transactions_free(enrol.transactions);
    iscep_plugin_host_free(enrol.plugin);
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
    test_cert_rep_read(&answer, iscep_buf_bytes(&reply->body), iscep_host_ca_cert(the_world.ca), &phone);
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
    expect_body(&reply, "application/x-x509-ca-cert", iscep_host_ca_der(the_world.ca));
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
    expect_status("GET", "/scep?operation=GetNextCACert", 400);
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
    cr_assert_eq(X509_CRL_verify(crl, iscep_host_ca_key(the_world.ca)), 1);
    X509_CRL_free(crl);
    peer_reply_clear(&reply);
    expect_status("POST", "/crl", 405);
    expect_status("GET", "/crl/", 404);
}

/* The one worker waits at a FIFO and the queue is full, as the test decides. */
static void set_up_with_gate(void)
{
    temp_dir_make(&fifo_dir);
    temp_dir_path(&fifo_dir, fifo, sizeof(fifo), "fifo");
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    const scep_config_entry config[] = {{"verify", "allow"}, {"hold", fifo}};
    start_server(config, 2, 1);
}

static void tear_down_with_gate(void)
{
    tear_down();
    temp_dir_remove(&fifo_dir);
}

Test(http_front, is_busy_when_too_many_requests_wait, .init = set_up_with_gate, .fini = tear_down_with_gate,
     .timeout = 30)
{
    peer_reply reply;
    int first = send_request("POST", "/scep?operation=PKIOperation", iscep_buf_bytes(&message));
    int held = open(fifo, O_WRONLY); /* returns when the worker has come to the other end */
    int second = send_request("POST", "/scep?operation=PKIOperation", iscep_bytes_of_text("queued"));
    int third = send_request("POST", "/scep?operation=PKIOperation", iscep_bytes_of_text("queued"));
    /* One of the two found room. Which one, the loop decided; the other has its answer before the worker goes on. */
    fd_set readable;
    FD_ZERO(&readable);
    FD_SET(second, &readable);
    FD_SET(third, &readable);
    cr_assert_eq(select((second > third ? second : third) + 1, &readable, NULL, NULL, NULL), 1);
    bool is_second = FD_ISSET(second, &readable);
    read_reply(&reply, is_second ? second : third, 503);
    peer_reply_clear(&reply);
    cr_assert_eq(write(held, "", 1), 1);
    close(held);
    read_reply(&reply, first, 200);
    expect_certificate(&reply);
    read_reply(&reply, is_second ? third : second, 400);
    peer_reply_clear(&reply);
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
