/*
 * downloadRevocationRequests and uploadRevocationResults: what Intune wants revoked, and what became of it. Two more
 * questions of an iscep_intune, on its loop's thread; service/revoker.h asks them.
 */
#ifndef ISCEP_INTUNE_REVOCATION_H
#define ISCEP_INTUNE_REVOCATION_H

#include "intune/intune.h"

#define ISCEP_REVOCATION_MAX_ENTRIES 500 /* of a download, and of an upload */
/* A longer requestContext, serialNumber, issuerName or caConfiguration is answered PayloadTooLargeError. */
#define ISCEP_REVOCATION_MAX_TEXT_LEN 4096
/* A requestContext that is longer than this cannot even be answered. */
#define ISCEP_REVOCATION_MAX_CONTEXT_LEN 65536

/* What a result says, in Microsoft's words and numbers. The last four may be tried again: Intune asks once more. */
typedef enum iscep_revocation_code {
    ISCEP_REVOKED_NONE = 0, /* it succeeded */
    ISCEP_REVOKED_NON_RETRYABLE = 4000,
    ISCEP_REVOKED_DATA_SERIALIZATION = 4001,
    ISCEP_REVOKED_PARAMETER_INVALID = 4002,
    ISCEP_REVOKED_CRYPTOGRAPHY = 4003,
    ISCEP_REVOKED_NOT_FOUND = 4004,
    ISCEP_REVOKED_CONFLICT = 4005,
    ISCEP_REVOKED_NOT_SUPPORTED = 4006,
    ISCEP_REVOKED_TOO_LARGE = 4007,
    ISCEP_REVOKED_RETRYABLE = 4100,
    ISCEP_REVOKED_UNAVAILABLE = 4101,
    ISCEP_REVOKED_TOO_BUSY = 4102,
    ISCEP_REVOKED_AUTHENTICATION = 4103
} iscep_revocation_code;

/* "None", "CertificateNotFoundError"… Of a number that is none of these, that of 4000. Static storage. */
const char *iscep_revocation_code_name(int32_t code);

/* One that Intune wants. Borrowed for the length of the callback. */
typedef struct iscep_revocation_entry {
    const char *context; /* requestContext, opaque, never empty */
    const char *serial;  /* as it came; "" if it is missing */
    const char *issuer;  /* these two may be empty */
    const char *configuration;
    bool is_undecodable; /* a member is of another type, or stands there twice: only the context is good */
} iscep_revocation_entry;

/*
 * err->status is ISCEP_OK unless nothing came; then entries is what there is to do. dropped: how many were in the answer
 * that nobody could answer (no requestContext), or that were more than was asked for; it was logged. request_id: the
 * client-request-id that Microsoft knows it by; "" if it was not asked.
 */
typedef void (*iscep_download_fn)(void *user, const iscep_revocation_entry *entries, size_t count,
                                  size_t dropped, const char *request_id, const iscep_error *err);
/* max_entries: 1 to 500. issuer: those of this issuer only, as Intune understands it; NULL: all. */
void iscep_intune_download_revocations(iscep_intune *intune, uint32_t max_entries, const char *issuer,
                                       int64_t deadline_mono_ms, iscep_download_fn done, void *user);

typedef struct iscep_upload_entry {
    const char *context;
    int32_t code;
    const char *message; /* when it failed; cut at 255 characters, empty or NULL is replaced by a sentence */
} iscep_upload_entry;

typedef struct iscep_upload {
    const iscep_upload_entry *entries;
    size_t count;
    bool is_code_number; /* errorCode as a number in a string, otherwise its name */
} iscep_upload;

/*
 * err->status is ISCEP_OK only if Intune said that it has taken them all. Otherwise with http_status 400 or code
 * "upload_too_large" it is about these results, not about Intune; "results_not_taken": it answered something else than yes.
 */
typedef void (*iscep_upload_fn)(void *user, const char *request_id, const iscep_error *err);
/* Everything is copied. */
void iscep_intune_upload_results(iscep_intune *intune, const iscep_upload *upload, int64_t deadline_mono_ms,
                                 iscep_upload_fn done, void *user);

#endif
