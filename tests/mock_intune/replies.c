/* See replies.h. */
#include "replies.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define NESTED_MAX_LEN 4096

/* Whoever sends a client-request-id gets it back as the correlation id. */
static void correlation_id(char out[ISCEP_GUID_SIZE], const mock_state *mock, const mock_request *request)
{
    if (mock_is_guid(request->client_request_id))
        iscep_text_copy(out, ISCEP_GUID_SIZE, request->client_request_id);
    else
        mock_guid(out, mock);
}

static void member(iscep_buf *out, const char *name, const char *value)
{
    iscep_buf_printf(out, "\"%s\":", name);
    iscep_json_append_quoted(out, value);
}

/* "2026-11-22 08:30:00Z" */
static void emit_entra_time(char out[ISCEP_ISO8601_SIZE], const mock_state *mock)
{
    iscep_iso8601_emit(out, iscep_now_unix_ms(&mock->env));
    out[10] = ' ';
    memcpy(out + 19, "Z", 2);
}

void mock_reply_entra_error(mock_reply *reply, const mock_state *mock, const mock_request *request,
                            const mock_refusal *why)
{
    const mock_entra_error *error = &why->error;
    char description[1024], now[ISCEP_ISO8601_SIZE], trace[ISCEP_GUID_SIZE], correlation[ISCEP_GUID_SIZE];
    emit_entra_time(now, mock);
    mock_guid(trace, mock);
    correlation_id(correlation, mock, request);
    snprintf(description, sizeof(description), "AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
             (int)error->aadsts, why->text, trace, correlation, now);
    reply->status = error->status;
    iscep_buf *out = &reply->body;
    iscep_buf_append_text(out, "{");
    member(out, "error", error->error);
    iscep_buf_append_text(out, ",");
    member(out, "error_description", description);
    iscep_buf_printf(out, ",\"error_codes\":[%d],", (int)error->aadsts);
    iscep_buf_printf(out, "\"timestamp\":\"%s\",\"trace_id\":\"%s\",\"correlation_id\":\"%s\"", now, trace,
                     correlation);
    iscep_buf_printf(out, ",\"error_uri\":\"https://login.microsoftonline.com/error?code=%d\"}",
                     (int)error->aadsts);
    snprintf(reply->outcome, sizeof(reply->outcome), "AADSTS%d", (int)error->aadsts);
}

void mock_reply_graph_error(mock_reply *reply, const mock_state *mock, const mock_request *request,
                            int32_t status, const char *code, const char *message)
{
    char now[ISCEP_ISO8601_SIZE], id[ISCEP_GUID_SIZE], correlation[ISCEP_GUID_SIZE];
    iscep_iso8601_emit(now, iscep_now_unix_ms(&mock->env));
    mock_guid(id, mock);
    correlation_id(correlation, mock, request);
    reply->status = status;
    iscep_buf *out = &reply->body;
    iscep_buf_append_text(out, "{\"error\":{");
    member(out, "code", code);
    iscep_buf_append_text(out, ",");
    member(out, "message", message);
    iscep_buf_printf(
        out, ",\"innerError\":{\"date\":\"%.19s\",\"request-id\":\"%s\",\"client-request-id\":\"%s\"}}}", now,
        id, correlation);
}

void mock_reply_intune_error(mock_reply *reply, const mock_state *mock, const mock_request *request,
                             int32_t status, const char *code, const char *message)
{
    ISCEP_AUTO_BUF sentence, nested;
    char activity[ISCEP_GUID_SIZE];
    iscep_buf_init(&sentence, NESTED_MAX_LEN);
    iscep_buf_init(&nested, NESTED_MAX_LEN);
    correlation_id(activity, mock, request);
    iscep_buf_printf(&sentence,
                     "%s - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - ",
                     message);
    iscep_buf_printf(&sentence, "Activity ID: %s", activity);
    iscep_buf_append_text(&nested, "{\r\n  \"_version\": 3,\r\n  \"Message\": ");
    iscep_json_append_quoted(&nested, iscep_buf_text(&sentence));
    iscep_buf_append_text(&nested, ",\r\n  \"CustomApiErrorPhrase\": \"\",\r\n  \"RetryAfter\": null,\r\n"
                                   "  \"ErrorSourceService\": \"\",\r\n  \"HttpHeaders\": \"{}\"\r\n}");
    reply->status = status;
    iscep_buf_append_text(&reply->body, "{\"error\":{");
    member(&reply->body, "code", code);
    iscep_buf_append_text(&reply->body, ",");
    member(&reply->body, "message", iscep_buf_text(&nested));
    iscep_buf_append_text(&reply->body, "}}");
}

void mock_reply_code(mock_reply *reply, const char *code, const char *description)
{
    iscep_buf_append_text(&reply->body, "{");
    member(&reply->body, "code", code);
    iscep_buf_append_text(&reply->body, ",");
    member(&reply->body, "errorDescription", description);
    iscep_buf_append_text(&reply->body, "}");
    iscep_text_copy(reply->outcome, sizeof(reply->outcome), code);
}

static const char *word_of(int32_t status)
{
    switch (status) {
    case 400:
        return "BadRequest";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "NotFound";
    case 429:
        return "TooManyRequests";
    case 503:
        return "ServiceUnavailable";
    case 504:
        return "GatewayTimeout";
    default:
        return "InternalError";
    }
}

void mock_reply_status(mock_reply *reply, const mock_state *mock, const mock_request *request,
                       mock_endpoint endpoint, int32_t status)
{
    static const char message[] = "An internal server error has occurred";
    if (endpoint == MOCK_TOKEN) {
        mock_refusal why;
        mock_entra_error error = {status, "temporarily_unavailable", 90033};
        mock_refuse(&why, &error, "A transient error has occurred. Please try again.");
        mock_reply_entra_error(reply, mock, request, &why);
    } else if (endpoint == MOCK_IMDS) {
        reply->status = status;
        iscep_buf_append_text(&reply->body, "{\"error\":\"server_error\",\"error_description\":\"");
        iscep_buf_printf(&reply->body, "%s\"}", message);
    } else if (endpoint == MOCK_DISCOVERY) {
        mock_reply_graph_error(reply, mock, request, status, word_of(status), message);
    } else {
        mock_reply_intune_error(reply, mock, request, status, word_of(status), message);
    }
}
