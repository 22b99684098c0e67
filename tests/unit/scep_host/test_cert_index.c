/* The lines of index.txt: what is understood, what is left alone, and what is changed. */
#include "cert_index.h"

#include <string.h>

#include <criterion/criterion.h>
#include <openssl/x509.h>

#include "ossl_auto.h"

/* 2026-11-22 12:00:00 UTC */
#define NOW_UNIX 1795348800

static const char INDEX[] = "V\t271122120000Z\t\t0A1B\tunknown\t/CN=one\n"
                            "R\t271122120000Z\t261101000000Z,keyCompromise\t00AB\tunknown\t/CN=two/O=a,b\n"
                            "a damaged line\n"
                            "E\t251122120000Z\t\t0c\tunknown\t/CN=three\n"
                            "V\t271122120000Z\t\t77\tunknown\t/CN=twice\n"
                            "R\t271122120000Z\t261101000000Z\t77\tunknown\t/CN=twice\n"
                            "V\t271122120000Z\t\t99\tunknown\t/CN=cut";

static iscep_bytes text(void)
{
    return iscep_bytes_of_text(INDEX);
}

static iscep_cert_state find(const char *serial, iscep_index_entry *entry)
{
    return iscep_cert_index_find(text(), iscep_bytes_of_text(serial), entry);
}

static void expect_bytes(iscep_bytes actual, const char *expected)
{
    cr_assert(iscep_bytes_equal(actual, iscep_bytes_of_text(expected)), "%.*s", (int)actual.len,
              (const char *)actual.data);
}

Test(cert_index, finds_serial_numbers_as_numbers)
{
    static const struct {
        const char *serial;
        iscep_cert_state state;
    } cases[] = {{"0A1B", ISCEP_CERT_VALID},    {"a1b", ISCEP_CERT_VALID},   {"00000A1B", ISCEP_CERT_VALID},
                 {"AB", ISCEP_CERT_REVOKED},    {"0C", ISCEP_CERT_VALID},    {"77", ISCEP_CERT_AMBIGUOUS},
                 {"99", ISCEP_CERT_VALID},      {"0A1", ISCEP_CERT_UNKNOWN}, {"0A1B0", ISCEP_CERT_UNKNOWN},
                 {"", ISCEP_CERT_UNKNOWN},      {"0", ISCEP_CERT_UNKNOWN},   {"0A1B\t", ISCEP_CERT_UNKNOWN},
                 {"0x0A1B", ISCEP_CERT_UNKNOWN}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        iscep_index_entry entry;
        cr_assert_eq(find(cases[i].serial, &entry), cases[i].state, "%s", cases[i].serial);
    }
}

Test(cert_index, knows_when_and_why_one_was_revoked)
{
    iscep_index_entry entry;
    cr_assert_eq(find("AB", &entry), ISCEP_CERT_REVOKED);
    expect_bytes(entry.revoked_at, "261101000000Z");
    expect_bytes(entry.reason, "keyCompromise");
    expect_bytes(entry.rest, "unknown\t/CN=two/O=a,b");
    cr_assert_eq(iscep_cert_index_reason(entry.reason), 1u);
    cr_assert_eq(iscep_cert_index_reason(iscep_bytes_of_text("nonsense")), 0u);
    cr_assert_eq(iscep_cert_index_reason(iscep_bytes_of_text("")), 0u);
}

Test(cert_index, passes_over_what_it_does_not_understand)
{
    static const char *const lines[] = {
        "",
        "\t\t\t\t\t",
        "V",
        "V\t271122120000Z\t\t0A\tunknown",
        "X\t271122120000Z\t\t0A\tunknown\t/CN=x",
        "VV\t271122120000Z\t\t0A\tunknown\t/CN=x",
        "V\t271122120000Z\t\t\tunknown\t/CN=x",
        "V\t271122120000Z\t\t0G\tunknown\t/CN=x",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        iscep_bytes rest = iscep_bytes_of_text(lines[i]);
        iscep_index_entry entry;
        cr_assert_not(iscep_cert_index_next(&rest, &entry), "%s", lines[i]);
        cr_assert_eq(rest.len, 0);
    }
}

static void expect_revoked(const char *serial, uint32_t reason, const char *line)
{
    ISCEP_AUTO_BUF changed;
    ISCEP_AUTO_BUF expected;
    iscep_index_entry entry;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&changed, 4096);
    iscep_buf_init(&expected, 4096);
    cr_assert_neq(find(serial, &entry), ISCEP_CERT_UNKNOWN);
    cr_assert_eq(iscep_cert_index_revoke(&changed, text(), &entry, NOW_UNIX, reason, &err), ISCEP_OK);
    iscep_buf_append(&expected, INDEX, (size_t)(entry.line.data - text().data));
    iscep_buf_append_text(&expected, line);
    iscep_buf_append_text(&expected, (const char *)entry.line.data + entry.line.len);
    cr_assert_str_eq(iscep_buf_text(&changed), iscep_buf_text(&expected));
}

Test(cert_index, changes_one_line_and_no_other_byte)
{
    expect_revoked("0A1B", 5, "R\t271122120000Z\t261122120000Z,cessationOfOperation\t0A1B\tunknown\t/CN=one");
    expect_revoked("0C", 0, "R\t251122120000Z\t261122120000Z\t0c\tunknown\t/CN=three");
    expect_revoked("99", 1, "R\t271122120000Z\t261122120000Z,keyCompromise\t99\tunknown\t/CN=cut");
}

/* What a device calls itself must not become a column, or a line of its own. */
Test(cert_index, keeps_a_hostile_subject_in_its_column)
{
    static const uint8_t name[] = "aa\tb\nV\t271122120000Z\t\t0A\tunknown\t/CN=c\r\\\0\xC3\xA4\x7F";
    static const int types[] = {V_ASN1_UTF8STRING, V_ASN1_PRINTABLESTRING, V_ASN1_T61STRING, V_ASN1_IA5STRING,
                                V_ASN1_BMPSTRING};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        ISCEP_AUTO_BUF line;
        iscep_index_entry entry;
        iscep_error err = ISCEP_ERROR_INIT;
        OSSL_AUTO(X509) *cert = X509_new();
        iscep_buf_init(&line, 4096);
        ASN1_INTEGER_set(X509_get_serialNumber(cert), 0x0A1B);
        X509_gmtime_adj(X509_getm_notAfter(cert), 0);
        cr_assert_eq(X509_NAME_add_entry_by_NID(X509_get_subject_name(cert), NID_commonName, types[i], name,
                                                sizeof(name) - 1, -1, 0),
                     1);
        cr_assert_eq(iscep_cert_index_add(&line, cert, &err), ISCEP_OK);
        iscep_bytes rest = iscep_buf_bytes(&line);
        cr_assert(iscep_cert_index_next(&rest, &entry), "%s", iscep_buf_text(&line));
        expect_bytes(entry.serial, "0A1B");
        cr_assert_eq(entry.line.len, line.len - 1, "%s", iscep_buf_text(&line));
        cr_assert_eq(memcmp(entry.rest.data, "unknown\t/CN=", 12), 0);
        for (size_t at = 12; at < entry.rest.len; at++)
            cr_assert(entry.rest.data[at] >= 0x20 && entry.rest.data[at] < 0x7F, "%s", iscep_buf_text(&line));
    }
}

/* openssl ca(1) makes no CRL of an index with a reason that it does not know. */
Test(cert_index, writes_no_reason_that_openssl_does_not_read)
{
    expect_revoked("0A1B", 9, "R\t271122120000Z\t261122120000Z\t0A1B\tunknown\t/CN=one");
}
