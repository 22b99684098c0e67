/*
 * intune-scepctl openxpki: what OpenXPKI runs to check a challenge (docs/CONNECTING.md). It believes what is printed: 1 or
 * 0, with exit code 0; another exit code breaks the workflow, which may be tried again. It drops empty arguments.
 */
#include <stdio.h>

#include "ctl/door.h"
#include "ctl/handed_over.h"

enum { DEFAULT_TIMEOUT_MS = 4000 /* OpenXPKI gives up after 5 s, if it is not told otherwise */ };

/* An argument; or the path of a file, which no base64 of a request looks like. */
static iscep_status read_request(iscep_buf *der, const ctl_door *door, const char *given, iscep_error *err)
{
    if (given[0] == '/')
        return ctl_read_handed_over_file(der, ISCEP_X509_REQUEST, given, &door->env, door->deadline_mono_ms,
                                         err);
    return ctl_read_handed_over(der, ISCEP_X509_REQUEST, iscep_bytes_of_text(given), err);
}

static iscep_status ask(ctl_verdict *out, const ctl_door *door, iscep_error *err)
{
    ISCEP_AUTO_BUF csr;
    ISCEP_AUTO_JSON *body = iscep_json_new_object();
    iscep_buf_init(&csr, ISCEP_CSR_MAX_LEN);
    iscep_status status = read_request(&csr, door, door->request.operands[1], err);
    if (status == ISCEP_OK)
        status = ctl_door_add_request(body, door, iscep_buf_bytes(&csr), err);
    if (status == ISCEP_OK) /* OpenXPKI finds what it has issued by itself */
        status = ctl_door_ask(out, door, CTL_ASKED_VALIDATE, "/v1/validate", body, false, err);
    iscep_buf_wipe(&csr);
    return status;
}

static int answer(bool is_accepted)
{
    puts(is_accepted ? "1" : "0");
    return CTL_YES;
}

int ctl_openxpki(const ctl_request *request)
{
    ctl_door door;
    ctl_verdict verdict = {.kind = CTL_VERDICT_RETRY};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = ctl_door_open(&door, request, DEFAULT_TIMEOUT_MS, &err);
    door.request.transaction_id = request->operands[0];
    if (status == ISCEP_OK)
        status = ask(&verdict, &door, &err);
    ctl_door_tell(&door, &verdict, &err);
    const bool is_retry = status != ISCEP_USAGE && verdict.kind == CTL_VERDICT_RETRY;
    const bool is_accepted = status == ISCEP_OK && verdict.kind == CTL_VERDICT_ALLOW;
    ctl_verdict_clear(&verdict);
    return is_retry && request->retry_exit > 0 ? (int)request->retry_exit : answer(is_accepted);
}

int ctl_openxpki_misuse(const ctl_request *request, const char *problem)
{
    if (ctl_door_is_verbose(request))
        fprintf(stderr, "intune-scepctl: %s\n", problem);
    return answer(false);
}
