/* Has no verify_request. */
#include "behaved.h"

const scep_plugin the_plugin = {BEHAVED, .verify_request = NULL};
