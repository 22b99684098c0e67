/* See option_name.h. */
#include "base/option_name.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Of "-xyz", optind is still at the word that holds the letter, and of "--name" behind it. */
void iscep_option_name(char *out, size_t out_size, char *const argv[])
{
    if (optopt > 0 && optopt < ISCEP_OPTION_FIRST_LONG) {
        snprintf(out, out_size, "-%c", optopt);
        return;
    }
    const char *word = argv[optind - 1];
    snprintf(out, out_size, "%.*s", (int)strcspn(word, "="), word);
}
