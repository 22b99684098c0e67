/* See reply.h. */
#include "intune/reply.h"

#include <stdio.h>
#include <string.h>

#include "intune/advice.h"
#include "intune/codes.h"
#include "net/http_json.h"

/* The advice is never cut: what happened gives way. */
static void emit_message(iscep_verdict *verdict, const iscep_error *err)
{
    static const char joint[] = "; advice: ";
    const char *advice = iscep_advice_find(err->code);
    size_t room = sizeof verdict->message;
    if (advice != NULL)
        room -= strlen(joint) + strlen(advice);
    iscep_text_copy(verdict->message, room, err->message);
    size_t len = strlen(verdict->message);
    if (advice != NULL)
        snprintf(verdict->message + len, sizeof verdict->message - len, "%s%s", joint, advice);
}

void iscep_verdict_from_error(iscep_verdict *verdict, const iscep_error *err)
{
    verdict->decision = ISCEP_RETRY;
    verdict->retry_after_ms = err->retry_after_ms;
    iscep_text_copy(verdict->code, sizeof verdict->code, err->code);
    emit_message(verdict, err);
}

iscep_status iscep_reply_check(const iscep_http_response *response, iscep_error *err)
{
    iscep_status status;
    if (response->status == 200)
        return ISCEP_OK;
    if (response->status == 401 || response->status == 403)
        status = iscep_error_set(
            err, ISCEP_AUTH, "intune_refused_us",
            "Intune refused our token (HTTP %d): grant scep_challenge_provider of Intune, with admin consent",
            response->status);
    else if (response->status == 429)
        status = iscep_error_set(err, ISCEP_THROTTLED, "throttled", "Intune is throttling us");
    else if (response->status >= 500)
        status = iscep_error_set(err, ISCEP_SERVICE, "intune_service", "Intune answered HTTP %d",
                                 response->status);
    else
        status = iscep_error_set(err, ISCEP_PROTOCOL, "intune_status", "Intune answered HTTP %d",
                                 response->status);
    err->http_status = response->status;
    err->retry_after_ms = response->retry_after_ms;
    return status;
}

static void deny(iscep_verdict *verdict, const char *code, const char *description)
{
    const iscep_code *known = iscep_code_find(code);
    char message[sizeof verdict->message];
    snprintf(message, sizeof message, "Intune refused: %s; %s%s%s",
             known != NULL ? known->meaning : "for a reason that this version does not know",
             known != NULL ? known->advice : code,
             description != NULL && description[0] != '\0' ? "; Intune says: " : "",
             description != NULL ? description : "");
    verdict->decision = ISCEP_DENY;
    iscep_text_copy(verdict->code, sizeof verdict->code, code);
    iscep_text_copy(verdict->message, sizeof verdict->message, message);
}

/* The verdict in Intune's reply, or why there is none. */
static iscep_status read_reply(iscep_verdict *verdict, const iscep_http_response *response, iscep_error *err)
{
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_error parse_err = ISCEP_ERROR_INIT;
    const char *code = NULL;
    if (iscep_http_parse_json(&reply, response, &parse_err) == ISCEP_OK)
        code = iscep_json_text(reply, "code");
    if (code == NULL || code[0] == '\0')
        return iscep_error_set(err, ISCEP_PROTOCOL, "intune_reply_malformed",
                               "Intune's reply is no verdict: not JSON, or without one code");
    if (strcmp(code, "Success") != 0) {
        deny(verdict, code, iscep_json_text(reply, "errorDescription"));
        return ISCEP_OK;
    }
    verdict->decision = ISCEP_ALLOW; /* the only line that says yes */
    iscep_text_copy(verdict->code, sizeof verdict->code, code);
    return ISCEP_OK;
}

iscep_status iscep_reply_judge(iscep_verdict *verdict, iscep_status status,
                               const iscep_http_response *response, iscep_error *err)
{
    verdict->decision = ISCEP_DENY; /* whatever an earlier attempt came to */
    verdict->retry_after_ms = -1;
    verdict->code[0] = verdict->message[0] = '\0';
    if (status == ISCEP_OK)
        status = iscep_reply_check(response, err);
    if (status == ISCEP_OK)
        status = read_reply(verdict, response, err);
    if (status != ISCEP_OK)
        iscep_verdict_from_error(verdict, err);
    return status;
}
