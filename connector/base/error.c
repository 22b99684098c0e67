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

void iscep_text_copy(char *out, size_t out_size, const char *text)
{
    if (out_size == 0)
        return;
    size_t len = strnlen(text, out_size);
    if (len == out_size) { /* too long: cut, but not inside a UTF-8 sequence */
        len = out_size - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7F ? ' ' : text[i];
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
