/* Keeps the contract, and leaves the form that does not block out, as it may. */
#include "behaved.h"

const scep_plugin the_plugin = {BEHAVED_BLOCKING};
