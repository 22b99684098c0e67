/* See doors.h. */
#include "doors.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/socket/local_reply.h"
#include "plugin/socket/request_head.h"
#include "scep_plugin.h"

enum { MAX_ID_LEN = 128, MAX_BODY_LEN = 256 * 1024, MAX_KEY_LEN = 64 };

static int emit_id(char out[MAX_ID_LEN], const bench_subject *subject, bench_turn turn)
{
    return snprintf(out, MAX_ID_LEN, "%s-%u", subject->transaction_id, (unsigned)turn.connection);
}

/* --- the connector's own API --- */

iscep_status bench_question_write(iscep_buf *out, const bench_door *door, const iscep_question *question,
                                  uint32_t timeout_ms, iscep_error *err)
{
    char head[ISCEP_REQUEST_HEAD_MAX];
    size_t head_len = iscep_request_head(head, question, (int)timeout_ms);
    iscep_buf_append(out, head, head_len - 2); /* without the empty line */
    if (door->address.tls != NULL)
        iscep_buf_append_text(out, "Authorization: Bearer " BENCH_TOKEN "\r\n");
    iscep_buf_append_text(out, "\r\n");
    iscep_buf_append(out, question->csr_der.data, question->csr_der.len);
    iscep_buf_append(out, question->cert_der.data, question->cert_der.len);
    return iscep_buf_status(out, err);
}

bench_read bench_verdict_read(const uint8_t *data, size_t len, iscep_question_kind kind, bench_answer *out)
{
    iscep_local_reply reply;
    switch (iscep_local_reply_parse(data, len, &reply)) {
    case ISCEP_LOCAL_WHOLE:
        out->code = iscep_bytes_of(reply.code.data, reply.code.len);
        return iscep_local_reply_verdict(&reply, kind, &out->verdict) && reply.is_kept ? BENCH_WHOLE
                                                                                       : BENCH_INVALID;
    case ISCEP_LOCAL_PARTIAL:
        return BENCH_PARTIAL;
    case ISCEP_LOCAL_INVALID:
        break;
    }
    return BENCH_INVALID;
}

static iscep_status write_validation(iscep_buf *out, const bench_door *door, bench_turn turn,
                                     iscep_error *err)
{
    const bench_subject *subject = door->subject;
    char id[MAX_ID_LEN];
    int id_len = emit_id(id, subject, turn);
    const iscep_question question = {
        .kind = ISCEP_ASK_VALIDATE,
        .transaction_id = {(const uint8_t *)id, (size_t)id_len},
        .csr_der = {subject->csr.data, subject->csr.len},
    };
    return bench_question_write(out, door, &question, subject->timeout_ms, err);
}

static bench_read read_validation(const uint8_t *data, size_t len, bench_turn turn, bench_answer *out)
{
    (void)turn;
    return bench_verdict_read(data, len, ISCEP_ASK_VALIDATE, out);
}

/* --- step-ca's webhook --- */

/* As Go writes it; the public key, which nobody reads, is left out. */
static void write_webhook_body(iscep_buf *out, const bench_subject *subject, bench_turn turn)
{
    char id[MAX_ID_LEN];
    emit_id(id, subject, turn);
    iscep_buf_append_text(out,
                          "{\"timestamp\":\"2026-11-22T07:20:00.123456789Z\",\"provisionerName\":\"intune\","
                          "\"x509CertificateRequest\":{\"version\":0,\"subject\":{},\"dnsNames\":null,"
                          "\"emailAddresses\":null,\"ipAddresses\":null,\"uris\":null,"
                          "\"publicKeyAlgorithm\":\"RSA\",\"raw\":\"");
    iscep_base64_encode(out, subject->csr);
    iscep_buf_printf(out, "\"},\"scepChallenge\":\"%s\",\"scepTransactionID\":\"%s\"}", subject->challenge,
                     id);
}

