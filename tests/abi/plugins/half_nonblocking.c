/* Has begun to offer the form that does not block: there is no way to finish. */
#include "behaved.h"

const scep_plugin the_plugin = {BEHAVED, .finish = NULL};
