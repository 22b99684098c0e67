/* See advice.h. */
#include "intune/advice.h"

#include <stddef.h>
#include <string.h>

#define WAIT_FOR_SERVICE                                                                                     \
    "the service is in trouble: the device may ask again; see Microsoft's service health if it stays"
#define LOOK_FOR_PROXY                                                                                       \
    "something on the way may answer in its place: look for a proxy, and at the configured addresses"

static const struct {
    const char *code;
    const char *advice;
} advices[] = {
    {"timeout",
     "the network or the service is slow: the device may ask again; if it stays, check proxy and firewall"},
    {"dns", "check the name servers of this machine, and the configured addresses"},
    {"proxy_dns", "check the name of the proxy, and the name servers of this machine"},
    {"connect", "check firewall, proxy and the configured addresses"},
    {"cut", "the connection broke: if it stays, look for a firewall or a proxy that ends connections"},
    {"network", "the connection broke: if it stays, look for a firewall or a proxy that ends connections"},
    {"tls", "the other side does not speak TLS as we do: check for a proxy that intercepts TLS"},
    {"tls_untrusted",
     "set ca_file if a proxy of yours intercepts TLS; otherwise somebody else answers in its place"},
    {"throttled", "too many requests: wait, and look for another program that uses the same application"},
    {"token_service", WAIT_FOR_SERVICE},
    {"graph_service", WAIT_FOR_SERVICE},
    {"intune_service", WAIT_FOR_SERVICE},
    {"token_reply", LOOK_FOR_PROXY},
    {"token_malformed", LOOK_FOR_PROXY},
    {"graph_status", LOOK_FOR_PROXY},
    {"intune_status", LOOK_FOR_PROXY},
    {"json_malformed", LOOK_FOR_PROXY},
    {"intune_reply_malformed", LOOK_FOR_PROXY},
    {"not_http", LOOK_FOR_PROXY},
    {"response_too_large", LOOK_FOR_PROXY},
    {"url_not_allowed", "check allowed_hosts; a token is sent nowhere else"},
    {"too_many_requests_of_tenant",
     "the tenant's Intune is slow, or max_requests_in_flight of its [tenant/NAME] is small: ask again"},
    {"circuit_open",
     "wait: the connector itself tries again after the time named, and goes on when it is answered"},
    {"report_pending",
     "deliver nothing yet, and ask again: the connector goes on telling Intune until it has taken note"},
    {"shutting_down", "ask again when it has started anew; what was reported is on disk"},
    {"journal_full",
     "nothing is issued that could not be recorded: make room on the journal's disk; the connector "
     "goes on by itself"},
    {"journal_read_only",
     "nothing is issued that could not be recorded: let the connector's user write the journal "
     "and its directory"},
    {"journal_locked", "another process holds the journal: end it, or name another path in [journal]"},
    {"journal_corrupt",
     "stop the connector, keep a copy of the journal, and restore it from a backup or begin a new "
     "one"},
    {"journal_io", "look at the disk that the journal is on, and at the system's log"},
    {"journal_closed", "ask again when the connector has started anew"},
    {"journal_slow", "look at the disk that the journal is on: a write takes longer than a caller waits"},
};

const char *iscep_advice_find(const char *code)
{
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (strcmp(advices[i].code, code) == 0)
            return advices[i].advice;
    return NULL;
}
