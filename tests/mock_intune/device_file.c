/* See device_file.h: what both formats need. */
#include "device_file.h"

#include <string.h>

#include <openssl/objects.h>
#include <openssl/x509.h>

void mock_xml_append(iscep_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        const char *escaped = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (escaped != NULL)
            iscep_buf_append_text(out, escaped);
        else
            iscep_buf_append(out, text, 1);
    }
}

iscep_status mock_xml_check(const iscep_buf *xml, iscep_error *err)
{
    for (size_t i = 0; i < xml->len; i++)
        if (xml->data[i] < ' ' && xml->data[i] != '\n' && xml->data[i] != '\t')
            return iscep_error_set(err, ISCEP_USAGE, "xml", "the profile has a control character");
    return iscep_buf_status(xml, err);
}

/* The six that Apple has names for; the others as Windows and Apple both take them, by number. */
static void emit_type(char out[MOCK_DEVICE_TYPE_SIZE], const ASN1_OBJECT *type)
{
    static const int named[] = {NID_commonName,          NID_countryName,      NID_localityName,
                                NID_stateOrProvinceName, NID_organizationName, NID_organizationalUnitName};
    int nid = OBJ_obj2nid(type);
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (named[i] == nid) {
            iscep_text_copy(out, MOCK_DEVICE_TYPE_SIZE, OBJ_nid2sn(nid));
            return;
        }
    OBJ_obj2txt(out, MOCK_DEVICE_TYPE_SIZE, type, 1);
}

bool mock_device_subject_at(char type[MOCK_DEVICE_TYPE_SIZE], iscep_buf *value, const X509_NAME *subject,
                            int index)
{
    uint8_t *utf8 = NULL;
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(subject, index);
    if (entry == NULL)
        return false;
    emit_type(type, X509_NAME_ENTRY_get_object(entry));
    int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
    value->len = 0;
    iscep_buf_append(value, utf8, len > 0 ? (size_t)len : 0);
    OPENSSL_free(utf8);
    return true;
}
