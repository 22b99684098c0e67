/*
 * Why OpenSSL failed, as far as its error queue of this thread knows: an input that cannot be read is refused for good,
 * one for which there was no memory may be read the next time.
 */
#ifndef ISCEP_BASE_OPENSSL_ERROR_H
#define ISCEP_BASE_OPENSSL_ERROR_H

#include <stdbool.h>

/* Empties the queue: before what is asked about below, and at the end, because TLS on this thread must not find ours. */
void iscep_openssl_forget(void);
/*
 * Was there no memory since then? Empties the queue. OpenSSL 3.0 keeps some lacks of memory to itself: in the decoders of
 * keys other than RSA, and where it sets up the check of a signature.
 */
bool iscep_openssl_was_out_of_memory(void);

#endif
