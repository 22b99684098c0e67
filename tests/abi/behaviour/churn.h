/* Instances that come and go on several threads, while the process forks: whoever finds one half made or half gone falls over. */
#ifndef TESTS_ABI_BEHAVIOUR_CHURN_H
#define TESTS_ABI_BEHAVIOUR_CHURN_H

#include <stdbool.h>

#include "scep_plugin.h"

enum { CHURN_LINE_SIZE = 256 };

/* Opens and closes an instance, again and again, for a while. line: "OK", or what went wrong. */
void churn(char line[CHURN_LINE_SIZE], const scep_plugin *plugin, const scep_host *host,
           const scep_config_entry *config, size_t config_count, bool has_forks);

#endif
