/* See serial.h. */
#include "base/serial.h"

#include <string.h>
#include <strings.h>

enum { MAX_DIGITS = 2 * ISCEP_SERIAL_MAX_BYTES };

static const char hex_digits[] = "0123456789ABCDEF";

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The nibbles, without leading zeros, become our spelling. */
static void spell(char out[ISCEP_SERIAL_SIZE], const char *digits, size_t count)
{
    size_t at = 0;
    if (count % 2 == 1 || count == 0)
        out[at++] = '0';
    if (count == 0)
        out[at++] = '0';
    memcpy(out + at, digits, count);
    out[at + count] = '\0';
}

/* text: at least one digit. */
static bool parse_hex(char out[ISCEP_SERIAL_SIZE], const char *text, size_t len)
{
    char digits[MAX_DIGITS];
    size_t count = 0, group = 0;
    bool is_first_group = true;
    for (size_t i = 0; i < len; i++) {
        bool is_separator = text[i] == ':' || text[i] == ' ';
        if (is_separator && (group == 0 || (!is_first_group && group % 2 == 1)))
            return false;
        if (is_separator) {
            is_first_group = false;
            group = 0;
            continue;
        }
        int value = hex_value(text[i]);
        if (value < 0)
            return false;
        group++;
        if (value == 0 && count == 0)
            continue;
        if (count == MAX_DIGITS)
            return false;
        digits[count++] = hex_digits[value];
    }
    if (group == 0 || (!is_first_group && group % 2 == 1))
        return false;
    spell(out, digits, count);
    return true;
}

/* bytes = bytes * 10 + digit, the last byte first. False if it does not fit. */
static bool multiply_and_add(unsigned char *bytes, size_t *len, unsigned digit)
{
    unsigned carry = digit;
    for (size_t i = 0; i < *len; i++) {
        carry += bytes[i] * 10u;
        bytes[i] = (unsigned char)(carry & 0xFF);
        carry >>= 8;
    }
    if (carry == 0)
        return true;
    if (*len == ISCEP_SERIAL_MAX_BYTES)
        return false;
    bytes[(*len)++] = (unsigned char)carry;
    return true;
}

static bool parse_decimal(char out[ISCEP_SERIAL_SIZE], const char *text, size_t len)
{
    unsigned char bytes[ISCEP_SERIAL_MAX_BYTES];
    size_t byte_count = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9' ||
            !multiply_and_add(bytes, &byte_count, (unsigned)(text[i] - '0')))
            return false;
    char digits[MAX_DIGITS];
    size_t count = 0;
    for (size_t i = byte_count; i > 0; i--) {
        if (count > 0 || bytes[i - 1] >> 4 != 0)
            digits[count++] = hex_digits[bytes[i - 1] >> 4];
        digits[count++] = hex_digits[bytes[i - 1] & 0xF];
    }
    spell(out, digits, count);
    return true;
}

bool iscep_serial_parse(char out[ISCEP_SERIAL_SIZE], const char *text, bool is_decimal)
{
    while (is_blank(*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    if (!is_decimal && len > 2 && strncasecmp(text, "0x", 2) == 0) {
        text += 2;
        len -= 2;
    }
    if (len == 0)
        return false;
    return is_decimal ? parse_decimal(out, text, len) : parse_hex(out, text, len);
}
