/* TLS towards our clients: whose certificates are believed, which names count, and what is no TLS at all. */
#include <criterion/criterion.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/tls.h"
#include "tests/support/peer.h"
#include "tests/unit/net/served.h"
#include "tests/unit/net/tls_client.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define NAME         "step-ca.example"

static served s;
static test_identity ca, other_ca, server;
static char chain_file[128], key_file[128], ca_file[128], ca_key_file[128];

static void set_up(void)
{
    served_start(&s, NULL);
    temp_dir_path(&s.dir, chain_file, sizeof chain_file, "chain.pem");
    temp_dir_path(&s.dir, key_file, sizeof key_file, "chain-key.pem");
    temp_dir_path(&s.dir, ca_file, sizeof ca_file, "clients.pem");
    temp_dir_path(&s.dir, ca_key_file, sizeof ca_key_file, "clients-key.pem");
    ca = test_identity_new(&(test_identity_options){.common_name = "Client CA", .is_ca = true});
    other_ca = test_identity_new(&(test_identity_options){.common_name = "Client CA", .is_ca = true});
    server = test_identity_new(&(test_identity_options){.common_name = "localhost"});
    test_identity_write(&ca, ca_file, ca_key_file);
    test_identity_write(&server, chain_file, key_file);
}

static void tear_down(void)
{
    served_stop(&s);
    test_identity_free(&ca);
    test_identity_free(&other_ca);
    test_identity_free(&server);
}

TestSuite(tls, .init = set_up, .fini = tear_down);

static void listen_for_clients(bool is_required)
{
    served_listen_tls(&s, &(iscep_tls_options){.chain_file = chain_file,
                                               .key_file = key_file,
                                               .client_ca_file = ca_file,
                                               .is_client_required = is_required});
}

/* What path answers to who shows identity: the body, or "" for whoever gets no answer. */
static const char *answer_to(const test_identity *identity, const char *path, int max_version)
{
    static char body[256];
    tls_client client;
    body[0] = '\0';
    if (tls_client_open(&client, &(tls_client_options){
                                     .port = s.extra_port, .identity = identity, .max_version = max_version}))
        tls_client_get(&client, path, body, sizeof body);
    tls_client_close(&client);
    return body;
}

/* --- which certificates are believed --- */

typedef struct case_of_client {
    const char *what;
    test_identity_options options;
    bool is_good;
} case_of_client;

static const case_of_client clients[] = {
    {"of the CA", {.issuer = &ca, .alternative = "DNS:" NAME}, true},
    {"of the CA, for clients", {.issuer = &ca, .alternative = "DNS:" NAME, .usage = "clientAuth"}, true},
    {"of the CA, for servers only",
     {.issuer = &ca, .alternative = "DNS:" NAME, .usage = "serverAuth"},
     false},
    {"of another CA of the same name", {.issuer = &other_ca, .alternative = "DNS:" NAME}, false},
    {"expired", {.issuer = &ca, .alternative = "DNS:" NAME, .is_expired = true}, false},
    {"self-signed", {.alternative = "DNS:" NAME}, false},
    {"self-signed, with the CA's name", {.common_name = "Client CA", .alternative = "DNS:" NAME}, false},
};

static void assert_believes_the_right(const char *nobody)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t v = 0; v < COUNT(versions); v++) {
        for (size_t i = 0; i < COUNT(clients); i++) {
            test_identity client = test_identity_new(&clients[i].options);
            cr_expect_str_eq(answer_to(&client, "/peer", versions[v]),
                             clients[i].is_good ? "door 0 tcp uid - tls certificate 127.0.0.1" : "", "%s",
                             clients[i].what);
            cr_expect_str_eq(answer_to(&client, "/named/" NAME, versions[v]), clients[i].is_good ? "yes" : "",
                             "%s", clients[i].what);
            test_identity_free(&client);
        }
        cr_expect_str_eq(answer_to(NULL, "/peer", versions[v]), nobody);
    }
}

Test(tls, required_certificate_must_be_of_the_ca)
{
    listen_for_clients(true);
    assert_believes_the_right("");
}

Test(tls, optional_certificate_must_be_of_the_ca_too)
{
    listen_for_clients(false);
    assert_believes_the_right("door 0 tcp uid - tls - 127.0.0.1");
    cr_assert_str_eq(answer_to(NULL, "/named/" NAME, 0), "no");
}

Test(tls, certificate_is_not_asked_for_without_a_ca)
{
    served_listen_tls(&s, &(iscep_tls_options){.chain_file = chain_file, .key_file = key_file});
    test_identity client =
        test_identity_new(&(test_identity_options){.issuer = &ca, .alternative = "DNS:" NAME});
    cr_assert_str_eq(answer_to(&client, "/peer", 0), "door 0 tcp uid - tls - 127.0.0.1");
    cr_assert_str_eq(answer_to(&client, "/named/" NAME, 0), "no");
    test_identity_free(&client);
}

