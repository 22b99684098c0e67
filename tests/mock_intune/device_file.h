/*
 * What Intune hands a device for a SCEP profile, as files: an Apple configuration profile (one SCEP payload a URL), or Windows
 * SyncML. connector/profile reads the same; the two share no code, so that each shows the other's mistakes.
 */
#ifndef MOCK_DEVICE_FILE_H
#define MOCK_DEVICE_FILE_H

#include "base/env.h"
#include "pki.h"
#include "profile.h"

#define MOCK_DEVICE_MAX_URLS    16
#define MOCK_DEVICE_FILE_MAX    ((size_t)1024 * 1024)
#define MOCK_DEVICE_KEY_LENGTH  2048 /* where the profile names none */
#define MOCK_DEVICE_RETRIES     3
#define MOCK_DEVICE_RETRY_DELAY 60 /* seconds */

typedef struct mock_device_file {
    char id[ISCEP_GUID_SIZE];
    const char *urls[MOCK_DEVICE_MAX_URLS]; /* borrowed */
    size_t url_count;
    char payload_ids[MOCK_DEVICE_MAX_URLS][ISCEP_GUID_SIZE];
    iscep_buf challenges[MOCK_DEVICE_MAX_URLS]; /* Apple: one a URL; otherwise the first */
    mock_profile profile;
    const iscep_json *sans; /* "subjectAltNames" as they were given; borrowed; NULL: none */
    int64_t issued_unix;
} mock_device_file;

/* USAGE when the profile says what the format cannot. */
iscep_status mock_device_emit_apple(iscep_buf *out, const mock_device_file *file,
                                    iscep_error *err) ISCEP_CHECKED;
iscep_status mock_device_emit_windows(iscep_buf *out, const mock_device_file *file,
                                      iscep_error *err) ISCEP_CHECKED;
/* CMS around an Apple profile, signed at unix_s with the key that challenges are signed with. */
iscep_status mock_device_sign(iscep_buf *out, const mock_pki *pki, iscep_bytes content, int64_t unix_s,
                              iscep_error *err) ISCEP_CHECKED;

/* The subject's attributes one after the other, from 0; false behind the last. type: a usual short name, or a dotted OID. */
#define MOCK_DEVICE_TYPE_SIZE 80
bool mock_device_subject_at(char type[MOCK_DEVICE_TYPE_SIZE], iscep_buf *value, const X509_NAME *subject,
                            int index);

/* Appends text as XML's character data. */
void mock_xml_append(iscep_buf *out, const char *text);
/* USAGE if there is something in it that XML cannot say at all: a control character. */
iscep_status mock_xml_check(const iscep_buf *xml, iscep_error *err) ISCEP_CHECKED;

#endif
