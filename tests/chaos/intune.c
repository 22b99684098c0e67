/* See intune.h. */
#include "intune.h"

#include "tests/bench/fetch.h"

enum { MAX_REPLY_LEN = 256 * 1024 * 1024, MAX_URL_LEN = 1024 };

iscep_status chaos_intune_ask(iscep_json **out, const chaos_intune *intune, const char *method,
                              const char *path, const char *body, iscep_error *err)
{
    ISCEP_AUTO_BUF url, reply;
    iscep_buf_init(&url, MAX_URL_LEN);
    iscep_buf_init(&reply, MAX_REPLY_LEN);
    iscep_buf_printf(&url, "%s/admin%s", intune->url, path);
    const bench_fetch_request request = {.method = method,
                                         .url = iscep_buf_text(&url),
                                         .ca_file = intune->ca_file,
                                         .content_type = body != NULL ? "application/json" : NULL,
                                         .body = iscep_bytes_of_text(body)};
    iscep_status status = bench_fetch(&reply, &request, err);
    return status == ISCEP_OK ? iscep_json_parse(out, iscep_buf_bytes(&reply), err) : status;
}

iscep_status chaos_intune_challenge(iscep_buf *out, const chaos_intune *intune, const char *name,
                                    iscep_error *err)
{
    ISCEP_AUTO_BUF wish;
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_buf_init(&wish, 256);
    iscep_buf_printf(&wish, "{\"subject\":\"CN=%s\",\"deviceId\":\"%s\"}", name, name);
    iscep_status status = chaos_intune_ask(&reply, intune, "POST", "/challenges", iscep_buf_text(&wish), err);
    if (status != ISCEP_OK)
        return status;
    if (iscep_json_text(reply, "challenge") == NULL)
        return iscep_error_set(err, ISCEP_PROTOCOL, "mock", "intune-mock gives no challenge");
    iscep_buf_append_text(out, iscep_json_text(reply, "challenge"));
    return iscep_buf_status(out, err);
}
