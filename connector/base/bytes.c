/* Buffers and encodings: see bytes.h. */
#include "base/bytes.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

iscep_bytes iscep_bytes_of_text(const char *text)
{
    return iscep_bytes_of(text, text == NULL ? 0 : strlen(text));
}

bool iscep_bytes_equal(iscep_bytes a, iscep_bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

void iscep_buf_init(iscep_buf *buf, size_t max_len)
{
    *buf = (iscep_buf){.max_len = max_len};
}

void iscep_buf_clear(iscep_buf *buf)
{
    free(buf->data);
    iscep_buf_init(buf, buf->max_len);
}

void iscep_buf_wipe(iscep_buf *buf)
{
    if (buf->data != NULL)
        OPENSSL_cleanse(buf->data, buf->cap);
    iscep_buf_clear(buf);
}

void iscep_buf_cleanup(iscep_buf *buf)
{
    iscep_buf_clear(buf);
}

/* Makes room for len bytes and a NUL. A moved block is cleansed: the buffer may hold a secret. */
static bool grow(iscep_buf *buf, size_t len)
{
    if (buf->is_overflown || len > buf->max_len || buf->len > buf->max_len - len) {
        buf->is_overflown = true;
        return false;
    }
    size_t needed = buf->len + len + 1;
    if (needed <= buf->cap)
        return true;
    size_t cap = buf->cap == 0 ? needed : buf->cap * 2;
    if (cap < needed)
        cap = needed;
    uint8_t *data = malloc(cap);
    if (data == NULL) {
        buf->is_overflown = true;
        buf->is_out_of_memory = true;
        return false;
    }
    if (buf->data != NULL) {
        memcpy(data, buf->data, buf->len);
        OPENSSL_cleanse(buf->data, buf->len);
        free(buf->data);
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

uint8_t *iscep_buf_reserve(iscep_buf *buf, size_t len)
{
    return grow(buf, len) ? buf->data + buf->len : NULL;
}

void iscep_buf_append(iscep_buf *buf, const void *data, size_t len)
{
    uint8_t *room = iscep_buf_reserve(buf, len);
    if (room == NULL || len == 0)
        return;
    memcpy(room, data, len);
    buf->len += len;
}

void iscep_buf_append_text(iscep_buf *buf, const char *text)
{
    iscep_buf_append(buf, text, strlen(text));
}

void iscep_buf_printf(iscep_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    uint8_t *room = len < 0 ? NULL : iscep_buf_reserve(buf, (size_t)len);
    if (room != NULL) {
        vsnprintf((char *)room, (size_t)len + 1, format, again); /* grow keeps room for the NUL */
        buf->len += (size_t)len;
    }
    va_end(again);
}

const char *iscep_buf_text(iscep_buf *buf)
{
    if (buf->data == NULL)
        return "";
    buf->data[buf->len] = '\0';
    return (const char *)buf->data;
}

iscep_status iscep_buf_status(const iscep_buf *buf, iscep_error *err)
{
    if (!buf->is_overflown)
        return ISCEP_OK;
    if (buf->is_out_of_memory)
        return iscep_error_nomem(err);
    return iscep_error_set(err, ISCEP_NOMEM, "too_large", "does not fit into %zu bytes", buf->max_len);
}

static const char standard_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void encode64(iscep_buf *out, iscep_bytes in, const char *alphabet, bool is_padded)
{
    size_t rest = in.len % 3;
    size_t len = in.len / 3 * 4 + (rest == 0 ? 0 : is_padded ? 4 : rest + 1);
    uint8_t *to = in.len > SIZE_MAX / 4 ? NULL : iscep_buf_reserve(out, len);
    if (to == NULL)
        return;
    const uint8_t *from = in.data;
    for (size_t i = 0; i + 3 <= in.len; i += 3, from += 3) {
        *to++ = (uint8_t)alphabet[from[0] >> 2];
        *to++ = (uint8_t)alphabet[(from[0] & 3) << 4 | from[1] >> 4];
        *to++ = (uint8_t)alphabet[(from[1] & 15) << 2 | from[2] >> 6];
        *to++ = (uint8_t)alphabet[from[2] & 63];
    }
    if (rest > 0) {
        uint8_t second = rest == 2 ? from[1] : 0;
        *to++ = (uint8_t)alphabet[from[0] >> 2];
        *to++ = (uint8_t)alphabet[(from[0] & 3) << 4 | second >> 4];
        if (rest == 2)
            *to++ = (uint8_t)alphabet[(second & 15) << 2];
        else if (is_padded)
            *to++ = '=';
        if (is_padded)
            *to++ = '=';
    }
    out->len += len;
}

void iscep_base64_encode(iscep_buf *out, iscep_bytes in)
{
    encode64(out, in, standard_alphabet, true);
}

void iscep_base64url_encode(iscep_buf *out, iscep_bytes in)
{
    encode64(out, in, url_alphabet, false);
}

/* The value of one character, or -1. char62 and char63 are the two that differ between the alphabets. */
static int sextet(uint8_t c, char char62, char char63)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (uint8_t)char62)
        return 62;
    return c == (uint8_t)char63 ? 63 : -1;
}

/* Decodes text without padding; unused bits must be zero, so that every value has one spelling. */
static bool decode64(iscep_buf *out, iscep_bytes text, const char *alphabet)
{
    uint32_t bits = 0;
    unsigned count = 0;
    uint8_t *to = iscep_buf_reserve(out, text.len / 4 * 3 + 3);
    if (to == NULL || text.len % 4 == 1)
        return false;
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = sextet(text.data[i], alphabet[62], alphabet[63]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            to[len++] = (uint8_t)(bits >> count);
        }
    }
    if ((bits & ((1u << count) - 1)) != 0)
        return false;
    out->len += len;
    return true;
}

iscep_status iscep_base64_decode(iscep_buf *out, iscep_bytes text, iscep_error *err)
{
    iscep_bytes digits = text;
    if (text.len % 4 == 0 && text.len > 0) {
        digits.len -= text.data[text.len - 1] == '=';
        digits.len -= text.data[text.len - 2] == '=' && digits.len < text.len;
        if (decode64(out, digits, standard_alphabet))
            return ISCEP_OK;
    } else if (text.len == 0) {
        return ISCEP_OK;
    }
    if (iscep_buf_status(out, err) != ISCEP_OK)
        return ISCEP_NOMEM;
    return iscep_error_set(err, ISCEP_USAGE, "base64_malformed",
                           "not base64 (RFC 4648, with padding, no line breaks)");
}

iscep_status iscep_base64url_decode(iscep_buf *out, iscep_bytes text, iscep_error *err)
{
    if (decode64(out, text, url_alphabet))
        return ISCEP_OK;
    if (iscep_buf_status(out, err) != ISCEP_OK)
        return ISCEP_NOMEM;
    return iscep_error_set(err, ISCEP_USAGE, "base64_malformed",
                           "not base64url (RFC 4648, 5, without padding)");
}

void iscep_hex_encode(iscep_buf *out, iscep_bytes in)
{
    static const char digits[] = "0123456789ABCDEF";
    uint8_t *to = in.len > SIZE_MAX / 2 ? NULL : iscep_buf_reserve(out, in.len * 2);
    if (to == NULL)
        return;
    for (size_t i = 0; i < in.len; i++) {
        *to++ = (uint8_t)digits[in.data[i] >> 4];
        *to++ = (uint8_t)digits[in.data[i] & 15];
    }
    out->len += in.len * 2;
}
