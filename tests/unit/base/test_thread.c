/* Threads of ours: deaf to signals, and in their maker's OpenSSL context. */
#include "base/thread.h"

#include <criterion/criterion.h>
#include <openssl/crypto.h>
#include <signal.h>

typedef struct seen {
    sigset_t mask;
    OSSL_LIB_CTX *library;
} seen;

static void *look(void *user)
{
    seen *out = user;
    pthread_sigmask(SIG_SETMASK, NULL, &out->mask);
    out->library = OSSL_LIB_CTX_set0_default(NULL);
    return NULL;
}

static seen look_on_a_thread(void)
{
    seen out;
    pthread_t thread;
    cr_assert(iscep_thread_start(&thread, look, &out));
    pthread_join(thread, NULL);
    return out;
}

Test(thread, takes_no_signal_and_leaves_its_makers_mask_alone)
{
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    const seen out = look_on_a_thread();
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    cr_assert(sigismember(&out.mask, SIGTERM) == 1 && sigismember(&out.mask, SIGPIPE) == 1 &&
              sigismember(&out.mask, SIGHUP) == 1);
    for (int signal = 1; signal < SIGRTMIN; signal++)
        cr_assert_eq(sigismember(&before, signal), sigismember(&after, signal), "signal %d", signal);
}

Test(thread, has_its_makers_library_context)
{
    OSSL_LIB_CTX *own = OSSL_LIB_CTX_new(), *process = OSSL_LIB_CTX_set0_default(own);
    cr_assert_eq(look_on_a_thread().library, own);
    OSSL_LIB_CTX_set0_default(process);
    cr_assert_eq(look_on_a_thread().library, process);
    OSSL_LIB_CTX_free(own);
}
