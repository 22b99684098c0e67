/* See fault_kinds.h. */
#include "fault_kinds.h"

#include <stdio.h>
#include <string.h>

#include "replies.h"
#include "wire.h"

#define HUGE_BODY_LEN    ((size_t)100 * 1024 * 1024)
#define DEEP_LEVELS      100000 /* of arrays: a parser that calls itself runs out of stack */
#define GARBAGE_BODY     "\xff\xfe{{\"code\":\"Success\""
#define DEFAULT_LOCATION "https://localhost:9/elsewhere"

/* What is cut in half when nothing honest was made: half of it still says Success. */
#define CANNED_BODY "{\"code\":\"Success\",\"errorDescription\":\"\"}"

static void replace(mock_reply *reply, int32_t status, const char *content_type, const char *body)
{
    mock_reply_clear(reply);
    mock_reply_init(reply);
    reply->status = status;
    reply->content_type = content_type;
    iscep_buf_append_text(&reply->body, body);
}

static void act_normal(const mock_mishap *mishap)
{
    mock_wire_send(mishap->exchange, mishap->reply);
}

static void act_status(const mock_mishap *mishap)
{
    char seconds[24];
    replace(mishap->reply, 200, NULL, "");
    mock_reply_status(mishap->reply, mishap->mock, mishap->request, mishap->endpoint, mishap->fault->status);
    if (mishap->fault->retry_after_s >= 0) {
        snprintf(seconds, sizeof(seconds), "%lld", (long long)mishap->fault->retry_after_s);
        mock_reply_set_header(mishap->reply, "Retry-After", seconds);
    }
    mock_wire_send(mishap->exchange, mishap->reply);
}

static void act_code(const mock_mishap *mishap)
{
    replace(mishap->reply, 200, NULL, "");
    mock_reply_code(mishap->reply, mishap->fault->code, "A fault of intune-mock.");
    mock_wire_send(mishap->exchange, mishap->reply);
}

static void act_html(const mock_mishap *mishap)
{
    replace(mishap->reply, 200, "text/html",
            "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Success</body></html>");
    mock_wire_send(mishap->exchange, mishap->reply);
}

static void act_garbage(const mock_mishap *mishap)
{
    replace(mishap->reply, 200, NULL, GARBAGE_BODY);
    mock_wire_send(mishap->exchange, mishap->reply);
}

static void act_redirect(const mock_mishap *mishap)
{
    const char *location = mishap->fault->location;
    replace(mishap->reply, 302, "text/html", "");
    mock_reply_set_header(mishap->reply, "Location", location[0] != '\0' ? location : DEFAULT_LOCATION);
    mock_wire_send(mishap->exchange, mishap->reply);
}

static void act_cut(const mock_mishap *mishap)
{
    iscep_exchange_reply_raw(mishap->exchange, iscep_bytes_of(NULL, 0), false);
}

static void act_reset(const mock_mishap *mishap)
{
    iscep_exchange_reply_raw(mishap->exchange, iscep_bytes_of(NULL, 0), true);
}

/* The whole length is promised, half the body comes. */
static void act_truncate(const mock_mishap *mishap)
{
    ISCEP_AUTO_BUF raw;
    if (mishap->reply->body.len == 0)
        replace(mishap->reply, 200, NULL, CANNED_BODY);
    iscep_buf_init(&raw, MOCK_BODY_MAX_LEN);
    mock_wire_emit_head(&raw, mishap->reply->status, mishap->reply->body.len);
    iscep_buf_append(&raw, mishap->reply->body.data, mishap->reply->body.len / 2);
    iscep_exchange_reply_raw(mishap->exchange, iscep_buf_bytes(&raw), false);
}

static void act_huge(const mock_mishap *mishap)
{
    ISCEP_AUTO_BUF raw;
    iscep_buf_init(&raw, MOCK_BODY_MAX_LEN);
    mock_wire_emit_head(&raw, 200, HUGE_BODY_LEN);
    uint8_t *body = iscep_buf_reserve(&raw, HUGE_BODY_LEN);
    if (body != NULL) {
        memset(body, ' ', HUGE_BODY_LEN);
        memcpy(body, CANNED_BODY, strlen(CANNED_BODY));
        raw.len += HUGE_BODY_LEN;
    }
    iscep_exchange_reply_raw(mishap->exchange, iscep_buf_bytes(&raw), false);
}

static void act_deep(const mock_mishap *mishap)
{
    replace(mishap->reply, 200, NULL, "{\"code\":\"Success\",\"errorDescription\":");
    iscep_buf *body = &mishap->reply->body;
    uint8_t *levels = iscep_buf_reserve(body, 2 * (size_t)DEEP_LEVELS);
    if (levels != NULL) {
        memset(levels, '[', DEEP_LEVELS);
        memset(levels + DEEP_LEVELS, ']', DEEP_LEVELS);
        body->len += 2 * (size_t)DEEP_LEVELS;
    }
    iscep_buf_append_text(body, "}");
    mock_wire_send(mishap->exchange, mishap->reply);
}

/* The honest bytes, called something else. */
static void act_content_type(const mock_mishap *mishap)
{
    mishap->reply->content_type = "text/html";
    mock_wire_send(mishap->exchange, mishap->reply);
}

/* The head at once, then the body byte by byte. */
static void act_drip(const mock_mishap *mishap)
{
    ISCEP_AUTO_BUF head;
    if (mishap->reply->body.len == 0)
        replace(mishap->reply, 200, NULL, CANNED_BODY);
    iscep_buf_init(&head, MOCK_BODY_MAX_LEN);
    mock_wire_emit_head(&head, mishap->reply->status, mishap->reply->body.len);
    iscep_exchange_send_part(mishap->exchange, iscep_buf_bytes(&head));
    mock_drips_start(mishap->drips, mishap->exchange, &mishap->reply->body, mishap->fault->pause_ms);
}

static const mock_fault_kind kinds[] = {
    {.name = "latency", .act = act_normal, .needs_processing = true},
    {.name = "status", .act = act_status},
    {.name = "hang", .act = NULL},
    {.name = "cut", .act = act_cut},
    {.name = "reset", .act = act_reset},
    {.name = "refuse", .act = act_reset, .is_for_all_only = true},
    {.name = "truncate", .act = act_truncate},
    {.name = "html", .act = act_html},
    {.name = "garbage", .act = act_garbage},
    {.name = "huge", .act = act_huge},
    {.name = "deep", .act = act_deep},
    {.name = "contentType", .act = act_content_type, .needs_processing = true},
    {.name = "drip", .act = act_drip, .needs_processing = true},
    {.name = "redirect", .act = act_redirect},
    {.name = "code", .act = act_code, .is_scep_only = true, .needs_code = true},
    {.name = "audience",
     .act = act_normal,
     .needs_processing = true,
     .is_token_only = true,
     .quirk = MOCK_TOKEN_FOR_ANOTHER},
    {.name = "expired",
     .act = act_normal,
     .needs_processing = true,
     .is_token_only = true,
     .quirk = MOCK_TOKEN_OF_YESTERDAY},
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const mock_fault_kind *mock_fault_kind_find(const char *name)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

size_t mock_fault_kind_count(void)
{
    return KIND_COUNT;
}

const mock_fault_kind *mock_fault_kind_at(size_t at)
{
    return &kinds[at];
}

bool mock_fault_kind_suits(const mock_fault_kind *kind, mock_endpoint endpoint)
{
    return !kind->is_for_all_only && (!kind->is_scep_only || mock_endpoint_is_scep(endpoint)) &&
           (!kind->is_token_only || mock_endpoint_is_token(endpoint));
}
