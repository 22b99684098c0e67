/*
 * intune-scepctl csrverifier: what micromdm/scep runs for each request (-csrverifierexec; docs/CONNECTING.md). Without
 * arguments, DER on standard input; 0 accepts, anything else refuses; silent, unless it is told to speak.
 */
#include <stdio.h>

#include "ctl/door.h"
#include "ctl/handed_over.h"

enum { DEFAULT_TIMEOUT_MS = 20000 };

static iscep_status ask(ctl_verdict *out, const ctl_door *door, iscep_error *err)
{
    ISCEP_AUTO_BUF csr;
    ISCEP_AUTO_JSON *body = iscep_json_new_object();
    iscep_buf_init(&csr, ISCEP_CSR_MAX_LEN);
    iscep_status status = ctl_read_stdin(&csr, &door->env, door->deadline_mono_ms, err);
    if (status == ISCEP_OK)
        status = ctl_door_add_request(body, door, iscep_buf_bytes(&csr), err);
    if (status == ISCEP_OK) /* what was issued before nobody could deliver here */
        status = ctl_door_ask(out, door, CTL_ASKED_VALIDATE, "/v1/validate", body, false, err);
    iscep_buf_wipe(&csr);
    return status;
}

int ctl_csrverifier(const ctl_request *request)
{
    ctl_door door;
    ctl_verdict verdict = {.kind = CTL_VERDICT_RETRY};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = ctl_door_open(&door, request, DEFAULT_TIMEOUT_MS, &err);
    if (status == ISCEP_OK)
        status = ask(&verdict, &door, &err);
    ctl_door_tell(&door, &verdict, &err);
    const bool is_accepted = status == ISCEP_OK && verdict.kind == CTL_VERDICT_ALLOW;
    ctl_verdict_clear(&verdict);
    return is_accepted ? CTL_YES : CTL_NO;
}

int ctl_csrverifier_misuse(const ctl_request *request, const char *problem)
{
    if (ctl_door_is_verbose(request))
        fprintf(stderr, "intune-scepctl: %s\n", problem);
    return CTL_NO;
}
