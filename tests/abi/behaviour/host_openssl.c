/* See host_openssl.h. */
#include "host_openssl.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <string.h>

enum { NAMES_SIZE = 256 };

static char names_before[NAMES_SIZE];

static int add_name(OSSL_PROVIDER *provider, void *user)
{
    char *names = user;
    const size_t used = strlen(names);
    const char *name = OSSL_PROVIDER_get0_name(provider);
    if (used + strlen(name) + 2 > NAMES_SIZE) {
        return 0;
    }
    strcat(strcpy(names + used, name), " ");
    return 1;
}

static bool can_fetch(void)
{
    EVP_MD *digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_free(digest);
    return digest != NULL;
}

bool host_openssl_close_to_others(void)
{
    return OPENSSL_init_crypto(0, NULL) == 1 && OSSL_PROVIDER_load(NULL, "null") != NULL &&
           EVP_set_default_properties(NULL, "provider=nobody") == 1 &&
           OSSL_PROVIDER_do_all(NULL, add_name, names_before) == 1 && !can_fetch();
}

bool host_openssl_is_untouched(void)
{
    char names[NAMES_SIZE] = "";
    return OSSL_PROVIDER_do_all(NULL, add_name, names) == 1 && strcmp(names, names_before) == 0 &&
           !can_fetch();
}
