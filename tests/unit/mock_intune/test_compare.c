/* What a request must look like to be the one that its profile describes. */
#include "compare.h"

#include <criterion/criterion.h>

#include "codes.h"
#include "fixture.h"

typedef struct comparison {
    const char *profile; /* JSON */
    csr_spec csr;
    const char *code;
} comparison;

static const char *compare(const comparison *row)
{
    ISCEP_AUTO_BUF base64;
    ISCEP_AUTO_JSON *json = NULL;
    mock_profile profile;
    mock_csr csr;
    csr_spec spec = row->csr;
    iscep_buf_init(&base64, 65536);
    spec.challenge = "any";
    fixture_make_csr(&base64, &spec);
    cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of_text(row->profile), NULL), ISCEP_OK, "%s",
                 row->profile);
    cr_assert_eq(mock_profile_parse(&profile, json, NULL), ISCEP_OK, "%s", row->profile);
    const char *code = mock_csr_parse(&csr, iscep_buf_bytes(&base64));
    if (mock_code_is_success(code))
        code = mock_compare(&profile, &csr);
    mock_csr_clear(&csr);
    mock_profile_clear(&profile);
    return code;
}

static void expect(const comparison *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        cr_assert_str_eq(compare(&rows[i]), rows[i].code, "row %zu: %s", i, rows[i].profile);
}

#define EXPECT(rows) expect((rows), sizeof(rows) / sizeof((rows)[0]))

Test(compare, subject)
{
    const comparison rows[] = {
        {"{\"subject\":\"CN=dev\"}", {.subject = "CN=dev"}, "Success"},
        {"{\"subject\":\"\"}", {.subject = NULL}, "Success"},
        {"{\"subject\":\"CN=dev\"}", {.subject = NULL}, "SubjectNameMissing"},
        {"{\"subject\":\"CN=dev\"}", {.subject = "CN=admin"}, "SubjectNameMismatch"},
        {"{\"subject\":\"CN=dev\"}", {.subject = "CN=dev,CN=admin"}, "SubjectNameMismatch"},
        {"{\"subject\":\"\"}", {.subject = "CN=admin"}, "SubjectNameMismatch"},
    };
    EXPECT(rows);
}

#define TWO_SANS                                                                                             \
    "{\"subject\":\"CN=d\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"A.example\"},"                 \
    "{\"type\":\"upn\",\"value\":\"u@b.example\"}]}"
#define ALL_SANS                                                                                             \
    "{\"subject\":\"CN=d\",\"subjectAltNames\":[{\"type\":\"email\",\"value\":\"a@b.example\"},"             \
    "{\"type\":\"uri\",\"value\":\"tag:x.example:sid:S-1\"},"                                                \
    "{\"type\":\"ip\",\"value\":\"192.0.2.7\"},{\"type\":\"ip\",\"value\":\"2001:db8::7\"}]}"
#define UPN(value) "otherName:1.3.6.1.4.1.311.20.2.3;UTF8:" value

Test(compare, subject_alternative_names_are_a_set)
{
    const comparison rows[] = {
        {TWO_SANS, {.subject = "CN=d", .san = "DNS:a.EXAMPLE," UPN("U@b.example")}, "Success"},
        {TWO_SANS, {.subject = "CN=d", .san = UPN("u@b.example") ",DNS:a.example,DNS:a.example"}, "Success"},
        {ALL_SANS,
         {.subject = "CN=d",
          .san = "email:A@b.example,URI:tag:x.example:sid:S-1,IP:192.0.2.7,IP:2001:0db8:0:0::7"},
         "Success"},
        {ALL_SANS,
         {.subject = "CN=d",
          .san = "email:a@b.example,URI:tag:x.example:sid:s-1,IP:192.0.2.7,IP:2001:db8::7"},
         "SubjectAltNameMismatch"}, /* a URI is compared with case */
        {ALL_SANS,
         {.subject = "CN=d",
          .san = "email:a@b.example,URI:tag:x.example:sid:S-1,IP:192.0.2.8,IP:2001:db8::7"},
         "SubjectAltNameMismatch"},
        {TWO_SANS, {.subject = "CN=d"}, "SubjectAltNameMissing"},
        {TWO_SANS, {.subject = "CN=d", .san = "DNS:a.example"}, "SubjectAltNameMismatch"},
        {TWO_SANS, {.subject = "CN=d", .san = "DNS:a.example,DNS:u@b.example"}, "SubjectAltNameMismatch"},
        {TWO_SANS,
         {.subject = "CN=d", .san = "DNS:a.example,email:u@b.example"},
         "SubjectAltNameMismatch"}, /* an email is no UPN */
        {TWO_SANS,
         {.subject = "CN=d", .san = "DNS:a.example,DNS:c.example," UPN("u@b.example")},
         "SubjectAltNameMismatch"},
        {TWO_SANS,
         {.subject = "CN=d", .san = "DNS:a.example,RID:1.2.3," UPN("u@b.example")},
         "SubjectAltNameMismatch"},
    };
    EXPECT(rows);
}

Test(compare, subject_alternative_names_that_nobody_demanded_are_refused)
{
    const comparison rows[] = {
        {"{\"subject\":\"CN=d\"}", {.subject = "CN=d", .san = "DNS:a.example"}, "SubjectAltNameMismatch"},
        {"{\"subject\":\"CN=d\",\"subjectAltNames\":[]}",
         {.subject = "CN=d", .san = "DNS:a.example"},
         "SubjectAltNameMismatch"},
        {"{\"subject\":\"CN=d\",\"subjectAltNames\":[]}", {.subject = "CN=d"}, "Success"},
    };
    EXPECT(rows);
}

