/* Has a thread that takes the host's signals: a SIGTERM may arrive there. */
#include "behaved.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct listening {
    pthread_t thread;
    sem_t is_over;
} listening;

static void *wait_until_over(void *context)
{
    listening *listener = context;
    while (sem_wait(&listener->is_over) != 0) {
    }
    return NULL;
}

static int32_t open_instance(const scep_host *host, const scep_config_entry *config, size_t count,
                             scep_instance **instance, scep_text *text)
{
    sigset_t none, before;
    const int32_t status = behaved_open(host, config, count, instance, text);
    listening *listener = status == SCEP_OK ? malloc(sizeof *listener) : NULL;
    if (listener == NULL) {
        return status;
    }
    sem_init(&listener->is_over, 0, 0);
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, &before);
    if (pthread_create(&listener->thread, NULL, wait_until_over, listener) == 0) {
        (*instance)->extra = listener;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static void close_instance(scep_instance *instance)
{
    listening *listener = instance != NULL ? instance->extra : NULL;
    if (listener != NULL && instance->owner == getpid()) {
        sem_post(&listener->is_over);
        pthread_join(listener->thread, NULL);
    }
    free(listener);
    behaved_close(instance);
}

const scep_plugin the_plugin = {BEHAVED, .open = open_instance, .close = close_instance};
