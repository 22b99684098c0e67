/*
 * The reply of intune-scepd. Lines end in CRLF in the head (RFC 9112) and in LF in the body; a body has a
 * Content-Length, is not chunked, and holds verdict lines only if it says that it is text/plain. A field that
 * matters and comes twice makes the reply invalid: two parties could read it differently.
 */
#include "plugin/socket/local_reply.h"

#include <string.h>
#include <strings.h>

#define STATUS_START "HTTP/1.1 "

typedef struct head_facts {
    scep_bytes content_length;
    scep_bytes content_type;
    scep_bytes connection;
    scep_bytes retry_after;
} head_facts;

typedef struct body_facts {
    iscep_local_reply reply; /* its texts */
    scep_bytes retry_after_ms;
} body_facts;

static bool is_word(scep_bytes text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.data, word, text.len) == 0;
}

static bool is_word_nocase(scep_bytes text, const char *word)
{
    return text.len == strlen(word) && strncasecmp((const char *)text.data, word, text.len) == 0;
}

bool iscep_local_number_parse(scep_bytes text, uint32_t *out)
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
    if (!is_ended || has_control(line) || !iscep_local_number_parse(digits, &number) || number < 200 ||
        number > 599) {
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

/* The lines that matter, and where each goes. */
static const struct {
    const char *name;
    size_t offset; /* of a scep_bytes in body_facts */
} body_lines[] = {
    {"verdict", offsetof(body_facts, reply.verdict)},
    {"code", offsetof(body_facts, reply.code)},
    {"message", offsetof(body_facts, reply.message)},
    {"requestId", offsetof(body_facts, reply.request_id)},
    {"retryAfterMs", offsetof(body_facts, retry_after_ms)},
    {"certificate", offsetof(body_facts, reply.certificate)},
    {"status", offsetof(body_facts, reply.readiness)},
    {"id", offsetof(body_facts, reply.id)},
    {"serialNumber", offsetof(body_facts, reply.serial_number)},
    {"issuer", offsetof(body_facts, reply.issuer)},
    {"reason", offsetof(body_facts, reply.reason)},
    {"timeoutMs", offsetof(body_facts, reply.timeout_ms)},
};

static bool take_body_line(body_facts *facts, scep_bytes name, scep_bytes value)
{
    for (size_t i = 0; i < sizeof body_lines / sizeof body_lines[0]; i++) {
        if (is_word(name, body_lines[i].name)) {
            return set_once((scep_bytes *)(void *)((char *)facts + body_lines[i].offset), value);
        }
    }
    return true; /* of a later connector */
}

/* Lines `name: value`, each ended by LF. Exactly one space separates: what follows is the value as it is. */
static bool parse_body(scep_bytes body, iscep_local_reply *reply)
{
    scep_bytes line;
    body_facts facts = {.reply = *reply};
    while (next_line(&body, "\n", &line)) {
        scep_bytes name;
        scep_bytes value;
        if (!split_field(line, &name, &value) || (value.len > 0 && value.data[0] != ' ')) {
            return false;
        }
        if (value.len > 0) {
            value = (scep_bytes){.data = value.data + 1, .len = value.len - 1};
        }
        if (!take_body_line(&facts, name, value)) {
            return false;
        }
    }
    *reply = facts.reply;
    return body.len == 0 && (facts.retry_after_ms.data == NULL ||
                             iscep_local_number_parse(facts.retry_after_ms, &reply->retry_after_ms));
}

/* Retry-After in seconds (RFC 9110 10.2.3); a date is not understood, and names no time. */
static uint32_t retry_after_ms_of(scep_bytes retry_after)
{
    uint32_t seconds = 0;
    if (!iscep_local_number_parse(retry_after, &seconds)) {
        return 0;
    }
    return seconds > UINT32_MAX / 1000 ? UINT32_MAX : seconds * 1000;
}

static bool is_start_of_reply(const uint8_t *data, size_t len)
{
    const size_t start_len = strlen(STATUS_START);
    return memcmp(data, STATUS_START, len < start_len ? len : start_len) == 0;
}

/* 204 has no body, and may therefore go without a length (RFC 9110 8.6). */
static bool read_body_len(const head_facts *facts, int32_t status, uint32_t *len)
{
    if (status == 204 && facts->content_length.data == NULL) {
        *len = 0;
        return true;
    }
    return iscep_local_number_parse(facts->content_length, len) && *len <= ISCEP_LOCAL_BODY_MAX &&
           (status != 204 || *len == 0);
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
        !read_body_len(&facts, parsed.status, &body_len) || len - head_len > body_len) {
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

bool iscep_local_reply_verdict(const iscep_local_reply *reply, iscep_question_kind kind, int32_t *verdict)
{
    const bool is_report = kind == ISCEP_ASK_ISSUED || kind == ISCEP_ASK_FAILED;
    const bool is_deliver = is_word(reply->verdict, "deliver");
    *verdict = SCEP_VERDICT_RETRY;
    if (reply->status == 200 && (is_word(reply->verdict, "allow") || (is_report && is_deliver))) {
        *verdict = SCEP_VERDICT_ALLOW; /* the one place */
        return true;
    }
    if (reply->status == 409 && kind == ISCEP_ASK_VALIDATE && is_deliver) {
        *verdict = SCEP_VERDICT_DELIVER;
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

bool iscep_local_reply_is_ready(const iscep_local_reply *reply)
{
    return reply->status == 200 && is_word(reply->readiness, "ok");
}
