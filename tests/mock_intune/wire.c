/* See wire.h. */
#include "wire.h"

mock_request mock_wire_read(const iscep_exchange *exchange)
{
    return (mock_request){
        .segment = "",
        .query = iscep_exchange_query(exchange),
        .authorization = iscep_exchange_header(exchange, "Authorization"),
        .content_type = iscep_exchange_header(exchange, "Content-Type"),
        .client_request_id = iscep_exchange_header(exchange, "client-request-id"),
        .api_version = iscep_exchange_header(exchange, "api-version"),
        .metadata = iscep_exchange_header(exchange, "Metadata"),
        .forwarded_for = iscep_exchange_header(exchange, "X-Forwarded-For"),
        .body = iscep_exchange_body(exchange),
    };
}

void mock_wire_send(iscep_exchange *exchange, const mock_reply *reply)
{
    iscep_error err = ISCEP_ERROR_INIT;
    if (iscep_buf_status(&reply->body, &err) != ISCEP_OK) {
        iscep_exchange_reply_error(exchange, 500, "internal", err.message);
        return;
    }
    iscep_http_header header = {reply->header_name, reply->header_value};
    iscep_reply out = {
        .status = reply->status,
        .content_type = reply->content_type,
        .body = iscep_buf_bytes(&reply->body),
        .headers = &header,
        .header_count = reply->header_name != NULL ? 1 : 0,
    };
    iscep_exchange_reply(exchange, &out);
}

void mock_wire_emit_head(iscep_buf *out, int32_t status, size_t body_len)
{
    iscep_buf_printf(out, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                     (int)status, status == 200 ? "OK" : "Refused", body_len);
}
