/*
 * What an Intune SCEP profile demands of a request. It demands what it names and no more, because simple clients put
 * nothing but subject and challenge into theirs:
 *   subject            always named; "" demands an empty subject
 *   subjectAltNames    absent is the same as []: the request must have none
 *   keyUsage, extendedKeyUsage, keyLength   absent: not looked at; [] demands that the extension is absent
 */
#ifndef MOCK_PROFILE_H
#define MOCK_PROFILE_H

#include <openssl/types.h>

#include "base/json.h"
#include "strict_json.h"
#include "textset.h"

typedef struct mock_profile {
    X509_NAME *subject;
    mock_textset sans; /* as san.h spells them */
    bool demands_key_usage;
    uint32_t key_usage; /* KU_… of OpenSSL */
    bool demands_ext_key_usage;
    mock_textset ext_key_usage; /* dotted OIDs */
    int64_t key_length;         /* bits; 0: not looked at */
} mock_profile;

/* The members of a JSON object that make up a profile, for whoever checks the whole object. */
#define MOCK_PROFILE_RULES                                                                                   \
    {"subject", MOCK_JSON_TEXT, true}, {"subjectAltNames", MOCK_JSON_ARRAY, false},                          \
        {"keyUsage", MOCK_JSON_ARRAY, false}, {"extendedKeyUsage", MOCK_JSON_ARRAY, false},                  \
    {                                                                                                        \
        "keyLength", MOCK_JSON_INT, false                                                                    \
    }

/* Reads those members from an object that was checked with MOCK_PROFILE_RULES. Clear it in both cases. */
iscep_status mock_profile_parse(mock_profile *out, const iscep_json *json, iscep_error *err) ISCEP_CHECKED;
void mock_profile_clear(mock_profile *profile);
/* Appends those members as they stand in json: ,"subject":…,"keyLength":… */
iscep_status mock_profile_copy_json(iscep_buf *out, const iscep_json *json, iscep_error *err) ISCEP_CHECKED;

#endif
