/* Verdicts, as the metrics count them. */
#ifndef ISCEP_DAEMON_VERDICT_METRICS_H
#define ISCEP_DAEMON_VERDICT_METRICS_H

#include "base/metrics.h"
#include "service/service.h"

/* One more answer, and how long it took. metrics: those of the worker that answered. */
void iscep_verdict_metrics_take(iscep_metrics *metrics, const iscep_answer *answer);

/*
 * A verdict's code as a label. Codes come from Intune, too, whose list is open, and from Entra ID, who has thousands: what is in
 * none of our tables is "other", and Entra ID's are "AADSTS". Lives as long as code.
 */
const char *iscep_verdict_metrics_code(const char *code);

#endif
