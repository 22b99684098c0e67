/* Distinguished names: the same name in every spelling that CAs, Windows and OpenSSL have for it, and nothing else. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/dn.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

typedef struct pair {
    const char *a;
    const char *b;
} pair;

Test(dn, equals_other_spellings_of_itself)
{
    static const pair cases[] = {
        {"CN=Issuing CA,O=Contoso", "CN=Issuing CA,O=Contoso"},
        {"CN=Issuing CA,O=Contoso", "O=Contoso,CN=Issuing CA"},
        {"CN=Issuing CA,O=Contoso", "CN=Issuing CA, O=Contoso"},
        {"CN=Issuing CA,O=Contoso", " CN = Issuing CA ;  O = Contoso "},
        {"CN=Issuing CA,O=Contoso", "cn=issuing ca,o=CONTOSO"},
        {"CN=Issuing CA,O=Contoso", "CN=Issuing   CA,O=Contoso"},
        {"CN=Issuing CA,O=Contoso", "2.5.4.3=Issuing CA,OID.2.5.4.10=Contoso"},
        {"CN=Issuing CA,O=Contoso", "2.5.4.3=#0C0A49737375696E67204341,O=Contoso"},
        {"CN=Smith\\, Jones,C=US", "CN=\"Smith, Jones\", C=US"},
        {"CN=Smith\\, Jones,C=US", "CN=Smith\\2C Jones,C=US"},
        {"CN=a\\+b,C=US", "CN=\"a+b\",C=US"},
        {"CN=M\xC3\xBCller", "CN=M\\C3\\BCller"},
        {"ST=Bavaria,E=pki@contoso.example", "S=Bavaria,emailAddress=pki@contoso.example"},
        {"CN=x,DC=contoso,DC=example", "DC=example,DC=contoso,CN=x"},
        {"CN=x+OU=y,O=z", "OU=y+CN=x,O=z"},
        {"CN=x+OU=y,O=z", "O=z, OU=y + CN=x"},
        {"O=a,O=b,O=a", "O=a,O=b,O=a"},
        {"1.2.3.4=#0C0178,CN=y", "1.2.3.4=x,CN=y"},
        {"CN=", "cn= "},
        {"My CA", "My CA"}, /* no name at all */
        {"CN=x,,", "CN=x,,"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert(iscep_dn_equal(cases[i].a, cases[i].b), "%s | %s", cases[i].a, cases[i].b);
        cr_assert(iscep_dn_equal(cases[i].b, cases[i].a), "%s | %s", cases[i].b, cases[i].a);
    }
}

Test(dn, equals_nothing_else)
{
    static const pair cases[] = {
        {"", ""},
        {"", "CN=x"},
        {"CN=Issuing CA", "CN=Issuing CA 2"},
        {"CN=Issuing CA", "CN=Issuing"},
        {"CN=Issuing CA", "CN=IssuingCA"},
        {"CN=Issuing CA", "OU=Issuing CA"},
        {"CN=Issuing CA", "Issuing CA"},
        {"CN=Issuing CA,O=Contoso", "CN=Issuing CA"},
        {"CN=Issuing CA,O=Contoso", "CN=Issuing CA,O=Contoso,O=Contoso"},
        {"CN=a,O=b,C=c", "O=b,CN=a,C=c"}, /* neither from one end nor from the other */
        {"CN=a,O=b", "CN=a+O=b"},
        {"CN=a+OU=b,O=c", "CN=a+OU=c,O=b"},
        {"CN=a+CN=a,O=c", "CN=a+CN=b,O=c"},
        {"CN=a\\,O=b", "CN=a,O=b"},
        {"CN=\"a,O=b\"", "CN=a,O=b"},
        {"CN=x\\00y", "CN=x"},
        {"CN=#0C0178", "CN=#0C0179"},
        {"2.5.4.3=#0C0278", "CN=x"}, /* a length that is none */
        {"CN=\"x", "CN=x"},
        {"CN=x\\", "CN=x"},
        {"=x", "CN=x"},
        {"CN=x,", "CN=x"},
        {"CN=x,,O=y", "CN=x,O=y"},
        {"My CA", "my ca"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        cr_assert_not(iscep_dn_equal(cases[i].a, cases[i].b), "%s | %s", cases[i].a, cases[i].b);
        cr_assert_not(iscep_dn_equal(cases[i].b, cases[i].a), "%s | %s", cases[i].b, cases[i].a);
    }
}

/* Limits: what is too long or has too many parts is no name, and equals only the very same text. */
Test(dn, has_limits)
{
    static char many[64 * 8], other[64 * 8], long_value[9000];
    for (int i = 0; i < 65; i++)
        snprintf(many + strlen(many), 8, "%sCN=%c", i > 0 ? "," : "", 'a' + i % 26);
    for (int i = 0; i < 65; i++)
        snprintf(other + strlen(other), 8, "%scn=%c", i > 0 ? "," : "", 'a' + i % 26);
    cr_assert(iscep_dn_equal(many, many));
    cr_assert_not(iscep_dn_equal(many, other));
    memset(long_value, 'x', sizeof long_value - 1);
    memcpy(long_value, "CN=", 3);
    cr_assert(iscep_dn_equal(long_value, long_value));
    cr_assert_not(iscep_dn_equal(long_value, "CN=x"));
}
