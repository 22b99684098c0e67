/* What a person asks of the local API: parameters and ids. */
#ifndef ISCEP_DAEMON_ADMIN_REQUEST_H
#define ISCEP_DAEMON_ADMIN_REQUEST_H

#include "daemon/admin_api.h"
#include "journal/inspect.h"

enum { ISCEP_ADMIN_MAX_IDS = 1000, ISCEP_ADMIN_MAX_LIMIT = 1000, ISCEP_ADMIN_DEFAULT_LIMIT = 100 };

/* Each is USAGE if the request is wrong: answered with 400. */

/*
 * Whose rows are meant: X-Scep-Tenant, or the parameter tenant; empty: everybody's. At a listener that is tied to a tenant it is
 * always that one, and another is refused with 403 "tenant_not_here".
 */
#define ISCEP_ADMIN_TENANT_SIZE 64
iscep_status iscep_admin_read_tenant(char out[ISCEP_ADMIN_TENANT_SIZE], const iscep_exchange *exchange,
                                     const iscep_admin_api *api, iscep_error *err) ISCEP_CHECKED;
/* limit=, from 1 to ISCEP_ADMIN_MAX_LIMIT; if absent ISCEP_ADMIN_DEFAULT_LIMIT. */
iscep_status iscep_admin_read_limit(size_t *out, const iscep_exchange *exchange,
                                    iscep_error *err) ISCEP_CHECKED;
/* state=all, or the given word, which is the default. */
iscep_status iscep_admin_read_state(bool *is_all, const iscep_exchange *exchange, const char *word,
                                    iscep_error *err) ISCEP_CHECKED;
iscep_status iscep_admin_read_id(int64_t *out, const iscep_exchange *exchange,
                                 iscep_error *err) ISCEP_CHECKED;
/* One of transactionId=, serialNumber= (hex, as anybody writes it) and subject=. what: ready for the journal. */
iscep_status iscep_admin_read_subject(iscep_trace_by *by, iscep_buf *what, const iscep_exchange *exchange,
                                      iscep_error *err) ISCEP_CHECKED;

typedef struct iscep_admin_ids {
    bool is_all;
    int64_t ids[ISCEP_ADMIN_MAX_IDS];
    size_t count;
} iscep_admin_ids;
/* The body: {"ids":[1,2]} or {"all":true}. */
iscep_status iscep_admin_read_ids(iscep_admin_ids *out, const iscep_exchange *exchange,
                                  iscep_error *err) ISCEP_CHECKED;

#endif
