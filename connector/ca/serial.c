/* See serial.h. */
#include "ca/serial.h"

#include <string.h>

enum { MAX_DECIMAL_DIGITS = ISCEP_CA_SERIAL_MAX_BYTES * 5 / 2 }; /* 2.41 digits a byte */

bool iscep_ca_serial_is_right(const char *serial)
{
    size_t len = strlen(serial);
    bool is_zero = strcmp(serial, "00") == 0;
    return len > 0 && len % 2 == 0 && len <= 2 * (size_t)ISCEP_CA_SERIAL_MAX_BYTES &&
           strspn(serial, "0123456789ABCDEF") == len && (is_zero || strncmp(serial, "00", 2) != 0);
}

static unsigned digit_value(char digit)
{
    return (unsigned)(digit <= '9' ? digit - '0' : digit - 'A' + 10);
}

/* decimal = decimal * 16 + digit; the last digit comes first. */
static size_t multiply_and_add(uint8_t *decimal, size_t len, unsigned digit)
{
    unsigned carry = digit;
    for (size_t i = 0; i < len; i++) {
        carry += decimal[i] * 16u;
        decimal[i] = (uint8_t)(carry % 10);
        carry /= 10;
    }
    for (; carry > 0; carry /= 10)
        decimal[len++] = (uint8_t)(carry % 10);
    return len;
}

void iscep_ca_serial_emit_decimal(iscep_buf *out, const char *serial)
{
    uint8_t decimal[MAX_DECIMAL_DIGITS] = {0};
    size_t len = 1;
    for (; *serial != '\0'; serial++)
        len = multiply_and_add(decimal, len, digit_value(*serial));
    while (len > 0)
        iscep_buf_append(out, &(char){(char)('0' + decimal[--len])}, 1);
}

void iscep_ca_serial_emit_colons(iscep_buf *out, const char *serial)
{
    for (size_t i = 0; serial[i] != '\0' && serial[i + 1] != '\0'; i += 2)
        iscep_buf_printf(out, "%s%02x", i == 0 ? "" : ":",
                         digit_value(serial[i]) << 4 | digit_value(serial[i + 1]));
}
