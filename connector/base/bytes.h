/*
 * Bytes as pointer and length, one growing buffer that demands a maximum, and the two text encodings of the
 * wire.
 */
#ifndef ISCEP_BASE_BYTES_H
#define ISCEP_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Borrowed: says where bytes are, never who frees them. */
typedef struct iscep_bytes {
    const uint8_t *data;
    size_t len;
} iscep_bytes;

static inline iscep_bytes iscep_bytes_of(const void *data, size_t len)
{
    return (iscep_bytes){.data = data, .len = len};
}

/* The bytes of a C string, without its NUL; NULL gives no bytes. */
iscep_bytes iscep_bytes_of_text(const char *text);
bool iscep_bytes_equal(iscep_bytes a, iscep_bytes b);

/*
 * Owned and growing. An append that would pass max_len, or for which there is no memory, changes nothing and
 * marks the buffer: builders append freely and ask iscep_buf_status once at the end.
 */
typedef struct iscep_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max_len;
    bool is_overflown;
    bool is_out_of_memory; /* that is why */
} iscep_buf;

void iscep_buf_init(iscep_buf *buf, size_t max_len);
void iscep_buf_clear(iscep_buf *buf); /* frees; usable again with the same maximum */
void iscep_buf_wipe(iscep_buf *buf);  /* as clear, and the bytes are cleansed first: for what held a secret */
void iscep_buf_append(iscep_buf *buf, const void *data, size_t len);
void iscep_buf_append_text(iscep_buf *buf, const char *text);
void iscep_buf_printf(iscep_buf *buf, const char *format, ...) ISCEP_PRINTF(2, 3);
/* Room for len more bytes; the caller writes them and adds to buf->len. NULL as append fails. */
uint8_t *iscep_buf_reserve(iscep_buf *buf, size_t len);
/* The content as a C string: a NUL is kept behind it and not counted. Never NULL. */
const char *iscep_buf_text(iscep_buf *buf);
iscep_status iscep_buf_status(const iscep_buf *buf, iscep_error *err) ISCEP_CHECKED;
static inline iscep_bytes iscep_buf_bytes(const iscep_buf *buf)
{
    return (iscep_bytes){.data = buf->data, .len = buf->len};
}

void iscep_buf_cleanup(iscep_buf *buf);
#define ISCEP_AUTO_BUF __attribute__((cleanup(iscep_buf_cleanup))) iscep_buf

/* Base64 with padding, no line breaks (RFC 4648, 4) and base64url without padding (5). */
void iscep_base64_encode(iscep_buf *out, iscep_bytes in);
void iscep_base64url_encode(iscep_buf *out, iscep_bytes in);
/* Strict: whole groups, right padding, nothing else. USAGE for anything else. */
iscep_status iscep_base64_decode(iscep_buf *out, iscep_bytes text, iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_base64url_decode(iscep_buf *out, iscep_bytes text, iscep_error *err) ISCEP_CHECKED;

/* Upper-case hex, two digits a byte. */
void iscep_hex_encode(iscep_buf *out, iscep_bytes in);

#endif
