/* See mock_admin.h. */
#include "mock_admin.h"

#include "base/json.h"
#include "fetch.h"
#include "net/url.h"

enum {
    MAX_REPLY_LEN = 256 * 1024,
    MAX_REQUEST_LEN = 4096,
    CHALLENGE_LIFETIME_S = 24 * 3600, /* an hour, as in the original, would end an hour of load */
};

/* base_url + path, and the reply parsed. */
static iscep_status ask(iscep_json **out, const bench_stack *stack, const char *base_url, const char *path,
                        bench_fetch_request *request, iscep_error *err)
{
    ISCEP_AUTO_BUF url, reply;
    iscep_buf_init(&url, MAX_REQUEST_LEN);
    iscep_buf_init(&reply, MAX_REPLY_LEN);
    iscep_url_join(&url, base_url, path);
    request->url = iscep_buf_text(&url);
    request->ca_file = stack->ca_file;
    iscep_status status = bench_fetch(&reply, request, err);
    return status == ISCEP_OK ? iscep_json_parse(out, iscep_buf_bytes(&reply), err) : status;
}

static iscep_status take_text(iscep_buf *out, const iscep_json *reply, const char *name, iscep_error *err)
{
    const char *text = iscep_json_text(reply, name);
    if (text == NULL)
        return iscep_error_set(err, ISCEP_PROTOCOL, "mock", "intune-mock's reply has no %s", name);
    iscep_buf_append_text(out, text);
    return iscep_buf_status(out, err);
}

iscep_status bench_mint_challenge(iscep_buf *out, const bench_stack *stack, const bench_intune *intune,
                                  const char *subject, size_t len, iscep_error *err)
{
    ISCEP_AUTO_BUF body;
    ISCEP_AUTO_JSON *wish = iscep_json_new_object();
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_buf_init(&body, MAX_REQUEST_LEN);
    iscep_json_add_text(wish, "subject", subject);
    iscep_json_add_int(wish, "padTo", (int64_t)len);
    iscep_json_add_int(wish, "lifetimeSeconds", CHALLENGE_LIFETIME_S);
    iscep_status status = iscep_json_emit(&body, wish, err);
    bench_fetch_request request = {
        .method = "POST", .content_type = "application/json", .body = iscep_buf_bytes(&body)};
    if (status == ISCEP_OK)
        status = ask(&reply, stack, intune->admin_url, "admin/challenges", &request, err);
    return status == ISCEP_OK ? take_text(out, reply, "challenge", err) : status;
}

iscep_status bench_get_token(iscep_buf *out, const bench_stack *stack, const bench_intune *intune,
                             iscep_error *err)
{
    ISCEP_AUTO_BUF form;
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_buf_init(&form, MAX_REQUEST_LEN);
    iscep_form_append(&form, "grant_type", iscep_bytes_of_text("client_credentials"));
    iscep_form_append(&form, "client_id", iscep_bytes_of_text(BENCH_CLIENT_ID));
    iscep_form_append(&form, "client_secret", iscep_bytes_of_text(BENCH_SECRET));
    iscep_form_append(&form, "scope", iscep_bytes_of_text("https://api.manage.microsoft.com//.default"));
    bench_fetch_request request = {.method = "POST",
                                   .content_type = "application/x-www-form-urlencoded",
                                   .body = iscep_buf_bytes(&form)};
    iscep_status status =
        ask(&reply, stack, intune->admin_url, BENCH_TENANT_ID "/oauth2/v2.0/token", &request, err);
    return status == ISCEP_OK ? take_text(out, reply, "access_token", err) : status;
}

iscep_status bench_set_latency(const bench_stack *stack, const bench_intune *intune, uint32_t latency_ms,
                               iscep_error *err)
{
    ISCEP_AUTO_BUF body;
    ISCEP_AUTO_JSON *reply = NULL;
    iscep_buf_init(&body, MAX_REQUEST_LEN);
    iscep_buf_printf(&body, "{\"endpoint\":\"validate\",\"kind\":\"latency\",\"latencyMs\":%u}", latency_ms);
    bench_fetch_request request = {
        .method = "POST", .content_type = "application/json", .body = iscep_buf_bytes(&body)};
    return ask(&reply, stack, intune->admin_url, "admin/faults", &request, err);
}

iscep_status bench_count_validations(int64_t *out, const bench_stack *stack, const bench_intune *intune,
                                     iscep_error *err)
{
    ISCEP_AUTO_JSON *reply = NULL;
    bench_fetch_request request = {.method = "GET"};
    iscep_status status = ask(&reply, stack, intune->admin_url, "admin/stats", &request, err);
    if (status == ISCEP_OK && !iscep_json_int(iscep_json_member(reply, "validate"), "requests", out))
        status =
            iscep_error_set(err, ISCEP_PROTOCOL, "mock", "intune-mock's statistics lack validate.requests");
    return status;
}
