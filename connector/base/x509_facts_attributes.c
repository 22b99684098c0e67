/* See x509_facts_attributes.h. */
#include "base/x509_facts_attributes.h"

#include <openssl/asn1.h>
#include <string.h>

#include "base/x509_facts_store.h"

#define NAME_VALUE_PAIR_OID "1.3.6.1.4.1.311.13.2.1" /* szOID_ENROLLMENT_NAME_VALUE_PAIR */

/* The kinds of strings that are read alike everywhere. */
static bool is_text(const ASN1_TYPE *value)
{
    return value->type == V_ASN1_BMPSTRING || value->type == V_ASN1_UTF8STRING ||
           value->type == V_ASN1_PRINTABLESTRING || value->type == V_ASN1_IA5STRING;
}

/* An empty value is one; a line end in it could begin another pair where pairs are joined to lines. */
static bool is_sound_value(iscep_x509_facts *facts, const ASN1_TYPE *value)
{
    return is_text(value) && (ASN1_STRING_length(value->value.asn1_string) == 0 ||
                              iscep_facts_keep_string(facts, value->value.asn1_string) != NULL);
}

/* EnrollmentNameValuePair ::= SEQUENCE { name BMPString, value BMPString } (MS-WCCE, 2.2.2.7.10). NULL if it is none. */
static const char *keep_pair_name(iscep_x509_facts *facts, const ASN1_TYPE *value)
{
    if (value->type != V_ASN1_SEQUENCE)
        return NULL;
    const unsigned char *der = ASN1_STRING_get0_data(value->value.sequence), *at = der;
    int len = ASN1_STRING_length(value->value.sequence);
    if (!iscep_der_is_one(der, (size_t)len))
        return NULL;
    ASN1_SEQUENCE_ANY *pair = d2i_ASN1_SEQUENCE_ANY(NULL, &at, len);
    const char *name = NULL;
    if (sk_ASN1_TYPE_num(pair) == 2 && is_text(sk_ASN1_TYPE_value(pair, 0)) &&
        is_sound_value(facts, sk_ASN1_TYPE_value(pair, 1)))
        name = iscep_facts_keep_string(facts, sk_ASN1_TYPE_value(pair, 0)->value.asn1_string);
    sk_ASN1_TYPE_pop_free(pair, ASN1_TYPE_free);
    return name;
}

/* Windows may send them as values of one attribute or of several. */
static bool read_pairs(iscep_x509_facts *facts, X509_ATTRIBUTE *attribute)
{
    for (int i = 0; i < X509_ATTRIBUTE_count(attribute); i++) {
        if (facts->pair_count == ISCEP_FACTS_MAX_PAIRS)
            return false;
        const char *name = keep_pair_name(facts, X509_ATTRIBUTE_get0_type(attribute, i));
        facts->store->pair_names[facts->pair_count++] = name != NULL ? name : "";
    }
    return true;
}

static bool read_attribute(iscep_x509_facts *facts, X509_ATTRIBUTE *attribute)
{
    const ASN1_OBJECT *type = X509_ATTRIBUTE_get0_object(attribute);
    const char *oid = iscep_facts_keep_oid(facts, type);
    if (oid == NULL || facts->attribute_count == ISCEP_FACTS_MAX_ATTRIBUTES)
        return false;
    facts->store->attributes[facts->attribute_count++] = oid;
    if (OBJ_obj2nid(type) == NID_pkcs9_challengePassword)
        facts->challenge_count += (size_t)X509_ATTRIBUTE_count(attribute);
    return strcmp(oid, NAME_VALUE_PAIR_OID) != 0 || read_pairs(facts, attribute);
}

bool iscep_facts_read_attributes(iscep_x509_facts *facts, const STACK_OF(X509_ATTRIBUTE) * attributes)
{
    for (int i = 0; i < X509at_get_attr_count(attributes); i++)
        if (!read_attribute(facts, X509at_get_attr(attributes, i)))
            return false;
    return true;
}
