/*
 * intune-scepctl notify: what became of a request, told by a script (docs/CONNECTING.md). 0 and only 0 means: deliver the
 * certificate, or with failed: it is taken note of.
 */
#include "ctl/door.h"
#include "ctl/handed_over.h"
#include "ctl/print.h"

enum {
    DEFAULT_TIMEOUT_MS = 20000,
    UNSPECIFIED_FAILURE = 0x80004005 /* E_FAIL of the HRESULTs that Intune shows */
};

/* Appends operand index as member name; with a request, its transaction id, too. */
static iscep_status add_operand(iscep_json *to, const ctl_door *door, size_t index, iscep_x509_kind kind,
                                iscep_error *err)
{
    ISCEP_AUTO_BUF der;
    iscep_buf_init(&der, ISCEP_CERT_MAX_LEN);
    iscep_status status = ctl_read_handed_over_file(&der, kind, door->request.operands[index], &door->env,
                                                    door->deadline_mono_ms, err);
    if (status == ISCEP_OK && kind == ISCEP_X509_REQUEST)
        status = ctl_door_add_request(to, door, iscep_buf_bytes(&der), err);
    else if (status == ISCEP_OK)
        ctl_door_add_der(to, "certificate", iscep_buf_bytes(&der));
    iscep_buf_wipe(&der);
    return status;
}

static int conclude(const ctl_request *request, const ctl_door *door, const ctl_verdict *verdict)
{
    static const int exit_codes[] = {[CTL_VERDICT_ALLOW] = CTL_YES,
                                     [CTL_VERDICT_DELIVER] = CTL_YES,
                                     [CTL_VERDICT_DENY] = CTL_NO,
                                     [CTL_VERDICT_DECLINE] = CTL_UNKNOWN, /* no answer to a report */
                                     [CTL_VERDICT_RETRY] = CTL_UNKNOWN};
    const iscep_error none = ISCEP_ERROR_INIT;
    ctl_door loud = *door;
    if (request->is_json && verdict->answer != NULL)
        return ctl_print_json(verdict->answer, exit_codes[verdict->kind]);
    loud.is_verbose |= exit_codes[verdict->kind] != CTL_YES;
    ctl_door_tell(&loud, verdict, &none);
    return exit_codes[verdict->kind];
}

/* status: of making body. */
static int report(const ctl_request *request, const ctl_door *door, const char *path, const iscep_json *body,
                  iscep_status status, iscep_error *err)
{
    ctl_verdict verdict = {.kind = CTL_VERDICT_RETRY};
    if (status == ISCEP_OK)
        status = ctl_door_ask(&verdict, door, CTL_ASKED_REPORT, path, body,
                              (request->given & TAKES_NO_REPLAY) == 0, err);
    const int exit_code =
        status == ISCEP_OK ? conclude(request, door, &verdict)
                           : ctl_print_error(request, status == ISCEP_USAGE ? CTL_USAGE : CTL_UNKNOWN, err);
    ctl_verdict_clear(&verdict);
    return exit_code;
}

static int issued(const ctl_request *request)
{
    ctl_door door;
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_JSON *body = iscep_json_new_object();
    iscep_status status = ctl_door_open(&door, request, DEFAULT_TIMEOUT_MS, &err);
    if (status == ISCEP_OK)
        status = add_operand(body, &door, 0, ISCEP_X509_REQUEST, &err);
    if (status == ISCEP_OK)
        status = add_operand(body, &door, 1, ISCEP_X509_CERTIFICATE, &err);
    return report(request, &door, "/v1/issued", body, status, &err);
}

static int failed(const ctl_request *request)
{
    ctl_door door;
    iscep_error err = ISCEP_ERROR_INIT;
    ISCEP_AUTO_JSON *body = iscep_json_new_object();
    const bool is_code_given = (request->given & TAKES_ERROR_CODE) != 0;
    iscep_status status = ctl_door_open(&door, request, DEFAULT_TIMEOUT_MS, &err);
    if (status == ISCEP_OK)
        status = add_operand(body, &door, 0, ISCEP_X509_REQUEST, &err);
    iscep_json_add_int(body, "errorCode", is_code_given ? request->error_code : UNSPECIFIED_FAILURE);
    iscep_json_add_text(body, "description",
                        request->description != NULL ? request->description
                                                     : "the certificate was not issued");
    return report(request, &door, "/v1/failed", body, status, &err);
}

const ctl_word ctl_notify_words[] = {
    {"issued", 2, 2, TAKES_NOTHING, issued},
    {"failed", 1, 1, TAKES_ERROR_CODE | TAKES_DESCRIPTION, failed},
    {0},
};
