/* iscep_error: see include/iscep/error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

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
    case ISCEP_STATUS_32_BITS:
        break;
    }
    return "unknown";
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
        size_t taken = iscep_utf8_len(from, strnlen((const char *)from, ISCEP_UTF8_MAX_LEN));
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
