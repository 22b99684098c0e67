/* What looks like a challenge of Intune's, and what does not: base64 of exactly one ContentInfo of a PKCS#7 type. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/challenge.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static bool is_like(iscep_bytes der)
{
    ISCEP_AUTO_BUF base64;
    iscep_buf_init(&base64, 128 * 1024);
    iscep_base64_encode(&base64, der);
    return iscep_challenge_is_like_intune(iscep_buf_bytes(&base64));
}

#define PKCS7 "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07"

Test(challenge, a_content_info_is_like_intunes)
{
    cr_assert(is_like(iscep_bytes_of("\x30\x0B" PKCS7 "\x03", 13)), "envelopedData");
    cr_assert(is_like(iscep_bytes_of("\x30\x0D" PKCS7 "\x02\xA0\x00", 15)), "signedData");
}

Test(challenge, its_length_may_have_several_octets)
{
    uint8_t der[3 + 0x80] = "\x30\x81\x80" PKCS7 "\x03\xA0\x73";
    cr_assert(is_like(iscep_bytes_of(der, sizeof der)));
    cr_assert_not(is_like(iscep_bytes_of(der, sizeof der - 1)), "cut");
}

Test(challenge, something_else_is_not)
{
    static const iscep_bytes unlike[] = {
        {NULL, 0},
        {(const uint8_t *)"\x30", 1},
        {(const uint8_t *)"\x30\x00", 2},
        {(const uint8_t *)"\x30\x0A" PKCS7, 12},                /* the OID's last octet is missing */
        {(const uint8_t *)"\x30\x0B" PKCS7 "\x03\x00", 14},     /* a byte behind it */
        {(const uint8_t *)"\x30\x0C" PKCS7 "\x03", 13},         /* cut */
        {(const uint8_t *)"\x31\x0B" PKCS7 "\x03", 13},         /* a SET */
        {(const uint8_t *)"\x30\x80" PKCS7 "\x03\x00\x00", 15}, /* an indefinite length */
        {(const uint8_t *)"\x30\x0B\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x09\x03", 13}, /* PKCS#9 */
    };
    for (size_t i = 0; i < COUNT(unlike); i++)
        cr_assert_not(is_like(unlike[i]), "%zu", i);
}

Test(challenge, passwords_are_not)
{
    static const char *const passwords[] = {"password",
                                            "B1946AC92492D2347C6235B4D2611184",
                                            "MAsGCSqGSIb3DQEHAw=", /* one padding short */
                                            "MAsGCSqGSIb3DQEHAw==\n",
                                            " MAsGCSqGSIb3DQEHAw==",
                                            "MAsGCSqGSIb3DQEHAw"};
    cr_assert(iscep_challenge_is_like_intune(iscep_bytes_of_text("MAsGCSqGSIb3DQEHAw==")));
    for (size_t i = 0; i < COUNT(passwords); i++)
        cr_assert_not(iscep_challenge_is_like_intune(iscep_bytes_of_text(passwords[i])), "%s", passwords[i]);
}
