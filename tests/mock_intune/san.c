/* See san.h. */
#include "san.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include <openssl/objects.h>

#include "base/bytes.h"

#define SAN_MAX_LEN 2048

static bool is_case_blind(const char *type)
{
    return strcmp(type, "dns") == 0 || strcmp(type, "email") == 0 || strcmp(type, "upn") == 0;
}

static iscep_status add(mock_textset *set, const char *type, iscep_bytes value, iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, SAN_MAX_LEN);
    if (value.len == 0 || memchr(value.data, '\0', value.len) != NULL)
        return iscep_error_set(err, ISCEP_USAGE, "san",
                               "a subject alternative name is empty or has a NUL in it");
    iscep_buf_printf(&text, "%s:", type);
    for (size_t i = 0; i < value.len; i++) {
        char c = (char)value.data[i];
        if (is_case_blind(type) && c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        iscep_buf_append(&text, &c, 1);
    }
    iscep_status status = iscep_buf_status(&text, err);
    return status == ISCEP_OK ? mock_textset_add(set, iscep_buf_text(&text), err) : status;
}

static iscep_status add_address(mock_textset *set, iscep_bytes address, iscep_error *err)
{
    ISCEP_AUTO_BUF hex;
    iscep_buf_init(&hex, SAN_MAX_LEN);
    iscep_hex_encode(&hex, address);
    return add(set, "ip", iscep_buf_bytes(&hex), err);
}

iscep_status mock_san_add_text(mock_textset *set, const char *type, const char *value, iscep_error *err)
{
    uint8_t address[16];
    if (is_case_blind(type) || strcmp(type, "uri") == 0)
        return add(set, type, iscep_bytes_of_text(value), err);
    if (strcmp(type, "ip") == 0 && inet_pton(AF_INET, value, address) == 1)
        return add_address(set, iscep_bytes_of(address, 4), err);
    if (strcmp(type, "ip") == 0 && inet_pton(AF_INET6, value, address) == 1)
        return add_address(set, iscep_bytes_of(address, 16), err);
    return iscep_error_set(err, ISCEP_USAGE, "san",
                           "a subject alternative name is no dns, email, upn, uri or ip");
}

static iscep_bytes string_bytes(const ASN1_STRING *text)
{
    return iscep_bytes_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
}

static bool add_other_name(mock_textset *set, const OTHERNAME *other)
{
    if (OBJ_obj2nid(other->type_id) != NID_ms_upn || ASN1_TYPE_get(other->value) != V_ASN1_UTF8STRING)
        return false;
    return add(set, "upn", string_bytes(other->value->value.utf8string), NULL) == ISCEP_OK;
}

bool mock_san_add(mock_textset *set, const GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_DNS:
        return add(set, "dns", string_bytes(name->d.dNSName), NULL) == ISCEP_OK;
    case GEN_EMAIL:
        return add(set, "email", string_bytes(name->d.rfc822Name), NULL) == ISCEP_OK;
    case GEN_URI:
        return add(set, "uri", string_bytes(name->d.uniformResourceIdentifier), NULL) == ISCEP_OK;
    case GEN_IPADD:
        return add_address(set, string_bytes(name->d.iPAddress), NULL) == ISCEP_OK;
    case GEN_OTHERNAME:
        return add_other_name(set, name->d.otherName);
    default:
        return false;
    }
}
