/* Filling an iscep_error (include/iscep/error.h): set where it happens, prefixed with context on the way up.
 */
#ifndef ISCEP_BASE_ERROR_H
#define ISCEP_BASE_ERROR_H

#include <stddef.h>

#include "iscep/error.h"

#define ISCEP_PRINTF(fmt, at) __attribute__((format(printf, fmt, at)))

/*
 * Sets status, code (may be NULL) and message; resets the rest. Its value is status, so that failing is one
 * line. err may be NULL. Control characters in the message become spaces. A macro, so that compilers and
 * analysers see which status comes out.
 */
#define iscep_error_set(err, status, code, ...)                                                              \
    (iscep_error_fill((err), (status), (code), __VA_ARGS__), iscep_status_of(status))
void iscep_error_fill(iscep_error *err, iscep_status status, const char *code, const char *format, ...)
    ISCEP_PRINTF(4, 5);

/* Puts "context: " before the message. */
void iscep_error_prefix(iscep_error *err, const char *context);

static inline iscep_status iscep_status_of(
    iscep_status status) /* a call may go unused, a bare value may not */
{
    return status;
}

static inline iscep_status iscep_error_nomem(iscep_error *err)
{
    return iscep_error_set(err, ISCEP_NOMEM, "nomem", "out of memory");
}

/*
 * Copies text of foreign origin into a fixed field: cut at a UTF-8 boundary, control characters become
 * spaces, and what is no UTF-8 becomes question marks.
 */
void iscep_text_copy(char *out, size_t out_size, const char *text);

#endif
