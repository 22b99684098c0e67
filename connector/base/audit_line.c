/* See audit_line.h. */
#include "base/audit_line.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/json.h"

enum { MAX_TEXT_SIZE = 1024 };

/* ,"hash":"(64 digits)"} stands at the end of every line. */
static const char hash_head[] = ",\"hash\":\"";
enum {
    HASH_LEN = ISCEP_AUDIT_HASH_SIZE - 1,
    HASH_HEAD_LEN = sizeof hash_head - 1,
    HASH_MEMBER_LEN = HASH_HEAD_LEN + HASH_LEN + 1,
};

iscep_status iscep_audit_hash(char out[ISCEP_AUDIT_HASH_SIZE], iscep_bytes bytes, iscep_error *err)
{
    uint8_t digest[ISCEP_SHA256_LEN];
    iscep_status status = iscep_sha256(digest, bytes, err);
    for (size_t i = 0; i < sizeof digest && status == ISCEP_OK; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
    return status;
}

static void emit_field(iscep_buf *out, const iscep_log_field *field)
{
    char text[MAX_TEXT_SIZE];
    iscep_buf_printf(out, ",\"%s\":", field->key);
    if (field->text == NULL) {
        iscep_buf_printf(out, "%lld", (long long)field->number);
        return;
    }
    iscep_text_copy(text, sizeof text, field->text); /* foreign: no control characters, only whole UTF-8 */
    iscep_json_append_quoted(out, text);
}

static void emit_body(iscep_buf *out, const iscep_audit_link *head, int64_t unix_ms, const char *event,
                      const iscep_log_field *fields, size_t count)
{
    char at[ISCEP_ISO8601_SIZE];
    iscep_iso8601_emit(at, unix_ms);
    iscep_buf_printf(out, "{\"seq\":%llu,\"at\":\"%s\",\"event\":\"%s\"", (unsigned long long)head->seq + 1,
                     at, event);
    for (size_t i = 0; i < count; i++)
        emit_field(out, &fields[i]);
    iscep_buf_printf(out, ",\"prev\":\"%s\"}", head->hash);
}

iscep_status iscep_audit_line_emit(iscep_buf *out, iscep_audit_link *head, int64_t unix_ms, const char *event,
                                   const iscep_log_field *fields, size_t count, iscep_error *err)
{
    static const iscep_log_field cut = {.key = "cut", .number = 1};
    ISCEP_AUTO_BUF body;
    iscep_buf_init(&body, ISCEP_AUDIT_MAX_LINE_LEN - HASH_MEMBER_LEN - 1);
    emit_body(&body, head, unix_ms, event, fields, count);
    if (body.is_overflown) {
        iscep_buf_clear(&body);
        emit_body(&body, head, unix_ms, event, &cut, 1);
    }
    iscep_audit_link next = {.seq = head->seq + 1};
    iscep_status status = iscep_buf_status(&body, err);
    if (status == ISCEP_OK)
        status = iscep_audit_hash(next.hash, iscep_buf_bytes(&body), err);
    if (status != ISCEP_OK)
        return status;
    iscep_buf_append(out, body.data, body.len - 1);
    iscep_buf_printf(out, "%s%s\"}\n", hash_head, next.hash);
    status = iscep_buf_status(out, err);
    if (status == ISCEP_OK)
        *head = next;
    return status;
}

static bool copy_hash(char out[ISCEP_AUDIT_HASH_SIZE], const char *text)
{
    if (text == NULL || strspn(text, "0123456789abcdef") != HASH_LEN || text[HASH_LEN] != '\0')
        return false;
    memcpy(out, text, ISCEP_AUDIT_HASH_SIZE);
    return true;
}

/* Is the hash that ends the line the hash of the rest? The rest: the line without that one member. */
static bool is_own_hash(const char *hash, iscep_bytes text)
{
    ISCEP_AUTO_BUF rest;
    char found[ISCEP_AUDIT_HASH_SIZE];
    iscep_buf_init(&rest, ISCEP_AUDIT_MAX_LINE_LEN);
    if (text.len <= HASH_MEMBER_LEN + 1)
        return false;
    const size_t rest_len = text.len - HASH_MEMBER_LEN - 1;
    if (memcmp(text.data + rest_len, hash_head, HASH_HEAD_LEN) != 0)
        return false;
    iscep_buf_append(&rest, text.data, rest_len);
    iscep_buf_append_text(&rest, "}");
    return !rest.is_overflown && iscep_audit_hash(found, iscep_buf_bytes(&rest), NULL) == ISCEP_OK &&
           strcmp(found, hash) == 0;
}

static void read_own_events(iscep_audit_line *out, const iscep_json *json)
{
    iscep_json_int(json, "torn_bytes", &out->torn_len);
    copy_hash(out->torn_hash, iscep_json_text(json, "torn_sha256"));
    iscep_json_int(json, "missed", &out->missed);
}

iscep_audit_line_kind iscep_audit_line_read(iscep_audit_line *out, iscep_bytes text)
{
    ISCEP_AUTO_JSON *json = NULL;
    int64_t seq = 0;
    *out = (iscep_audit_line){0};
    if (iscep_json_parse(&json, text, NULL) != ISCEP_OK || !iscep_json_is_object(json))
        return ISCEP_AUDIT_LINE_BROKEN;
    const char *event = iscep_json_text(json, "event");
    if (event == NULL || !iscep_json_int(json, "seq", &seq) || seq < 1 ||
        !copy_hash(out->prev, iscep_json_text(json, "prev")) ||
        !copy_hash(out->link.hash, iscep_json_text(json, "hash")) || !is_own_hash(out->link.hash, text))
        return ISCEP_AUDIT_LINE_CHANGED;
    out->link.seq = (uint64_t)seq;
    iscep_text_copy(out->event, sizeof out->event, event);
    read_own_events(out, json);
    return ISCEP_AUDIT_LINE_SOUND;
}
