/* base/serial: one number has one spelling. OpenSSL's big numbers say which; what they do not read is none. */
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <string.h>

#include "base/serial.h"
#include "tests/fuzz/check.h"

enum { MAX_LEN = 400 };

static void check_spelling(const char *serial)
{
    size_t len = strlen(serial);
    FUZZ_CHECK(len >= 2 && len % 2 == 0 && len < ISCEP_SERIAL_SIZE);
    FUZZ_CHECK(strspn(serial, "0123456789ABCDEF") == len);
    FUZZ_CHECK(strcmp(serial, "00") == 0 || strncmp(serial, "00", 2) != 0);
    char again[ISCEP_SERIAL_SIZE];
    FUZZ_CHECK(iscep_serial_parse(again, serial, false) && strcmp(again, serial) == 0);
}

/* digits: what is left without separators. */
static void check_number(const char *serial, const char *digits, bool is_decimal)
{
    BIGNUM *want = NULL, *got = NULL;
    int len = is_decimal ? BN_dec2bn(&want, digits) : BN_hex2bn(&want, digits);
    FUZZ_CHECK(len == (int)strlen(digits) && BN_hex2bn(&got, serial) > 0);
    FUZZ_CHECK(BN_cmp(want, got) == 0);
    BN_free(want);
    BN_free(got);
}

static void try(const char *text, bool is_decimal)
{
    char serial[ISCEP_SERIAL_SIZE], digits[MAX_LEN + 1];
    size_t len = 0;
    if (!iscep_serial_parse(serial, text, is_decimal))
        return;
    check_spelling(serial);
    for (const char *at = text; *at != '\0'; at++)
        if (strchr(": \t", *at) == NULL)
            digits[len++] = *at;
    digits[len] = '\0';
    bool is_prefixed = len > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
    check_number(serial, is_prefixed ? digits + 2 : digits, is_decimal);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[MAX_LEN + 1];
    if (size > MAX_LEN)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    try(text, false);
    try(text, true);
    return 0;
}
