/* Takes every setting, also a misspelt one, which then has no effect. */
#include "behaved.h"

static int32_t open_instance(const scep_host *host, const scep_config_entry *config, size_t count,
                             scep_instance **instance, scep_text *text)
{
    const int32_t status = behaved_open(host, config, count, instance, text);
    return status == SCEP_ERR_CONFIG ? behaved_open(host, NULL, 0, instance, text) : status;
}

const scep_plugin the_plugin = {BEHAVED, .open = open_instance};
