/*
 * The texts that the facts of base/x509_facts.h point at, and their memory. For the files of base/x509_facts*.
 *
 * Every keep gives a text that lives as long as the facts. NULL: it cannot be read, or there is no memory for it, and then
 * iscep_facts_were_out_of_memory says so.
 */
#ifndef ISCEP_BASE_X509_FACTS_STORE_H
#define ISCEP_BASE_X509_FACTS_STORE_H

#include <openssl/types.h>
#include <sys/queue.h>

#include "base/x509_facts.h"

/* More than anybody asks for; beyond is an error. */
enum {
    ISCEP_FACTS_MAX_SANS = 128,
    ISCEP_FACTS_MAX_EXT_KEY_USAGES = 64,
    ISCEP_FACTS_MAX_EXTENSIONS = 64,
    ISCEP_FACTS_MAX_ATTRIBUTES = 64,
    ISCEP_FACTS_MAX_PAIRS = 64,
    ISCEP_FACTS_MAX_OID_LEN = 256
};

struct iscep_x509_facts_store {
    SLIST_HEAD(, iscep_facts_text) texts;
    bool is_out_of_memory;
    iscep_san sans[ISCEP_FACTS_MAX_SANS];
    const char *ext_key_usage[ISCEP_FACTS_MAX_EXT_KEY_USAGES];
    const char *extensions[ISCEP_FACTS_MAX_EXTENSIONS];
    const char *attributes[ISCEP_FACTS_MAX_ATTRIBUTES];
    const char *pair_names[ISCEP_FACTS_MAX_PAIRS];
};

/* Zeroes the facts and gives them a store; free with iscep_x509_facts_clear. */
iscep_status iscep_facts_init(iscep_x509_facts *facts, iscep_error *err) ISCEP_CHECKED;
/* Here, or in OpenSSL since iscep_openssl_forget, whose queue it empties. */
bool iscep_facts_were_out_of_memory(const iscep_x509_facts *facts);

const char *iscep_facts_keep(iscep_x509_facts *facts, iscep_bytes value);
/* Only a text with a character or more, and no control characters. */
const char *iscep_facts_keep_printable(iscep_x509_facts *facts, iscep_bytes text);
/* As above, from a string of any of ASN.1's kinds, as UTF-8. */
const char *iscep_facts_keep_string(iscep_x509_facts *facts, const ASN1_STRING *string);
/* As above, and only ASCII. */
const char *iscep_facts_keep_ascii(iscep_x509_facts *facts, const ASN1_STRING *string);
/* RFC 2253. USAGE "name_too_long". */
iscep_status iscep_facts_keep_name(const char **out, iscep_x509_facts *facts, const X509_NAME *name,
                                   iscep_error *err) ISCEP_CHECKED;
/* Dotted. */
const char *iscep_facts_keep_oid(iscep_x509_facts *facts, const ASN1_OBJECT *object);
/* OID "=" upper-case hex; without the OID if it is NULL. */
const char *iscep_facts_keep_hex(iscep_x509_facts *facts, const char *oid, iscep_bytes der);

#endif
