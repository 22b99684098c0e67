/*
 * The reply of intune-scepd. Lines end in CRLF in the head (RFC 9112) and in LF in the body; a body has a
 * Content-Length, is not chunked, and holds verdict lines only if it says that it is text/plain. A field that
 * matters and comes twice makes the reply invalid: two parties could read it differently.
 */
#include "local_reply.h"

#include <string.h>
#include <strings.h>

#define STATUS_START "HTTP/1.1 "

typedef struct head_facts {
    scep_bytes content_length;
    scep_bytes content_type;
    scep_bytes connection;
    scep_bytes retry_after;
} head_facts;

static bool is_word(scep_bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool is_word_nocase(scep_bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.data, word, text.len) == 0;
}

/* Decimal digits and nothing else; more than UINT32_MAX gives UINT32_MAX. */
static bool parse_number(scep_bytes text, uint32_t *out)
{
    uint64_t number = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
        number = number > UINT32_MAX ? UINT32_MAX : number;
    }
    *out = (uint32_t)number;
    return text.len > 0;
}

/* Takes the next line off rest; false if no end of line is left. */
static bool next_line(scep_bytes *rest, const char *line_end, scep_bytes *line)
{
    const size_t end_len = strlen(line_end);
    const uint8_t *end = rest->len == 0 ? NULL : memmem(rest->data, rest->len, line_end, end_len);
    if (end == NULL) {
        return false;
    }
    *line = (scep_bytes){.data = rest->data, .len = (size_t)(end - rest->data)};
    rest->data += line->len + end_len;
    rest->len -= line->len + end_len;
    return true;
}

/* A line end or NUL of somebody else's making, which another reader might take for one. */
static bool has_control(scep_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] == 0x7F) {
            return true;
        }
    }
    return false;
}

/* Splits "name: value" at the first colon. The name is letters and hyphens; the value has no control
 * character. */
static bool split_field(scep_bytes line, scep_bytes *name, scep_bytes *value)
{
    size_t at = 0;
    while (at < line.len && line.data[at] != ':') {
        const uint8_t letter = line.data[at] | 0x20;
        if (line.data[at] != '-' && (letter < 'a' || letter > 'z')) {
            return false;
        }
        at++;
    }
    if (at == 0 || at == line.len) {
        return false;
    }
    *name = (scep_bytes){.data = line.data, .len = at};
    *value = (scep_bytes){.data = line.data + at + 1, .len = line.len - at - 1};
    return !has_control(*value);
}

static bool set_once(scep_bytes *field, scep_bytes value)
{
    if (field->data != NULL) {
        return false;
    }
    *field = value;
    return true;
}

static scep_bytes trim_spaces(scep_bytes text)
{
    while (text.len > 0 && text.data[0] == ' ') {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && text.data[text.len - 1] == ' ') {
        text.len--;
    }
    return text;
}

/* "HTTP/1.1 200 OK": the reason may be any text or missing. Interim replies (1xx) are never asked for. */
static bool parse_status_line(scep_bytes line, int32_t *status)
{
    const size_t start_len = strlen(STATUS_START);
    if (line.len < start_len + 3 || memcmp(line.data, STATUS_START, start_len) != 0) {
        return false;
    }
    uint32_t number = 0;
    const scep_bytes digits = {.data = line.data + start_len, .len = 3};
    const bool is_ended = line.len == start_len + 3 || line.data[start_len + 3] == ' ';
    if (!is_ended || has_control(line) || !parse_number(digits, &number) || number < 200 || number > 599) {
        return false;
    }
    *status = (int32_t)number;
    return true;
}

static bool take_head_field(head_facts *facts, scep_bytes name, scep_bytes value)
{
    if (is_word_nocase(name, "Content-Length")) {
        return set_once(&facts->content_length, value);
    }
    if (is_word_nocase(name, "Content-Type")) {
        return set_once(&facts->content_type, value);
    }
    if (is_word_nocase(name, "Connection")) {
        return set_once(&facts->connection, value);
    }
    if (is_word_nocase(name, "Retry-After")) {
        return set_once(&facts->retry_after, value);
    }
    return !is_word_nocase(name, "Transfer-Encoding");
}

static bool parse_head(scep_bytes head, int32_t *status, head_facts *facts)
{
    scep_bytes line;
    if (!next_line(&head, "\r\n", &line) || !parse_status_line(line, status)) {
        return false;
    }
    while (next_line(&head, "\r\n", &line)) {
        scep_bytes name;
        scep_bytes value;
        if (!split_field(line, &name, &value) || !take_head_field(facts, name, trim_spaces(value))) {
            return false;
        }
    }
    return true;
}

