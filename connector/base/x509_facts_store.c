/* See x509_facts_store.h. */
#include "base/x509_facts_store.h"

#include <openssl/objects.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/openssl_error.h"
#include "base/x509_name.h"

struct iscep_facts_text {
    SLIST_ENTRY(iscep_facts_text) link;
    char value[];
};

iscep_status iscep_facts_init(iscep_x509_facts *facts, iscep_error *err)
{
    struct iscep_x509_facts_store *store = calloc(1, sizeof *store);
    *facts = (iscep_x509_facts){.store = store};
    if (store == NULL)
        return iscep_error_nomem(err);
    SLIST_INIT(&store->texts);
    facts->sans = store->sans;
    facts->ext_key_usage = store->ext_key_usage;
    facts->extensions = store->extensions;
    facts->attributes = store->attributes;
    facts->pair_names = store->pair_names;
    return ISCEP_OK;
}

void iscep_x509_facts_clear(iscep_x509_facts *facts)
{
    if (facts->store != NULL) {
        while (!SLIST_EMPTY(&facts->store->texts)) {
            struct iscep_facts_text *text = SLIST_FIRST(&facts->store->texts);
            SLIST_REMOVE_HEAD(&facts->store->texts, link);
            free(text);
        }
        free(facts->store);
    }
    *facts = (iscep_x509_facts){0};
}

bool iscep_facts_were_out_of_memory(const iscep_x509_facts *facts)
{
    return iscep_openssl_was_out_of_memory() || facts->store->is_out_of_memory;
}

const char *iscep_facts_keep(iscep_x509_facts *facts, iscep_bytes value)
{
    struct iscep_facts_text *text = malloc(sizeof *text + value.len + 1);
    if (text == NULL) {
        facts->store->is_out_of_memory = true;
        return NULL;
    }
    if (value.len > 0)
        memcpy(text->value, value.data, value.len);
    text->value[value.len] = '\0';
    SLIST_INSERT_HEAD(&facts->store->texts, text, link);
    return text->value;
}

static bool is_printable(iscep_bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < 0x20 || text.data[i] == 0x7F)
            return false;
    return text.len > 0;
}

const char *iscep_facts_keep_printable(iscep_x509_facts *facts, iscep_bytes text)
{
    return is_printable(text) ? iscep_facts_keep(facts, text) : NULL;
}

const char *iscep_facts_keep_string(iscep_x509_facts *facts, const ASN1_STRING *string)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, string); /* also finds what is no UTF-8 */
    const char *kept = len > 0 ? iscep_facts_keep_printable(facts, iscep_bytes_of(utf8, (size_t)len)) : NULL;
    OPENSSL_free(utf8);
    return kept;
}

const char *iscep_facts_keep_ascii(iscep_x509_facts *facts, const ASN1_STRING *string)
{
    iscep_bytes text = iscep_bytes_of(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] > 0x7F)
            return NULL;
    return iscep_facts_keep_printable(facts, text);
}

iscep_status iscep_facts_keep_name(const char **out, iscep_x509_facts *facts, const X509_NAME *name,
                                   iscep_error *err)
{
    ISCEP_AUTO_BUF text;
    iscep_status status = iscep_x509_name_emit(&text, name, err);
    if (status != ISCEP_OK) {
        facts->store->is_out_of_memory |= status == ISCEP_NOMEM;
        return status;
    }
    *out = iscep_facts_keep(facts, iscep_buf_bytes(&text));
    return *out == NULL ? iscep_error_nomem(err) : ISCEP_OK;
}

const char *iscep_facts_keep_oid(iscep_x509_facts *facts, const ASN1_OBJECT *object)
{
    char oid[ISCEP_FACTS_MAX_OID_LEN];
    int len = OBJ_obj2txt(oid, sizeof oid, object, 1);
    return len > 0 && (size_t)len < sizeof oid ? iscep_facts_keep(facts, iscep_bytes_of_text(oid)) : NULL;
}

const char *iscep_facts_keep_hex(iscep_x509_facts *facts, const char *oid, iscep_bytes der)
{
    ISCEP_AUTO_BUF text;
    iscep_buf_init(&text, 2 * ISCEP_CERT_MAX_LEN + ISCEP_FACTS_MAX_OID_LEN); /* enough for any */
    if (oid != NULL)
        iscep_buf_printf(&text, "%s=", oid);
    iscep_hex_encode(&text, der);
    facts->store->is_out_of_memory |= text.is_overflown;
    return text.is_overflown ? NULL : iscep_facts_keep(facts, iscep_buf_bytes(&text));
}
