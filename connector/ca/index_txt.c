/* See index_txt.h. */
#include "ca/index_txt.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    COLUMN_COUNT = 6,
    TYPE = 0,
    REVOCATION = 2,
    SERIAL = 3,
    MAX_REVOCATION_LEN = 255,
    MAX_SERIAL_LEN = 255
};

/* openssl ca's words: RFC 5280's, but for the second letter of CACompromise, and three that say more. */
static const struct {
    const char *word;
    int32_t reason;
} reason_words[] = {
    {"unspecified", ISCEP_CRL_UNSPECIFIED},
    {"keyCompromise", ISCEP_CRL_KEY_COMPROMISE},
    {"CACompromise", ISCEP_CRL_CA_COMPROMISE},
    {"affiliationChanged", ISCEP_CRL_AFFILIATION_CHANGED},
    {"superseded", ISCEP_CRL_SUPERSEDED},
    {"cessationOfOperation", ISCEP_CRL_CESSATION_OF_OPERATION},
    {"certificateHold", ISCEP_CRL_CERTIFICATE_HOLD},
    {"holdInstruction", ISCEP_CRL_CERTIFICATE_HOLD},
    {"keyTime", ISCEP_CRL_KEY_COMPROMISE},
    {"CAkeyTime", ISCEP_CRL_CA_COMPROMISE},
};
enum { WORD_COUNT = sizeof reason_words / sizeof *reason_words };

const char *iscep_index_reason(iscep_crl_reason reason)
{
    for (size_t i = 0; i < WORD_COUNT; i++)
        if (reason_words[i].reason == (int32_t)reason)
            return reason_words[i].word;
    return NULL;
}

/* A backslash before a tab makes it part of the column. False: there are not six. */
static bool split(iscep_bytes columns[COLUMN_COUNT], iscep_bytes line)
{
    size_t count = 0, start = 0;
    for (size_t i = 0; i <= line.len; i++) {
        bool is_end = i == line.len || (line.data[i] == '\t' && (i == 0 || line.data[i - 1] != '\\'));
        if (!is_end)
            continue;
        if (count == COLUMN_COUNT)
            return false;
        columns[count++] = iscep_bytes_of(line.data + start, i - start);
        start = i + 1;
    }
    return count == COLUMN_COUNT;
}

/* Hex digits and nothing else. False: it is no number, or too long. */
static bool parse_serial(char out[ISCEP_SERIAL_SIZE], iscep_bytes column)
{
    char text[MAX_SERIAL_LEN + 1];
    if (column.len > MAX_SERIAL_LEN)
        return false;
    memcpy(text, column.data, column.len);
    text[column.len] = '\0';
    return strspn(text, "0123456789ABCDEFabcdef") == column.len && iscep_serial_parse(out, text, false);
}

/* "YYMMDDHHMMSSZ", or with four digits of the year. -1: neither. */
static int64_t parse_time(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    struct tm when = {0};
    if ((digits != 12 && digits != 14) || strcmp(text + digits, "Z") != 0)
        return -1;
    if (sscanf(text, digits == 12 ? "%2d%2d%2d%2d%2d%2d" : "%4d%2d%2d%2d%2d%2d", &when.tm_year,
               &when.tm_mon, /* NOLINT(cert-err34-c): digits, counted */
               &when.tm_mday, &when.tm_hour, &when.tm_min, &when.tm_sec) != 6)
        return -1;
    if (digits == 12) /* RFC 5280, 4.1.2.5.1 */
        when.tm_year += when.tm_year < 50 ? 100 : 0;
    else
        when.tm_year -= 1900;
    bool is_right = when.tm_mon >= 1 && when.tm_mon <= 12 && when.tm_mday >= 1 && when.tm_mday <= 31 &&
                    when.tm_hour <= 23 && when.tm_min <= 59 && when.tm_sec <= 60;
    when.tm_mon--;
    return is_right ? (int64_t)timegm(&when) : -1;
}

/* "DATE", "DATE,reason" or "DATE,reason,detail" */
static void parse_revocation(iscep_index_row *out, iscep_bytes column)
{
    char text[MAX_REVOCATION_LEN + 1] = "";
    char *at;
    if (column.len <= MAX_REVOCATION_LEN)
        memcpy(text, column.data, column.len);
    const char *date = strtok_r(text, ",", &at);
    const char *word = strtok_r(NULL, ",", &at);
    out->revoked_unix = date != NULL ? parse_time(date) : -1;
    for (size_t i = 0; i < WORD_COUNT && word != NULL; i++)
        if (strcasecmp(reason_words[i].word, word) == 0)
            out->reason = reason_words[i].reason;
}

static void parse_line(iscep_index_row *out, iscep_bytes line)
{
    iscep_bytes columns[COLUMN_COUNT];
    *out = (iscep_index_row){.type = ISCEP_INDEX_FOREIGN, .line = line};
    bool begins_revoked = line.len >= 2 && line.data[0] == 'R' && line.data[1] == '\t';
    if (!split(columns, line) || columns[TYPE].len != 1 || !parse_serial(out->serial, columns[SERIAL])) {
        out->serial[0] = '\0';
        out->type = begins_revoked ? ISCEP_INDEX_LOST : ISCEP_INDEX_FOREIGN;
        return;
    }
    if (columns[TYPE].data[0] == 'V')
        out->type = ISCEP_INDEX_VALID;
    else if (columns[TYPE].data[0] == 'E')
        out->type = ISCEP_INDEX_EXPIRED;
    else if (begins_revoked)
        out->type = ISCEP_INDEX_REVOKED;
    if (out->type == ISCEP_INDEX_REVOKED)
        parse_revocation(out, columns[REVOCATION]);
}

bool iscep_index_read(iscep_index_row *out, iscep_bytes *rest)
{
    if (rest->len == 0)
        return false;
    const uint8_t *end = memchr(rest->data, '\n', rest->len);
    size_t len = end != NULL ? (size_t)(end - rest->data) : rest->len;
    parse_line(out, iscep_bytes_of(rest->data, len));
    size_t taken = len + (end != NULL ? 1 : 0);
    *rest = iscep_bytes_of(rest->data + taken, rest->len - taken);
    return true;
}

/* As openssl ca writes it: two digits of the year until 2049. Unspecified is said by saying nothing. */
static void emit_revocation(iscep_buf *out, int64_t now_unix, iscep_crl_reason reason)
{
    struct tm when;
    char text[32];
    time_t seconds = (time_t)now_unix;
    gmtime_r(&seconds, &when);
    strftime(text, sizeof text, when.tm_year < 150 ? "%y%m%d%H%M%SZ" : "%Y%m%d%H%M%SZ",
             &when); /* NOLINT(clang-diagnostic-format-y2k) */
    iscep_buf_append_text(out, text);
    if (reason != ISCEP_CRL_UNSPECIFIED)
        iscep_buf_printf(out, ",%s", iscep_index_reason(reason));
}

void iscep_index_emit_revoked(iscep_buf *out, const iscep_index_row *row, int64_t now_unix,
                              iscep_crl_reason reason)
{
    iscep_bytes columns[COLUMN_COUNT];
    if (!split(columns, row->line)) {
        out->is_overflown = true; /* the row was never one */
        return;
    }
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        if (i > 0)
            iscep_buf_append_text(out, "\t");
        if (i == TYPE)
            iscep_buf_append_text(out, "R");
        else if (i == REVOCATION)
            emit_revocation(out, now_unix, reason);
        else
            iscep_buf_append(out, columns[i].data, columns[i].len);
    }
}
