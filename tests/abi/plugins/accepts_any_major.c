/* Says yes to hosts of every major version. */
#include "behaved.h"

const scep_plugin the_plugin = {BEHAVED};

__attribute__((visibility("default"))) int32_t scep_plugin_entry(uint32_t host_abi_major,
                                                                 uint32_t host_abi_minor,
                                                                 const scep_plugin **plugin);

int32_t scep_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor, const scep_plugin **plugin)
{
    (void)host_abi_major;
    (void)host_abi_minor;
    if (plugin == NULL) {
        return SCEP_ERR_USAGE;
    }
    *plugin = &the_plugin;
    return SCEP_OK;
}
