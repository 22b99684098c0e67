/* See x509_facts_names.h. */
#include "base/x509_facts_names.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/x509_facts_store.h"

const char *iscep_san_type_name(iscep_san_type type)
{
    static const char *const names[] = {"dns", "email",     "uri",           "sid",  "ip",
                                        "upn", "otherName", "directoryName", "other"};
    return names[type];
}

static const char *keep_address(iscep_x509_facts *facts, const ASN1_OCTET_STRING *address)
{
    char text[INET6_ADDRSTRLEN];
    int len = ASN1_STRING_length(address);
    if (len != 4 && len != 16)
        return NULL;
    inet_ntop(len == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text, sizeof text);
    return iscep_facts_keep(facts, iscep_bytes_of_text(text));
}

static const char *keep_other_name(iscep_x509_facts *facts, const OTHERNAME *name)
{
    unsigned char *der = NULL;
    int len = i2d_ASN1_TYPE(name->value, &der);
    const char *oid = iscep_facts_keep_oid(facts, name->type_id);
    const char *kept =
        len > 0 && oid != NULL ? iscep_facts_keep_hex(facts, oid, iscep_bytes_of(der, (size_t)len)) : NULL;
    OPENSSL_free(der);
    return kept;
}

static const char *keep_directory(iscep_x509_facts *facts, const X509_NAME *name)
{
    const char *kept = NULL;
    return iscep_facts_keep_name(&kept, facts, name, NULL) == ISCEP_OK ? kept : NULL;
}

static const char *keep_other(iscep_x509_facts *facts, GENERAL_NAME *name)
{
    unsigned char *der = NULL;
    int len = i2d_GENERAL_NAME(name, &der);
    const char *kept = len > 0 ? iscep_facts_keep_hex(facts, NULL, iscep_bytes_of(der, (size_t)len)) : NULL;
    OPENSSL_free(der);
    return kept;
}

static bool is_upn(const OTHERNAME *name)
{
    return OBJ_obj2nid(name->type_id) == NID_ms_upn && name->value->type == V_ASN1_UTF8STRING;
}

static iscep_san_type type_of_uri(const char *uri)
{
    bool is_sid = uri != NULL && strncmp(uri, ISCEP_SID_URI_PREFIX, sizeof ISCEP_SID_URI_PREFIX - 1) == 0;
    return is_sid ? ISCEP_SAN_SID : ISCEP_SAN_URI;
}

iscep_san iscep_facts_read_san(iscep_x509_facts *facts, GENERAL_NAME *name)
{
    switch (name->type) {
    case GEN_DNS:
        return (iscep_san){ISCEP_SAN_DNS, iscep_facts_keep_ascii(facts, name->d.dNSName)};
    case GEN_EMAIL:
        return (iscep_san){ISCEP_SAN_EMAIL, iscep_facts_keep_ascii(facts, name->d.rfc822Name)};
    case GEN_URI: {
        const char *uri = iscep_facts_keep_ascii(facts, name->d.uniformResourceIdentifier);
        return (iscep_san){type_of_uri(uri), uri};
    }
    case GEN_IPADD:
        return (iscep_san){ISCEP_SAN_IP, keep_address(facts, name->d.iPAddress)};
    case GEN_DIRNAME:
        return (iscep_san){ISCEP_SAN_DIRECTORY, keep_directory(facts, name->d.directoryName)};
    case GEN_OTHERNAME:
        if (is_upn(name->d.otherName))
            return (iscep_san){ISCEP_SAN_UPN,
                               iscep_facts_keep_string(facts, name->d.otherName->value->value.utf8string)};
        return (iscep_san){ISCEP_SAN_OTHER_NAME, keep_other_name(facts, name->d.otherName)};
    default:
        return (iscep_san){ISCEP_SAN_OTHER, keep_other(facts, name)};
    }
}
