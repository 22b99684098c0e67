/* Makes itself at home: umask, working directory, environment and locale. */
#include "behaved.h"

#include <locale.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int32_t open_instance(const scep_host *host, const scep_config_entry *config, size_t count,
                             scep_instance **instance, scep_text *text)
{
    umask(0);
    setenv("TZ", "Europe/Berlin", 1);
    setlocale(LC_ALL, "C.UTF-8");
    return chdir("/") == 0 ? behaved_open(host, config, count, instance, text) : SCEP_ERR_UNAVAILABLE;
}

const scep_plugin the_plugin = {BEHAVED, .open = open_instance};
