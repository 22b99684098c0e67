/* A host that uses OpenSSL itself, in its default library context, and sets that up so that nobody else can use it. */
#ifndef TESTS_ABI_BEHAVIOUR_HOST_OPENSSL_H
#define TESTS_ABI_BEHAVIOUR_HOST_OPENSSL_H

#include <stdbool.h>

/* From now on nothing can be fetched from the default context. Also has OpenSSL clean up at exit, as it does for every program
 * that uses it. False: OpenSSL does not do as it is told. */
bool host_openssl_close_to_others(void);
/* Is the default context as it was left: the same providers, the same properties? */
bool host_openssl_is_untouched(void);

#endif
