/* Says yes to a host of major 1, and shows it a table of major 2. */
#include "behaved.h"

const scep_plugin the_plugin = {BEHAVED, .abi_major = SCEP_PLUGIN_ABI_MAJOR + 1};
