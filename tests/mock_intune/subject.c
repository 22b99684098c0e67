/* See subject.h. */
#include "subject.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/objects.h>
#include <openssl/x509.h>

#include "base/bytes.h"

#define SUBJECT_MAX_LEN 2048

static const struct {
    const char *name;
    int nid;
} attribute_types[] = {
    {"CN", NID_commonName},
    {"OU", NID_organizationalUnitName},
    {"O", NID_organizationName},
    {"C", NID_countryName},
    {"L", NID_localityName},
    {"ST", NID_stateOrProvinceName},
    {"S", NID_stateOrProvinceName},
    {"STREET", NID_streetAddress},
    {"E", NID_pkcs9_emailAddress},
    {"EMAILADDRESS", NID_pkcs9_emailAddress},
    {"DC", NID_domainComponent},
    {"UID", NID_userId},
    {"SERIALNUMBER", NID_serialNumber},
    {"T", NID_title},
    {"TITLE", NID_title},
    {"SN", NID_surname},
    {"G", NID_givenName},
    {"GN", NID_givenName},
};

static ASN1_OBJECT *type_of(const char *name)
{
    for (size_t i = 0; i < sizeof(attribute_types) / sizeof(attribute_types[0]); i++)
        if (strcasecmp(attribute_types[i].name, name) == 0)
            return OBJ_nid2obj(attribute_types[i].nid); /* static: OBJ_free leaves it alone */
    return OBJ_txt2obj(name, 1);
}

static const char *skip_spaces(const char *at)
{
    while (*at == ' ')
        at++;
    return at;
}

/* Reads up to '=', which is consumed. NULL if there is none, or no name. */
static const char *read_type(const char *at, iscep_buf *type)
{
    at = skip_spaces(at);
    while (isalnum((unsigned char)*at) || *at == '.')
        iscep_buf_append(type, at++, 1);
    at = skip_spaces(at);
    return *at == '=' && type->len > 0 ? at + 1 : NULL;
}

/* Reads up to an unescaped ',' or '+', or the end. NULL if an escape is broken. "\2C" and "\," are the same. */
static const char *read_value(const char *at, iscep_buf *value)
{
    size_t kept_len = 0; /* spaces at the end do not count, unless they were escaped */
    at = skip_spaces(at);
    for (; *at != '\0' && *at != ',' && *at != '+'; at++) {
        const char *plain = at;
        bool is_escaped = *at == '\\';
        char hex[3] = "";
        if (is_escaped && isxdigit((unsigned char)at[1]) && isxdigit((unsigned char)at[2])) {
            memcpy(hex, at + 1, 2);
            hex[0] = (char)strtoul(hex, NULL, 16);
            plain = hex;
            at += 2;
        } else if (is_escaped) {
            plain = ++at;
        }
        if (*plain == '\0')
            return NULL;
        iscep_buf_append(value, plain, 1);
        kept_len = *at != ' ' || is_escaped ? value->len : kept_len;
    }
    value->len = kept_len;
    return at;
}

static bool add_attribute(X509_NAME *name, iscep_buf *type, const iscep_buf *value, bool is_new_rdn)
{
    ASN1_OBJECT *object = type_of(iscep_buf_text(type));
    bool is_added = object != NULL && value->len > 0 &&
                    X509_NAME_add_entry_by_OBJ(name, object, MBSTRING_UTF8, value->data, (int)value->len, -1,
                                               is_new_rdn ? 0 : -1) == 1;
    ASN1_OBJECT_free(object);
    return is_added;
}

static bool parse_into(X509_NAME *name, const char *text)
{
    bool is_new_rdn = true;
    for (const char *at = skip_spaces(text); *at != '\0';) {
        ISCEP_AUTO_BUF type, value;
        iscep_buf_init(&type, SUBJECT_MAX_LEN);
        iscep_buf_init(&value, SUBJECT_MAX_LEN);
        if ((at = read_type(at, &type)) == NULL || (at = read_value(at, &value)) == NULL)
            return false;
        if (type.is_overflown || value.is_overflown || !add_attribute(name, &type, &value, is_new_rdn))
            return false;
        if (*at == '\0')
            return true;
        is_new_rdn = *at == ',';
        if (*skip_spaces(++at) == '\0')
            return false; /* a separator with nothing behind it */
    }
    return true;
}

iscep_status mock_subject_parse(X509_NAME **out, const char *text, iscep_error *err)
{
    *out = X509_NAME_new();
    if (*out == NULL)
        return iscep_error_nomem(err);
    if (parse_into(*out, text))
        return ISCEP_OK;
    X509_NAME_free(*out);
    *out = NULL;
    return iscep_error_set(err, ISCEP_USAGE, "subject",
                           "the subject cannot be read; write it like CN=name,O=company");
}

static X509_NAME *reversed(const X509_NAME *name)
{
    X509_NAME *result = X509_NAME_new();
    int previous_rdn = -1;
    for (int i = X509_NAME_entry_count(name) - 1; result != NULL && i >= 0; i--) {
        const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, i);
        int rdn = X509_NAME_ENTRY_set(entry);
        if (X509_NAME_add_entry(result, entry, -1, rdn == previous_rdn ? -1 : 0) != 1) {
            X509_NAME_free(result);
            return NULL;
        }
        previous_rdn = rdn;
    }
    return result;
}

bool mock_subject_equal(const X509_NAME *demanded, const X509_NAME *found)
{
    if (X509_NAME_cmp(demanded, found) == 0)
        return true;
    X509_NAME *backwards = reversed(demanded);
    bool is_equal = backwards != NULL && X509_NAME_cmp(backwards, found) == 0;
    X509_NAME_free(backwards);
    return is_equal;
}
