/* The certificate of a `deliver` reply. What it says is the host's to check; that it is one thing is checked here. */
#include "plugin/socket/delivered.h"

#include <stdbool.h>
#include <string.h>

/* Six bits, or 64 for what is not in the alphabet of RFC 4648, 4. */
static uint32_t sextet_of(uint8_t letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        return (uint32_t)(letter - 'A');
    }
    if (letter >= 'a' && letter <= 'z') {
        return (uint32_t)(letter - 'a') + 26;
    }
    if (letter >= '0' && letter <= '9') {
        return (uint32_t)(letter - '0') + 52;
    }
    return letter == '+' ? 62 : letter == '/' ? 63 : 64;
}

static size_t padding_of(scep_bytes base64)
{
    size_t count = 0;
    while (count < 2 && base64.data[base64.len - 1 - count] == '=') {
        count++;
    }
    return count;
}

/* The bits behind the last byte must be zero: two texts for the same bytes are one too many. */
static bool has_stray_bits(scep_bytes base64, size_t padding)
{
    const uint32_t last = sextet_of(base64.data[base64.len - padding - 1]);
    return (padding == 1 && (last & 0x03) != 0) || (padding == 2 && (last & 0x0F) != 0);
}

/* How many bytes the text stands for; 0: it is no base64. */
static size_t decoded_len(scep_bytes base64)
{
    if (base64.len == 0 || base64.len % 4 != 0) {
        return 0;
    }
    const size_t padding = padding_of(base64);
    for (size_t i = 0; i < base64.len - padding; i++) {
        if (sextet_of(base64.data[i]) == 64) {
            return 0;
        }
    }
    return has_stray_bits(base64, padding) ? 0 : base64.len / 4 * 3 - padding;
}

static void decode(scep_bytes base64, uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const uint8_t *pair = base64.data + i / 3 * 4 + i % 3;
        const uint32_t bits = sextet_of(pair[0]) << 6 | (sextet_of(pair[1]) & 0x3F);
        out[i] = (uint8_t)(bits >> (4 - 2 * (i % 3)));
    }
}

/* A SEQUENCE with a definite, minimal length (X.690 10.1) that ends where the bytes end. */
static bool is_one_der_sequence(const uint8_t *der, size_t len)
{
    if (len < 2 || der[0] != 0x30) {
        return false;
    }
    if (der[1] < 0x80) {
        return len == 2u + der[1];
    }
    const size_t digits = der[1] & 0x7F;
    if (digits == 0 || digits > 4 || len < 2 + digits || der[2] == 0) {
        return false;
    }
    size_t content_len = 0;
    for (size_t i = 0; i < digits; i++) {
        content_len = content_len << 8 | der[2 + i];
    }
    return content_len >= 0x80 && content_len == len - 2 - digits;
}

iscep_delivered iscep_delivered_read(scep_bytes base64, uint8_t *room, size_t capacity, size_t *len)
{
    *len = decoded_len(base64);
    if (*len == 0) {
        return ISCEP_DELIVERED_UNUSABLE;
    }
    if (*len > capacity) {
        return ISCEP_DELIVERED_NO_ROOM;
    }
    decode(base64, room, *len);
    if (!is_one_der_sequence(room, *len)) {
        memset(room, 0, *len);
        *len = 0;
        return ISCEP_DELIVERED_UNUSABLE;
    }
    return ISCEP_DELIVERED_OK;
}
