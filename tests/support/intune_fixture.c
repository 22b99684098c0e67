/* See intune_fixture.h. */
#include "tests/support/intune_fixture.h"

#include <criterion/criterion.h>
#include <string.h>

void intune_world_init(intune_world *world)
{
    *world =
        (intune_world){.tenant = ISCEP_TENANT_INIT,
                       .token_answer = {.status = 200},
                       .discovery_answer = {.status = 200, .body = WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI)},
                       .action_answer = {.status = 200, .body = WORLD_SUCCESS}};
    fake_env_init(&world->env);
    fake_http_init(&world->http);
    cr_assert_eq(iscep_loop_new(&world->loop, NULL), ISCEP_OK);
    cr_assert_eq(iscep_secret_new(&world->secret, iscep_bytes_of_text(WORLD_SECRET), NULL), ISCEP_OK);
    world->tenant.tenant_id = WORLD_TENANT_ID;
    world->tenant.client_id = WORLD_CLIENT_ID;
    world->tenant.client_secret = world->secret;
}

void intune_world_clear(intune_world *world)
{
    iscep_loop_free(world->loop);
    iscep_secret_free(world->secret);
    fake_http_clear(&world->http);
    fake_env_clear(&world->env);
}

static fake_http_answer respond(void *user, const fake_http_call *call)
{
    const intune_world *world = user;
    if (strcmp(call->url, WORLD_DISCOVERY_URL) == 0)
        return world->discovery_answer;
    if (strcmp(call->url, WORLD_TOKEN_URL) != 0)
        return world->action_answer;
    fake_http_answer answer = world->token_answer;
    if (answer.status == 200 && answer.body == NULL)
        answer.body = strstr((const char *)call->body.data, "graph.microsoft.com") != NULL
                          ? WORLD_TOKEN_REPLY(WORLD_GRAPH_TOKEN)
                          : WORLD_TOKEN_REPLY(WORLD_INTUNE_TOKEN);
    return answer;
}

void intune_world_answer_all(intune_world *world)
{
    fake_http_respond_with(&world->http, world->loop, respond, world);
}

void intune_world_answer_setup(intune_world *world)
{
    fake_http_answer_call(&world->http, 0, 200, WORLD_TOKEN_REPLY(WORLD_GRAPH_TOKEN));
    fake_http_answer_call(&world->http, 1, 200, WORLD_DISCOVERY_REPLY(WORLD_SERVICE_URI));
    fake_http_answer_call(&world->http, 2, 200, WORLD_TOKEN_REPLY(WORLD_INTUNE_TOKEN));
}

void catch_verdict(void *user, const iscep_verdict *verdict)
{
    caught_verdict *caught = user;
    caught->count++;
    caught->is_there = true;
    caught->verdict = *verdict;
    if (caught->loop != NULL)
        iscep_loop_stop(caught->loop);
}
