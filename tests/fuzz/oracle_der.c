/* See oracle_der.h. */
#include "tests/fuzz/oracle_der.h"

#include <string.h>

static bool take_length(iscep_bytes *rest, size_t *len)
{
    if (rest->len == 0)
        return false;
    uint8_t first = rest->data[0];
    size_t octets = first < 0x80 ? 0 : first & 0x7F;
    if (first == 0x80 || octets > 4 || rest->len < 1 + octets)
        return false;
    *len = octets == 0 ? first : 0;
    for (size_t i = 1; i <= octets; i++)
        *len = *len << 8 | rest->data[i];
    bool is_minimal = octets == 0 || (rest->data[1] != 0 && *len >= 0x80);
    *rest = iscep_bytes_of(rest->data + 1 + octets, rest->len - 1 - octets);
    return is_minimal;
}

bool oracle_der_take(iscep_bytes *rest, oracle_der *out)
{
    iscep_bytes at = *rest;
    size_t len;
    if (at.len < 2 || (at.data[0] & 0x1F) == 0x1F)
        return false;
    out->tag = at.data[0];
    at = iscep_bytes_of(at.data + 1, at.len - 1);
    if (!take_length(&at, &len) || len > at.len)
        return false;
    out->content = iscep_bytes_of(at.data, len);
    out->whole = iscep_bytes_of(rest->data, (size_t)(at.data - rest->data) + len);
    *rest = iscep_bytes_of(at.data + len, at.len - len);
    return true;
}

bool oracle_der_take_tag(iscep_bytes *rest, uint8_t tag, oracle_der *out)
{
    return oracle_der_take(rest, out) && out->tag == tag;
}

/* Leaves the attributes of a CertificationRequest, each a SEQUENCE, in out. */
static bool find_attributes(iscep_bytes csr, iscep_bytes *out)
{
    oracle_der request, info, skipped, attributes;
    if (!oracle_der_take_tag(&csr, DER_SEQUENCE, &request) || csr.len != 0 ||
        !oracle_der_take_tag(&request.content, DER_SEQUENCE, &info) ||
        !oracle_der_take_tag(&info.content, DER_INTEGER, &skipped) ||  /* version */
        !oracle_der_take_tag(&info.content, DER_SEQUENCE, &skipped) || /* subject */
        !oracle_der_take_tag(&info.content, DER_SEQUENCE, &skipped) || /* subjectPKInfo */
        !oracle_der_take_tag(&info.content, DER_ATTRIBUTES, &attributes))
        return false;
    *out = attributes.content;
    return true;
}

static bool is_challenge_password(iscep_bytes oid)
{
    static const uint8_t challenge_password[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x07};
    return iscep_bytes_equal(oid, iscep_bytes_of(challenge_password, sizeof challenge_password));
}

static bool is_string_tag(uint8_t tag)
{
    return tag == 0x0C || tag == 0x13 || tag == 0x14 || tag == 0x16;
}

bool oracle_der_challenge(iscep_bytes csr, iscep_bytes *challenge)
{
    iscep_bytes attributes;
    unsigned count = 0;
    if (!find_attributes(csr, &attributes))
        return false;
    while (attributes.len > 0) {
        oracle_der attribute, type, values, value;
        if (!oracle_der_take_tag(&attributes, DER_SEQUENCE, &attribute) ||
            !oracle_der_take_tag(&attribute.content, DER_OID, &type) ||
            !oracle_der_take_tag(&attribute.content, DER_SET, &values) || attribute.content.len != 0)
            return false;
        if (!is_challenge_password(type.content))
            continue;
        if (!oracle_der_take(&values.content, &value) || values.content.len != 0 || !is_string_tag(value.tag))
            return false;
        *challenge = value.content;
        count++;
    }
    return count == 1 && challenge->len > 0;
}

bool oracle_der_serial(iscep_bytes cert, iscep_bytes *serial)
{
    oracle_der certificate, tbs, version, number;
    if (!oracle_der_take_tag(&cert, DER_SEQUENCE, &certificate) ||
        !oracle_der_take_tag(&certificate.content, DER_SEQUENCE, &tbs))
        return false;
    iscep_bytes rest = tbs.content;
    if (!oracle_der_take_tag(&rest, 0xA0, &version)) /* [0] version is left out for version 1 */
        rest = tbs.content;
    if (!oracle_der_take_tag(&rest, DER_INTEGER, &number))
        return false;
    *serial = number.content;
    return true;
}
