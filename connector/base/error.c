/* iscep_error: see include/iscep/error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *iscep_status_name(iscep_status status)
{
    switch (status) {
    case ISCEP_OK:
        return "ok";
    case ISCEP_CONFIG:
        return "config";
    case ISCEP_AUTH:
        return "auth";
    case ISCEP_NETWORK:
        return "network";
    case ISCEP_THROTTLED:
        return "throttled";
    case ISCEP_SERVICE:
        return "service";
    case ISCEP_PROTOCOL:
        return "protocol";
    case ISCEP_STORAGE:
        return "storage";
    case ISCEP_USAGE:
        return "usage";
    case ISCEP_NOMEM:
        return "nomem";
    }
    return "unknown";
}

/* Length of the UTF-8 sequence at text (RFC 3629): 0 if it is none, too long a spelling, or a surrogate. */
static size_t sequence_len(const unsigned char *text)
{
    if (text[0] < 0x80)
        return 1;
    size_t len = text[0] < 0xC2 || text[0] > 0xF4 ? 0 : text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
    for (size_t i = 1; i < len; i++)
        if ((text[i] & 0xC0) != 0x80) /* also at the NUL */
            return 0;
    bool is_outside = (text[0] == 0xE0 && text[1] < 0xA0) || (text[0] == 0xED && text[1] >= 0xA0) ||
                      (text[0] == 0xF0 && text[1] < 0x90) || (text[0] == 0xF4 && text[1] >= 0x90);
    return is_outside ? 0 : len;
}

/* Controls of both sets: C0 with DEL, and C1, which terminals obey as well. */
static bool is_control(const unsigned char *sequence, size_t len)
{
    return (len == 1 && (sequence[0] < 0x20 || sequence[0] == 0x7F)) ||
           (len == 2 && sequence[0] == 0xC2 && sequence[1] < 0xA0);
}

void iscep_text_copy(char *out, size_t out_size, const char *text)
{
    if (out_size == 0)
        return;
    const unsigned char *from = (const unsigned char *)text;
    size_t len = 0;
    while (*from != '\0') {
        size_t taken = sequence_len(from);
        const char *replacement = taken == 0 ? "?" : is_control(from, taken) ? " " : NULL;
        size_t given = replacement != NULL ? 1 : taken;
        if (len + given >= out_size)
            break;
        memcpy(out + len, replacement != NULL ? replacement : (const char *)from, given);
        len += given;
        from += taken == 0 ? 1 : taken;
    }
    out[len] = '\0';
}

void iscep_error_fill(iscep_error *err, iscep_status status, const char *code, const char *format, ...)
{
    if (err == NULL)
        return;
    char message[2 * sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    *err = (iscep_error)ISCEP_ERROR_INIT;
    err->status = status;
    iscep_text_copy(err->code, sizeof err->code, code != NULL ? code : "");
    iscep_text_copy(err->message, sizeof err->message, message);
}

void iscep_error_prefix(iscep_error *err, const char *context)
{
    if (err == NULL)
        return;
    char message[2 * sizeof err->message];
    snprintf(message, sizeof message, "%s: %s", context, err->message);
    iscep_text_copy(err->message, sizeof err->message, message);
}
