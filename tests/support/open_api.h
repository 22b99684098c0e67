/* An iscep_api with one listener, number 0, which serves everything to whoever comes, and one tenant, "contoso". */
#ifndef ISCEP_TESTS_OPEN_API_H
#define ISCEP_TESTS_OPEN_API_H

#include "daemon/api.h"

typedef struct open_api {
    iscep_config config;
    iscep_doors *doors;
    iscep_seat seat;
    iscep_api api;
    iscep_api *in_force; /* its address is the handler's user */
} open_api;

/* False: no memory. Everything given is borrowed; the struct must not move afterwards. */
bool open_api_make(open_api *out, const iscep_env *env, iscep_intune *intune, iscep_service *service,
                   int64_t request_timeout_ms);
void open_api_clear(open_api *api);

#endif
