/*
 * plugin/local_reply: what intune-scepd, or whoever sits on its socket, answers to the thin plugin. ALLOW exactly if,
 * in a second reading, it is HTTP 200, all there, plain text, and its one verdict line is "verdict: allow", or for a report
 * "verdict: deliver"; DECLINE, by which the host's own rule applies, exactly if it is HTTP 403 with "verdict: decline";
 * DELIVER, for a request alone, exactly if it is HTTP 409 with "verdict: deliver"; ready exactly if it is HTTP 200 with
 * "status: ok". And plugin/delivered: whatever the
 * certificate line holds, what is taken for a certificate is base64 of one DER element in a second reading too.
 */
#include <string.h>
#include <strings.h>

#include "base/x509.h"
#include "plugin/socket/delivered.h"
#include "plugin/socket/local_reply.h"
#include "tests/fuzz/check.h"
#include "tests/fuzz/http_text.h"
#include "tests/fuzz/oracle_text.h"

static bool is_text(iscep_bytes bytes, const char *text)
{
    return iscep_bytes_equal(bytes, iscep_bytes_of_text(text));
}

static bool starts(iscep_bytes bytes, const char *text)
{
    return bytes.len >= strlen(text) && strncasecmp((const char *)bytes.data, text, strlen(text)) == 0;
}

/* "text/plain", and behind it, perhaps after spaces, parameters or nothing. */
static bool is_plain_text(iscep_bytes type)
{
    size_t at = strlen("text/plain");
    if (!starts(type, "text/plain"))
        return false;
    while (at < type.len && type.data[at] == ' ')
        at++;
    return at == type.len || type.data[at] == ';';
}

/* What the head says that matters. */
typedef struct head_reading {
    unsigned length_count;
    size_t length;
    unsigned plain_text_count;
    bool is_chunked;
} head_reading;

static void read_field(head_reading *out, iscep_bytes line)
{
    iscep_bytes name = {0}, value = {0};
    char digits[16] = "";
    if (!http_text_split_field(line, &name, &value))
        return;
    if (value.len < sizeof digits)
        memcpy(digits, value.data, value.len);
    if (name.len == 14 && starts(name, "content-length") && oracle_is_decimal(digits, ISCEP_LOCAL_BODY_MAX)) {
        out->length_count++;
        out->length = strtoul(digits, NULL, 10);
    }
    out->plain_text_count += name.len == 12 && starts(name, "content-type") && is_plain_text(value);
    out->is_chunked |= starts(name, "transfer-encoding");
}

/* Has the body one line of that name, and is it this one? */
static bool has_line(iscep_bytes body, const char *wanted)
{
    unsigned count = 0, wanted_count = 0;
    size_t name_len = strcspn(wanted, ":") + 1;
    while (body.len > 0) {
        iscep_bytes line = http_text_take_line(&body);
        count += line.len >= name_len && memcmp(line.data, wanted, name_len) == 0; /* names are exact here */
        wanted_count += is_text(line, wanted);
    }
    return count == 1 && wanted_count == 1;
}

/* Lines that end in LF alone are none in HTTP; here they make a reply say nothing. */
static bool says(iscep_bytes reply, const char *status_line, const char *wanted)
{
    const uint8_t *blank = memmem(reply.data, reply.len, "\r\n\r\n", 4);
    size_t start_len = strlen(status_line);
    if (blank == NULL || !starts(reply, status_line) ||
        (reply.data[start_len] != ' ' && reply.data[start_len] != '\r'))
        return false;
    iscep_bytes head = iscep_bytes_of(reply.data, (size_t)(blank - reply.data) + 2);
    iscep_bytes body = iscep_bytes_of(blank + 4, reply.len - head.len - 2);
    head_reading reading = {0};
    while (head.len > 0) {
        iscep_bytes line = http_text_take_line(&head);
        if (line.len == 0 || line.data[--line.len] != '\r')
            return false;
        read_field(&reading, line);
    }
    return reading.length_count == 1 && reading.length == body.len && reading.plain_text_count == 1 &&
           !reading.is_chunked && body.len > 0 && body.data[body.len - 1] == '\n' && has_line(body, wanted);
}

