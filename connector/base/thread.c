/* See thread.h. */
#include "base/thread.h"

#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>

typedef struct beginning {
    void *(*run)(void *user);
    void *user;
    OSSL_LIB_CTX *library;
} beginning;

static void *begin(void *user)
{
    const beginning made = *(beginning *)user;
    free(user);
    OSSL_LIB_CTX_set0_default(made.library);
    return made.run(made.user);
}

/* The mask is inherited: there is no moment at which the thread could get a signal. */
static bool start_deaf(pthread_t *out, beginning *made)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(out, NULL, begin, made);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

bool iscep_thread_start(pthread_t *out, void *(*run)(void *user), void *user)
{
    beginning *made = malloc(sizeof *made);
    if (made == NULL)
        return false;
    *made = (beginning){.run = run, .user = user, .library = OSSL_LIB_CTX_set0_default(NULL)};
    if (start_deaf(out, made))
        return true;
    free(made);
    return false;
}