Test(compare, what_stands_there_twice_or_cannot_be_read_is_refused)
{
    const comparison rows[] = {
        {"{\"subject\":\"CN=d\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"a.example\"}]}",
         {.subject = "CN=d", .san = "DNS:a.example", .has_two_sans = true},
         "SubjectAltNameMismatch"},
        {"{\"subject\":\"CN=d\"}",
         {.subject = "CN=d", .has_broken_extensions = true},
         MOCK_CSR_DECODING_FAILED},
        {"{\"subject\":\"CN=d\"}", {.subject = "CN=d", .has_two_challenges = true}, MOCK_CSR_DECODING_FAILED},
        {"{\"subject\":\"CN=d\"}",
         {.subject = "CN=d", .has_wrong_signature = true},
         MOCK_CSR_DECODING_FAILED},
    };
    EXPECT(rows);
}

#define USAGE "{\"subject\":\"CN=d\",\"keyUsage\":[\"digitalSignature\",\"keyEncipherment\"]}"

Test(compare, key_usage)
{
    const comparison rows[] = {
        {USAGE, {.subject = "CN=d", .key_usage = "critical,keyEncipherment,digitalSignature"}, "Success"},
        {"{\"subject\":\"CN=d\",\"keyUsage\":[\"decipherOnly\",\"keyAgreement\"]}",
         {.subject = "CN=d", .key_usage = "keyAgreement,decipherOnly"},
         "Success"},
        {"{\"subject\":\"CN=d\"}",
         {.subject = "CN=d", .key_usage = "keyCertSign"},
         "Success"}, /* not looked at */
        {USAGE, {.subject = "CN=d"}, "KeyUsageMismatch"},
        {USAGE, {.subject = "CN=d", .key_usage = "digitalSignature"}, "KeyUsageMismatch"},
        {USAGE,
         {.subject = "CN=d", .key_usage = "digitalSignature,keyEncipherment,keyCertSign"},
         "KeyUsageMismatch"},
        {"{\"subject\":\"CN=d\",\"keyUsage\":[]}",
         {.subject = "CN=d", .key_usage = "cRLSign"},
         "KeyUsageMismatch"},
    };
    EXPECT(rows);
}

#define CLIENT_AUTH "{\"subject\":\"CN=d\",\"extendedKeyUsage\":[\"1.3.6.1.5.5.7.3.2\"]}"

Test(compare, extended_key_usage)
{
    const comparison rows[] = {
        {CLIENT_AUTH, {.subject = "CN=d", .ext_key_usage = "clientAuth"}, "Success"},
        {"{\"subject\":\"CN=d\"}",
         {.subject = "CN=d", .ext_key_usage = "codeSigning"},
         "Success"}, /* not looked at */
        {CLIENT_AUTH, {.subject = "CN=d"}, "EnhancedKeyUsageMissing"},
        {CLIENT_AUTH, {.subject = "CN=d", .ext_key_usage = "serverAuth"}, "EnhancedKeyUsageMismatch"},
        {CLIENT_AUTH,
         {.subject = "CN=d", .ext_key_usage = "clientAuth,serverAuth"},
         "EnhancedKeyUsageMismatch"},
        {"{\"subject\":\"CN=d\",\"extendedKeyUsage\":[]}",
         {.subject = "CN=d", .ext_key_usage = "clientAuth"},
         "EnhancedKeyUsageMismatch"},
    };
    EXPECT(rows);
}

Test(compare, key_length_is_exact)
{
    const comparison rows[] = {
        {"{\"subject\":\"CN=d\",\"keyLength\":2048}", {.subject = "CN=d"}, "Success"},
        {"{\"subject\":\"CN=d\",\"keyLength\":256}", {.subject = "CN=d", .has_ec_key = true}, "Success"},
        {"{\"subject\":\"CN=d\",\"keyLength\":1024}", {.subject = "CN=d"}, "KeyLengthMismatch"},
        {"{\"subject\":\"CN=d\",\"keyLength\":4096}", {.subject = "CN=d"}, "KeyLengthMismatch"},
        {"{\"subject\":\"CN=d\",\"keyLength\":2048}",
         {.subject = "CN=d", .has_ec_key = true},
         "KeyLengthMismatch"},
    };
    EXPECT(rows);
}

Test(compare, a_profile_that_makes_no_sense_is_refused)
{
    const char *profiles[] = {
        "{\"subject\":\"dev\"}",
        "{\"subject\":\"CN=d\",\"subjectAltNames\":[{\"type\":\"x400\",\"value\":\"a\"}]}",
        "{\"subject\":\"CN=d\",\"subjectAltNames\":[{\"type\":\"dns\",\"value\":\"\"}]}",
        "{\"subject\":\"CN=d\",\"subjectAltNames\":[{\"type\":\"ip\",\"value\":\"192.0.2\"}]}",
        "{\"subject\":\"CN=d\",\"subjectAltNames\":[{\"type\":\"dns\"}]}",
        "{\"subject\":\"CN=d\",\"keyUsage\":[\"DigitalSignature\"]}",
        "{\"subject\":\"CN=d\",\"keyUsage\":[1]}",
        "{\"subject\":\"CN=d\",\"extendedKeyUsage\":[\"clientAuth\"]}",
        "{\"subject\":\"CN=d\",\"keyLength\":0}",
    };
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
        ISCEP_AUTO_JSON *json = NULL;
        mock_profile profile;
        cr_assert_eq(iscep_json_parse(&json, iscep_bytes_of_text(profiles[i]), NULL), ISCEP_OK);
        cr_assert_eq(mock_profile_parse(&profile, json, NULL), ISCEP_USAGE, "%s", profiles[i]);
        mock_profile_clear(&profile);
    }
}
