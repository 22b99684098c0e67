/*
 * A report that waits for somebody else's attempt: another worker's outbox has claimed its delivery, or that of the configuration
 * before a reload. They meet in the journal: it is asked how the delivery stands, soon and then less often, until it has ended or
 * the report waits no longer. Nothing need be said between workers. For the files of service/.
 */
#ifndef ISCEP_SERVICE_LOOKOUT_H
#define ISCEP_SERVICE_LOOKOUT_H

#include "service/use_case.h"

/* What is found goes to iscep_reporting_heed. Beginning again changes nothing. */
void iscep_lookout_begin(iscep_use_case *it);

#endif
