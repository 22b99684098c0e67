/* What chaos asks of intune-mock's admin API (docs/MOCK.md). Any thread. */
#ifndef CHAOS_INTUNE_H
#define CHAOS_INTUNE_H

#include "base/bytes.h"
#include "base/json.h"

typedef struct chaos_intune {
    const char *url; /* https://localhost:PORT */
    const char *ca_file;
} chaos_intune;

/* The reply to METHOD url/admin + path; body NULL: none. */
iscep_status chaos_intune_ask(iscep_json **out, const chaos_intune *intune, const char *method,
                              const char *path, const char *body, iscep_error *err) ISCEP_CHECKED;
/* Appends a challenge for CN=name. */
iscep_status chaos_intune_challenge(iscep_buf *out, const chaos_intune *intune, const char *name,
                                    iscep_error *err) ISCEP_CHECKED;

#endif
