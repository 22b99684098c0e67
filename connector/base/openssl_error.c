/* See openssl_error.h. */
#include "base/openssl_error.h"

#include <openssl/err.h>

void iscep_openssl_forget(void)
{
    ERR_clear_error();
}

bool iscep_openssl_was_out_of_memory(void)
{
    bool was_out = false;
    for (unsigned long code = ERR_get_error(); code != 0; code = ERR_get_error())
        was_out |= ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    return was_out;
}
