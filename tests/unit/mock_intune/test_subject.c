/* Which subjects are the same, and which texts are no subject. */
#include "subject.h"

#include <criterion/criterion.h>
#include <openssl/x509.h>

static bool is_equal(const char *demanded, const char *found)
{
    X509_NAME *a = NULL, *b = NULL;
    cr_assert_eq(mock_subject_parse(&a, demanded, NULL), ISCEP_OK, "%s", demanded);
    cr_assert_eq(mock_subject_parse(&b, found, NULL), ISCEP_OK, "%s", found);
    bool result = mock_subject_equal(a, b);
    X509_NAME_free(a);
    X509_NAME_free(b);
    return result;
}

Test(subject, equal_names_are_equal)
{
    const char *pairs[][2] = {
        {"", ""},
        {"CN=dev", "CN=dev"},
        {"cn=dev, o=Example", "CN=dev,O=Example"},
        {"CN=dev,O=Example", "CN=DEV,O=example"},
        {"CN=dev,O=Example", "O=Example,CN=dev"},
        {"CN=dev,OU=a,OU=b", "OU=b,OU=a,CN=dev"},
        {"CN=a  b ", "CN=a b"},
        {"CN=a\\,b", "CN=a\\2Cb"},
        {"CN=a+UID=7,O=x", "UID=7+CN=a,O=x"},
        {"CN=a+UID=7,O=x", "O=x,CN=a+UID=7"},
        {"E=a@b.example", "1.2.840.113549.1.9.1=A@B.EXAMPLE"},
        {"CN=M\xc3\xbcller", "CN=M\\C3\\BCller"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        cr_assert(is_equal(pairs[i][0], pairs[i][1]), "%s / %s", pairs[i][0], pairs[i][1]);
}

Test(subject, different_names_are_different)
{
    const char *pairs[][2] = {
        {"", "CN=dev"},
        {"CN=dev", ""},
        {"CN=dev", "CN=dev2"},
        {"CN=dev", "OU=dev"},
        {"CN=dev", "CN=dev,O=Example"},
        {"CN=dev,O=Example", "CN=dev"},
        {"CN=dev,OU=a,OU=b", "CN=dev,OU=b,OU=a"}, /* neither the order nor its reverse */
        {"CN=a,UID=7", "CN=a+UID=7"},
        {"CN=dev", "CN=dev,CN=dev"},
        {"CN=a b", "CN=ab"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        cr_assert_not(is_equal(pairs[i][0], pairs[i][1]), "%s / %s", pairs[i][0], pairs[i][1]);
}

Test(subject, what_cannot_be_read_is_refused)
{
    const char *texts[] = {"dev",    "CN=",    "=dev",      "CN=dev,",   "CN=dev,,O=x", "CN=dev+",
                           "XX=dev", "CN=a\\", "CN=a\\00b", "C=Germany", "9.9=x",       ","};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        X509_NAME *name = NULL;
        iscep_error err = ISCEP_ERROR_INIT;
        cr_assert_eq(mock_subject_parse(&name, texts[i], &err), ISCEP_USAGE, "%s", texts[i]);
        cr_assert_str_eq(err.code, "subject");
        cr_assert_null(name);
    }
}
