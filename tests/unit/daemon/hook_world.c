/* See hook_world.h. */
#include "tests/unit/daemon/hook_world.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/support/test_pki.h"

/* --- the connector's side --- */

static void handle(iscep_exchange *exchange, void *user)
{
    hook_world *w = user;
    const iscep_step_ca_event event = strcmp(iscep_exchange_path(exchange), HOOK_CHALLENGE_PATH) == 0
                                          ? ISCEP_STEP_CA_CHALLENGE
                                          : ISCEP_STEP_CA_NOTIFY;
    if (iscep_step_ca_admit(w->hook, &w->env, exchange, event))
        iscep_step_ca_handle(w->hook, &w->env, w->service, exchange, event);
}

static void write_secret(hook_world *w, char *path, size_t size, const char *name, const char *key)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 1024);
    iscep_base64_encode(&text, iscep_bytes_of_text(key));
    temp_dir_write(&w->dir, path, size, name, iscep_buf_text(&text));
}

static void make_hook_options(hook_world *w)
{
    write_secret(w, w->challenge_secret, sizeof w->challenge_secret, "challenge.secret", HOOK_CHALLENGE_KEY);
    write_secret(w, w->notify_secret, sizeof w->notify_secret, "notify.secret", HOOK_NOTIFY_KEY);
    w->hook_options = (iscep_step_ca_options){.name = "main",
                                              .challenge_id = HOOK_CHALLENGE_ID,
                                              .challenge_secret_file = w->challenge_secret,
                                              .notify_id = HOOK_NOTIFY_ID,
                                              .notify_secret_file = w->notify_secret,
                                              .answer_within_ms = 6000};
}

void hook_world_make(hook_world *w)
{
    *w = (hook_world){0};
    intune_world_init(&w->cloud);
    w->cloud.tenant.breaker.failures = 100; /* tables fail often in a row; the breaker has tests of its own */
    fake_env_init(&w->log);
    w->env = iscep_env_system(&w->log.log);
    w->on.loop = w->cloud.loop;
    intune_world_answer_all(&w->cloud);
    temp_dir_make(&w->dir);
    temp_dir_path(&w->dir, w->socket_path, sizeof w->socket_path, "socket");
    temp_dir_path(&w->dir, w->journal_path, sizeof w->journal_path, "journal.db");
    make_hook_options(w);
    w->options = (iscep_service_options){
        .tenant = "contoso", .policy = iscep_policy_default, .reporting = iscep_reporting_options_default};
    w->key = test_pki_new_ec_key();
    iscep_buf_init(&w->csr, 64 * 1024);
    iscep_buf_init(&w->cert, 64 * 1024);
    test_pki_emit_good_csr(&w->csr, w->key);
    test_pki_emit_cert(&w->cert, &(test_cert_options){.key = w->key, .not_after_unix = 4102444800});
}

static void open_service(hook_world *w)
{
    iscep_error err = ISCEP_ERROR_INIT;
    w->journal_options = (iscep_journal_options)ISCEP_JOURNAL_OPTIONS_INIT;
    w->journal_options.path = w->journal_path;
    cr_assert_eq(iscep_journal_open(&w->journal, &w->env, w->on.loop, &w->journal_options, &err), ISCEP_OK,
                 "%s", err.message);
    cr_assert_eq(
        iscep_intune_new(&w->intune, &w->env, w->on.loop, &w->cloud.http.base, &w->cloud.tenant, &err),
        ISCEP_OK, "%s", err.message);
    cr_assert_eq(
        iscep_service_new(&w->service, &w->env, w->intune, w->journal, &w->routing, &w->options, &err),
        ISCEP_OK, "%s", err.message);
}

void hook_world_start(hook_world *w)
{
    iscep_error err = ISCEP_ERROR_INIT;
    const iscep_http_server_options limits = ISCEP_HTTP_SERVER_OPTIONS_INIT;
    open_service(w);
    cr_assert_eq(iscep_step_ca_new(&w->hook, &w->hook_options, &err), ISCEP_OK, "%s", err.message);
    cr_assert_eq(iscep_http_server_new(&w->server, &w->env, w->on.loop, &limits, handle, w, &err), ISCEP_OK);
    cr_assert_eq(iscep_http_server_listen_unix(w->server, w->socket_path, 0600, &err), ISCEP_OK, "%s",
                 err.message);
    loop_thread_start(&w->on);
    w->fd = peer_connect_unix(w->socket_path);
}