static bool is_plain_text(scep_bytes content_type)
{
    const uint8_t *parameters =
        content_type.len == 0 ? NULL : memchr(content_type.data, ';', content_type.len);
    if (parameters != NULL) {
        content_type.len = (size_t)(parameters - content_type.data);
    }
    return is_word_nocase(trim_spaces(content_type), "text/plain");
}

static bool take_body_line(iscep_local_reply *reply, scep_bytes *retry_after_ms, scep_bytes name,
                           scep_bytes value)
{
    if (is_word(name, "verdict")) {
        return set_once(&reply->verdict, value);
    }
    if (is_word(name, "code")) {
        return set_once(&reply->code, value);
    }
    if (is_word(name, "message")) {
        return set_once(&reply->message, value);
    }
    if (is_word(name, "requestId")) {
        return set_once(&reply->request_id, value);
    }
    if (is_word(name, "retryAfterMs")) {
        return set_once(retry_after_ms, value) && parse_number(value, &reply->retry_after_ms);
    }
    return true; /* of a later connector */
}

/* Lines `name: value`, each ended by LF. Exactly one space separates: what follows is the value as it is. */
static bool parse_body(scep_bytes body, iscep_local_reply *reply)
{
    scep_bytes line;
    scep_bytes retry_after_ms = {NULL, 0};
    while (next_line(&body, "\n", &line)) {
        scep_bytes name;
        scep_bytes value;
        if (!split_field(line, &name, &value) || (value.len > 0 && value.data[0] != ' ')) {
            return false;
        }
        if (value.len > 0) {
            value = (scep_bytes){.data = value.data + 1, .len = value.len - 1};
        }
        if (!take_body_line(reply, &retry_after_ms, name, value)) {
            return false;
        }
    }
    return body.len == 0;
}

/* Retry-After in seconds (RFC 9110 10.2.3); a date is not understood, and names no time. */
static uint32_t retry_after_ms_of(scep_bytes retry_after)
{
    uint32_t seconds = 0;
    if (!parse_number(retry_after, &seconds)) {
        return 0;
    }
    return seconds > UINT32_MAX / 1000 ? UINT32_MAX : seconds * 1000;
}

static bool is_start_of_reply(const uint8_t *data, size_t len)
{
    const size_t start_len = strlen(STATUS_START);
    return memcmp(data, STATUS_START, len < start_len ? len : start_len) == 0;
}

iscep_local_parsed iscep_local_reply_parse(const uint8_t *data, size_t len, iscep_local_reply *reply)
{
    if (len == 0) {
        return ISCEP_LOCAL_PARTIAL;
    }
    if (!is_start_of_reply(data, len)) {
        return ISCEP_LOCAL_INVALID;
    }
    const size_t window = len < ISCEP_LOCAL_HEAD_MAX ? len : ISCEP_LOCAL_HEAD_MAX;
    const uint8_t *blank = memmem(data, window, "\r\n\r\n", 4);
    if (blank == NULL) {
        return len < ISCEP_LOCAL_HEAD_MAX ? ISCEP_LOCAL_PARTIAL : ISCEP_LOCAL_INVALID;
    }
    const size_t head_len = (size_t)(blank - data) + 4;
    iscep_local_reply parsed = {.status = 0};
    head_facts facts = {.retry_after = {NULL, 0}};
    uint32_t body_len = 0;
    if (!parse_head((scep_bytes){.data = data, .len = head_len - 2}, &parsed.status, &facts) ||
        !parse_number(facts.content_length, &body_len) || body_len > ISCEP_LOCAL_BODY_MAX ||
        len - head_len > body_len) {
        return ISCEP_LOCAL_INVALID;
    }
    if (len - head_len < body_len) {
        return ISCEP_LOCAL_PARTIAL;
    }
    parsed.is_kept = facts.connection.data == NULL || is_word_nocase(facts.connection, "keep-alive");
    parsed.retry_after_ms = retry_after_ms_of(facts.retry_after);
    if (is_plain_text(facts.content_type) &&
        !parse_body((scep_bytes){.data = data + head_len, .len = body_len}, &parsed)) {
        return ISCEP_LOCAL_INVALID;
    }
    *reply = parsed;
    return ISCEP_LOCAL_WHOLE;
}

bool iscep_local_reply_verdict(const iscep_local_reply *reply, int32_t *verdict)
{
    *verdict = SCEP_VERDICT_RETRY;
    if (reply->status == 200 && is_word(reply->verdict, "allow")) {
        *verdict = SCEP_VERDICT_ALLOW; /* the one place */
        return true;
    }
    if (reply->status >= 400 && reply->status <= 499 && is_word(reply->verdict, "deny")) {
        *verdict = SCEP_VERDICT_DENY;
        return true;
    }
    if (reply->status == 403 && is_word(reply->verdict, "decline")) {
        *verdict = SCEP_VERDICT_DECLINE;
        return true;
    }
    return reply->status == 503 && is_word(reply->verdict, "retry");
}
