/* See fake_cloud.h. */
#include "tests/fuzz/fake_cloud.h"

#include <event2/event.h>
#include <string.h>

#include "tests/fuzz/check.h"

#define SECRET      "secret-canary"
#define TOKEN_REPLY "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"a-right-token\"}"
#define DISCOVERY_REPLY                                                                                      \
    "{\"value\":[{\"providerName\":\"ScepRequestValidationFEService\","                                      \
    "\"uri\":\"https://fef.manage.microsoft.com/RACerts/Service\"}]}"
#define REFUSAL_REPLY "{\"code\":\"ChallengeExpired\",\"errorDescription\":\"\"}"

enum { MAX_PASSES = 1000, IDLE_PASSES = 3 };

typedef struct sent_call {
    fake_cloud *cloud;
    const fake_cloud_reply *reply;
    iscep_http_done done; /* NULL: cancelled */
    void *user;
} sent_call;

static iscep_http_call *to_seam(sent_call *call)
{
    return (iscep_http_call *)(void *)call;
}

static void answer(void *user)
{
    sent_call *call = user;
    iscep_error none = ISCEP_ERROR_INIT;
    iscep_http_response response = {
        .status = call->reply->status, .retry_after_ms = -1, .body = call->reply->body};
    call->cloud->calls_in_flight--;
    if (call->done != NULL)
        call->done(call->user, ISCEP_OK, &response, &none);
    free(call);
}

static void keep_action(fake_cloud *cloud, const iscep_http_request *request)
{
    cloud->action_count++;
    snprintf(cloud->action_url, sizeof cloud->action_url, "%s", request->url);
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, "Authorization") == 0)
            snprintf(cloud->action_authorization, sizeof cloud->action_authorization, "%s",
                     request->headers[i].value);
}

static const fake_cloud_reply *reply_to(fake_cloud *cloud, const iscep_http_request *request)
{
    if (strstr(request->url, "/oauth2/v2.0/token") != NULL)
        return &cloud->token;
    if (strcmp(request->method, "GET") == 0)
        return &cloud->discovery;
    keep_action(cloud, request);
    return &cloud->action;
}

static iscep_http_call *send_request(iscep_http *http, const iscep_http_request *request,
                                     iscep_http_done done, void *user, iscep_error *err)
{
    fake_cloud *cloud = (fake_cloud *)http;
    sent_call *call = calloc(1, sizeof *call);
    FUZZ_CHECK(call != NULL);
    *call = (sent_call){.cloud = cloud, .reply = reply_to(cloud, request), .done = done, .user = user};
    cloud->calls_in_flight++;
    FUZZ_CHECK(iscep_loop_post(cloud->loop, answer, call, err) == ISCEP_OK);
    return to_seam(call);
}

static void cancel_call(iscep_http *http, iscep_http_call *seam_call)
{
    (void)http;
    ((sent_call *)(void *)seam_call)->done = NULL; /* freed when its turn comes */
}

static void free_nothing(iscep_http *http)
{
    (void)http;
}

void fake_cloud_init(fake_cloud *cloud)
{
    *cloud = (fake_cloud){.http = {.send = send_request, .cancel = cancel_call, .free = free_nothing},
                          .tenant = ISCEP_TENANT_INIT,
                          .token = {200, iscep_bytes_of_text(TOKEN_REPLY)},
                          .discovery = {200, iscep_bytes_of_text(DISCOVERY_REPLY)},
                          .action = {200, iscep_bytes_of_text(REFUSAL_REPLY)}};
    fake_env_init(&cloud->env);
    FUZZ_CHECK(iscep_loop_new(&cloud->loop, NULL) == ISCEP_OK);
    FUZZ_CHECK(iscep_secret_new(&cloud->secret, iscep_bytes_of_text(SECRET), NULL) == ISCEP_OK);
    cloud->tenant.tenant_id = "contoso.example";
    cloud->tenant.client_id = "66666666-7777-4888-8999-aaaaaaaaaaaa";
    cloud->tenant.client_secret = cloud->secret;
    FUZZ_CHECK(iscep_intune_new(&cloud->intune, &cloud->env.env, cloud->loop, &cloud->http, &cloud->tenant,
                                NULL) == ISCEP_OK);
}

bool fake_cloud_run(fake_cloud *cloud, const bool *is_done)
{
    for (unsigned pass = 0, idle = 0; pass < MAX_PASSES && idle < IDLE_PASSES && !*is_done; pass++) {
        event_base_loop(iscep_loop_base(cloud->loop), EVLOOP_NONBLOCK);
        idle = cloud->calls_in_flight > 0 ? 0 : idle + 1;
    }
    return *is_done;
}

/* libFuzzer sees what is searched for and plants it: a secret that came in may go out. */
static bool is_secret_told(fake_cloud *cloud)
{
    static const char secret[] = SECRET;
    const fake_cloud_reply *replies[] = {&cloud->token, &cloud->discovery, &cloud->action};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++)
        if (memmem(replies[i]->body.data, replies[i]->body.len, secret, sizeof secret - 1) != NULL)
            return false;
    return strstr(fake_env_log(&cloud->env), secret) != NULL;
}

void fake_cloud_clear(fake_cloud *cloud)
{
    const bool never = false;
    iscep_intune_free(cloud->intune);
    (void)fake_cloud_run(cloud, &never);
    FUZZ_CHECK(cloud->calls_in_flight == 0);
    FUZZ_CHECK(!is_secret_told(cloud));
    iscep_loop_free(cloud->loop);
    iscep_secret_free(cloud->secret);
    fake_env_clear(&cloud->env);
}

typedef struct caught {
    bool is_there;
    iscep_verdict verdict;
} caught;

static void on_verdict(void *user, const iscep_verdict *verdict)
{
    caught *c = user;
    FUZZ_CHECK(!c->is_there); /* exactly once */
    c->is_there = true;
    c->verdict = *verdict;
}

iscep_verdict fake_cloud_validate(fake_cloud *cloud)
{
    static caught c;
    c = (caught){0};
    int64_t deadline_mono_ms = iscep_now_mono_ms(&cloud->env.env) + 20000;
    iscep_intune_validate(cloud->intune, "3F2A77", iscep_bytes_of_text("a CSR"), deadline_mono_ms, on_verdict,
                          &c);
    (void)fake_cloud_run(cloud, &c.is_there);
    if (!c.is_there) { /* it waits for the clock, to try again: the end of the client is the end of that */
        iscep_intune_free(cloud->intune);
        cloud->intune = NULL;
    }
    FUZZ_CHECK(c.is_there);
    return c.verdict;
}
