/* libiscep: iscep_intune on a thread of its own. See include/iscep/client.h. */
#include "iscep/client.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "intune/client_exit.h"

#define TEXT_OF(number)  #number
#define VALUE_OF(number) TEXT_OF(number)

const char *iscep_version(void)
{
    return VALUE_OF(ISCEP_API_MAJOR) "." VALUE_OF(ISCEP_API_MINOR);
}

/* Of a thread that is a client's; a process id, because a child's only thread may be a copy of one that was. */
static _Thread_local pid_t client_thread_of;

bool iscep_client_is_in_callback(void)
{
    return client_thread_of != 0 && client_thread_of == getpid();
}

iscep_status iscep_client_check(const iscep_client *client, iscep_error *err)
{
    if (client == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "arguments", "the client is NULL");
    if (client->process != getpid())
        return iscep_error_set(err, ISCEP_USAGE, "forked",
                               "the client belongs to the process that made it: a child makes its own");
    if (atomic_load(&client->is_ending))
        return iscep_error_set(err, ISCEP_USAGE, "shutting_down", "the client is being freed");
    return ISCEP_OK;
}

/* --- making --- */

static iscep_status make_parts(iscep_client *client, iscep_error *err)
{
    iscep_status status = iscep_loop_new(&client->loop, err);
    if (status == ISCEP_OK)
        status = iscep_curl_http_new(&client->http, &client->env, client->loop, &client->setup.way_out, err);
    if (status == ISCEP_OK)
        status = iscep_intune_new(&client->intune, &client->env, client->loop, client->http,
                                  &client->setup.tenant, err);
    return status;
}

static void free_parts(iscep_client *client)
{
    iscep_intune_free(client->intune);
    if (client->http != NULL)
        client->http->free(client->http);
    client->intune = NULL;
    client->http = NULL;
}

static void free_client(iscep_client *client)
{
    iscep_client_exit_leave(client);
    free_parts(client);
    iscep_loop_free(client->loop);
    iscep_client_setup_clear(&client->setup);
    free(client);
}

static void *run_loop(void *user)
{
    iscep_client *client = user;
    client_thread_of = client->process;
    iscep_loop_run(client->loop);
    if (client->frees_itself)
        free_client(client);
    return NULL;
}

/*
 * The host's signals are none of this thread's business, and a SIGPIPE of ours must not end the host. Blocked before the
 * thread starts, so that there is no moment in which it takes one.
 */
static iscep_status start_thread(iscep_client *client, iscep_error *err)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&client->thread, NULL, run_loop, client);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result == 0 ? ISCEP_OK
                       : iscep_error_set(err, ISCEP_NOMEM, "thread", "cannot start the client's thread");
}

iscep_status iscep_client_new(iscep_client **out, const iscep_client_options *options, iscep_error *err)
{
    if (out == NULL)
        return iscep_error_set(err, ISCEP_USAGE, "arguments", "out is NULL");
    *out = NULL;
    iscep_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return iscep_error_nomem(err);
    client->env = iscep_env_system(NULL);
    client->process = getpid();
    iscep_status status = iscep_client_setup_init(&client->setup, options, err);
    if (status == ISCEP_OK)
        status = make_parts(client, err);
    if (status == ISCEP_OK)
        status = start_thread(client, err);
    if (status != ISCEP_OK) {
        free_client(client);
        return status;
    }
    iscep_client_exit_enter(client);
    *out = client;
    return ISCEP_OK;
}

/* --- ending --- */

static void end_on_loop(void *user)
{
    iscep_client *client = user;
    free_parts(client); /* answers what is in flight, on the thread that callbacks belong to */
    iscep_loop_stop(client->loop);
}

/*
 * A child's copy is given up as it is: its descriptors are the parent's as well, to which closing a connection properly, or
 * taking it out of the loop's epoll, would be done.
 */
void iscep_client_free(iscep_client *client)
{
    if (client == NULL || client->process != getpid() || atomic_exchange(&client->is_ending, true))
        return;
    pthread_t thread = client->thread;
    bool must_not_wait = iscep_client_is_in_callback();
    if (must_not_wait)
        pthread_detach(thread);
    client->frees_itself = must_not_wait;
    client->end = (iscep_loop_item){.callback = end_on_loop, .user = client};
    iscep_loop_post_item(client->loop, &client->end);
    if (must_not_wait)
        return;
    pthread_join(thread, NULL);
    free_client(client);
}
