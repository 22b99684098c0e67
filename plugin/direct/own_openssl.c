/* See own_openssl.h. */
#include "plugin/direct/own_openssl.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stddef.h>

static OSSL_LIB_CTX *own;

/*
 * Should nobody have begun to use OpenSSL yet, then it is not to end itself at exit either: a host may exit without close,
 * and our thread is still there then.
 */
static void make_own(void)
{
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) == 1)
        own = OSSL_LIB_CTX_new();
}

bool iscep_own_openssl_use(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_own);
    if (own == NULL)
        return false;
    OSSL_LIB_CTX_set0_default(own);
    return true;
}
