/* How another thread calls the loop: it rings, and the loop's thread comes, once for however many rings. */
#ifndef ISCEP_NET_BELL_H
#define ISCEP_NET_BELL_H

#include "net/loop.h"

typedef struct iscep_bell iscep_bell;

iscep_status iscep_bell_new(iscep_bell **out, iscep_loop *loop, iscep_callback callback, void *user,
                            iscep_error *err) ISCEP_CHECKED;
/* From any thread, and never fails. */
void iscep_bell_ring(iscep_bell *bell);
/* On the loop's thread, when nobody rings any more; callback is not called again. NULL is allowed. */
void iscep_bell_free(iscep_bell *bell);

#endif
