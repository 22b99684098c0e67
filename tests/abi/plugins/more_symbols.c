/* Shows the host more than its entry: a symbol that may be another plugin's, or the host's own. */
#include "behaved.h"

const scep_plugin the_plugin = {BEHAVED};

__attribute__((visibility("default"))) int log_line(const char *line);

int log_line(const char *line)
{
    return line != NULL;
}