void hook_world_stop(hook_world *w)
{
    close(w->fd);
    loop_thread_stop(&w->on);
    iscep_intune_free(w->intune);
    iscep_service_free(w->service);
    iscep_journal_close(w->journal);
    iscep_http_server_free(w->server);
    iscep_step_ca_free(w->hook);
    intune_world_clear(&w->cloud); /* the loop is the cloud's */
    fake_env_clear(&w->log);
    temp_dir_remove(&w->dir);
    EVP_PKEY_free(w->key);
    iscep_buf_clear(&w->csr);
    iscep_buf_clear(&w->cert);
}

/* --- looking behind it, on its thread --- */

typedef struct errand {
    hook_world *w;
    fake_http_answer answer;
    const char *url_end;
    size_t count;
    char *text;
    size_t text_size;
} errand;

static void set_answer(void *user)
{
    const errand *e = user;
    e->w->cloud.action_answer = e->answer;
}

void hook_world_answer(hook_world *w, fake_http_answer answer)
{
    errand e = {.w = w, .answer = answer};
    loop_thread_run(&w->on, set_answer, &e);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static void count_calls(void *user)
{
    errand *e = user;
    const fake_http *http = &e->w->cloud.http;
    for (size_t i = 0; i < http->count; i++) {
        if (!ends_with(http->calls[i].url, e->url_end))
            continue;
        e->count++;
        if (e->text != NULL)
            snprintf(e->text, e->text_size, "%.*s", (int)http->calls[i].body.len,
                     (const char *)http->calls[i].body.data);
    }
}

size_t hook_world_count_calls_to(hook_world *w, const char *url_end)
{
    errand e = {.w = w, .url_end = url_end};
    loop_thread_run(&w->on, count_calls, &e);
    return e.count;
}

size_t hook_world_count_calls(hook_world *w)
{
    return hook_world_count_calls_to(w, "");
}

const char *hook_world_await_call(hook_world *w, const char *url_end, size_t count)
{
    static char text[64 * 1024];
    const int64_t deadline_ms = iscep_now_mono_ms(&w->env) + 10000;
    errand e = {.w = w};
    while (e.count < count) {
        e = (errand){.w = w, .url_end = url_end, .text = text, .text_size = sizeof text};
        loop_thread_run(&w->on, count_calls, &e);
        cr_assert_lt(iscep_now_mono_ms(&w->env), deadline_ms, "%s was asked %zu times", url_end, e.count);
    }
    return text;
}

static void copy_log(void *user)
{
    errand *e = user;
    snprintf(e->text, e->text_size, "%s", fake_env_log(&e->w->log));
}

const char *hook_world_log(hook_world *w)
{
    static char text[64 * 1024];
    errand e = {.w = w, .text = text, .text_size = sizeof text};
    loop_thread_run(&w->on, copy_log, &e);
    return text;
}

/* --- step-ca's side --- */

/* Also what nobody here reads, as a real body has it. */
static void begin_body(iscep_buf *out, iscep_bytes csr)
{
    iscep_buf_init(out, 256 * 1024);
    iscep_buf_append_text(
        out, "{\"timestamp\":\"" HOOK_TIMESTAMP "\",\"x509CertificateRequest\":{\"version\":0,"
             "\"subject\":{\"commonName\":\"device-1\"},\"dnsNames\":null,\"publicKey\":\"AAAA\","
             "\"publicKeyAlgorithm\":\"ECDSA\",\"raw\":\"");
    iscep_base64_encode(out, csr);
    iscep_buf_append_text(out, "\"}");
}

void hook_emit_challenge(iscep_buf *out, iscep_bytes csr, const char *challenge)
{
    begin_body(out, csr);
    iscep_buf_append_text(out, ",\"provisionerName\":\"intune\"");
    if (challenge != NULL) {
        iscep_buf_append_text(out, ",\"scepChallenge\":");
        iscep_json_append_quoted(out, challenge);
    }
    iscep_buf_append_text(out, ",\"scepTransactionID\":\"" HOOK_TXID "\"}");
}

void hook_emit_success(iscep_buf *out, iscep_bytes csr, iscep_bytes cert)
{
    begin_body(out, csr);
    iscep_buf_append_text(
        out, ",\"x509Certificate\":{\"publicKey\":\"AAAA\",\"publicKeyAlgorithm\":\"ECDSA\","
             "\"notBefore\":\"2026-11-22T07:20:00Z\",\"notAfter\":\"2100-01-01T00:00:00Z\",\"raw\":\"");
    iscep_base64_encode(out, cert);
    iscep_buf_append_text(out, "\"},\"scepTransactionID\":\"" HOOK_TXID "\"}");
}

void hook_emit_failure(iscep_buf *out, iscep_bytes csr, const char *description)
{
    begin_body(out, csr);
    iscep_buf_append_text(out, ",\"scepTransactionID\":\"" HOOK_TXID "\",\"scepErrorDescription\":");
    iscep_json_append_quoted(out, description);
    iscep_buf_append_text(out, "}");
}

hook_signature hook_sign(const char *key, iscep_bytes body)
{
    uint8_t mac[32];
    hook_signature signature;
    cr_assert_not_null(HMAC(EVP_sha256(), key, (int)strlen(key), body.data, body.len, mac, NULL));
    for (size_t i = 0; i < sizeof mac; i++)
        snprintf(signature.hex + 2 * i, 3, "%02x", mac[i]);
    return signature;
}

void hook_world_send(hook_world *w, const hook_request *request, peer_reply *reply)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 512 * 1024);
    iscep_buf_printf(&text, "POST %s HTTP/1.1\r\nHost: connector\r\nUser-Agent: Go-http-client/1.1\r\n",
                     request->path);
    if (request->id != NULL)
        iscep_buf_printf(&text, "X-Smallstep-Webhook-Id: %s\r\n", request->id);
    if (request->signature != NULL)
        iscep_buf_printf(&text, "X-Smallstep-Signature: %s\r\n", request->signature);
    iscep_buf_printf(&text, "%sContent-Length: %zu\r\n\r\n",
                     request->more_fields != NULL ? request->more_fields : "", request->body.len);
    iscep_buf_append(&text, request->body.data, request->body.len);
    peer_send_bytes(w->fd, iscep_buf_bytes(&text));
    peer_read_reply(w->fd, reply);
}

