/* Whether writing works: said by the thread that writes, asked by anybody. */
#ifndef ISCEP_JOURNAL_HEALTH_H
#define ISCEP_JOURNAL_HEALTH_H

#include "base/env.h"
#include "net/bell.h"

typedef struct iscep_health iscep_health;

iscep_status iscep_health_new(iscep_health **out, iscep_error *err) ISCEP_CHECKED;
void iscep_health_free(iscep_health *health); /* NULL is allowed */
/* err NULL: it works. */
void iscep_health_set(iscep_health *health, const iscep_error *err);
bool iscep_health_is_good(iscep_health *health, iscep_error *err); /* err: why not */
/* Who is told that it has changed; borrowed. NULL: nobody any more. */
void iscep_health_watch(iscep_health *health, iscep_bell *changed);

#endif
