/* See client_exit.h. Fork takes the lock, so that a child finds the list whole; its parent's clients stand in it, and are let be. */
#include "intune/client_exit.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_WAIT_S = 5 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, iscep_client) clients = LIST_HEAD_INITIALIZER(clients);

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* A callback that never returns must not keep the process. Who exits within a callback is that thread, and does not wait. */
static void stop(iscep_client *client)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += EXIT_WAIT_S;
    iscep_loop_stop(client->loop);
    if (!pthread_equal(client->thread, pthread_self()))
        pthread_timedjoin_np(client->thread, NULL, &until);
}

/* Whoever frees one at the same time waits for its thread himself. Nothing is freed: somebody may still hold a client. */
static void at_exit(void)
{
    iscep_client *client;
    pthread_mutex_lock(&lock);
    LIST_FOREACH(client, &clients, link)
    {
        if (client->process == getpid() && !atomic_exchange(&client->is_ending, true))
            stop(client);
    }
    pthread_mutex_unlock(&lock);
}

static void look_after_exit(void)
{
    pthread_atfork(before_fork, after_fork, after_fork);
    atexit(at_exit);
}

void iscep_client_exit_enter(iscep_client *client)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, look_after_exit); /* not before OpenSSL is in use */
    pthread_mutex_lock(&lock);
    LIST_INSERT_HEAD(&clients, client, link);
    client->is_listed = true;
    pthread_mutex_unlock(&lock);
}

void iscep_client_exit_leave(iscep_client *client)
{
    pthread_mutex_lock(&lock);
    if (client->is_listed)
        LIST_REMOVE(client, link);
    client->is_listed = false;
    pthread_mutex_unlock(&lock);
}