static void check_verdict(const iscep_local_reply *reply, iscep_bytes bytes, iscep_question_kind kind)
{
    int32_t verdict = SCEP_VERDICT_ALLOW;
    bool is_verdict = iscep_local_reply_verdict(reply, kind, &verdict);
    bool is_request = kind == ISCEP_ASK_VALIDATE;
    bool is_allowed = says(bytes, "HTTP/1.1 200", "verdict: allow") ||
                      (!is_request && says(bytes, "HTTP/1.1 200", "verdict: deliver"));
    bool is_delivery = is_request && says(bytes, "HTTP/1.1 409", "verdict: deliver");
    FUZZ_CHECK((verdict == SCEP_VERDICT_ALLOW) == is_allowed);
    FUZZ_CHECK((verdict == SCEP_VERDICT_DELIVER) == is_delivery);
    FUZZ_CHECK((verdict == SCEP_VERDICT_DECLINE) == says(bytes, "HTTP/1.1 403", "verdict: decline"));
    FUZZ_CHECK(is_verdict || verdict == SCEP_VERDICT_RETRY);
}

static void check_certificate(scep_bytes base64)
{
    static uint8_t room[256];
    ISCEP_AUTO_BUF decoded;
    size_t len = 0;
    iscep_buf_init(&decoded, ISCEP_LOCAL_BODY_MAX);
    bool is_base64 =
        iscep_base64_decode(&decoded, iscep_bytes_of(base64.data, base64.len), NULL) == ISCEP_OK &&
        decoded.len > 0;
    iscep_delivered read = iscep_delivered_read(base64, room, sizeof room, &len);
    FUZZ_CHECK(is_base64 || read == ISCEP_DELIVERED_UNUSABLE);
    FUZZ_CHECK((read == ISCEP_DELIVERED_NO_ROOM) == (is_base64 && decoded.len > sizeof room));
    if (read == ISCEP_DELIVERED_OK)
        FUZZ_CHECK(iscep_bytes_equal(iscep_bytes_of(room, len), iscep_buf_bytes(&decoded)) &&
                   iscep_der_element_len(room, len) == len);
    if (read == ISCEP_DELIVERED_UNUSABLE)
        FUZZ_CHECK(len == 0 &&
                   (!is_base64 || !iscep_der_is_one(decoded.data, decoded.len) || decoded.data[0] != 0x30));
}

static void check_whole(const iscep_local_reply *reply, iscep_bytes bytes)
{
    FUZZ_CHECK(bytes.len <= ISCEP_LOCAL_REPLY_MAX && reply->status >= 200 && reply->status <= 599);
    check_verdict(reply, bytes, ISCEP_ASK_VALIDATE);
    check_verdict(reply, bytes, ISCEP_ASK_ISSUED);
    check_verdict(reply, bytes, ISCEP_ASK_FAILED);
    FUZZ_CHECK(iscep_local_reply_is_ready(reply) == says(bytes, "HTTP/1.1 200", "status: ok"));
    check_certificate(reply->certificate);
}

/* However the reply is cut into pieces, the plugin waits for the rest: no beginning of it is whole or refused. */
static void check_beginnings(iscep_bytes bytes)
{
    for (size_t len = 0; len < bytes.len; len++) {
        iscep_local_reply reply = {.status = -1};
        FUZZ_CHECK(iscep_local_reply_parse(bytes.data, len, &reply) == ISCEP_LOCAL_PARTIAL);
        FUZZ_CHECK(reply.status == -1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iscep_local_reply reply = {.status = -1};
    iscep_bytes bytes = iscep_bytes_of(data, size);
    switch (iscep_local_reply_parse(data, size, &reply)) {
    case ISCEP_LOCAL_WHOLE:
        check_whole(&reply, bytes);
        check_beginnings(bytes);
        break;
    case ISCEP_LOCAL_PARTIAL:
        FUZZ_CHECK(size < ISCEP_LOCAL_REPLY_MAX && reply.status == -1);
        break;
    case ISCEP_LOCAL_INVALID:
        FUZZ_CHECK(reply.status == -1);
        break;
    }
    return 0;
}