Test(tls, intermediate_ca_alone_is_enough)
{
    test_identity lower = test_identity_new(
        &(test_identity_options){.issuer = &ca, .common_name = "Client CA 2", .is_ca = true});
    test_identity client =
        test_identity_new(&(test_identity_options){.issuer = &lower, .alternative = "DNS:" NAME});
    test_identity sibling =
        test_identity_new(&(test_identity_options){.issuer = &ca, .alternative = "DNS:" NAME});
    test_identity_write(&lower, ca_file, ca_key_file);
    listen_for_clients(true);
    cr_assert_str_eq(answer_to(&client, "/named/" NAME, 0), "yes");
    cr_assert_str_eq(answer_to(&sibling, "/named/" NAME, 0), "", "the CA above was not named");
    test_identity_free(&sibling);
    test_identity_free(&client);
    test_identity_free(&lower);
}

/* --- names --- */

typedef struct case_of_name {
    const char *common_name;
    const char *alternative;
    const char *want; /* "yes" or "no" to NAME */
} case_of_name;

Test(tls, client_has_the_names_that_its_certificate_says)
{
    static const case_of_name cases[] = {
        {"somebody", "DNS:" NAME, "yes"},
        {"somebody", "DNS:other.example,DNS:STEP-CA.Example", "yes"},
        {NAME, NULL, "yes"},
        {NAME, "IP:192.0.2.1,email:ca@" NAME, "yes"}, /* no name of the kind: the common name counts */
        {NAME, "DNS:other.example", "no"},            /* one of the kind: it does not */
        {NULL, "DNS:*.example", "no"},
        {NULL, "DNS:a." NAME, "no"},
        {NULL, "DNS:" NAME ".evil", "no"},
        {NULL, "URI:" NAME ",email:" NAME "@x", "no"},
        {"step-ca", NULL, "no"},
        {NAME " ", NULL, "no"},
        {NULL, NULL, "no"},
    };
    listen_for_clients(true);
    for (size_t i = 0; i < COUNT(cases); i++) {
        test_identity client = test_identity_new(&(test_identity_options){
            .issuer = &ca, .common_name = cases[i].common_name, .alternative = cases[i].alternative});
        cr_expect_str_eq(answer_to(&client, "/named/" NAME, 0), cases[i].want, "%s %s", cases[i].common_name,
                         cases[i].alternative);
        test_identity_free(&client);
    }
}

Test(tls, resumed_session_still_knows_who_it_is)
{
    char body[256];
    tls_client first, second;
    test_identity who =
        test_identity_new(&(test_identity_options){.issuer = &ca, .alternative = "DNS:" NAME});
    listen_for_clients(true);
    cr_assert(tls_client_open(&first, &(tls_client_options){.port = s.extra_port, .identity = &who}));
    cr_assert_eq(tls_client_get(&first, "/named/" NAME, body, sizeof body), 200);
    SSL_SESSION *session = SSL_get1_session(first.ssl);
    cr_assert(tls_client_open(&second, &(tls_client_options){.port = s.extra_port, .session = session}));
    cr_assert_eq(SSL_session_reused(second.ssl), 1);
    cr_assert_eq(tls_client_get(&second, "/named/" NAME, body, sizeof body), 200);
    cr_assert_str_eq(body, "yes");
    SSL_SESSION_free(session);
    tls_client_close(&first);
    tls_client_close(&second);
    test_identity_free(&who);
}

/* A session is renewed by every use, so that its own end is none. */
static void assert_is_asked_anew_when_expired(int max_version)
{
    char body[256];
    tls_client first, second;
    test_identity who = test_identity_new(
        &(test_identity_options){.issuer = &ca, .alternative = "DNS:" NAME, .expires_in_s = 2});
    tls_client_options options = {.port = s.extra_port, .identity = &who, .max_version = max_version};
    cr_assert(tls_client_open(&first, &options));
    cr_assert_eq(tls_client_get(&first, "/named/" NAME, body, sizeof body), 200);
    options.session = SSL_get1_session(first.ssl);
    while (X509_cmp_current_time(X509_get0_notAfter(who.certificate)) > 0)
        served_count_connections(&s);
    body[0] = '\0';
    if (tls_client_open(&second, &options))
        tls_client_get(&second, "/named/" NAME, body, sizeof body);
    cr_expect_eq(SSL_session_reused(second.ssl), 0);
    cr_expect_str_eq(body, "", "an expired certificate was believed");
    SSL_SESSION_free(options.session);
    tls_client_close(&first);
    tls_client_close(&second);
    test_identity_free(&who);
}

Test(tls, resumed_session_outlives_no_certificate)
{
    listen_for_clients(true);
    assert_is_asked_anew_when_expired(TLS1_2_VERSION);
    assert_is_asked_anew_when_expired(TLS1_3_VERSION);
}

/* --- what is agreed on --- */

