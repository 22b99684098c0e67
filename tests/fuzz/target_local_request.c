/*
 * daemon/local_request: what a caller of the local API asks, as JSON and as raw DER. What is accepted is, byte for
 * byte, what stands in the body and the header fields.
 *
 * Input: a line with the action (validate, issued, failed), header fields a line each, an empty line, the body.
 */
#include <string.h>
#include <strings.h>

#include "base/x509.h"
#include "daemon/local_request.h"
#include "net/http_server_internal.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/http_text.h"
#include "tests/fuzz/oracle_json.h"
#include "tests/fuzz/oracle_text.h"

enum { MAX_HEAD_LEN = 16 * 1024, MAX_BODY_LEN = 256 * 1024 };

static iscep_local_action action_of(iscep_bytes word)
{
    if (iscep_bytes_equal(word, iscep_bytes_of_text("issued")))
        return ISCEP_LOCAL_ISSUED;
    return iscep_bytes_equal(word, iscep_bytes_of_text("failed")) ? ISCEP_LOCAL_FAILED : ISCEP_LOCAL_VALIDATE;
}

/* As net/http_connection.c lays a header out. False: it is none that would have got this far. */
static bool add_header(iscep_exchange *exchange, iscep_bytes line)
{
    iscep_bytes name, value;
    if (!http_text_split_field(line, &name, &value) || exchange->header_count == ISCEP_HTTP_MAX_HEADERS ||
        memchr(line.data, '\0', line.len) != NULL)
        return false;
    iscep_exchange_header_at *at = &exchange->headers[exchange->header_count++];
    at->name_at = (uint32_t)exchange->head.len;
    iscep_buf_append(&exchange->head, name.data, name.len);
    iscep_buf_append(&exchange->head, "", 1);
    at->value_at = (uint32_t)exchange->head.len;
    iscep_buf_append(&exchange->head, value.data, value.len);
    iscep_buf_append(&exchange->head, "", 1);
    return !exchange->head.is_overflown;
}

/* NULL: no request that would have reached the parser. */
static iscep_exchange *make_exchange(iscep_bytes rest)
{
    iscep_exchange *exchange = iscep_exchange_new(NULL, MAX_HEAD_LEN, MAX_BODY_LEN);
    FUZZ_CHECK(exchange != NULL);
    iscep_buf_append(&exchange->head, "/", 2);
    bool is_right = true;
    iscep_bytes line;
    while (is_right && (line = http_text_take_line(&rest)).len > 0)
        is_right = add_header(exchange, line);
    iscep_buf_append(&exchange->body, rest.data, rest.len);
    if (is_right && !exchange->body.is_overflown && iscep_exchange_find_fault(exchange) == NULL)
        return exchange;
    iscep_exchange_free(exchange);
    return NULL;
}

static void check_encoded(iscep_bytes der, iscep_bytes body, const char *name)
{
    ISCEP_AUTO_BUF text;
    const char *member = oracle_json_text(body, name);
    iscep_buf_init(&text, der.len / 3 * 4 + 4);
    iscep_base64_encode(&text, der);
    FUZZ_CHECK(member != NULL && strcmp(iscep_buf_text(&text), member) == 0);
}

static void check_json(const iscep_local_request *request, iscep_local_action action, iscep_bytes body)
{
    static oracle_json_member code;
    const char *id = oracle_json_text(body, "transactionId");
    FUZZ_CHECK(id != NULL && iscep_bytes_equal(request->transaction_id, iscep_bytes_of_text(id)));
    check_encoded(request->csr, body, "csr");
    if (action == ISCEP_LOCAL_ISSUED)
        check_encoded(request->cert, body, "certificate");
    if (action != ISCEP_LOCAL_FAILED)
        return;
    FUZZ_CHECK(oracle_json_read(body, "errorCode", &code) && code.count == 1 && !code.is_text);
    FUZZ_CHECK(strtod(code.text, NULL) == (double)request->error_code);
    const char *description = oracle_json_text(body, "description");
    FUZZ_CHECK(description != NULL);
    FUZZ_CHECK(request->description.is_overflown ||
               iscep_bytes_equal(iscep_buf_bytes(&request->description), iscep_bytes_of_text(description)));
}

static void check_raw(const iscep_local_request *request, const iscep_exchange *exchange,
                      iscep_local_action action, iscep_bytes body)
{
    const char *id = iscep_exchange_header(exchange, "X-Scep-Transaction-Id");
    const char *code = iscep_exchange_header(exchange, "X-Scep-Error-Code");
    FUZZ_CHECK(id != NULL && iscep_bytes_equal(request->transaction_id, iscep_bytes_of_text(id)));
    FUZZ_CHECK(request->csr.data == body.data && request->csr.len + request->cert.len == body.len);
    if (action == ISCEP_LOCAL_ISSUED)
        FUZZ_CHECK(request->cert.len > 0 && iscep_der_element_len(body.data, body.len) == request->csr.len);
    if (action == ISCEP_LOCAL_FAILED)
        FUZZ_CHECK(code != NULL && oracle_is_decimal(code, UINT32_MAX) &&
                   strtoul(code, NULL, 10) == request->error_code);
}

static void check_accepted(const iscep_local_request *request, const iscep_exchange *exchange,
                           iscep_local_action action)
{
    const char *timeout = iscep_exchange_header(exchange, "X-Scep-Timeout-Ms");
    const char *type = iscep_exchange_header(exchange, "Content-Type");
    iscep_bytes body = iscep_exchange_body(exchange);
    FUZZ_CHECK(timeout == NULL ? request->timeout_ms == 0
                               : oracle_is_decimal(timeout, INT32_MAX) &&
                                     strtoll(timeout, NULL, 10) == request->timeout_ms);
    FUZZ_CHECK(type != NULL);
    if (strncasecmp(type, "application/json", 16) == 0)
        check_json(request, action, body);
    else
        check_raw(request, exchange, action, body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_bytes rest = iscep_bytes_of(data, size);
    iscep_local_action action = action_of(http_text_take_line(&rest));
    iscep_exchange *exchange = make_exchange(rest);
    if (exchange == NULL)
        return 0;
    iscep_local_request request;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = iscep_local_request_parse(&request, exchange, action, &err);
    if (status == ISCEP_OK)
        check_accepted(&request, exchange, action);
    else
        FUZZ_CHECK(status == ISCEP_USAGE && err.http_status >= 400 && err.http_status <= 499 &&
                   oracle_is_line(err.message));
    iscep_local_request_clear(&request);
    iscep_exchange_free(exchange);
    return 0;
}
