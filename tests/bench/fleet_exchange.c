/* See fleet_exchange.h. */
#include "fleet_exchange.h"

#include <stdlib.h>

#include "net/url.h"
#include "tests/support/scep_server_facts.h"

enum { MAX_MESSAGE_LEN = 256 * 1024, MAX_URL_LEN = 512 * 1024 };

struct fleet_dialogue {
    fleet_wire *wire;
    const char *url;
    scep_server_facts server;
};

static void close_dialogue(fleet_scep *scep, fleet_dialogue *dialogue)
{
    (void)scep;
    if (dialogue == NULL)
        return;
    fleet_wire_free(dialogue->wire);
    scep_server_facts_clear(&dialogue->server);
    free(dialogue);
}

/* url?operation=NAME */
static iscep_status get(iscep_buf *out, fleet_dialogue *dialogue, const char *operation, iscep_error *err)
{
    ISCEP_AUTO_BUF url;
    iscep_buf_init(&url, MAX_URL_LEN);
    iscep_buf_printf(&url, "%s?operation=%s", dialogue->url, operation);
    const fleet_wire_request request = {.url = iscep_buf_text(&url)};
    return fleet_wire_fetch(dialogue->wire, out, &request, err);
}

static iscep_status meet(fleet_dialogue *dialogue, iscep_error *err)
{
    ISCEP_AUTO_BUF caps, certs;
    iscep_buf_init(&caps, MAX_MESSAGE_LEN);
    iscep_buf_init(&certs, MAX_MESSAGE_LEN);
    iscep_status status = get(&caps, dialogue, "GetCACaps", err);
    if (status == ISCEP_OK)
        status = get(&certs, dialogue, "GetCACert", err);
    if (status != ISCEP_OK)
        return status;
    scep_server_facts_read_caps(&dialogue->server, iscep_buf_bytes(&caps));
    return scep_server_facts_read_certs(&dialogue->server, iscep_buf_bytes(&certs), err);
}

static iscep_status open_dialogue(fleet_scep *scep, fleet_dialogue **out, const char *url, iscep_error *err)
{
    const fleet_exchange *exchange = (const fleet_exchange *)(const void *)scep;
    fleet_dialogue *dialogue = calloc(1, sizeof *dialogue);
    if (dialogue == NULL)
        return iscep_error_nomem(err);
    dialogue->url = url;
    iscep_status status = fleet_wire_new(&dialogue->wire, &exchange->wire, err);
    if (status == ISCEP_OK)
        status = meet(dialogue, err);
    if (status != ISCEP_OK) {
        close_dialogue(scep, dialogue);
        return status;
    }
    *out = dialogue;
    return ISCEP_OK;
}

static iscep_status post(iscep_buf *out, fleet_dialogue *dialogue, iscep_bytes message, iscep_error *err)
{
    ISCEP_AUTO_BUF url;
    iscep_buf_init(&url, MAX_URL_LEN);
    iscep_buf_printf(&url, "%s?operation=PKIOperation", dialogue->url);
    const fleet_wire_request request = {
        .url = iscep_buf_text(&url), .content_type = "application/x-pki-message", .body = message};
    return fleet_wire_fetch(dialogue->wire, out, &request, err);
}

/* RFC 8894 4.1: a server without POSTPKIOperation is asked by GET. */
static iscep_status get_message(iscep_buf *out, fleet_dialogue *dialogue, iscep_bytes message,
                                iscep_error *err)
{
    ISCEP_AUTO_BUF base64, operation;
    iscep_buf_init(&base64, MAX_URL_LEN);
    iscep_buf_init(&operation, MAX_URL_LEN);
    iscep_base64_encode(&base64, message);
    iscep_buf_append_text(&operation, "PKIOperation");
    iscep_form_append(&operation, "message", iscep_buf_bytes(&base64));
    return get(out, dialogue, iscep_buf_text(&operation), err);
}

static scep_client_message message_of(const fleet_dialogue *dialogue, const fleet_order *order, bool is_poll)
{
    if (is_poll)
        return SCEP_CLIENT_CERT_POLL;
    return order->old != NULL && dialogue->server.has_renewal ? SCEP_CLIENT_RENEWAL_REQ
                                                              : SCEP_CLIENT_PKCS_REQ;
}

static iscep_status ask(fleet_scep *scep, fleet_dialogue *dialogue, const fleet_order *order, bool is_poll,
                        scep_client_answer *out, iscep_error *err)
{
    (void)scep;
    ISCEP_AUTO_BUF message, reply;
    iscep_buf_init(&message, MAX_MESSAGE_LEN);
    iscep_buf_init(&reply, MAX_MESSAGE_LEN);
    const scep_server_facts *server = &dialogue->server;
    const scep_client_question question = {
        .message = message_of(dialogue, order, is_poll),
        .signer = order->old != NULL && server->has_renewal ? order->old : order->identity,
        .key = order->identity->key,
        .ca = server->ca,
        .recipient = server->recipient,
        .transaction_id = order->transaction_id,
        .csr = iscep_buf_bytes(&order->csr),
        .has_only_des3 = !server->has_aes};
    iscep_status status = scep_client_question_emit(&message, &question, err);
    if (status == ISCEP_OK)
        status = (server->has_post ? post : get_message)(&reply, dialogue, iscep_buf_bytes(&message), err);
    return status == ISCEP_OK ? scep_client_answer_parse(out, iscep_buf_bytes(&reply), &question, err)
                              : status;
}

void fleet_exchange_init(fleet_exchange *out, const fleet_wire_options *wire)
{
    *out =
        (fleet_exchange){.scep = {.open = open_dialogue, .ask = ask, .close = close_dialogue}, .wire = *wire};
}
