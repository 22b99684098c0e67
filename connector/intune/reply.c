/* See reply.h. */
#include "intune/reply.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "intune/codes.h"

static void retry(iscep_verdict *verdict, int64_t retry_after_ms, const char *code, const char *message)
{
    verdict->decision = ISCEP_RETRY;
    verdict->retry_after_ms = retry_after_ms;
    iscep_text_copy(verdict->code, sizeof verdict->code, code);
    iscep_text_copy(verdict->message, sizeof verdict->message, message);
}

void iscep_verdict_from_error(iscep_verdict *verdict, const iscep_error *err)
{
    retry(verdict, err->retry_after_ms, err->code, err->message);
}

/* Intune answered, but not 200: it has not judged the request. */
static void judge_status(iscep_verdict *verdict, const iscep_http_response *response)
{
    char message[128];
    snprintf(message, sizeof message, "Intune answered HTTP %d", response->status);
    const char *code = "intune_status";
    if (response->status == 401 || response->status == 403) {
        code = "intune_refused_us";
        snprintf(
            message, sizeof message,
            "Intune refused our token (HTTP %d): grant scep_challenge_provider of Intune, with admin consent",
            response->status);
    } else if (response->status == 429) {
        code = "throttled";
        snprintf(message, sizeof message, "Intune is throttling us");
    } else if (response->status >= 500) {
        code = "intune_service";
    }
    retry(verdict, response->retry_after_ms, code, message);
}

static void deny(iscep_verdict *verdict, const char *code, const char *description)
{
    const iscep_code *known = iscep_code_find(code);
    char message[sizeof verdict->message];
    snprintf(message, sizeof message, "Intune refused: %s%s%s", known != NULL ? known->advice : code,
             description != NULL && description[0] != '\0' ? "; Intune says: " : "",
             description != NULL ? description : "");
    verdict->decision = ISCEP_DENY;
    iscep_text_copy(verdict->code, sizeof verdict->code, code);
    iscep_text_copy(verdict->message, sizeof verdict->message, message);
}

void iscep_reply_judge(iscep_verdict *verdict, iscep_status status, const iscep_http_response *response,
                       const iscep_error *err)
{
    if (status != ISCEP_OK) {
        iscep_verdict_from_error(verdict, err);
        return;
    }
    if (response->status != 200) {
        judge_status(verdict, response);
        return;
    }
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_error parse_err = ISCEP_ERROR_INIT;
    const char *code = NULL;
    if (iscep_json_parse(&reply, response->body, &parse_err) == ISCEP_OK)
        code = iscep_json_text(reply, "code");
    if (code == NULL || code[0] == '\0') {
        retry(verdict, -1, "intune_reply_malformed",
              "Intune's reply is no verdict: not JSON, or without one code");
        return;
    }
    if (strcmp(code, "Success") != 0) {
        deny(verdict, code, iscep_json_text(reply, "errorDescription"));
        return;
    }
    verdict->decision = ISCEP_ALLOW; /* the only line that says yes */
    iscep_text_copy(verdict->code, sizeof verdict->code, code);
}