Test(tls, tells_clients_that_ask_that_it_speaks_http_1_1)
{
    static const struct {
        const char *offer;
        size_t len;
        const char *want;
    } cases[] = {{"\x02h2\x08http/1.1", 12, "http/1.1"},
                 {"\x08http/1.1", 9, "http/1.1"},
                 {"\x02h2", 3, ""},
                 {NULL, 0, ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        tls_client client;
        const unsigned char *chosen = NULL;
        unsigned len = 0;
        cr_assert(tls_client_open(
            &client,
            &(tls_client_options){.port = s.tls_port, .alpn = iscep_bytes_of(cases[i].offer, cases[i].len)}));
        SSL_get0_alpn_selected(client.ssl, &chosen, &len);
        cr_expect(iscep_bytes_equal(iscep_bytes_of(chosen, len), iscep_bytes_of_text(cases[i].want)), "%zu",
                  i);
        tls_client_close(&client);
    }
}

Test(tls, plain_http_on_a_tls_port_ends_at_once_with_a_word)
{
    int fd = peer_connect_tcp(s.tls_port);
    peer_reply reply;
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 64);
    peer_ask(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 400, &reply);
    cr_assert_not_null(strstr(iscep_buf_text(&reply.body), "\"tls_expected\""));
    peer_read_to_end(fd, &rest);
    cr_assert_eq(rest.len, 0, "Content-Length is right");
    cr_assert_eq(gate_count(&s.arrivals), 0);
    peer_reply_clear(&reply);
    close(fd);
}

Test(tls, garbage_instead_of_a_handshake_ends_at_once)
{
    static const char garbage[] = "\x16\x03\x01\xff\xff garbage garbage garbage";
    int fd = peer_connect_tcp(s.tls_port);
    ISCEP_AUTO_BUF rest;
    iscep_buf_init(&rest, 4096);
    peer_send_bytes(fd, iscep_bytes_of(garbage, sizeof garbage));
    peer_read_to_end(fd, &rest); /* an alert, or nothing */
    cr_assert_leq(rest.len, 7);
    cr_assert_eq(served_count_connections(&s), 0);
    close(fd);
}

static gate tls_complaints, http_complaints;

static void keep_complaint(void *user, const char *line, size_t len)
{
    (void)user;
    if (memmem(line, len, "tls_failed", 10) != NULL)
        gate_pass(&tls_complaints);
    if (memmem(line, len, "http_failed", 11) != NULL)
        gate_pass(&http_complaints);
}

Test(tls, what_is_spoken_at_the_wrong_port_is_logged_for_who_looks_for_it)
{
    static const iscep_log log = {.min_level = ISCEP_LOG_DEBUG, .write = keep_complaint};
    static const char hello[] = "\x16\x03\x01\x02\x00\x01";
    ISCEP_AUTO_BUF rest;
    peer_reply reply;
    tls_complaints = http_complaints = (gate)GATE_INIT;
    s.env.log = &log; /* nobody has come yet */
    iscep_buf_init(&rest, 4096);
    int plain = peer_connect_tcp(s.tls_port), tls = peer_connect_tcp(s.port);
    peer_ask(plain, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 400, &reply);
    peer_reply_clear(&reply);
    gate_await(&tls_complaints, 1);
    peer_send_bytes(tls, iscep_bytes_of(hello, sizeof hello - 1));
    gate_await(&http_complaints, 1);
    peer_read_to_end(tls, &rest);
    cr_assert_eq(strncmp(iscep_buf_text(&rest), "HTTP/1.1 400 ", 13), 0);
    cr_assert_eq(gate_count(&tls_complaints), 1);
    close(plain);
    close(tls);
}

/* --- files --- */

Test(tls, knows_when_its_certificate_ends)
{
    SSL_CTX *tls;
    cr_assert_eq(iscep_tls_server_new(&tls, chain_file, key_file, NULL), ISCEP_OK);
    cr_assert_lt(llabs((long long)iscep_tls_server_expires_unix(tls) - (long long)time(NULL) - 3600), 600);
    iscep_tls_server_free(tls);
}

Test(tls, names_the_file_that_cannot_be_used)
{
    char empty[128], missing[128];
    SSL_CTX *tls = NULL;
    temp_dir_write(&s.dir, empty, sizeof empty, "empty.pem", "");
    temp_dir_path(&s.dir, missing, sizeof missing, "missing.pem");
    const struct {
        iscep_tls_options options;
        const char *wrong;
    } cases[] = {
        {{.chain_file = missing, .key_file = key_file}, missing},
        {{.chain_file = empty, .key_file = key_file}, empty},
        {{.chain_file = chain_file, .key_file = missing}, missing},
        {{.chain_file = chain_file, .key_file = ca_key_file}, ca_key_file}, /* not the certificate's */
        {{.chain_file = chain_file, .key_file = key_file, .client_ca_file = missing}, missing},
        {{.chain_file = chain_file, .key_file = key_file, .client_ca_file = empty}, empty},
        {{.chain_file = chain_file, .key_file = key_file, .client_ca_file = key_file}, key_file},
        {{.chain_file = chain_file, .key_file = key_file, .is_client_required = true}, "no CA"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        iscep_error err = ISCEP_ERROR_INIT;
        cr_expect_eq(iscep_tls_server_make(&tls, &cases[i].options, &err), ISCEP_CONFIG, "%zu", i);
        cr_expect_str_eq(err.code, "tls_files");
        cr_expect_not_null(strstr(err.message, cases[i].wrong), "%s", err.message);
    }
}
