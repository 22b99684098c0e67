/* Keeps the contract. */
#include "behaved.h"

const scep_plugin the_plugin = {BEHAVED};
