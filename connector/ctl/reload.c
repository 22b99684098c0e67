/* intune-scepctl reload: has the running connector read its configuration anew. */
#include <string.h>

#include "ctl/daemon_client.h"
#include "ctl/print.h"

static int print_outcome(const ctl_request *request, const ctl_reply *reply, const iscep_json *answer)
{
    const char *message = iscep_json_text(answer, "message");
    const char *digest = iscep_json_text(answer, "digest");
    const bool is_taken = reply->http_status == 200;
    if (request->is_json)
        return ctl_print_json(answer, is_taken ? CTL_YES : CTL_NO);
    ctl_print_fact("configuration", is_taken ? "taken" : "refused; the one before goes on");
    if (message != NULL && message[0] != '\0')
        ctl_print_fact("message", "%s", message);
    if (digest != NULL)
        ctl_print_fact("in force (SHA-256)", "%s", digest);
    return is_taken ? CTL_YES : CTL_NO;
}

/* Status and word must agree: otherwise something else answers on the socket. */
static bool is_outcome(const ctl_reply *reply, const iscep_json *answer)
{
    const char *result = iscep_json_text(answer, "result");
    return result != NULL && ((reply->http_status == 200 && strcmp(result, "taken") == 0) ||
                              (reply->http_status == 409 && strcmp(result, "refused") == 0));
}

int ctl_reload(const ctl_request *request)
{
    ctl_reply reply;
    ISCEP_AUTO_JSON *answer = NULL;
    iscep_error err = ISCEP_ERROR_INIT;
    int exit_code;
    ctl_reply_init(&reply);
    iscep_status status = ctl_daemon_ask(&reply, request, "/v1/reload", iscep_bytes_of_text("{}"), &err);
    if (status != ISCEP_OK)
        exit_code = ctl_print_error(request, status == ISCEP_USAGE ? CTL_USAGE : CTL_UNKNOWN, &err);
    else if (iscep_json_parse(&answer, iscep_buf_bytes(&reply.body), NULL) == ISCEP_OK &&
             is_outcome(&reply, answer))
        exit_code = print_outcome(request, &reply, answer);
    else
        exit_code = ctl_print_refusal(request, &reply, answer);
    ctl_reply_clear(&reply);
    return exit_code;
}
