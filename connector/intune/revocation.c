/* See revocation.h. */
#include "intune/revocation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "intune/call.h"
#include "intune/description.h"
#include "net/http_json.h"

enum { MAX_UPLOAD_LEN = 4 * 1024 * 1024, MAX_DOWNLOAD_BODY_LEN = 64 * 1024 };

/* --- codes --- */

const char *iscep_revocation_code_name(int32_t code)
{
    static const struct {
        iscep_revocation_code code;
        const char *name;
    } names[] = {
        {ISCEP_REVOKED_NONE, "None"},
        {ISCEP_REVOKED_NON_RETRYABLE, "NonRetryableServiceException"},
        {ISCEP_REVOKED_DATA_SERIALIZATION, "DataSerializationError"},
        {ISCEP_REVOKED_PARAMETER_INVALID, "ParameterDataInvalidError"},
        {ISCEP_REVOKED_CRYPTOGRAPHY, "CryptographyError"},
        {ISCEP_REVOKED_NOT_FOUND, "CertificateNotFoundError"},
        {ISCEP_REVOKED_CONFLICT, "ConflictError"},
        {ISCEP_REVOKED_NOT_SUPPORTED, "NotSupportedError"},
        {ISCEP_REVOKED_TOO_LARGE, "PayloadTooLargeError"},
        {ISCEP_REVOKED_RETRYABLE, "RetryableServiceException"},
        {ISCEP_REVOKED_UNAVAILABLE, "ServiceUnavailableException"},
        {ISCEP_REVOKED_TOO_BUSY, "ServiceTooBusyException"},
        {ISCEP_REVOKED_AUTHENTICATION, "AuthenticationException"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if ((int32_t)names[i].code == code)
            return names[i].name;
    return "NonRetryableServiceException";
}

/* --- members, whatever the case of their letters --- */

typedef enum presence { ABSENT, PRESENT, TWICE } presence;

static presence find_member(const iscep_json **out, const iscep_json *json, const char *name)
{
    presence found = ABSENT;
    for (const iscep_json *at = iscep_json_first(json); at != NULL; at = iscep_json_next(at)) {
        if (iscep_json_name(at) == NULL || strcasecmp(iscep_json_name(at), name) != 0)
            continue;
        *out = at;
        found = found == ABSENT ? PRESENT : TWICE;
    }
    return found;
}

/* The member's text, "" if it is absent or null. False if it is of another type, or there twice. */
static bool take_text(const char **out, const iscep_json *json, const char *name)
{
    const iscep_json *member = NULL;
    presence found = find_member(&member, json, name);
    *out = found == PRESENT ? iscep_json_as_text(member) : "";
    if (*out == NULL && iscep_json_is_null(member))
        *out = "";
    bool is_right = found != TWICE && *out != NULL;
    if (!is_right)
        *out = "";
    return is_right;
}

/* --- download --- */

typedef struct download {
    iscep_intune *intune;
    uint32_t max_entries;
    iscep_revocation_entry *entries; /* point into reply */
    size_t count;
    size_t dropped;
    const char *dropped_why; /* the first of them */
    iscep_json *reply;
    iscep_download_fn done;
    void *user;
} download;

static void drop(download *in, const char *reason)
{
    if (in->dropped++ == 0)
        in->dropped_why = reason;
}

static void read_entry(download *in, const iscep_json *json)
{
    iscep_revocation_entry entry = {0};
    if (in->count == in->max_entries) {
        drop(in, "Intune sent more than was asked for");
        return;
    }
    if (!iscep_json_is_object(json) || !take_text(&entry.context, json, "requestContext") ||
        entry.context[0] == '\0') {
        drop(in, "an entry without a requestContext cannot be answered");
        return;
    }
    if (strlen(entry.context) > ISCEP_REVOCATION_MAX_CONTEXT_LEN) {
        drop(in, "an entry's requestContext is too long to be answered");
        return;
    }
    bool has_serial = take_text(&entry.serial, json, "serialNumber");
    bool has_issuer = take_text(&entry.issuer, json, "issuerName");
    bool has_configuration = take_text(&entry.configuration, json, "caConfiguration");
    entry.is_undecodable = !has_serial || !has_issuer || !has_configuration;
    in->entries[in->count++] = entry;
}

/* One entry that makes no sense does not take the others with it. */
static iscep_status read_download(void *user, const iscep_http_response *response, iscep_error *err)
{
    download *in = user;
    const iscep_json *value = NULL;
    iscep_status status = iscep_http_parse_json(&in->reply, response, err);
    if (status != ISCEP_OK) {
        iscep_error_prefix(err, "Intune's revocations");
        return status;
    }
    if (find_member(&value, in->reply, "value") != PRESENT || !iscep_json_is_array(value)) {
        iscep_json_free(in->reply);
        in->reply = NULL;
        return iscep_error_set(
            err, ISCEP_PROTOCOL, "intune_reply_malformed",
            "Intune's reply is no list of revocations: it has no \"value\" that is an array");
    }
    for (const iscep_json *at = iscep_json_first(value); at != NULL; at = iscep_json_next(at))
        read_entry(in, at);
    if (in->dropped > 0)
        iscep_log_event(in->intune->env->log, ISCEP_LOG_WARN, "revocations_dropped",
                        ISCEP_LOG_NUM("count", (int64_t)in->dropped),
                        ISCEP_LOG_TEXT("reason", in->dropped_why),
                        ISCEP_LOG_TEXT("tenant", iscep_tenant_label(in->intune->tenant)));
    return ISCEP_OK;
}

static void free_download(download *in)
{
    iscep_json_free(in->reply);
    free(in->entries);
    free(in);
}

static void on_downloaded(void *user, const iscep_error *err, const char *request_id)
{
    download *in = user;
    in->done(in->user, in->entries, in->count, in->dropped, request_id, err);
    free_download(in);
}

static void emit_download(iscep_buf *out, uint32_t max_entries, const char *issuer)
{
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json *parameters = iscep_json_add_object(root, "downloadParameters");
    iscep_json_add_int(parameters, "maxRequests", max_entries);
    iscep_json_add_text(parameters, "issuerName", issuer);
    iscep_buf_init(out, MAX_DOWNLOAD_BODY_LEN);
    out->is_overflown = parameters == NULL || iscep_json_emit(out, root, NULL) != ISCEP_OK;
}

void iscep_intune_download_revocations(iscep_intune *intune, uint32_t max_entries, const char *issuer,
                                       int64_t deadline_mono_ms, iscep_download_fn done, void *user)
{
    static const iscep_action action = {"downloadRevocationRequests", ISCEP_ENDPOINT_REVOCATION,
                                        read_download};
    download *in = calloc(1, sizeof *in);
    if (in != NULL)
        in->entries = calloc(max_entries, sizeof *in->entries);
    if (in == NULL || in->entries == NULL) {
        iscep_error err = ISCEP_ERROR_INIT;
        iscep_error_set(&err, ISCEP_NOMEM, "nomem", "out of memory");
        free(in);
        done(user, NULL, 0, 0, "", &err);
        return;
    }
    in->intune = intune;
    in->max_entries = max_entries;
    in->done = done;
    in->user = user;
    iscep_question question = {.action = &action, .transaction_id = ""};
    emit_download(&question.body, max_entries, issuer);
    iscep_call_start_document(intune, &question, deadline_mono_ms, on_downloaded, in);
}

/* --- upload --- */

typedef struct upload {
    iscep_upload_fn done;
    void *user;
} upload;

static void emit_result(iscep_json *array, const iscep_upload_entry *entry, bool is_code_number)
{
    char number[16], message[ISCEP_DESCRIPTION_SIZE];
    iscep_json *json = iscep_json_append_object(array);
    bool has_succeeded = entry->code == ISCEP_REVOKED_NONE;
    const char *code = iscep_revocation_code_name(entry->code);
    if (is_code_number && !has_succeeded) { /* Microsoft's Java client has no number for None */
        snprintf(number, sizeof number, "%d", (int)entry->code);
        code = number;
    }
    iscep_description_cut(message, entry->message, "The CA gave no reason.");
    iscep_json_add_text(json, "requestContext", entry->context);
    iscep_json_add_bool(json, "succeeded", has_succeeded);
    iscep_json_add_text(json, "errorCode", code);
    iscep_json_add_text(json, "errorMessage", has_succeeded ? NULL : message);
}

static iscep_status emit_upload(iscep_buf *out, const iscep_upload *what, iscep_error *err)
{
    ISCEP_AUTO_JSON *root = iscep_json_new_object();
    iscep_json *results = iscep_json_add_array(root, "results");
    for (size_t i = 0; i < what->count; i++)
        emit_result(results, &what->entries[i], what->is_code_number);
    iscep_buf_init(out, MAX_UPLOAD_LEN);
    if (results == NULL || iscep_json_emit(out, root, NULL) == ISCEP_OK)
        return results != NULL ? ISCEP_OK : iscep_error_nomem(err);
    return iscep_error_set(err, ISCEP_USAGE, "upload_too_large", "%zu results are too long for one upload",
                           what->count);
}

/* A yes is true, or the word in a string: both have been seen. */
static bool is_yes(const iscep_json *reply)
{
    const iscep_json *value = NULL;
    if (find_member(&value, reply, "value") != PRESENT)
        return false;
    const char *text = iscep_json_as_text(value);
    return iscep_json_is_true(reply, iscep_json_name(value)) ||
           (text != NULL && strcasecmp(text, "true") == 0);
}

static iscep_status read_upload(void *user, const iscep_http_response *response, iscep_error *err)
{
    ISCEP_AUTO_JSON *reply = NULL;
    (void)user;
    iscep_status status = iscep_http_parse_json(&reply, response, err);
    if (status != ISCEP_OK)
        iscep_error_prefix(err, "Intune's answer to results");
    else if (!is_yes(reply))
        status = iscep_error_set(err, ISCEP_PROTOCOL, "results_not_taken",
                                 "Intune did not say that it has taken the results");
    return status;
}

static void on_uploaded(void *user, const iscep_error *err, const char *request_id)
{
    upload *out = user;
    out->done(out->user, request_id, err);
    free(out);
}

void iscep_intune_upload_results(iscep_intune *intune, const iscep_upload *what, int64_t deadline_mono_ms,
                                 iscep_upload_fn done, void *user)
{
    static const iscep_action action = {"uploadRevocationResults", ISCEP_ENDPOINT_REVOCATION, read_upload};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_question question = {.action = &action, .transaction_id = ""};
    upload *out = malloc(sizeof *out);
    iscep_status status = emit_upload(&question.body, what, &err);
    if (out == NULL && status == ISCEP_OK)
        status = iscep_error_nomem(&err);
    if (status != ISCEP_OK) {
        iscep_buf_clear(&question.body);
        free(out);
        done(user, "", &err);
        return;
    }
    *out = (upload){.done = done, .user = user};
    iscep_call_start_document(intune, &question, deadline_mono_ms, on_uploaded, out);
}
