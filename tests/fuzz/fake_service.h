/*
 * The use cases of service/service.h without Intune and without a journal: what cannot be read is refused as the real ones
 * refuse it, everything else is answered with a refusal, from the loop. Never a yes.
 */
#ifndef ISCEP_FUZZ_FAKE_SERVICE_H
#define ISCEP_FUZZ_FAKE_SERVICE_H

#include "service/service.h"

/* The loop is borrowed. */
iscep_service *fake_service_new(iscep_loop *loop);
void fake_service_free(iscep_service *service);

#endif
