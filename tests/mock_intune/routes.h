/* The table of all paths that the mock answers. */
#ifndef MOCK_ROUTES_H
#define MOCK_ROUTES_H

#include "endpoint.h"
#include "handlers.h"

typedef struct mock_route {
    const char *method;
    const char *pattern; /* "*" stands for one segment that is not empty; at most one a pattern */
    mock_handler *handler;
    bool is_admin; /* not one of Microsoft's: neither counted nor made to fail */
    mock_endpoint endpoint;
} mock_route;

/* NULL: no such path, or not with that method (then *is_known_path). segment: what "*" matched, as sent. */
const mock_route *mock_route_find(const char *method, const char *path, iscep_bytes *segment,
                                  bool *is_known_path);

#endif
