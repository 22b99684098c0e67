/*
 * intune-scepctl exec: the door for every SCEP server that can run a program (docs/CONNECTING.md). The CSR comes on
 * standard input; the exit code is the verdict, and 0 and only 0 means: issue.
 */
#include <stdio.h>

#include "ctl/door.h"
#include "ctl/handed_over.h"
#include "ctl/print.h"

/* Beside those of ctl.h. */
enum { EXIT_DECLINE = 4, EXIT_DELIVER = 5, DEFAULT_TIMEOUT_MS = 20000, MAX_PEM_LEN = 2 * ISCEP_CERT_MAX_LEN };

static iscep_status ask(ctl_verdict *out, const ctl_door *door, iscep_error *err)
{
    ISCEP_AUTO_BUF csr;
    ISCEP_AUTO_JSON *body = iscep_json_new_object();
    iscep_buf_init(&csr, ISCEP_CSR_MAX_LEN);
    iscep_status status =
        ctl_read_handed_over_file(&csr, ISCEP_X509_REQUEST, "-", &door->env, door->deadline_mono_ms, err);
    if (status == ISCEP_OK)
        status = ctl_door_add_request(body, door, iscep_buf_bytes(&csr), err);
    if (status == ISCEP_OK)
        status = ctl_door_ask(out, door, CTL_ASKED_VALIDATE, "/v1/validate", body,
                              (door->request.given & TAKES_NO_REPLAY) == 0, err);
    iscep_buf_wipe(&csr);
    return status;
}

static int print_certificate(const ctl_verdict *verdict)
{
    ISCEP_AUTO_BUF pem;
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_buf_init(&pem, MAX_PEM_LEN);
    if (ctl_verdict_emit_certificate(&pem, verdict, &err) != ISCEP_OK) {
        fprintf(stderr, "intune-scepctl: %s\n", err.message);
        return CTL_UNKNOWN;
    }
    fputs(iscep_buf_text(&pem), stdout);
    return EXIT_DELIVER;
}

static int conclude(const ctl_request *request, const ctl_verdict *verdict)
{
    static const int exit_codes[] = {[CTL_VERDICT_ALLOW] = CTL_YES,
                                     [CTL_VERDICT_DENY] = CTL_NO,
                                     [CTL_VERDICT_RETRY] = CTL_UNKNOWN,
                                     [CTL_VERDICT_DECLINE] = EXIT_DECLINE,
                                     [CTL_VERDICT_DELIVER] = EXIT_DELIVER};
    if (request->is_json && verdict->answer != NULL)
        return ctl_print_json(verdict->answer, exit_codes[verdict->kind]);
    return verdict->kind == CTL_VERDICT_DELIVER ? print_certificate(verdict) : exit_codes[verdict->kind];
}

int ctl_exec(const ctl_request *request)
{
    ctl_door door;
    ctl_verdict verdict = {.kind = CTL_VERDICT_RETRY};
    iscep_error err = ISCEP_ERROR_INIT;
    iscep_status status = ctl_door_open(&door, request, DEFAULT_TIMEOUT_MS, &err);
    if (status == ISCEP_OK)
        status = ask(&verdict, &door, &err);
    int exit_code;
    if (status != ISCEP_OK) {
        exit_code = ctl_print_error(request, status == ISCEP_USAGE ? CTL_USAGE : CTL_UNKNOWN, &err);
    } else {
        door.is_verbose |= verdict.kind != CTL_VERDICT_ALLOW && !request->is_json;
        ctl_door_tell(&door, &verdict, &err);
        exit_code = conclude(request, &verdict);
    }
    ctl_verdict_clear(&verdict);
    return exit_code;
}