static iscep_status write_signature(iscep_buf *out, iscep_bytes body, iscep_error *err)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    ISCEP_AUTO_BUF key;
    iscep_buf_init(&key, MAX_KEY_LEN);
    iscep_status status = iscep_base64_decode(&key, iscep_bytes_of_text(BENCH_WEBHOOK_SECRET), err);
    if (status != ISCEP_OK)
        return status;
    if (HMAC(EVP_sha256(), key.data, (int)key.len, body.data, body.len, mac, &mac_len) == NULL)
        return iscep_error_nomem(err);
    for (unsigned i = 0; i < mac_len; i++)
        iscep_buf_printf(out, "%02x", mac[i]);
    return ISCEP_OK;
}

static iscep_status write_webhook(iscep_buf *out, const bench_door *door, bench_turn turn, iscep_error *err)
{
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, MAX_BODY_LEN);
    write_webhook_body(&body, door->subject, turn);
    iscep_buf_printf(
        out,
        "POST /step-ca/bench/challenge HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Go-http-client/1.1\r\n"
        "Content-Length: %zu\r\nContent-Type: application/json\r\n"
        "X-Smallstep-Webhook-Id: " BENCH_WEBHOOK_ID "\r\nX-Smallstep-Signature: ",
        body.len);
    iscep_status status = write_signature(out, iscep_buf_bytes(&body), err);
    if (status != ISCEP_OK)
        return status;
    iscep_buf_append_text(out, "\r\n\r\n");
    iscep_buf_append(out, body.data, body.len);
    return body.is_overflown ? iscep_buf_status(&body, err) : iscep_buf_status(out, err);
}

/* Where the body begins, and how long it is to be; false: the head is not there yet, or has no length. */
static bool find_body(const uint8_t *data, size_t len, size_t *start, size_t *body_len)
{
    static const char field[] = "\r\nContent-Length: ";
    const uint8_t *blank = memmem(data, len, "\r\n\r\n", 4);
    const uint8_t *at = blank == NULL ? NULL : memmem(data, (size_t)(blank - data), field, sizeof field - 1);
    if (at == NULL)
        return false;
    *start = (size_t)(blank - data) + 4;
    *body_len = strtoul((const char *)at + sizeof field - 1, NULL, 10); /* the empty line ends it */
    return true;
}

static bench_read read_webhook(const uint8_t *data, size_t len, bench_turn turn, bench_answer *out)
{
    static const char yes[] = "{\"allow\":true}\n";
    (void)turn;
    size_t start, body_len;
    if (!find_body(data, len, &start, &body_len) || len - start < body_len)
        return BENCH_PARTIAL;
    out->code = iscep_bytes_of(data + start, body_len);
    bool is_yes =
        memcmp(data, "HTTP/1.1 200 ", 13) == 0 && iscep_bytes_equal(out->code, iscep_bytes_of_text(yes));
    out->verdict = is_yes ? SCEP_VERDICT_ALLOW : SCEP_VERDICT_DENY;
    return len - start == body_len ? BENCH_WHOLE : BENCH_INVALID;
}

/* --- the doors --- */

bench_door bench_door_unix(const bench_daemon *daemon, const bench_subject *subject)
{
    return (bench_door){.address = {.socket_path = daemon->socket_path},
                        .write = write_validation,
                        .read = read_validation,
                        .subject = subject};
}

bench_door bench_door_tls(const bench_daemon *daemon, const bench_subject *subject, SSL_CTX *tls)
{
    return (bench_door){.address = {.port = daemon->tls_port, .tls = tls},
                        .write = write_validation,
                        .read = read_validation,
                        .subject = subject};
}

bench_door bench_door_step_ca(const bench_daemon *daemon, const bench_subject *subject, SSL_CTX *tls)
{
    return (bench_door){.address = {.port = daemon->tls_port, .tls = tls},
                        .write = write_webhook,
                        .read = read_webhook,
                        .subject = subject};
}
