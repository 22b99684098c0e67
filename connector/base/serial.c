/* See serial.h. The arithmetic is OpenSSL's. */
#include "base/serial.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>

enum { MAX_DECIMAL_DIGITS = 155 }; /* of 2^512 - 1 */

static const char hex_digits[] = "0123456789ABCDEFabcdef";

/* Colons or spaces stand between whole bytes; only the first group may have an odd number of digits. */
static bool take_hex(char digits[ISCEP_SERIAL_SIZE], const char *text, size_t len)
{
    size_t count = 0, group = 0;
    bool is_first_group = true;
    for (size_t i = 0; i <= len; i++) {
        bool is_end = i == len || text[i] == ':' || text[i] == ' ';
        if (is_end && (group == 0 || (!is_first_group && group % 2 == 1)))
            return false;
        if (is_end) {
            is_first_group = false;
            group = 0;
            continue;
        }
        if (strchr(hex_digits, text[i]) == NULL)
            return false;
        group++;
        if (text[i] == '0' && count == 0)
            continue;
        if (count == ISCEP_SERIAL_SIZE - 1)
            return false;
        digits[count++] = text[i];
    }
    digits[count] = '\0';
    return true;
}

static bool take_decimal(char digits[MAX_DECIMAL_DIGITS + 1], const char *text, size_t len)
{
    for (; len > 1 && text[0] == '0'; len--)
        text++;
    if (len > MAX_DECIMAL_DIGITS || strspn(text, "0123456789") < len)
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    return true;
}

/* Upper case, two digits a byte. */
static bool spell(char out[ISCEP_SERIAL_SIZE], const BIGNUM *number)
{
    char *hex = BN_bn2hex(number);
    size_t len = hex == NULL ? 0 : strlen(hex);
    bool is_right = len > 0 && len < ISCEP_SERIAL_SIZE;
    if (is_right)
        memcpy(out, BN_is_zero(number) ? "00" : hex, BN_is_zero(number) ? 3 : len + 1);
    OPENSSL_free(hex);
    return is_right;
}

bool iscep_serial_parse(char out[ISCEP_SERIAL_SIZE], const char *text, bool is_decimal)
{
    char digits[MAX_DECIMAL_DIGITS + 1 > ISCEP_SERIAL_SIZE ? MAX_DECIMAL_DIGITS + 1 : ISCEP_SERIAL_SIZE];
    BIGNUM *number = NULL;
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    if (!is_decimal && len > 2 && strncasecmp(text, "0x", 2) == 0) {
        text += 2;
        len -= 2;
    }
    if (len == 0 || !(is_decimal ? take_decimal(digits, text, len) : take_hex(digits, text, len)))
        return false;
    bool is_number = digits[0] == '\0'
                         ? (number = BN_new()) != NULL
                         : (is_decimal ? BN_dec2bn(&number, digits) : BN_hex2bn(&number, digits)) > 0;
    is_number = is_number && spell(out, number);
    BN_free(number);
    return is_number;
}

bool iscep_serial_is_canonical(const char *serial)
{
    char same[ISCEP_SERIAL_SIZE];
    return iscep_serial_parse(same, serial, false) && strcmp(same, serial) == 0;
}

void iscep_serial_emit_decimal(iscep_buf *out, const char *serial)
{
    BIGNUM *number = NULL;
    char *decimal = BN_hex2bn(&number, serial) > 0 ? BN_bn2dec(number) : NULL;
    if (decimal != NULL)
        iscep_buf_append_text(out, decimal);
    else
        out->is_overflown = true;
    OPENSSL_free(decimal);
    BN_free(number);
}

void iscep_serial_emit_colons(iscep_buf *out, const char *serial)
{
    for (size_t i = 0; serial[i] != '\0'; i++)
        iscep_buf_printf(out, "%s%c", i > 0 && i % 2 == 0 ? ":" : "", tolower((unsigned char)serial[i]));
}
