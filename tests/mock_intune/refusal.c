/* See refusal.h. */
#include "refusal.h"

#include <stdarg.h>
#include <stdio.h>

bool mock_refuse(mock_refusal *out, const mock_entra_error *error, const char *format, ...)
{
    va_list args;
    out->error = *error;
    va_start(args, format);
    vsnprintf(out->text, sizeof(out->text), format, args);
    va_end(args);
    return false;
}