void hook_world_ask(hook_world *w, iscep_bytes body, peer_reply *reply)
{
    const hook_signature signature = hook_sign(HOOK_CHALLENGE_KEY, body);
    hook_world_send(
        w,
        &(hook_request){
            .path = HOOK_CHALLENGE_PATH, .id = HOOK_CHALLENGE_ID, .signature = signature.hex, .body = body},
        reply);
}

void hook_world_notify(hook_world *w, iscep_bytes body, peer_reply *reply)
{
    const hook_signature signature = hook_sign(HOOK_NOTIFY_KEY, body);
    hook_world_send(
        w,
        &(hook_request){
            .path = HOOK_NOTIFY_PATH, .id = HOOK_NOTIFY_ID, .signature = signature.hex, .body = body},
        reply);
}

void assert_hook_reply(peer_reply *reply, int want_status, bool want_allow, const char *want_code)
{
    ISCEP_AUTO_JSON *body = NULL;
    cr_assert_eq(reply->status, want_status, "%d: %s", reply->status, iscep_buf_text(&reply->body));
    cr_assert_str_eq(peer_reply_header(reply, "Content-Type"), "application/json");
    if (want_allow) {
        cr_assert_str_eq(iscep_buf_text(&reply->body), "{\"allow\":true}\n");
    } else {
        cr_assert_eq(iscep_json_parse(&body, iscep_buf_bytes(&reply->body), NULL), ISCEP_OK);
        const iscep_json *error = iscep_json_member(body, "error");
        cr_assert_not_null(strstr(iscep_buf_text(&reply->body), "{\"allow\":false,"));
        cr_assert_str_eq(iscep_json_text(error, "code"), want_code);
        cr_assert_not_null(iscep_json_text(error, "message"));
    }
    peer_reply_clear(reply);
}
